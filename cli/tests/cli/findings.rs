//! The findings of `okta-authz check` about changed files of the repository.

use serde_json::{Value, json};

use super::{okta_authz, root, scratch};

/// The findings about a file, each as `path: problem`.
pub(crate) struct Findings {
    pub(crate) warnings: Vec<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) errors: Vec<String>,
}

pub(crate) fn findings(name: &str, text: &str) -> Findings {
    let file = scratch(&format!("check-{name}.yaml"), text);
    let run = okta_authz(["check", "--json", file.to_str().unwrap()]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
    let of = |kind: &str| -> Vec<String> {
        let configurations = report["configurations"].as_array().unwrap().iter();
        let all = configurations.flat_map(|configuration| configuration[kind].as_array().unwrap());
        let text = |finding: &Value, member: &str| finding[member].as_str().unwrap().to_owned();
        all.map(|finding| format!("{}: {}", text(finding, "path"), text(finding, "problem"))).collect()
    };
    Findings { warnings: of("warnings"), notes: of("notes"), errors: of("errors") }
}

/// Reads the documents of a file of the repository.
pub(crate) fn yaml(file: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&std::fs::read_to_string(root().join(file)).unwrap()).unwrap()
}

/// Returns several documents as a YAML file.
pub(crate) fn text(documents: &[Value]) -> String {
    documents.iter().map(|document| format!("---\n{document}\n")).collect()
}

pub(crate) const MANAGER: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";

pub(crate) fn permit() -> Value {
    json!({ "filter_state": { "key": "wasm.okta.permit", "string_match": { "exact": "granted" } } })
}

pub(crate) fn policy() -> Value {
    json!({ "filter_state": { "key": "wasm.okta.policy", "string_match": { "exact": "orders" } } })
}

pub(crate) fn rules(principals: Value) -> Value {
    json!({ "policies": { "a": { "permissions": [{ "any": true }], "principals": principals } } })
}

pub(crate) fn per_route(rbac: Value) -> Value {
    let kind = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute";
    let mut entry = json!({ "@type": kind });
    if !rbac.is_null() {
        entry["rbac"] = rbac;
    }
    entry
}

pub(crate) fn wrapped(members: Value) -> Value {
    let mut entry = json!({ "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig" });
    for (name, value) in members.as_object().unwrap() {
        entry[name] = value.clone();
    }
    entry
}

/// Returns the findings about `envoy.yaml` with a changed connection manager.
pub(crate) fn with_manager(name: &str, change: &dyn Fn(&mut Value)) -> Findings {
    let mut document = yaml("envoy.yaml").remove(0);
    change(document.pointer_mut(MANAGER).unwrap());
    findings(&format!("guard-{name}"), &text(&[document]))
}

pub(crate) fn with_guard(name: &str, change: &dyn Fn(&mut Value)) -> Findings {
    with_manager(name, &|manager| change(&mut manager["http_filters"][1]))
}

pub(crate) fn with_rbac(name: &str, rbac: &Value) -> Findings {
    with_guard(name, &|guard| {
        let kind = guard["typed_config"]["@type"].clone();
        guard["typed_config"] = rbac.clone();
        guard["typed_config"]["@type"] = kind;
    })
}

pub(crate) fn assert_no_findings(name: &str, found: &Findings) {
    assert!(
        found.warnings.is_empty() && found.notes.is_empty(),
        "{name}: {:?} {:?}",
        found.warnings,
        found.notes
    );
}

pub(crate) fn assert_warns(name: &str, found: &Findings, expected: &str) {
    assert!(
        found.warnings.iter().any(|warning| warning.contains(expected)),
        "{name}: {:?} {:?} {:?}",
        found.warnings,
        found.notes,
        found.errors
    );
}
