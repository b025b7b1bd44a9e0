//! The Helm chart, without Helm: its version, and the schema of its values. `tests/helm` renders
//! it.

use okta_authz_filter::config::schema;
use serde_json::{Value, json};
use test_support::root;

use super::resources::documents;

const CHART: &str = "deploy/helm/okta-authz-filter";
const SCHEMA: &str = "deploy/helm/okta-authz-filter/values.schema.json";

fn values_schema() -> Value {
    serde_json::from_str(&std::fs::read_to_string(root().join(SCHEMA)).unwrap()).unwrap()
}

/// Returns the definitions of the values' schema: those of the configuration, in which the chart
/// makes `cluster` optional, and the configuration itself.
fn configuration_definitions() -> Value {
    let mut configuration = schema();
    let members = configuration.as_object_mut().unwrap();
    members.remove("$schema");
    let mut definitions = members.remove("$defs").unwrap();
    for name in ["RemoteJwks", "RemoteDenylist"] {
        let required = definitions[name]["required"].as_array_mut().unwrap();
        let count = required.len();
        required.retain(|field| field != "cluster");
        assert_eq!(required.len(), count - 1, "{name}");
    }
    definitions["Config"] = configuration;
    definitions
}

/// `make schema` writes the definitions into the file with `BLESS`.
#[test]
fn values_schema_has_the_schema_of_the_configuration() {
    let definitions = configuration_definitions();
    if std::env::var_os("BLESS").is_some() {
        let text = std::fs::read_to_string(root().join(SCHEMA)).unwrap();
        let (before, _) = text.split_once("\n  \"$defs\": ").expect("the last member");
        let indented = format!("{definitions:#}").replace('\n', "\n  ");
        std::fs::write(root().join(SCHEMA), format!("{before}\n  \"$defs\": {indented}\n}}\n")).unwrap();
    }
    // Not `assert_eq!`: the schemas are long.
    assert!(values_schema()["$defs"] == definitions, "the configuration changed: run `make schema`");
}

#[test]
fn version_equals_that_of_the_package() {
    let chart = documents(&format!("{CHART}/Chart.yaml")).swap_remove(0);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!((&chart["version"], &chart["appVersion"]), (&json!(version), &json!(version)));
    assert_eq!(chart["name"], env!("CARGO_PKG_NAME"));
}

#[test]
fn example_and_defaults_match_the_schema() {
    let schema = jsonschema::validator_for(&values_schema()).unwrap();
    let defaults = documents(&format!("{CHART}/values.yaml")).swap_remove(0);
    for name in ["istio-gateway", "istio-sidecar", "envoy-gateway"] {
        let mut values = documents(&format!("deploy/helm/examples/{name}.yaml")).swap_remove(0);
        assert_eq!(schema.validate(&values).map_err(|error| error.to_string()), Ok(()), "{name}");
        // Helm merges the defaults with the values.
        for (name, default) in defaults.as_object().unwrap() {
            if values.get(name).is_none() {
                values[name] = default.clone();
            }
        }
        assert_eq!(schema.validate(&values).map_err(|error| error.to_string()), Ok(()), "{name}");
    }
}

/// Asserts that each value of the schema is in `values.yaml`, as a default or as a comment, and
/// below a comment that describes it; and that the schema describes it.
#[test]
fn value_is_documented() {
    let text = std::fs::read_to_string(root().join(CHART).join("values.yaml")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut values = Vec::new();
    collect(&values_schema()["properties"], 0, &mut values);
    assert!(values.len() > 35, "{values:?}");
    for (name, depth, description) in values {
        assert!(description.ends_with('.'), "{name}: {description:?}");
        let indent = " ".repeat(depth * 2);
        let (default, comment) = (format!("{indent}{name}:"), format!("{indent}# {name}:"));
        let is_value = |line: &str| line.starts_with(&default) || line.starts_with(&comment);
        let Some(line) = lines.iter().position(|line| is_value(line)) else {
            assert_eq!(name, "global", "{name} is not in values.yaml");
            continue;
        };
        let above = lines[line - 1].trim_start();
        // A short text, and no other commented value.
        let is_described = above.starts_with("# ") && !above.contains(": #");
        assert!(is_described || name == "create", "{name}: {above:?}");
    }
}

/// Collects the name, depth and description of each value. The reference of the configuration
/// describes the members of `config`.
fn collect(properties: &Value, depth: usize, values: &mut Vec<(String, usize, String)>) {
    for (name, schema) in properties.as_object().into_iter().flatten() {
        values.push((name.clone(), depth, schema["description"].as_str().unwrap_or_default().to_owned()));
        collect(&schema["properties"], depth + 1, values);
    }
}
