//! Alert rules, checked by promtool without an Envoy.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use super::prometheus::program;
use super::{DIRECTORY, document};

/// Returns the names and expressions of the alerts.
pub fn alerts() -> Vec<(String, String)> {
    rules("alert")
}

/// Returns the names and expressions of the recording rules.
pub fn records() -> Vec<(String, String)> {
    rules("record")
}

fn rules(kind: &str) -> Vec<(String, String)> {
    let file = document("alerts.yml");
    let rules =
        file["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap());
    let text = |rule: &Value, name: &str| rule[name].as_str().map(str::to_owned);
    rules.filter_map(|rule| Some((text(rule, kind)?, text(rule, "expr")?))).collect()
}

fn promtool(arguments: &[&str]) {
    let directory = test_support::root().join(DIRECTORY);
    let output = Command::new(program("promtool")).args(arguments).current_dir(directory).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "promtool {arguments:?}: {}", String::from_utf8_lossy(&text));
}

#[test]
fn prometheus_accepts_rules_and_configuration() {
    promtool(&["check", "rules", "--lint-fatal", "alerts.yml"]);
    promtool(&["check", "config", "--lint-fatal", "prometheus.yml"]);
}

#[test]
fn alert_fires_in_its_cases_only() {
    promtool(&["test", "rules", "alerts.test.yml"]);
}

#[test]
fn alert_has_firing_and_silent_case() {
    let cases = document("alerts.test.yml");
    let cases: Vec<&Value> = cases["tests"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|test| test["alert_rule_test"].as_array().unwrap())
        .collect();
    let tested = |fires: bool| -> BTreeSet<String> {
        let cases = cases
            .iter()
            .filter(|case| case["exp_alerts"].as_array().is_some_and(|all| !all.is_empty()) == fires);
        cases.map(|case| case["alertname"].as_str().unwrap().to_owned()).collect()
    };
    let all: BTreeSet<String> = alerts().into_iter().map(|(name, _)| name).collect();
    assert_eq!((tested(true), tested(false)), (all.clone(), all));
}

#[test]
fn alert_has_severity_and_summary() {
    let file = document("alerts.yml");
    for rule in file["groups"][1]["rules"].as_array().unwrap() {
        assert!(["page", "ticket"].contains(&rule["labels"]["severity"].as_str().unwrap()), "{rule}");
        assert!(rule["annotations"]["summary"].is_string(), "{rule}");
    }
}
