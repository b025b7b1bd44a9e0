use super::*;

fn locations(documents: &[Value]) -> Vec<String> {
    find(documents).into_iter().map(|config| config.location).collect()
}

#[test]
fn find_configuration_in_any_document_returns_its_location() {
    let config = json!({ "providers": {} });
    let as_struct = json!({ "@type": "type.googleapis.com/google.protobuf.Struct", "value": config });
    let as_text =
        json!({ "@type": "type.googleapis.com/google.protobuf.StringValue", "value": "{\"providers\":" });
    let other_plugin = json!({ "@type": "type.googleapis.com/google.protobuf.Struct", "value": { "a": 1 } });
    let plugin = |configuration: &Value| json!({ "config": { "configuration": configuration } });
    let named = json!({ "config": { "name": "okta-authz", "configuration": as_text } });
    let filters = json!([
        { "typed_config": plugin(&other_plugin) }, { "typed_config": plugin(&as_struct) }, { "typed_config": named },
    ]);
    for (documents, expected) in [
        (vec![config.clone()], vec![""]),
        (vec![json!({ "rules": [] })], vec![""]),
        (vec![json!({ "static_resources": {} })], vec![]),
        (vec![json!({ "kind": "Service", "spec": {} }), config.clone()], vec!["[document 1]"]),
        (vec![json!([1])], vec![]),
        (
            vec![json!({ "resources": [{ "http_filters": filters }] })],
            vec![
                "resources[0].http_filters[1].typed_config.config.configuration.value",
                "resources[0].http_filters[2].typed_config.config.configuration.value",
            ],
        ),
        (
            vec![json!({ "kind": "WasmPlugin", "spec": { "pluginConfig": config } })],
            vec!["spec.pluginConfig"],
        ),
        (vec![json!({ "kind": "WasmPlugin", "spec": { "pluginConfig": {} } })], vec![]),
        (
            vec![json!({ "kind": "WasmPlugin", "spec": { "url": "oci://x/okta", "pluginConfig": {} } })],
            vec!["spec.pluginConfig"],
        ),
        (
            vec![
                json!({ "kind": "EnvoyExtensionPolicy", "spec": { "wasm": [{ "config": 1 }, { "config": config }] } }),
            ],
            vec!["spec.wasm[1].config"],
        ),
    ] {
        assert_eq!(locations(&documents), expected, "{documents:?}");
    }
}

#[test]
fn find_configuration_in_kubernetes_list_returns_its_location() {
    let spec = json!({ "pluginConfig": { "providers": {} } });
    let plugin = json!({ "kind": "WasmPlugin", "metadata": { "annotations": { "a": "{}" } }, "spec": spec });
    let extension = json!({ "kind": "TrafficExtension", "spec": { "wasm": spec } });
    let other = json!({ "kind": "Service", "spec": {}, "status": { "pluginConfig": { "providers": {} } } });
    let list = json!({ "kind": "List", "items": [other, plugin, extension] });
    let expected = ["items[1].spec.pluginConfig", "items[2].spec.wasm.pluginConfig"];
    assert_eq!(locations(std::slice::from_ref(&list)), expected);
    let typed = json!({ "kind": "WasmPluginList", "items": [{ "spec": spec }] });
    assert_eq!(locations(&[typed]), ["items[0].spec.pluginConfig"]);
    let nested = json!({ "kind": "List", "items": [list] });
    assert_eq!(
        locations(&[nested]),
        ["items[0].items[1].spec.pluginConfig", "items[0].items[2].spec.wasm.pluginConfig"]
    );
}

#[test]
fn find_configuration_in_bytes_value_decodes_base64() {
    let plugin = |value: &str| json!({ "name": "x", "configuration": { "@type": "x/google.protobuf.BytesValue", "value": value } });
    // `{"providers":{}}` with and without padding, `{}`, and invalid base64.
    for (value, count) in
        [("eyJwcm92aWRlcnMiOnt9fQ==", 1), ("eyJwcm92aWRlcnMiOnt9fQ", 1), ("e30", 0), ("?", 0)]
    {
        assert_eq!(locations(&[plugin(value)]).len(), count, "{value}");
    }
}

#[test]
fn find_configuration_of_envoy_returns_following_filters() {
    let config = json!({ "@type": "x/google.protobuf.Struct", "value": { "providers": {} } });
    let filters = json!({ "http_filters": [{ "config": { "configuration": config } }, { "name": "guard" }] });
    let documents = [filters];
    let found = find(&documents);
    let ConfigContext::Envoy { following_filters: Some([guard]), .. } = found[0].context else {
        panic!("the configuration has one following filter")
    };
    assert_eq!(guard["name"], "guard");
}

#[test]
fn as_struct_large_integer_is_a_double() {
    let value = as_struct(&json!([9_007_199_254_740_991_i64, 9_007_199_254_740_993_i64, -1.5, 2.0]));
    assert_eq!(value.to_string(), "[9007199254740991,9007199254740992.0,-1.5,2]");
}
