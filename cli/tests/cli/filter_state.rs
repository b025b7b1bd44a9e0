//! `okta-authz check`: filter state that a file reads, and that the configuration does not select.

use serde_json::{Value, json};

use super::findings::{Findings, MANAGER, assert_no_findings, assert_warns, findings, text, yaml};

const PLUGIN: &str = "/http_filters/0/typed_config/config/configuration/value";

/// A change of a connection manager.
type Change<'a> = &'a dyn Fn(&mut Value);

/// Returns the findings about `envoy.yaml` with a changed connection manager and this list of names.
/// It has no access log unless `change` adds one.
fn with_names(name: &str, names: &Value, change: Change<'_>) -> Findings {
    let mut document = yaml("envoy.yaml").remove(0);
    let manager = document.pointer_mut(MANAGER).unwrap();
    manager.as_object_mut().unwrap().remove("access_log");
    manager.pointer_mut(PLUGIN).unwrap()["filter_state"] = names.clone();
    change(manager);
    findings(&format!("filter-state-{name}"), &text(&[document]))
}

/// Returns an access log with this `log_format`.
fn access_log(format: Value) -> Value {
    let kind = "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog";
    json!([{ "name": "log", "typed_config": { "@type": kind, "log_format": format } }])
}

fn warning(read: &str, list: &str) -> String {
    format!(
        "filter_state: the file reads {read}, which the filter does not write for allowed requests; use `filter_state: [{list}]`"
    )
}

#[test]
fn access_log_of_the_reference_configuration_needs_its_names() {
    let mut document = yaml("envoy.yaml").remove(0);
    assert_no_findings("listed", &findings("filter-state-listed", &text(&[document.clone()])));
    let plugin = document.pointer_mut(MANAGER).unwrap().pointer_mut(PLUGIN).unwrap();
    plugin.as_object_mut().unwrap().remove("filter_state").unwrap();
    let found = findings("filter-state-default", &text(&[document.clone()]));
    let all = "`wasm.okta.decision`, `wasm.okta.code`, `wasm.okta.sub`, `wasm.okta.cid`";
    assert_eq!(found.warnings, [warning(all, "decision, code, sub, cid")]);
    let plugin = document.pointer_mut(MANAGER).unwrap().pointer_mut(PLUGIN).unwrap();
    plugin["filter_state"] = json!(["scopes", "cid", "code"]);
    let found = findings("filter-state-partial", &text(&[document]));
    let missing = "`wasm.okta.decision`, `wasm.okta.sub`";
    assert_eq!(found.warnings, [warning(missing, "decision, code, sub, cid, scopes")]);
}

