//! The chapter on metrics. It is generated from the list of metrics. Alerts and dashboard use no
//! others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use okta_authz_filter::metrics::{
    BACKENDS, FAMILIES, FETCH_RESULTS, Family, INTROSPECTION_RESULTS, Kind, RequestOutcome,
    SIGNATURE_RESULTS, STREAM_REJECTIONS,
};
use okta_authz_filter::rejection::Rejection;

use super::{assert_generated, read};

/// The meaning of each family, in the order of the list.
const MEANINGS: &[&str] = &[
    "Requests by decision. `allowed`, `public`, `anonymous`, `cors_preflight` and `protected_resource_metadata` are not denials, all other values are [denial codes](../runbook/codes.md). `shadow` counts requests that only the top-level `mode: shadow` allowed.",
    "Denials that shadow mode did not enforce, by [denial code](../runbook/codes.md): of each rule with `mode: shadow`, and of the policy with the top-level `mode: shadow`.",
    "Requests by decision whose token names this provider as its issuer. The other requests of `decision.{code}` had no such token.",
    "Usable keys, fetched and pinned.",
    "Time of the last successful fetch of the keys, in seconds since 1970. 0 before the first.",
    "Time at which the next fetch is due, in seconds since 1970: the last fetch and `cache_duration`.",
    "Time at which the cached keys expire, in seconds since 1970: the last fetch and `max_stale`.",
    "Completed fetches of the keys of this provider.",
    "Duration of each request of such a fetch, in milliseconds.",
    "Completed fetches of keys, sum of all providers.",
    "Completed fetches of the denylist.",
    "Duration of each fetch of the denylist, in milliseconds.",
    "Entries of the fetched denylist.",
    "Time of the last successful fetch of the denylist, in seconds since 1970. 0 before the first.",
    "Time at which the next fetch of the denylist is due, in seconds since 1970.",
    "Time at which the cached denylist expires, in seconds since 1970.",
    "Signature checks. The backend `host` is Envoy's crypto. The filter checks a signature with `software`, in the VM, if the result of `host` is `unavailable`.",
    "Duration of signature checks in microseconds. The filter measures one in 16, and the first of each worker.",
    "Tokens that the token cache contained.",
    "Tokens that the token cache did not contain, and whose signature the filter checked.",
    "Tokens that the token cache evicted.",
    "Cached tokens, sum of all workers.",
    "Size of the cached tokens in bytes, sum of all workers.",
    "Introspection calls by result: `active`; `rejected` for an inactive or unacceptable token; `unauthorized` if the endpoint rejects the credentials of the filter; `limited` for status 429; `failed` for every other error.",
    "Duration of introspection calls, in milliseconds.",
    "Requests whose introspection had a cached result.",
    "Requests that got [`introspection_limited`](../runbook/codes.md#introspection_limited), because `max_in_flight`, `max_per_second` or a pause after status 429 allowed no call.",
    "Requests that the filter holds until keys, the denylist or an introspection arrive.",
    "Open streams that the filter checks again, sum of all workers. 0 without [`close_streams`](configuration.md).",
    "Streams that the filter closed, by the code of the reason: `token_expired`, `token_too_old`, `key_unknown`, `token_revoked` or `too_many_streams`.",
];

const HEAD: &str = "\
<!-- Generated from src/metrics.rs and tests/book/metrics.rs: make reference -->

# Metrics

The filter reports metrics through Envoy. In `/stats` their names begin with
`wasmcustom.okta_authz.`. In `/stats/prometheus` the prefix is `okta_authz_`, and Envoy makes labels
of the parts in braces, if `stats_tags` define them: `envoy.yaml` has the rules, and
`deploy/monitoring/stats-tags.yaml` contains only them. [Metrics and alerts](../runbook/alerts.md)
has alerts and a dashboard.

| name | type | in Prometheus | meaning |
|---|---|---|---|
";

/// Returns the number of values of a label.
fn value_count(label: &str) -> usize {
    match label {
        "backend" => BACKENDS.len(),
        "result" => FETCH_RESULTS.len(),
        _ => 1,
    }
}

/// Returns the number of metrics with this many remote providers and a denylist.
fn statistics(providers: usize) -> usize {
    let count = |family: &Family| {
        let values = match family.pattern {
            "decision.{code}" => RequestOutcome::all().count(),
            "shadow.{code}" => Rejection::ALL.len(),
            "provider.{provider}.decision.{code}" => {
                RequestOutcome::all().filter(|outcome| outcome.has_provider()).count()
            }
            "stream_closed.{code}" => STREAM_REJECTIONS.len(),
            "signature.{backend}.{result}" => BACKENDS.len() * SIGNATURE_RESULTS.len(),
            // Only with `introspection`.
            name if name.starts_with("introspection") => 0,
            _ => family.labels().map(value_count).product(),
        };
        if family.labels().any(|label| label == "provider") { values * providers } else { values }
    };
    FAMILIES.iter().map(count).sum()
}

/// Returns the name and the labels of a family in Prometheus.
fn in_prometheus(family: &Family) -> (String, String) {
    let pieces = family.pattern.split(['{', '}']).step_by(2);
    let plain: Vec<&str> =
        pieces.map(|piece| piece.trim_matches(['.', '_'])).filter(|piece| !piece.is_empty()).collect();
    let name = format!("okta_authz_{}", plain.join("_").replace('.', "_"));
    let labels: Vec<&str> = family.labels().collect();
    let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(", ")) };
    (name, labels)
}

