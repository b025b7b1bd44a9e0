use serde_json::json;

use super::*;

const ENVOY: &str = "static_resources: { listeners: [] }\n";

fn read_yaml(text: &str) -> Result<Documents, String> {
    parse(Path::new("a.yaml"), text.as_bytes())
}

/// Reads `a: ...` as the metadata of a node.
fn in_envoy(text: &str) -> Result<Value, String> {
    let documents = read_yaml(&format!("{ENVOY}node:\n  metadata:\n    {}", text.replace('\n', "\n    ")))?;
    Ok(documents.values[0]["node"]["metadata"].clone())
}

fn in_kubernetes(text: &str) -> Result<Value, String> {
    let documents = read_yaml(&format!("kind: X\napiVersion: v1\nspec:\n  {}", text.replace('\n', "\n  ")))?;
    Ok(documents.values[0]["spec"].clone())
}

fn bare(text: &str) -> Result<Value, String> {
    read_yaml(text).map(|documents| documents.values[0].clone())
}

/// What sigs.k8s.io/yaml v1.6.0 (goyaml v2.4.2) makes of these. Those that Envoy reads are in `tests/cli/scalars.json`.
#[test]
fn kubernetes_scalar_table_is_read_as_by_goyaml() {
    let table: Value = serde_json::from_str(include_str!("../../../../tests/cli/scalars.json")).unwrap();
    for row in table.as_array().unwrap() {
        let written = row["written"].as_str().unwrap();
        let read = in_kubernetes(&format!("v: {written}\n")).map(|value| value["v"].clone());
        match row.get("kubernetes") {
            Some(expected) => assert_eq!(read.as_ref(), Ok(expected), "{written}"),
            None => assert!(read.is_err(), "{written}: {read:?}"),
        }
    }
}

#[test]
fn envoy_scalar_table_is_read_as_by_envoy() {
    let table: Value = serde_json::from_str(include_str!("../../../../tests/cli/scalars.json")).unwrap();
    for row in table.as_array().unwrap() {
        let written = row["written"].as_str().unwrap();
        let read = in_envoy(&format!("v: {written}\n")).unwrap();
        assert_eq!(read["v"], row["envoy"], "{written}");
    }
}

#[test]
fn core_scalar_is_read_as_yaml_1_2() {
    for (written, expected) in [
        ("010", json!(10)),
        ("0o17", json!(15)),
        ("0x1F", json!(31)),
        ("0b11", json!("0b11")),
        ("1_000", json!("1_000")),
        ("1e3", json!(1000.0)),
        ("1.5", json!(1.5)),
        (".5", json!(0.5)),
        (".inf", json!(".inf")),
        ("yes", json!("yes")),
        ("TRUE", json!(true)),
        ("~", json!(null)),
        ("'1'", json!("1")),
        ("!!str 5", json!("5")),
        ("18446744073709551615", json!(u64::MAX)),
    ] {
        assert_eq!(bare(&format!("v: {written}")).unwrap()["v"], expected, "{written}");
    }
}
