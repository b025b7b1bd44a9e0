//! Checks the README, `envoy.yaml` and the comparison chapter against the code and the deploy files.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

use std::collections::BTreeSet;
use std::path::Path;

use okta_authz_filter::config::Config;
use serde_json::Value;

fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// Returns the first document of a file with several YAML documents.
fn first_document(name: &str) -> Value {
    serde_saphyr::from_multiple::<Value>(&read(name)).unwrap().swap_remove(0)
}

/// Returns the YAML blocks of the README: Envoy, Istio, Envoy Gateway, policy tests.
fn readme_blocks() -> [Value; 4] {
    let readme = read("README.md");
    let blocks = readme.split("```").filter_map(|block| block.strip_prefix("yaml\n")).map(yaml);
    blocks.collect::<Vec<_>>().try_into().unwrap()
}

fn rules(configuration: &Value) -> usize {
    Config::from_bytes(configuration.to_string().as_bytes()).unwrap().policy.len()
}

fn filter_names(filters: &Value) -> Vec<&str> {
    filters.as_array().unwrap().iter().map(|filter| filter["name"].as_str().unwrap()).collect()
}

/// Asserts that each value in `part` is in `whole` at the same place. `path` names the place.
fn assert_contains(whole: &Value, part: &Value, path: &str) {
    match part {
        Value::Object(members) => {
            for (name, value) in members {
                assert_contains(&whole[name], value, &format!("{path}.{name}"));
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                assert_contains(&whole[index], item, &format!("{path}[{index}]"));
            }
        }
        _ => assert_eq!(whole, part, "{path}"),
    }
}

#[test]
fn readme_length_is_within_the_limits() {
    let readme = read("README.md");
    let (lines, words) = (readme.lines().count(), readme.split_whitespace().count());
    assert!(lines <= 200 && words <= 1500, "{lines} lines, {words} words");
}

#[test]
fn reference_configuration_is_accepted() {
    let envoy = yaml(&read("envoy.yaml"));
    let manager =
        &envoy["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let filters = &manager["http_filters"];
    let names = filter_names(filters);
    assert_eq!(names, ["okta-authz", "okta-authz-guard", "envoy.filters.http.router"]);
    let plugin = &filters[0]["typed_config"]["config"];
    assert_eq!(plugin["failure_policy"], "FAIL_RELOAD");
    assert_ne!(plugin["vm_config"]["vm_id"], Value::Null);
    assert_eq!(rules(&plugin["configuration"]["value"]), 7);
}

#[test]
fn readme_envoy_file_has_an_accepted_configuration_and_the_guard() {
    let [envoy, ..] = readme_blocks();
    let resources = &envoy["static_resources"];
    let manager = &resources["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let filters = &manager["http_filters"];
    let names = filter_names(filters);
    assert_eq!(names, ["okta-authz", "okta-authz-guard", "envoy.filters.http.router"]);
    assert_eq!(rules(&filters[0]["typed_config"]["config"]["configuration"]["value"]), 2);
    let tutorial = yaml(&read("book/examples/tutorial.yaml"));
    let clusters = tutorial["static_resources"]["clusters"].as_array().unwrap();
    let okta = clusters.iter().find(|cluster| cluster["name"] == "okta").unwrap();
    assert_contains(okta, &resources["clusters"][1], "clusters[1]");
}

#[test]
fn readme_istio_snippet_agrees_with_the_deploy_file() {
    let [_, mut istio, ..] = readme_blocks();
    let mut deployed = first_document("deploy/istio/gateway.yaml");
    assert_eq!(rules(&istio["spec"]["pluginConfig"]), 2);
    for document in [&mut istio, &mut deployed] {
        document["spec"]["pluginConfig"]["rules"].take();
    }
    assert_contains(&deployed, &istio, "WasmPlugin");
}

#[test]
fn readme_envoy_gateway_snippet_agrees_with_the_deploy_file() {
    let [_, _, mut gateway, _] = readme_blocks();
    let mut deployed = first_document("deploy/envoy-gateway/policy.yaml");
    assert_eq!(rules(&gateway["spec"]["wasm"][0]["config"]), 2);
    for document in [&mut gateway, &mut deployed] {
        document["spec"]["wasm"][0]["config"]["rules"].take();
    }
    assert_contains(&deployed, &gateway, "EnvoyExtensionPolicy");
}

#[test]
fn root_documents_link_to_files_that_exist() {
    let mut checked = 0;
    for document in ["README.md", "CONTRIBUTING.md", "SECURITY.md", "DESIGN.md", "CHANGELOG.md"] {
        let text = read(document);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(link, _)| link)) {
            let file = link.split('#').next().unwrap();
            if !link.contains("://") && !file.is_empty() {
                let exists = Path::new(env!("CARGO_MANIFEST_DIR")).join(file).exists();
                assert!(exists, "{document}: {link}");
                checked += 1;
            }
        }
    }
    assert!(checked > 20, "{checked}");
}

#[test]
fn comparison_names_only_tests_that_exist() {
    let comparison = read("book/src/reference/comparison.md");
    let named: BTreeSet<&str> = comparison.split('`').filter(|text| text.contains(".rs::")).collect();
    assert!(named.len() > 70, "{}", named.len());
    for test in named {
        let (file, function) = test.split_once("::").unwrap();
        let text = read(file);
        let (before, _) =
            text.split_once(&format!("fn {function}()")).unwrap_or_else(|| panic!("{test} does not exist"));
        let attributes = before.rsplit("\n\n").next().unwrap();
        assert!(attributes.contains("#[test]"), "{test} is not a test");
    }
}