fn chapter() -> String {
    let mut text = HEAD.to_owned();
    assert_eq!(FAMILIES.len(), MEANINGS.len());
    for (family, meaning) in FAMILIES.iter().zip(MEANINGS) {
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let (name, labels) = in_prometheus(family);
        writeln!(text, "| `{}` | {kind} | `{name}{labels}` | {meaning} |", family.pattern).unwrap();
    }
    let (one, each) = (statistics(1), statistics(2) - statistics(1));
    let introspection = FAMILIES.iter().filter(|family| family.pattern.starts_with("introspection"));
    let introspection = introspection.count() - 1 + INTROSPECTION_RESULTS.len();
    write!(
        text,
        "
## Number of metrics

A configuration with one provider and a denylist has {one} metrics. Each further provider adds
{each}. `introspection` adds {introspection}. All of them exist as soon as Envoy loads the
configuration, and a request cannot create one: the values of labels are codes and the names of
providers. In names of providers, characters other than letters, digits, `-` and `_` are
percent-encoded (`a.b` becomes `a%2eb`).

## Updates

The filter counts denials (in `decision` and `shadow`) with each request, and records histograms
with each measurement. It updates all other metrics every 100 ms, so a VM that traps can lose what
it counted since. Envoy merges histograms at each flush (`stats_flush_interval`, 5 s by default).

## Several workers

Envoy sums counters and histograms over all workers of a process. The filter sums
`waiting_requests`, `tracked_streams`, `token_cache_tokens` and `token_cache_bytes`. 5 s after a VM
trapped, the sum no longer contains its values. Counts and times of keys and denylist are equal on
all workers. If a new configuration removes a provider, the gauges of that provider become 0.

Two listeners whose providers have the same name share metrics, and the times are those of either.
Give providers with different issuers different names.

## Prometheus without stats_tags

Without `stats_tags`, each code and each provider is a separate metric, such as
`okta_authz_decision_token_expired`. If you cannot set `stats_tags`, as in Istio, Prometheus can
make the labels: `deploy/monitoring/relabel.yaml`. Istio reports the counters of the guard only if
`proxyStatsMatcher` includes them: `deploy/istio/stats.yaml`. Its `extraStatTags` find labels of
another form (`code=.=value;.;`), which these names do not have.
"
    )
    .unwrap();
    text
}

#[test]
fn metrics_chapter_is_generated() {
    assert_generated("book/src/reference/metrics.md", &chapter());
}

/// Returns the words that look like metrics.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        // `rules_stat_prefix` of the guard is the value of a label.
        .filter(|word| word.starts_with("okta_authz_") && !["okta_authz_", "okta_authz_guard"].contains(word))
        .map(str::to_owned)
        .collect()
}

#[test]
fn metric_of_alert_or_dashboard_exists_and_every_metric_is_used() {
    let mut known: BTreeMap<String, bool> = BTreeMap::new();
    for family in FAMILIES {
        let (name, _) = in_prometheus(family);
        let name = if family.kind == Kind::Histogram { format!("{name}_bucket") } else { name };
        known.insert(name, false);
    }
    let receiver = read("cli/src/receive/metrics.rs");
    for file in ["deploy/monitoring/alerts.yml", "deploy/monitoring/grafana/dashboards/okta-authz.json"] {
        for name in metrics(&read(file)) {
            // The metrics of `okta-authz receive`.
            if let Some(own) = name.strip_prefix("okta_authz_receive_") {
                assert!(receiver.contains(&format!("\"{own}\"")), "{file}: {name}");
                continue;
            }
            *known.get_mut(&name).unwrap_or_else(|| panic!("{file}: {name}")) = true;
        }
    }
    let unused: Vec<_> = known.into_iter().filter(|(_, used)| !used).map(|(name, _)| name).collect();
    // The dashboard shows fetches by provider, and no duration of the denylist.
    let expected = ["okta_authz_denylist_fetch_ms_bucket", "okta_authz_jwks_fetch"];
    assert_eq!(unused, expected);
}

#[test]
fn code_of_alert_exists() {
    let codes: BTreeSet<&str> = RequestOutcome::all().map(RequestOutcome::code).collect();
    let alerts = read("deploy/monitoring/alerts.yml");
    let named =
        alerts.split("code").filter_map(|rest| rest.trim_start_matches(['=', '~', '!']).strip_prefix('"'));
    let named: Vec<&str> =
        named.filter_map(|rest| Some(rest.split_once('"')?.0)).flat_map(|codes| codes.split('|')).collect();
    assert!(named.len() > 10, "{named:?}");
    assert!(named.iter().all(|code| codes.contains(code)), "{named:?}");
}

#[test]
fn runbook_has_exactly_the_alerts_of_the_file() {
    let names = |text: &str, before: &str| -> Vec<String> {
        text.lines()
            .filter_map(|line| line.trim_start().strip_prefix(before))
            .map(|name| name.trim().trim_matches('`').to_owned())
            .collect()
    };
    let alerts = names(&read("deploy/monitoring/alerts.yml"), "- alert: ");
    let chapter = read("book/src/runbook/alerts.md");
    assert_eq!(names(&chapter, "### "), alerts);
    for entry in chapter.split("\n### ").skip(1) {
        for part in ["**Means:** ", "**First:** "] {
            assert!(entry.contains(part), "{part} in {entry}");
        }
    }
}