#[test]
fn filter_state_read_anywhere_in_the_connection_manager_is_found() {
    let operator = "a=%FILTER_STATE(wasm.okta.sub:PLAIN)%";
    let cel = "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter";
    let rbac = |principal: Value| {
        let mut guard = yaml("envoy.yaml").remove(0).pointer(MANAGER).unwrap()["http_filters"][1].clone();
        guard["name"] = json!("second");
        guard["typed_config"]["rules"]["policies"]["second"] =
            json!({ "permissions": [{ "any": true }], "principals": [principal] });
        guard
    };
    let filter_state =
        json!({ "filter_state": { "key": "wasm.okta.sub", "string_match": { "exact": "joe" } } });
    let headers = json!([{ "header": { "key": "x-sub", "value": operator } }]);
    let cases: [(&str, Change<'_>); 9] = [
        ("text", &|manager| {
            manager["access_log"] =
                access_log(json!({ "text_format_source": { "inline_string": operator } }));
        }),
        ("base64", &|manager| {
            let octets = "JUZJTFRFUl9TVEFURSh3YXNtLm9rdGEuc3ViOlBMQUlOKSUK";
            manager["access_log"] = access_log(json!({ "text_format_source": { "inline_bytes": octets } }));
        }),
        ("old-text", &|manager| manager["access_log"] = access_log(json!({ "text_format": operator }))),
        ("json", &|manager| {
            manager["access_log"] = access_log(json!({ "json_format": { "okta": { "sub": operator } } }));
        }),
        ("typed-json", &|manager| {
            let format = "%FILTER_STATE(wasm.okta.sub)%";
            manager["access_log"] = access_log(json!({ "json_format": { "okta": [format] } }));
        }),
        ("cel", &|manager| {
            manager["access_log"] = access_log(json!({ "text_format": "x" }));
            manager["access_log"][0]["filter"] = json!({ "extension_filter": { "name": "cel",
                "typed_config": { "@type": cel, "expression": "filter_state['wasm.okta.sub'] == 'joe'" } } });
        }),
        ("header", &|manager| manager["route_config"]["request_headers_to_add"] = headers.clone()),
        ("route-header", &|manager| {
            manager["route_config"]["virtual_hosts"][0]["routes"][0]["response_headers_to_add"] =
                headers.clone();
        }),
        ("rbac", &|manager| {
            let filters = manager["http_filters"].as_array_mut().unwrap();
            filters.insert(2, rbac(filter_state.clone()));
        }),
    ];
    for (name, change) in cases {
        assert_warns(name, &with_names(name, &json!([]), change), &warning("`wasm.okta.sub`", "sub"));
        let listed = with_names(&format!("{name}-listed"), &json!(["sub"]), change);
        assert_no_findings(name, &listed);
    }
}

#[test]
fn filter_state_of_every_request_needs_no_entry() {
    let format = "%FILTER_STATE(wasm.okta.permit)% %FILTER_STATE(wasm.okta.policy:PLAIN)% \
                  %FILTER_STATE(wasm.okta.shadow:PLAIN)% %DYNAMIC_METADATA(okta:sub)%";
    let found = with_names("always", &json!([]), &|manager| {
        manager["access_log"] = access_log(json!({ "text_format": format }));
    });
    assert_no_findings("always", &found);
}

#[test]
fn filter_state_that_the_filter_never_writes_is_found() {
    let found = with_names("unknown", &json!(["sub"]), &|manager| {
        let format = "%FILTER_STATE(wasm.okta.groups:PLAIN)% %FILTER_STATE(wasm.okta.sub:PLAIN)%";
        manager["access_log"] = access_log(json!({ "text_format": format }));
        // A name of a statistic.
        manager["stat_prefix"] = json!("wasm.okta.vm_reload_success");
    });
    let expected = "filter_state: the file reads `wasm.okta.groups`, which the filter never writes";
    assert_eq!(found.warnings, [expected]);
}

#[test]
fn filter_state_read_by_another_listener_is_not_found() {
    let mut document = yaml("envoy.yaml").remove(0);
    let mut other = document["static_resources"]["listeners"][0].clone();
    other["name"] = json!("other");
    let at = MANAGER.strip_prefix("/static_resources/listeners/0").unwrap();
    let filters = other.pointer_mut(at).unwrap()["http_filters"].as_array_mut().unwrap();
    filters.drain(..2);
    let manager = document.pointer_mut(MANAGER).unwrap();
    manager.as_object_mut().unwrap().remove("access_log");
    manager.pointer_mut(PLUGIN).unwrap()["filter_state"] = json!([]);
    document["static_resources"]["listeners"].as_array_mut().unwrap().push(other);
    assert_no_findings("other", &findings("filter-state-other", &text(&[document])));
}

#[test]
fn filter_state_read_by_an_upstream_http_filter_is_found() {
    let mut document = yaml("envoy.yaml").remove(0);
    let manager = document.pointer_mut(MANAGER).unwrap();
    manager.as_object_mut().unwrap().remove("access_log");
    manager.pointer_mut(PLUGIN).unwrap()["filter_state"] = json!([]);
    let header = json!({ "key": "x-cid", "value": "%FILTER_STATE(wasm.okta.cid:PLAIN)%" });
    document["static_resources"]["clusters"][0]["typed_extension_protocol_options"] = json!({
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": { "http_protocol_options": {} },
            "http_filters": [
                { "name": "mutation", "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
                    "mutations": { "request_mutations": [{ "append": { "header": header } }] },
                } },
                { "name": "codec", "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec",
                } },
            ],
        },
    });
    let found = findings("filter-state-upstream", &text(&[document]));
    assert_warns("upstream", &found, &warning("`wasm.okta.cid`", "cid"));
}

#[test]
fn filter_state_read_by_another_resource_is_found() {
    let operator = "%FILTER_STATE(wasm.okta.cid:PLAIN)%\n";
    let proxy = json!({
        "apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "EnvoyProxy", "metadata": { "name": "a" },
        "spec": { "telemetry": { "accessLog": { "settings": [
            { "format": { "type": "Text", "text": operator }, "sinks": [{ "type": "File", "file": { "path": "/dev/stdout" } }] }
        ] } } },
    });
    let telemetry = json!({
        "apiVersion": "telemetry.istio.io/v1", "kind": "Telemetry", "metadata": { "name": "a" },
        "spec": { "accessLogging": [{ "filter": { "expression": "filter_state['wasm.okta.cid'] != ''" } }] },
    });
    let mesh = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "istio" },
        "data": { "mesh": format!("accessLogFormat: \"{operator}\"") },
    });
    for (name, file, reader, plugin) in [
        ("gateway", "deploy/envoy-gateway/policy.yaml", proxy, "EnvoyExtensionPolicy"),
        ("telemetry", "deploy/istio/gateway.yaml", telemetry, "WasmPlugin"),
        ("mesh", "deploy/istio/gateway.yaml", mesh, "WasmPlugin"),
    ] {
        let mut documents = yaml(file);
        let before = findings(&format!("filter-state-{name}-before"), &text(&documents));
        assert!(!before.warnings.iter().any(|warning| warning.starts_with("filter_state")), "{name}");
        documents.push(reader);
        let found = findings(&format!("filter-state-{name}"), &text(&documents));
        assert_warns(name, &found, &warning("`wasm.okta.cid`", "cid"));
        let resource = documents.iter_mut().find(|document| document["kind"] == plugin).unwrap();
        let config = match plugin {
            "WasmPlugin" => &mut resource["spec"]["pluginConfig"],
            _ => &mut resource["spec"]["wasm"][0]["config"],
        };
        config["filter_state"] = json!(["cid"]);
        let listed = findings(&format!("filter-state-{name}-listed"), &text(&documents));
        assert_eq!(listed.warnings, before.warnings, "{name}");
    }
}
