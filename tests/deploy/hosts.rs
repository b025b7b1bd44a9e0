//! Envoy and the filter read a host alike in every configuration that people copy.

use serde_json::Value;
use test_support::root;

/// Every object of these documents that holds this predicate.
fn find<'a>(value: &'a Value, is: &dyn Fn(&Value) -> bool, found: &mut Vec<&'a Value>) {
    if is(value) {
        found.push(value);
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| find(item, is, found)),
        Value::Object(members) => members.values().for_each(|member| find(member, is, found)),
        _ => {}
    }
}

fn all<'a>(documents: &'a [Value], is: &dyn Fn(&Value) -> bool) -> Vec<&'a Value> {
    let mut found = Vec::new();
    documents.iter().for_each(|document| find(document, is, &mut found));
    found
}

#[test]
fn shipped_configurations_strip_trailing_dots_and_ignore_ports() {
    let mut checked = 0;
    let folders = ["", "deploy/envoy", "deploy/istio", "deploy/envoy-gateway", "book/examples"];
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(root().join(folder)).unwrap());
    for path in files.map(|file| file.unwrap().path()) {
        let name = path.display().to_string();
        if path.extension().is_none_or(|ending| ending != "yaml") || name.ends_with("-before.yaml") {
            continue;
        }
        let documents: Vec<Value> =
            serde_saphyr::from_multiple(&std::fs::read_to_string(&path).unwrap()).expect(&name);
        for manager in all(&documents, &|value| value.get("normalize_path").is_some()) {
            assert_eq!(manager["strip_trailing_host_dot"], true, "{name}");
            checked += 1;
        }
        for routes in all(&documents, &|value| value.get("virtual_hosts").is_some()) {
            assert_eq!(routes["ignore_port_in_host_matching"], true, "{name}");
            checked += 1;
        }
        for filter in all(&documents, &|value| value.get("providers").is_some_and(Value::is_object)) {
            assert_eq!(filter["ignore_port_in_host_matching"], true, "{name}");
            checked += 1;
        }
    }
    assert!(checked > 25, "{checked}");
}
