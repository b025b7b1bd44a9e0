//! Host settings of Envoy and the filter, which must agree in every configuration that users copy.

use serde_json::Value;
use test_support::root;

use super::harness::find_values;

#[test]
fn shipped_configurations_strip_trailing_dots_and_ignore_ports() {
    let mut checked = 0;
    let directories = ["", "deploy/envoy", "deploy/istio", "deploy/envoy-gateway", "book/examples"];
    let files = directories.iter().flat_map(|directory| std::fs::read_dir(root().join(directory)).unwrap());
    for path in files.map(|file| file.unwrap().path()) {
        let name = path.display().to_string();
        if path.extension().is_none_or(|extension| extension != "yaml") || name.ends_with("-before.yaml") {
            continue;
        }
        let documents: Vec<Value> =
            serde_saphyr::from_multiple(&std::fs::read_to_string(&path).unwrap()).expect(&name);
        for manager in find_values(&documents, &|value| value.get("normalize_path").is_some()) {
            assert_eq!(manager["strip_trailing_host_dot"], true, "{name}");
            checked += 1;
        }
        for routes in find_values(&documents, &|value| value.get("virtual_hosts").is_some()) {
            assert_eq!(routes["ignore_port_in_host_matching"], true, "{name}");
            checked += 1;
        }
        // A document that is only the configuration of the filter has no routes that could differ
        // from it.
        let is_embedded = |value: &Value| {
            value.get("providers").is_some_and(Value::is_object) && !documents.contains(value)
        };
        for filter in find_values(&documents, &is_embedded) {
            assert_eq!(filter["ignore_port_in_host_matching"], true, "{name}");
            checked += 1;
        }
    }
    assert!(checked > 25, "{checked}");
}
