//! Labels: `stats_tags` and the relabeling of Prometheus make equal ones, and every metric is documented.

use std::collections::{BTreeMap, BTreeSet};

use okta_authz_filter::filter::PermitReason;
use okta_authz_filter::metrics::{FAMILIES, Kind, RequestOutcome};
use serde_json::Value;

use super::document;
use super::prometheus::Prometheus;
use super::scene::ABSENT;

/// Returns the names of series with their labels, without the labels of their origin.
fn series(prometheus: &Prometheus, job: &str) -> BTreeSet<BTreeMap<String, String>> {
    let query = format!(
        "{{job=\"{job}\", __name__=~\"okta_authz_.+|envoy_wasm_vm_reload.*|envoy_http_rbac_denied\"}}"
    );
    let strip = |labels: &Value| -> BTreeMap<String, String> {
        let labels = labels.as_object().unwrap().iter();
        // Without its default tags Envoy makes no label of the connection manager's prefix.
        let other = ["job", "instance", "envoy_http_conn_manager_prefix"];
        let own = labels.filter(|(name, _)| !other.contains(&name.as_str()));
        own.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
    };
    prometheus.query(&query).iter().map(|series| strip(&series.labels)).collect()
}

/// Asserts that Prometheus makes the labels that Envoy makes. Prometheus only sees names of providers with
/// the characters that a metric can have.
pub fn assert_alike(prometheus: &Prometheus) {
    let sanitised = |mut labels: BTreeMap<String, String>| {
        for name in ["provider", "wasm_plugin"] {
            labels.entry(name.to_owned()).and_modify(|value| *value = value.replace(['%', '-'], "_"));
        }
        labels
    };
    let tagged: BTreeSet<_> = series(prometheus, "envoy").into_iter().map(sanitised).collect();
    let relabelled = series(prometheus, "mesh");
    let differ: Vec<_> = tagged.symmetric_difference(&relabelled).take(10).collect();
    assert!(tagged.len() > 150 && differ.is_empty(), "{} series, {differ:#?}", tagged.len());
    let plain: BTreeSet<&str> = tagged.iter().map(|labels| labels["__name__"].as_str()).collect();
    let known: BTreeSet<String> =
        FAMILIES.iter().flat_map(|family| names(family.pattern, family.kind)).collect();
    let unknown: Vec<_> =
        plain.iter().filter(|name| name.starts_with("okta") && !known.contains(**name)).collect();
    assert_eq!(unknown, Vec::<&&str>::new(), "of {ABSENT} and okta");
    let missing: Vec<_> = known.iter().filter(|name| !plain.contains(name.as_str())).collect();
    assert_eq!(missing, Vec::<&String>::new());
}

/// Returns the names of the series of a family in Prometheus.
pub fn names(pattern: &str, kind: Kind) -> Vec<String> {
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
