//! The configuration of the filter passes the chart unchanged, except for the clusters.

use serde_json::{Value, json};

use crate::chart::{CHART, ENVOY_GATEWAY, EXAMPLES, Example, ISTIO_GATEWAY, of_kind, render, render_chart};
use crate::resources::parse;

/// Returns the configuration of the filter in rendered resources.
fn configuration(example: Example, resources: &[Value]) -> Value {
    if example.0 == "envoy-gateway" {
        of_kind(resources, "EnvoyExtensionPolicy")["spec"]["wasm"][0]["config"].clone()
    } else {
        of_kind(resources, "WasmPlugin")["spec"]["pluginConfig"].clone()
    }
}

/// Each kind of value, such as 10,000 entries, the largest integers, and texts that are numbers,
/// templates or YAML.
#[test]
fn accepted_configuration_is_unchanged() {
    let mut configs = crate::configs::configs();
    let text = "{{ .Values }} {{- fail \"x\" }} # \" ' \\ \n - a: &b *c !!int 1 é\u{2028}";
    let values = [
        json!(text),
        json!("yes"),
        json!("0x1F"),
        json!("1e3"),
        json!("null"),
        json!("~"),
        json!("2026-01-31"),
        json!(" "),
        json!(9_007_199_254_740_991_u64),
        json!(-9_007_199_254_740_991_i64),
        json!(1_000_000),
        json!(0.1),
        json!(1e-7),
        json!(true),
        json!({ "a": [] }),
        json!([[]]),
    ];
    let claims =
        json!([{ "match": {}, "requires": { "claims": [{ "name": ["a.b", text], "any_of": values }] } }]);
    let mut last = configs[0].clone();
    last["rules"] = claims;
    configs.push(last);
    assert!(configs.len() > 60, "{}", configs.len());
    for (index, config) in configs.iter().enumerate() {
        let example = EXAMPLES[index % EXAMPLES.len()];
        let mut values = example.with(&json!({ "config": null }));
        values["config"] = config.clone();
        let rendered = render_chart(CHART.as_ref(), example.1, &values)
            .unwrap_or_else(|error| panic!("{config}: {error}"));
        let mut expected = config.clone();
        if expected.get("ignore_port_in_host_matching").is_none() {
            expected["ignore_port_in_host_matching"] = json!(true);
        }
        assert_eq!(configuration(example, &parse(&rendered)), expected);
    }
}

/// Returns the providers and the denylist of the test: two hosts, one of them twice.
fn sources() -> Value {
    json!({ "config": {
        "providers": {
            "okta": { "issuer": "https://acme.okta.com/oauth2/default", "audiences": ["a"] },
            "partner": { "issuers": ["https://login.partner.example:8443/oauth2/a", "https://b.example"], "audiences": ["b"] },
            "internal": { "issuer": "https://acme.okta.com/oauth2/internal", "audiences": ["c"],
                "remote_jwks": { "discovery": true, "timeout": "2s" } },
            "keys": { "issuer": "https://x.example/oauth2/a", "audiences": ["d"],
                "remote_jwks": { "uri": "https://keys.example/jwks" } },
            "own": { "issuer": "https://y.example/oauth2/a", "audiences": ["e"], "remote_jwks": { "cluster": "mine" } },
        },
        "denylist": { "remote": { "uri": "https://keys.example:444/list" } },
    } })
}

/// Returns the cluster of each provider and of the denylist.
fn clusters(configuration: &Value) -> Vec<(&str, &str)> {
    let providers = configuration["providers"].as_object().unwrap().iter();
    let mut clusters: Vec<(&str, &str)> = providers
        .map(|(name, provider)| (name.as_str(), provider["remote_jwks"]["cluster"].as_str().unwrap()))
        .collect();
    clusters.push(("denylist", configuration["denylist"]["remote"]["cluster"].as_str().unwrap()));
    clusters
}

