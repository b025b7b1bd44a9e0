use super::*;

fn places(documents: &[Value]) -> Vec<String> {
    find(documents).into_iter().map(|found| found.place).collect()
}

#[test]
fn everywhere() {
    let ours = json!({ "providers": {} });
    let as_struct = json!({ "@type": "type.googleapis.com/google.protobuf.Struct", "value": ours });
    let as_text =
        json!({ "@type": "type.googleapis.com/google.protobuf.StringValue", "value": "{\"providers\":" });
    let theirs = json!({ "@type": "type.googleapis.com/google.protobuf.Struct", "value": { "a": 1 } });
    let plugin = |configuration: &Value| json!({ "config": { "configuration": configuration } });
    let named = json!({ "config": { "name": "okta-authz", "configuration": as_text } });
    let filters = json!([
        { "typed_config": plugin(&theirs) }, { "typed_config": plugin(&as_struct) }, { "typed_config": named },
    ]);
    for (documents, expected) in [
        (vec![ours.clone()], vec![""]),
        (vec![json!({ "rules": [] })], vec![""]),
        (vec![json!({ "static_resources": {} })], vec![]),
        (vec![json!({ "kind": "Service", "spec": {} }), ours.clone()], vec!["[document 1]"]),
        (vec![json!([1])], vec![]),
        (
            vec![json!({ "resources": [{ "http_filters": filters }] })],
            vec![
                "resources[0].http_filters[1].typed_config.config.configuration.value",
                "resources[0].http_filters[2].typed_config.config.configuration.value",
            ],
        ),
        (vec![json!({ "kind": "WasmPlugin", "spec": { "pluginConfig": ours } })], vec!["spec.pluginConfig"]),
        (vec![json!({ "kind": "WasmPlugin", "spec": { "pluginConfig": {} } })], vec![]),
        (
            vec![json!({ "kind": "WasmPlugin", "spec": { "url": "oci://x/okta", "pluginConfig": {} } })],
            vec!["spec.pluginConfig"],
        ),
        (
            vec![
                json!({ "kind": "EnvoyExtensionPolicy", "spec": { "wasm": [{ "config": 1 }, { "config": ours }] } }),
            ],
            vec!["spec.wasm[1].config"],
        ),
    ] {
        assert_eq!(places(&documents), expected, "{documents:?}");
    }
}

#[test]
fn lists_and_traffic_extensions() {
    let spec = json!({ "pluginConfig": { "providers": {} } });
    let plugin = json!({ "kind": "WasmPlugin", "metadata": { "annotations": { "a": "{}" } }, "spec": spec });
    let extension = json!({ "kind": "TrafficExtension", "spec": { "wasm": spec } });
    let other = json!({ "kind": "Service", "spec": {}, "status": { "pluginConfig": { "providers": {} } } });
    let list = json!({ "kind": "List", "items": [other, plugin, extension] });
    let expected = ["items[1].spec.pluginConfig", "items[2].spec.wasm.pluginConfig"];
    assert_eq!(places(std::slice::from_ref(&list)), expected);
    let typed = json!({ "kind": "WasmPluginList", "items": [{ "spec": spec }] });
    assert_eq!(places(&[typed]), ["items[0].spec.pluginConfig"]);
    let nested = json!({ "kind": "List", "items": [list] });
    assert_eq!(
        places(&[nested]),
        ["items[0].items[1].spec.pluginConfig", "items[0].items[2].spec.wasm.pluginConfig"]
    );
}

#[test]
fn bytes_are_a_configuration_as_well() {
    let plugin = |value: &str| json!({ "name": "x", "configuration": { "@type": "x/google.protobuf.BytesValue", "value": value } });
    // {"providers":{}}, padded, of the alphabet for URLs, and something else.
    for (value, count) in
        [("eyJwcm92aWRlcnMiOnt9fQ==", 1), ("eyJwcm92aWRlcnMiOnt9fQ", 1), ("e30", 0), ("?", 0)]
    {
        assert_eq!(places(&[plugin(value)]).len(), count, "{value}");
    }
}

#[test]
fn what_is_behind() {
    let ours = json!({ "@type": "x/google.protobuf.Struct", "value": { "providers": {} } });
    let filters = json!({ "http_filters": [{ "config": { "configuration": ours } }, { "name": "guard" }] });
    let documents = [filters];
    let found = find(&documents);
    let Surroundings::Envoy { behind: Some([guard]), .. } = found[0].surroundings else { panic!() };
    assert_eq!(guard["name"], "guard");
}

#[test]
fn a_struct_has_doubles() {
    let value = as_struct(&json!([9_007_199_254_740_991_i64, 9_007_199_254_740_993_i64, -1.5, 2.0]));
    assert_eq!(value.to_string(), "[9007199254740991,9007199254740992.0,-1.5,2]");
}
