use serde_json::json;

use super::*;

const ENVOY: &str = "static_resources: { listeners: [] }\n";

fn read_yaml(text: &str) -> Result<Documents, String> {
    parse(Path::new("a.yaml"), text.as_bytes())
}

/// Reads members of `node.metadata` in a file for Envoy.
fn in_envoy(directives: &str, text: &str) -> Result<Value, String> {
    let text = text.replace('\n', "\n    ");
    let documents = read_yaml(&format!("{directives}{ENVOY}node:\n  metadata:\n    {text}"))?;
    Ok(documents.values[0]["node"]["metadata"].clone())
}

fn in_kubernetes(text: &str) -> Result<Value, String> {
    let documents = read_yaml(&format!("kind: X\napiVersion: v1\nspec:\n  {}", text.replace('\n', "\n  ")))?;
    Ok(documents.values[0]["spec"].clone())
}

fn bare(text: &str) -> Result<Value, String> {
    read_yaml(text).map(|documents| documents.values[0].clone())
}

fn table(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

fn scalars() -> Vec<Value> {
    table(include_str!("../../tests/scalars.json"))
}

/// The table has the value that sigs.k8s.io/yaml v1.6.0 (go.yaml.in/yaml/v2 v2.4.2) reads. A row
/// without `kubernetes` is an error.
#[test]
fn parse_kubernetes_scalar_returns_value_of_goyaml() {
    for row in scalars() {
        let written = row["written"].as_str().unwrap();
        let read = in_kubernetes(&format!("v: {written}\n")).map(|value| value["v"].clone());
        match row.get("kubernetes") {
            Some(expected) => assert_eq!(read.as_ref(), Ok(expected), "{written}"),
            None => assert!(read.is_err(), "{written}: {read:?}"),
        }
    }
}

#[test]
fn parse_envoy_scalar_returns_value_of_envoy() {
    for row in scalars() {
        let written = row["written"].as_str().unwrap();
        let read = in_envoy("", &format!("v: {written}\n")).unwrap();
        assert_eq!(read["v"], row["envoy"], "{written}");
    }
}

#[test]
fn parse_bare_scalar_returns_value_of_yaml_1_2() {
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

#[test]
fn parse_envoy_structure_returns_value_of_envoy() {
    for row in table(include_str!("../../tests/structures.json")) {
        let read = in_envoy(row["directives"].as_str().unwrap_or_default(), row["written"].as_str().unwrap());
        match row.get("envoy") {
            // `okta-authz` rejects a likely mistake that Envoy accepts.
            Some(_) if row["rejected"] == true => assert!(read.is_err(), "{row}: {read:?}"),
            Some(expected) => assert_eq!(read.as_ref(), Ok(expected), "{row}"),
            None => assert!(read.is_err(), "{row}: {read:?}"),
        }
    }
}

#[test]
fn parse_envoy_message_returns_canonical_form() {
    let indented = |text: &Value| text.as_str().unwrap().replace('\n', "\n      ");
    for row in table(include_str!("../../tests/messages.json")) {
        let kind = if row["message"] == "cluster" { "clusters" } else { "http_filters" };
        let text = format!("static_resources:\n  {kind}:\n    - {}\n", indented(&row["written"]));
        let read = read_yaml(&text).unwrap();
        assert_eq!(read.values[0]["static_resources"][kind][0], row["envoy"], "{row}");
    }
}

#[test]
fn parse_typed_struct_returns_its_message() {
    for (kind, url) in [("xds.type.v3.TypedStruct", "type_url"), ("udpa.type.v1.TypedStruct", "typeUrl")] {
        let text = format!(
            "name: a\ntyped_config:\n  '@type': type.googleapis.com/{kind}\n  {url}: x/a.B\n  value: {{ failOpen: true, \
             configuration: {{ '@type': x/google.protobuf.Struct, value: {{ failOpen: 1 }} }} }}\n"
        );
        let expected = json!({
            "@type": "type.googleapis.com/a.B", "fail_open": true,
            "configuration": { "@type": "x/google.protobuf.Struct", "value": { "failOpen": 1 } },
        });
        assert_eq!(read_yaml(&text).unwrap().values[0]["typed_config"], expected);
    }
}

#[test]
fn parse_envoy_field_in_both_spellings_is_an_error() {
    for text in
        ["failOpen: false\nfail_open: true", "fail_open: true\nfailOpen: true", "'failOpen': 1\nfailOpen: 2"]
    {
        let problem = read_yaml(&format!("name: a\n{text}\n")).err().unwrap();
        assert!(problem.starts_with("fail_open: is a duplicate field"), "{problem}");
    }
}

#[test]
fn parse_envoy_map_keys_are_unchanged() {
    let text = "name: a
rules: { policies: { myPolicy: { permissions: [{ any: true }] } } }
typedPerFilterConfig: { myFilter: { '@type': x/a.B, failOpen: true } }
metadata: { filterMetadata: { myFilter: { failOpen: true } } }
";
    let expected = json!({
        "name": "a",
        "rules": { "policies": { "myPolicy": { "permissions": [{ "any": true }] } } },
        "typed_per_filter_config": { "myFilter": { "@type": "x/a.B", "fail_open": true } },
        "metadata": { "filter_metadata": { "myFilter": { "failOpen": true } } },
    });
    assert_eq!(read_yaml(text).unwrap().values[0], expected);
}

#[test]
fn parse_kubernetes_structure_returns_value_of_goyaml() {
    for (written, expected) in [
        ("a: {<<: {x: 1}, z: 2}", Some(json!({ "a": { "x": 1, "z": 2 } }))),
        // The first mapping of a list takes precedence, and members after `<<` replace merged
        // members.
        ("a: {<<: [{x: 1}, {x: 2, z: 3}]}", Some(json!({ "a": { "x": 1, "z": 3 } }))),
        ("a: {x: 2, <<: {x: 1}}", Some(json!({ "a": { "x": 1 } }))),
        ("a: {<<: {x: 1}, x: 2}", Some(json!({ "a": { "x": 2 } }))),
        ("a: {!!merge <<: {x: 1}}", Some(json!({ "a": { "x": 1 } }))),
        ("a: {\"<<\": {x: 1}}", Some(json!({ "a": { "<<": { "x": 1 } } }))),
        ("a: {!!str <<: {x: 1}}", Some(json!({ "a": { "<<": { "x": 1 } } }))),
        ("a: {!ignore <<: {x: 1}}", Some(json!({ "a": { "<<": { "x": 1 } } }))),
        ("a: {<<: 5}", None),
        ("a: {<<: [5]}", None),
        ("a: {<<: null}", None),
        ("!ignore a: 1", Some(json!({ "a": 1 }))),
        ("y: 1\n010: 2\n0x10: 3", Some(json!({ "true": 1, "8": 2, "16": 3 }))),
        ("~: 1", None),
        ("null: 1", None),
        ("[a]: 1", None),
        ("a: 1\na: 2", None),
        ("yes: 1\ntrue: 2", None),
        ("b: &b {x: 1}\na: *b", Some(json!({ "b": { "x": 1 }, "a": { "x": 1 } }))),
        ("b: &b [*b]", None),
        ("failOpen: 1\nfail_open: 2", Some(json!({ "failOpen": 1, "fail_open": 2 }))),
    ] {
        let read = in_kubernetes(written);
        assert_eq!(read.as_ref().ok(), expected.as_ref(), "{written}: {read:?}");
    }
}

#[test]
fn parse_kubernetes_patch_returns_envoy_message() {
    let text = "kind: EnvoyFilter\napiVersion: v1\nspec: { configPatches: [{ patch: { value: { failurePolicy: 3 } } }] }\n";
    let read = read_yaml(text).unwrap().values.remove(0);
    assert_eq!(read["spec"]["configPatches"][0]["patch"]["value"]["failure_policy"], "FAIL_OPEN");
}

#[test]
fn parse_kubernetes_typed_list_completes_items() {
    let items = |text: &str| read_yaml(text).unwrap().values[0]["items"].clone();
    let typed = "apiVersion: x/v1\nkind: WasmPluginList\nitems:\n- spec: {}\n- { kind: Other, apiVersion: z, spec: {} }\n";
    let expected = json!([
        { "spec": {}, "kind": "WasmPlugin", "apiVersion": "x/v1" },
        { "kind": "Other", "apiVersion": "z", "spec": {} },
    ]);
    assert_eq!(items(typed), expected);
    let untyped = "apiVersion: v1\nkind: List\nitems:\n- spec: {}\n- a\n";
    assert_eq!(items(untyped)[1], json!("a"));
    assert_eq!(items(untyped)[0].get("kind"), None);
}

#[test]
fn parse_several_documents_with_one_for_envoy_is_an_error() {
    for (text, is_good) in [
        (format!("---\n{ENVOY}"), true),
        (format!("# text\n---\n{ENVOY}---\n"), true),
        (format!("{ENVOY}...\n"), true),
        (format!("---\n---\n{ENVOY}"), false),
        (format!("{ENVOY}---\n{ENVOY}"), false),
        (format!("{ENVOY}---\nkind: X\n"), false),
        (format!("kind: X\n---\n{ENVOY}"), false),
        ("kind: X\n---\n---\nkind: Y\n---\nproviders: {}\n".to_owned(), true),
    ] {
        assert_eq!(read_yaml(&text).is_ok(), is_good, "{text}");
    }
}

#[test]
fn parse_ignored_kind_returns_envoy_document() {
    let text = format!(
        "!ignore kind: X\n!ignore apiVersion: v1\n{ENVOY}node: {{ metadata: {{ !ignore a: 1, b: 2 }} }}\n"
    );
    assert_eq!(read_yaml(&text).unwrap().values[0]["node"]["metadata"], json!({ "b": 2 }));
}

#[test]
fn parse_resource_returns_its_message() {
    let text = "resources:
  - '@type': type.googleapis.com/envoy.service.discovery.v3.Resource
    name: c
    resource: { '@type': x/envoy.config.cluster.v3.Cluster, name: c, type: 1, lbPolicy: 2 }
";
    let expected = json!({ "@type": "x/envoy.config.cluster.v3.Cluster", "name": "c", "type": "STRICT_DNS", "lb_policy": "RING_HASH" });
    assert_eq!(read_yaml(text).unwrap().values[0]["resources"][0], expected);
}

#[test]
fn parse_json_extension_requires_json() {
    for (name, is_good) in [("a.json", false), ("a.JSON", false), ("a.yaml", true), ("a", true), ("-", true)]
    {
        assert_eq!(parse(Path::new(name), b"{ 'providers': 1.5, }").is_ok(), is_good, "{name}");
    }
}

#[test]
fn parse_json_numbers_depend_on_extension() {
    let text = r#"{ "static_resources": {}, "node": { "metadata": { "a": 1.5, "b": 3000000000 } } }"#;
    for (name, expected) in [
        ("envoy.json", json!({ "a": 1.5, "b": 3_000_000_000_u64 })),
        ("-", json!({ "a": 1.5, "b": 3_000_000_000_u64 })),
        ("envoy.yaml", json!({ "a": "1.5", "b": "3000000000" })),
        ("envoy.YML", json!({ "a": "1.5", "b": "3000000000" })),
    ] {
        let read = parse(Path::new(name), text.as_bytes()).unwrap();
        assert_eq!(read.values[0]["node"]["metadata"], expected, "{name}");
    }
}

#[test]
fn parse_file_above_a_limit_is_an_error() {
    let deep = |levels: usize| format!("a: {}{}", "[".repeat(levels), "]".repeat(levels));
    let exponential: String = (1..12).fold("a0: &a0 x\n".to_owned(), |text, level| {
        let before = format!("*a{}", level - 1);
        let ten = vec![before; 10].join(", ");
        format!("{text}a{level}: &a{level} [{ten}]\n")
    });
    let chain = (1..120).fold("a0: &a0 x\n".to_owned(), |text, level| {
        format!("{text}a{level}: &a{level} [*a{}]\n", level - 1)
    });
    for (name, text, expected) in [
        ("deep", deep(101), "must not be nested deeper"),
        ("very deep", deep(100_000), "recursion limit exceeded"),
        ("exponential", exponential, "must not have more than"),
        ("chain", chain, "must not be nested deeper"),
        ("documents", "--- a\n".repeat(10_001), "must not have more than 10000 documents"),
        ("itself", "a: &a [*a]".to_owned(), "is inside the node that it refers to"),
    ] {
        let problem = read_yaml(&text).err().unwrap_or_default();
        assert!(problem.contains(expected), "{name}: {problem}");
    }
    assert!(read_yaml(&deep(90)).is_ok());
}

#[test]
fn parse_values_with_reader_differences_are_recorded() {
    let text = "name: a
config:
  configuration:
    '@type': x/google.protobuf.Struct
    value: { groups: [1e3, '1e3', 1000, a, true, null], yes: 1 }
  fail_open: yes
";
    let locations: Vec<String> =
        read_yaml(text).unwrap().differences.into_iter().map(|difference| difference.location).collect();
    assert_eq!(locations, ["config.configuration.value.groups[0]", "config.configuration.value.yes"]);
}