#[test]
fn source_without_cluster_gets_a_service_entry_per_host_in_istio() {
    let resources = render(ISTIO_GATEWAY, &sources());
    let configuration = configuration(ISTIO_GATEWAY, &resources);
    assert_eq!(
        clusters(&configuration),
        [
            ("internal", "outbound|443||acme.okta.com"),
            ("keys", "outbound|443||keys.example"),
            ("okta", "outbound|443||acme.okta.com"),
            ("own", "mine"),
            ("partner", "outbound|8443||login.partner.example"),
            ("denylist", "outbound|444||keys.example"),
        ]
    );
    assert_eq!(configuration["providers"]["internal"]["remote_jwks"]["timeout"], "2s");
    let of = |kind: &str| -> Vec<&Value> {
        resources.iter().filter(|resource| resource["kind"] == kind).collect()
    };
    let entries: Vec<(&str, &Value, u64)> = of("ServiceEntry")
        .iter()
        .map(|entry| {
            let port = entry["spec"]["ports"][0]["number"].as_u64().unwrap();
            (entry["metadata"]["name"].as_str().unwrap(), &entry["spec"]["hosts"], port)
        })
        .collect();
    let (acme, keys, partner) =
        (json!(["acme.okta.com"]), json!(["keys.example"]), json!(["login.partner.example"]));
    assert_eq!(
        entries,
        [
            ("okta-acme-okta-com", &acme, 443),
            ("okta-keys-example", &keys, 443),
            ("okta-keys-example-444", &keys, 444),
            ("okta-login-partner-example-8443", &partner, 8443),
        ]
    );
    for (entry, rule) in of("ServiceEntry").iter().zip(of("DestinationRule")) {
        let host = &entry["spec"]["hosts"][0];
        let tls = &rule["spec"]["trafficPolicy"]["tls"];
        assert_eq!((&rule["spec"]["host"], &tls["sni"], &tls["subjectAltNames"][0]), (host, host, host));
        assert_eq!(rule["metadata"]["name"], entry["metadata"]["name"]);
    }
}

#[test]
fn source_without_cluster_gets_a_cluster_per_host_in_envoy_gateway() {
    let resources = render(ENVOY_GATEWAY, &sources());
    assert_eq!(
        clusters(&configuration(ENVOY_GATEWAY, &resources)),
        [
            ("internal", "okta-acme-okta-com"),
            ("keys", "okta-keys-example"),
            ("okta", "okta-acme-okta-com"),
            ("own", "mine"),
            ("partner", "okta-login-partner-example-8443"),
            ("denylist", "okta-keys-example-444"),
        ]
    );
    let patches = of_kind(&resources, "EnvoyPatchPolicy")["spec"]["jsonPatches"].as_array().unwrap();
    let clusters: Vec<&Value> = patches.iter().filter(|patch| patch["operation"]["path"] == "").collect();
    assert_eq!(clusters.len(), 4);
    for (patch, host, port) in [
        (clusters[0], "acme.okta.com", 443),
        (clusters[1], "keys.example", 443),
        (clusters[2], "keys.example", 444),
        (clusters[3], "login.partner.example", 8443),
    ] {
        let cluster = &patch["operation"]["value"];
        assert_eq!(
            (&cluster["name"], &cluster["load_assignment"]["cluster_name"]),
            (&patch["name"], &patch["name"])
        );
        let address = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"];
        assert_eq!(*address, json!({ "address": host, "port_value": port }));
        let tls = &cluster["transport_socket"]["typed_config"];
        let names = &tls["common_tls_context"]["validation_context"]["match_typed_subject_alt_names"];
        assert_eq!((&tls["sni"], &names[0]["matcher"]["exact"]), (&json!(host), &json!(host)));
    }
}

#[test]
fn pinned_keys_without_remote_keys_get_no_cluster() {
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "pinned", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    let changes = json!({ "config": { "providers": { "okta": { "local_jwks": { "keys": [key] } } } } });
    for example in EXAMPLES {
        let resources = render(example, &changes);
        let provider = &configuration(example, &resources)["providers"]["okta"];
        assert!(provider.get("remote_jwks").is_none(), "{provider}");
        assert!(resources.iter().all(|resource| resource["kind"] != "ServiceEntry"));
    }
}

#[test]
fn named_cluster_needs_no_resources() {
    let changes = json!({
        "okta": { "create": false },
        "config": { "providers": { "okta": { "remote_jwks": { "cluster": "mine" } } } },
    });
    for example in EXAMPLES {
        let resources = render(example, &changes);
        let provider = &configuration(example, &resources)["providers"]["okta"];
        assert_eq!(provider["remote_jwks"], json!({ "cluster": "mine" }));
        let text = json!(resources).to_string();
        assert!(!text.contains("ServiceEntry") && !text.contains("LOGICAL_DNS"), "{text}");
    }
}
