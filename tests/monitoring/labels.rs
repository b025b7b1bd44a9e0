//! Labels of the metrics. Envoy's `stats_tags` and Prometheus's relabeling must give equal labels.

use std::collections::{BTreeMap, BTreeSet};

use okta_authz_filter::filter::PermitReason;
use okta_authz_filter::metrics::{FAMILIES, Kind, RequestOutcome};
use serde_json::Value;

use super::document;
use super::harness::PROVIDER_WITHOUT_KEYS;
use super::prometheus::Prometheus;

/// Returns the series of a job: their names and labels, without the labels of their origin.
fn series(prometheus: &Prometheus, job: &str) -> BTreeSet<BTreeMap<String, String>> {
    let query = format!(
        "{{job=\"{job}\", __name__=~\"okta_authz_.+|envoy_wasm_vm_reload.*|envoy_http_rbac_denied\"}}"
    );
    let strip = |labels: &Value| -> BTreeMap<String, String> {
        let labels = labels.as_object().unwrap().iter();
        // Without its default tags, Envoy sets no label for the prefix of the connection manager.
        let omitted = ["job", "instance", "envoy_http_conn_manager_prefix"];
        let kept = labels.filter(|(name, _)| !omitted.contains(&name.as_str()));
        kept.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
    };
    prometheus.query(&query).iter().map(|series| strip(&series.labels)).collect()
}

/// Asserts that both jobs have equal labels, and that the metrics are those of [`FAMILIES`].
///
/// Prometheus reads the labels from sanitized metric names, where `_` replaces `%` and `-`.
pub fn assert_equal_labels(prometheus: &Prometheus) {
    let sanitized = |mut labels: BTreeMap<String, String>| {
        for name in ["provider", "wasm_plugin"] {
            labels.entry(name.to_owned()).and_modify(|value| *value = value.replace(['%', '-'], "_"));
        }
        labels
    };
    let tagged: BTreeSet<_> = series(prometheus, "envoy").into_iter().map(sanitized).collect();
    let relabeled = series(prometheus, "mesh");
    let differences: Vec<_> = tagged.symmetric_difference(&relabeled).take(10).collect();
    assert!(tagged.len() > 150 && differences.is_empty(), "{} series, {differences:#?}", tagged.len());
    let found: BTreeSet<&str> = tagged.iter().map(|labels| labels["__name__"].as_str()).collect();
    let documented: BTreeSet<String> =
        FAMILIES.iter().flat_map(|family| names(family.pattern, family.kind)).collect();
    let undocumented: Vec<_> =
        found.iter().filter(|name| name.starts_with("okta") && !documented.contains(**name)).collect();
    assert_eq!(undocumented, Vec::<&&str>::new(), "providers {PROVIDER_WITHOUT_KEYS} and okta");
    let missing: Vec<_> = documented.iter().filter(|name| !found.contains(name.as_str())).collect();
    assert_eq!(missing, Vec::<&String>::new());
}

/// Returns the names of a metric family in Prometheus.
fn names(pattern: &str, kind: Kind) -> Vec<String> {
    let pieces = pattern.split(['{', '}']).step_by(2);
    let plain: Vec<&str> =
        pieces.map(|piece| piece.trim_matches(['.', '_'])).filter(|piece| !piece.is_empty()).collect();
    let name = format!("okta_authz_{}", plain.join("_").replace('.', "_"));
    match kind {
        Kind::Histogram => ["bucket", "sum", "count"].map(|part| format!("{name}_{part}")).to_vec(),
        _ => vec![name],
    }
}

#[test]
fn reference_configuration_has_the_documented_tags() {
    let envoy: Value =
        serde_saphyr::from_str(&std::fs::read_to_string(test_support::root().join("envoy.yaml")).unwrap())
            .unwrap();
    assert_eq!(envoy["stats_config"], document("stats-tags.yaml")["stats_config"]);
}

#[test]
fn code_matches_the_expressions_of_the_tags() {
    for decision in RequestOutcome::all().chain([RequestOutcome::Allowed(PermitReason::Verified)]) {
        assert!(
            decision.code().bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric()),
            "{decision:?}"
        );
    }
}
