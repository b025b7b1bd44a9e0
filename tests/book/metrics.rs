//! The chapter on metrics, made from the list of them; and alerts and dashboard, which speak of no other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use okta_authz_filter::metrics::{
    BACKENDS, FAMILIES, FETCH_RESULTS, Family, Kind, RequestOutcome, SIGNATURE_RESULTS,
};
use okta_authz_filter::rejection::Rejection;

use super::{is_generated, read};

/// What each family means, in the order of the list.
const MEANINGS: &[&str] = &[
    "requests by decision, rejected ones by their [code](../runbook/codes.md). `shadow` are those that only the top-level `mode: shadow` allows",
    "denials that shadow mode did not enforce: of each rule with `mode: shadow`, and of the policy with the top-level `mode: shadow`",
    "of the requests those whose token names this provider as its issuer. The rest of `decision.{code}` had no such token",
    "keys at hand, with those that are pinned",
    "when the keys were fetched last, in seconds since 1970; 0 before",
    "when newer ones should have come: that and `cache_duration`",
    "when they are too old to be used: that and `max_stale`",
    "fetches of this provider's keys that have ended",
    "milliseconds that each request of such a fetch took",
    "fetches of keys that have ended, of all providers",
    "polls of the denylist that have ended",
    "milliseconds that each poll took",
    "entries of the fetched denylist",
    "when it was fetched last; 0 before",
    "when a newer one should have come",
    "when it is too old to be used",
    "signatures that were to be checked: `host` is Envoy's crypto; what is `unavailable` there is checked by `software`, in the VM",
    "microseconds that a check took; one in 16 is timed, the first of each worker among them",
    "tokens that had been seen before",
    "tokens that had not, and whose signature had to be checked",
    "tokens that had to make room for others",
    "tokens that are remembered, on all workers together",
    "bytes that they occupy, on all workers together",
    "requests that are held back until keys or the denylist come",
];

const HEAD: &str = "\
<!-- Generated from src/metrics.rs and tests/book/metrics.rs: make reference -->

# Metrics

In Envoy's `/stats` they are `wasmcustom.okta_authz.{name}`. `/stats/prometheus` drops the first word, and makes labels of what is in
braces if Envoy is told so: `envoy.yaml` has the lines, and `deploy/monitoring/stats-tags.yaml` nothing else.

| name | type | in Prometheus | meaning |
|---|---|---|---|
";

fn values(label: &str) -> usize {
    match label {
        "backend" => BACKENDS.len(),
        "result" => FETCH_RESULTS.len(),
        _ => 1,
    }
}

/// Statistics that exist with so many providers whose keys are fetched, and with a denylist.
fn statistics(providers: usize) -> usize {
    let count = |family: &Family| {
        let own = match family.pattern {
            "decision.{code}" => RequestOutcome::all().count(),
            "shadow.{code}" => Rejection::ALL.len(),
            "provider.{provider}.decision.{code}" => {
                RequestOutcome::all().filter(|one| one.has_provider()).count()
            }
            "signature.{backend}.{result}" => BACKENDS.len() * SIGNATURE_RESULTS.len(),
            _ => family.labels().map(values).product(),
        };
        if family.labels().any(|label| label == "provider") { own * providers } else { own }
    };
    FAMILIES.iter().map(count).sum()
}

/// What Prometheus calls a family, with its labels.
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
    write!(
        text,
        "
**How many.** With one provider and a denylist {one}; each further provider adds {each}. All are there as soon as the configuration is, and
no request can make another: values of labels are codes, and names of providers in the configuration. In these, what is no letter, digit, `-`
or `_` is percent-encoded (`a.b` is `a%2eb`).

**When.** `decision` and `shadow` are counted with the request, histograms with what they measure; all else ten times a second, so a VM that
traps may take with it what it had counted since. Envoy hands histograms on at each flush (`stats_flush_interval`, 5 s).

**Several workers.** Counters and histograms are for all workers of a process together. So are `waiting_requests`, `token_cache_tokens` and
`token_cache_bytes`: the share of a VM that has trapped leaves the sum after 5 s. Numbers and times of keys and denylist are the same on
all workers; when a configuration is replaced, those of providers that are gone become 0. Two listeners whose providers have the
same name count together, and the times are those of either: give providers of different issuers different names.

**Without labels.** Each code and each provider is then a metric of its own: `okta_authz_decision_token_expired`. Where `stats_tags` are not
yours to set, as in Istio, Prometheus can make the same labels: `deploy/monitoring/relabel.yaml`. Istio reports the
metrics only if its `proxyStatsMatcher` has them: `deploy/istio/stats.yaml`. Its `extraStatTags` find labels in another form
(`code=.=value;.;`), which these names do not have.
"
    )
    .unwrap();
    text
}

#[test]
fn the_chapter_is_generated() {
    is_generated("book/src/reference/metrics.md", &chapter());
}

/// Words that look like metrics.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .filter(|word| word.starts_with("okta_authz_") && *word != "okta_authz_")
        .map(str::to_owned)
        .collect()
}

#[test]
fn alerts_and_dashboard_name_no_metric_that_is_not_there_and_leave_none_out() {
    let mut known: BTreeMap<String, bool> = BTreeMap::new();
    for family in FAMILIES {
        let (name, _) = in_prometheus(family);
        let name = if family.kind == Kind::Histogram { format!("{name}_bucket") } else { name };
        known.insert(name, false);
    }
    for file in ["deploy/monitoring/alerts.yml", "deploy/monitoring/grafana/dashboards/okta-authz.json"] {
        for name in metrics(&read(file)) {
            *known.get_mut(&name).unwrap_or_else(|| panic!("{file}: {name}")) = true;
        }
    }
    let unused: Vec<_> = known.into_iter().filter(|(_, used)| !used).map(|(name, _)| name).collect();
    // Sums of what is shown by provider, and what takes no time worth a panel.
    assert_eq!(unused, ["okta_authz_denylist_fetch_ms_bucket", "okta_authz_jwks_fetch"]);
}

#[test]
fn every_code_in_an_alert_exists() {
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
fn the_runbook_has_every_alert_and_no_other() {
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
