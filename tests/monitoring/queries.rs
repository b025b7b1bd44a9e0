//! Results of every dashboard query and alert expression, under real traffic.

use std::collections::BTreeSet;
use std::time::Duration;

use okta_authz_filter::metrics::provider_label;

use super::alerts::{alerts, records};
use super::dashboard;
use super::harness::{Harness, PROVIDER_WITHOUT_KEYS};
use super::labels::assert_equal_labels;
use super::prometheus::Series;
use super::traffic;

/// Range of the rates in the queries: several scrapes, of which Prometheus makes one per second.
const WINDOW: &str = "20s";

/// Alerts whose expressions hold under this traffic, regardless of their `for` duration: it has
/// tokens of a provider without keys, signatures that Envoy's crypto cannot verify, and a trap.
const EXPECTED_ALERTS: [&str; 3] = ["OktaAuthzNoKeys", "OktaAuthzSoftwareCrypto", "OktaAuthzVmFailed"];

#[test]
fn query_of_dashboard_or_alert_has_expected_result() {
    let harness = Harness::new("monitoring");
    traffic::send(&harness, Duration::from_secs(4), 4);
    traffic::trap(&harness);
    traffic::outage(&harness, Duration::from_secs(3));
    let query = |query: &str| harness.prometheus.query(query);

    // The gauge has the waiting requests, and is 0 after them. The query selects one Envoy: the
    // last sample of the other may still contain a request of the outage.
    let most_waiting = std::thread::scope(|scope| {
        let responses = scope.spawn(|| traffic::send_waiting_requests(&harness, 3_000));
        let mut most: f64 = 0.0;
        while !responses.is_finished() {
            most = most.max(sum(&query("okta_authz_waiting_requests{job=\"envoy\"}")));
            std::thread::sleep(Duration::from_millis(200));
        }
        for response in responses.join().unwrap() {
            assert_eq!(
                response.status,
                200,
                "{response:?}\n{:#?}",
                harness.tagged.log().lines().rev().take(20).collect::<Vec<_>>()
            );
        }
        most
    });
    assert_eq!(most_waiting, f64::from(traffic::WAITING_REQUESTS));
    traffic::send(&harness, Duration::from_secs(3), 4);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(sum(&query("okta_authz_waiting_requests")), 0.0);

    for panel in dashboard::panels_with_window(WINDOW) {
        for (expression, _) in &panel.queries {
            let series = query(expression);
            assert!(!series.is_empty(), "{}: no series: {expression}", panel.title);
            let finite = series.iter().any(|series| series.value.is_finite());
            assert!(finite, "{}: {expression}: {series:?}", panel.title);
        }
    }
    for (name, expression) in records() {
        assert!(!query(&name).is_empty() && !query(&expression).is_empty(), "{name}: {expression}");
    }
    let active = |(name, expression): (String, String)| (!query(&expression).is_empty()).then_some(name);
    let active_alerts: BTreeSet<String> = alerts().into_iter().filter_map(active).collect();
    assert_eq!(active_alerts, BTreeSet::from(EXPECTED_ALERTS.map(str::to_owned)));

    assert_plausible_values(&harness);
    assert_equal_labels(&harness.prometheus);
    assert!(!harness.tagged.has_trapped(), "{}", harness.tagged.log());
}

fn sum(series: &[Series]) -> f64 {
    series.iter().map(|series| series.value).sum()
}

/// Asserts counters, gauges and histograms that follow from the traffic.
fn assert_plausible_values(harness: &Harness) {
    let one = |query: &str| {
        let series = harness.prometheus.query(query);
        assert_eq!(series.len(), 1, "{query}: {series:?}");
        series[0].value
    };
    let of = |metric: &str, labels: &str| format!("{metric}{{job=\"envoy\", {labels}}}");
    // The sum over providers is the total.
    let total = one(&of("okta_authz_decision", r#"code="allowed""#));
    assert!(total > 100.0);
    let by_provider = of("okta_authz_provider_decision", r#"code="allowed""#);
    assert_eq!(one(&format!("sum({by_provider})")), total);
    for code in ["signature_invalid", "token_expired", "requirement_not_met"] {
        let all = one(&of("okta_authz_decision", &format!("code=\"{code}\"")));
        let okta = one(&of("okta_authz_provider_decision", &format!("code=\"{code}\", provider=\"okta\"")));
        assert!(all > 0.0 && okta == all, "{code}: {okta} of {all}");
    }
    let absent = provider_label(PROVIDER_WITHOUT_KEYS);
    let no_keys = format!("code=\"keys_unavailable\", provider=\"{absent}\"");
    assert!(one(&of("okta_authz_provider_decision", &no_keys)) > 0.0);
    assert!(one(&of("okta_authz_shadow", r#"code="insufficient_scope""#)) > 0.0);
    // `okta` has fetched and pinned keys; the provider without a cluster has none.
    assert!(one(&of("okta_authz_provider_keys", r#"provider="okta""#)) >= 5.0);
    assert_eq!(one(&of("okta_authz_provider_keys", &format!("provider=\"{absent}\""))), 0.0);
    let age = one(&format!("time() - {}", of("okta_authz_provider_keys_fetched_at", r#"provider="okta""#)));
    assert!((0.0..10.0).contains(&age), "{age}");
    let [succeeded, failed] = ["success", "failed"].map(|result| {
        one(&of("okta_authz_provider_jwks_fetch", &format!("provider=\"okta\", result=\"{result}\"")))
    });
    assert!(succeeded > 2.0 && failed > 0.0, "{succeeded}, {failed}");
    let timed = one(&of("okta_authz_provider_jwks_fetch_ms_count", r#"provider="okta""#));
    // One value per fetch; Envoy flushes histograms later than counters.
    assert!((succeeded + failed - timed).abs() <= 3.0, "{succeeded}, {failed}, {timed}");
    // Both backends verified signatures, within plausible times.
    for (backend, result) in [("host", "valid"), ("host", "invalid"), ("software", "valid")] {
        let labels = format!("backend=\"{backend}\", result=\"{result}\"");
        assert!(one(&of("okta_authz_signature", &labels)) > 0.0, "{labels}");
    }
    let mean = |backend: &str| {
        let part = |part: &str| {
            one(&of(&format!("okta_authz_signature_us_{part}"), &format!("backend=\"{backend}\"")))
        };
        part("sum") / part("count")
    };
    let (host, software) = (mean("host"), mean("software"));
    eprintln!("mean time of a signature check: {host:.0} µs in the host, {software:.0} µs in the VM (EdDSA)");
    assert!(host > 1.0 && host < 100_000.0 && software > host, "{host} µs, {software} µs");
    // Each Envoy has a series for its guard, which denies nothing.
    let guards =
        harness.prometheus.query("envoy_http_rbac_denied{envoy_rbac_http_prefix=\"okta_authz_guard\"}");
    let denials: Vec<f64> = guards.iter().map(|series| series.value).collect();
    assert_eq!(denials, [0.0, 0.0]);
    assert!(one(&of("okta_authz_token_cache_tokens", "")) > 1.0);
    assert!(one(&of("okta_authz_token_cache_bytes", "")) > 1_000.0);
}
