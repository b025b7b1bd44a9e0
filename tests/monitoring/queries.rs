//! Real traffic, and the result of every query.

use std::collections::BTreeSet;
use std::time::Duration;

use okta_authz_filter::metrics::provider_label;

use super::dashboard;
use super::labels::assert_alike;
use super::prometheus::Series;
use super::rules::{alerts, records};
use super::scene::{ABSENT, Scene};
use super::traffic;

/// The window of rates: several scrapes, which are a second apart.
const WINDOW: &str = "20s";

/// The alerts whose expressions are true for this traffic, regardless of their `for`: requests for a
/// provider without keys, signatures that Envoy cannot verify, and a VM that traps.
const TRUE_HERE: [&str; 3] = ["OktaAuthzNoKeys", "OktaAuthzSoftwareCrypto", "OktaAuthzVmFailed"];

#[test]
fn query_of_dashboard_or_alert_has_expected_result() {
    let scene = Scene::new("monitoring");
    traffic::send(&scene, Duration::from_secs(4), 4);
    traffic::trap(&scene);
    traffic::outage(&scene, Duration::from_secs(3));
    let value = |query: &str| scene.prometheus.query(query);

    // The gauge counts waiting requests, and returns to 0. The query selects one Envoy: the last sample
    // of the other may still have a request of the outage, and a sum would mix two times.
    let waiting = std::thread::scope(|scope| {
        let answers = scope.spawn(|| traffic::wait(&scene, 3_000));
        let mut most: f64 = 0.0;
        while !answers.is_finished() {
            most = most.max(sum(&value("okta_authz_waiting_requests{job=\"envoy\"}")));
            std::thread::sleep(Duration::from_millis(200));
        }
        for answer in answers.join().unwrap() {
            assert_eq!(
                answer.status,
                200,
                "{answer:?}\n{:#?}",
                scene.tagged.log().lines().rev().take(20).collect::<Vec<_>>()
            );
        }
        most
    });
    assert_eq!(waiting, f64::from(traffic::WAITING));
    traffic::send(&scene, Duration::from_secs(3), 4);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(sum(&value("okta_authz_waiting_requests")), 0.0);

    for panel in dashboard::read(WINDOW) {
        for (query, _) in &panel.queries {
            let series = value(query);
            assert!(!series.is_empty(), "{}: no series: {query}", panel.title);
            let finite = series.iter().any(|series| series.value.is_finite());
            assert!(finite, "{}: {query}: {series:?}", panel.title);
        }
    }
    for (name, expression) in records() {
        assert!(!value(&name).is_empty() && !value(&expression).is_empty(), "{name}: {expression}");
    }
    let holds = |(name, expression): (String, String)| (!value(&expression).is_empty()).then_some(name);
    let hold: BTreeSet<String> = alerts().into_iter().filter_map(holds).collect();
    assert_eq!(hold, BTreeSet::from(TRUE_HERE.map(str::to_owned)));

    the_figures_are_right(&scene);
    assert_alike(&scene.prometheus);
    assert!(!scene.tagged.has_trapped(), "{}", scene.tagged.log());
}

fn sum(series: &[Series]) -> f64 {
    series.iter().map(|series| series.value).sum()
}

/// What can be said of them without a stopwatch.
fn the_figures_are_right(scene: &Scene) {
    let one = |query: &str| {
        let series = scene.prometheus.query(query);
        assert_eq!(series.len(), 1, "{query}: {series:?}");
        series[0].value
    };
    let of = |metric: &str, labels: &str| format!("{metric}{{job=\"envoy\", {labels}}}");
    // With the provider or without, it is the same requests.
    let total = one(&of("okta_authz_decision", r#"code="allowed""#));
    assert!(total > 100.0);
    let by_provider = of("okta_authz_provider_decision", r#"code="allowed""#);
    assert_eq!(one(&format!("sum({by_provider})")), total);
    for code in ["signature_invalid", "token_expired", "requirement_not_met"] {
        let all = one(&of("okta_authz_decision", &format!("code=\"{code}\"")));
        let okta = one(&of("okta_authz_provider_decision", &format!("code=\"{code}\", provider=\"okta\"")));
        assert!(all > 0.0 && okta == all, "{code}: {okta} of {all}");
    }
    let absent = provider_label(ABSENT);
    let no_keys = format!("code=\"keys_unavailable\", provider=\"{absent}\"");
    assert!(one(&of("okta_authz_provider_decision", &no_keys)) > 0.0);
    assert!(one(&of("okta_authz_shadow", r#"code="insufficient_scope""#)) > 0.0);
    // Keys: those of the issuer and the pinned ones; fetched just now, and none of the provider that has none.
    assert!(one(&of("okta_authz_provider_keys", r#"provider="okta""#)) >= 5.0);
    assert_eq!(one(&of("okta_authz_provider_keys", &format!("provider=\"{absent}\""))), 0.0);
    let age = one(&format!("time() - {}", of("okta_authz_provider_keys_fetched_at", r#"provider="okta""#)));
    assert!((0.0..10.0).contains(&age), "{age}");
    let [succeeded, failed] = ["success", "failed"].map(|result| {
        one(&of("okta_authz_provider_jwks_fetch", &format!("provider=\"okta\", result=\"{result}\"")))
    });
    assert!(succeeded > 2.0 && failed > 0.0, "{succeeded}, {failed}");
    let timed = one(&of("okta_authz_provider_jwks_fetch_ms_count", r#"provider="okta""#));
    // One request for each fetch; histograms come a flush later.
    assert!((succeeded + failed - timed).abs() <= 3.0, "{succeeded}, {failed}, {timed}");
    // Signatures: both backends, and times that are neither zero nor nonsense.
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
    eprintln!("a signature check took {host:.0} µs by the host, {software:.0} µs in the VM (EdDSA)");
    assert!(host > 1.0 && host < 100_000.0 && software > host, "{host} µs, {software} µs");
    // The guard has its own series in both Envoys, and denies nothing.
    let guards =
        scene.prometheus.query("envoy_http_rbac_denied{envoy_rbac_http_prefix=\"okta_authz_guard\"}");
    let denials: Vec<f64> = guards.iter().map(|series| series.value).collect();
    assert_eq!(denials, [0.0, 0.0]);
    assert!(one(&of("okta_authz_token_cache_tokens", "")) > 1.0);
    assert!(one(&of("okta_authz_token_cache_bytes", "")) > 1_000.0);
}
