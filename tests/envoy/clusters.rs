//! TLS settings of the cluster for keys. `okta-authz check` must warn about a cluster exactly if
//! Envoy accepts another server through it.

use serde_json::{Value, json};
use stand_in_okta::{Options, Server, StandIn};
use test_support::backend::Backend;
use test_support::client::get;
use test_support::envoy::Envoy;

use super::harness::reference_config;

const HOST: &str = "acme.okta.example";
const PLUGIN: &str =
    "/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config/configuration/value";
const HTTP: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// A name, a change of the cluster, and whether the cluster still accepts only the server of Okta.
type Variant = (&'static str, fn(&mut Value), bool);

fn tls(cluster: &mut Value) -> &mut Value {
    &mut cluster["transport_socket"]["typed_config"]
}

fn validation(cluster: &mut Value) -> &mut Value {
    &mut tls(cluster)["common_tls_context"]["validation_context"]
}

fn names(cluster: &mut Value, matchers: Value) {
    let entries = matchers.as_array().unwrap().iter();
    validation(cluster)["match_typed_subject_alt_names"] =
        entries.map(|matcher| json!({ "san_type": "DNS", "matcher": matcher })).collect();
}

fn without_names(cluster: &mut Value) {
    validation(cluster).as_object_mut().unwrap().remove("match_typed_subject_alt_names");
}

const VARIANTS: [Variant; 15] = [
    ("reference", |_| {}, true),
    ("regex", |cluster| names(cluster, json!([{ "safe_regex": { "regex": r"acme\.okta\.example" } }])), true),
    (
        "automatic",
        |cluster| {
            without_names(cluster);
            tls(cluster).as_object_mut().unwrap().remove("sni");
            cluster["typed_extension_protocol_options"] = json!({ HTTP: {
                "@type": format!("type.googleapis.com/{HTTP}"),
                "upstream_http_protocol_options": { "auto_sni": true, "auto_san_validation": true },
                "explicit_http_config": { "http_protocol_options": {} } } });
        },
        true,
    ),
    (
        "by-sni",
        |cluster| {
            without_names(cluster);
            tls(cluster)["auto_sni_san_validation"] = json!(true);
        },
        true,
    ),
    (
        "by-endpoint",
        |cluster| {
            without_names(cluster);
            tls(cluster).as_object_mut().unwrap().remove("sni");
            tls(cluster)["auto_host_sni"] = json!(true);
            tls(cluster)["auto_sni_san_validation"] = json!(true);
            cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["hostname"] =
                json!(HOST);
        },
        true,
    ),
    (
        "matches",
        |cluster| {
            let socket = cluster.as_object_mut().unwrap().remove("transport_socket").unwrap();
            cluster["transport_socket_matches"] =
                json!([{ "name": "all", "match": {}, "transport_socket": socket }]);
        },
        true,
    ),
    (
        "untrusted",
        |cluster| validation(cluster)["trust_chain_verification"] = json!("ACCEPT_UNTRUSTED"),
        false,
    ),
    (
        "no-authority",
        |cluster| {
            without_names(cluster);
            validation(cluster).as_object_mut().unwrap().remove("trusted_ca");
        },
        false,
    ),
    ("no-names", without_names, false),
    (
        "other-name",
        |cluster| names(cluster, json!([{ "exact": HOST }, { "exact": "evil.example.com" }])),
        false,
    ),
    ("contains", |cluster| names(cluster, json!([{ "contains": "example" }])), false),
    ("prefix", |cluster| names(cluster, json!([{ "exact": HOST }, { "prefix": "e" }])), false),
    ("suffix", |cluster| names(cluster, json!([{ "exact": HOST }, { "suffix": ".com" }])), false),
    ("wide-regex", |cluster| names(cluster, json!([{ "safe_regex": { "regex": ".*" } }])), false),
    (
        "other-sni",
        |cluster| {
            without_names(cluster);
            tls(cluster)["sni"] = json!("evil.example.com");
            tls(cluster)["auto_sni_san_validation"] = json!(true);
        },
        false,
    ),
];

#[test]
fn cluster_check_warns_exactly_if_another_server_is_accepted() {
    let start = |domain: &str| StandIn::start(Options { domain: domain.to_owned(), ..Options::default() });
    let backend = Backend::start();
    // Okta, a server with a trusted certificate for another host, and a server with an untrusted
    // certificate for the host of Okta.
    let servers = [("okta", start(HOST)), ("other", start("evil.example.com")), ("forger", start(HOST))];
    let mut config = reference_config("clusters", &servers[0].1, &backend);
    let trusted = format!("{}{}", servers[0].1.ca_pem(), servers[1].1.ca_pem());
    std::fs::write(test_support::scratch("clusters").join("ca.pem"), trusted).unwrap();
    let resources = &config.document()["static_resources"];
    let (listener, app, okta) = (
        resources["listeners"][0].clone(),
        resources["clusters"][0].clone(),
        resources["clusters"][1].clone(),
    );
    let (mut listeners, mut clusters) = (Vec::new(), vec![app]);
    for (name, change, accepts_only_okta) in VARIANTS {
        for (server, stand_in) in &servers {
            let (mut listener, mut cluster) = (listener.clone(), okta.clone());
            let endpoint = &mut cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
            endpoint["address"]["socket_address"]["port_value"] = json!(stand_in.https_port());
            change(&mut cluster);
            let name = format!("{name}-{server}");
            cluster["name"] = json!(name);
            listener["name"] = json!(name);
            listener.pointer_mut(PLUGIN).unwrap()["providers"]["okta"]["remote_jwks"]["cluster"] =
                json!(name);
            let mut only_this = config.clone();
            only_this.document()["static_resources"]["listeners"] = json!([listener]);
            only_this.document()["static_resources"]["clusters"] = json!([cluster]);
            let file = test_support::scratch("clusters").join("check.json");
            std::fs::write(&file, only_this.to_json()).unwrap();
            let check =
                test_support::okta_authz().args(["check", "--deny-warnings"]).arg(&file).output().unwrap();
            assert_eq!(
                check.status.success(),
                accepts_only_okta,
                "{name}: {}",
                String::from_utf8_lossy(&check.stdout)
            );
            listeners.push(listener);
            clusters.push(cluster);
        }
    }
    config.document()["static_resources"]["listeners"] = json!(listeners);
    config.document()["static_resources"]["clusters"] = json!(clusters);
    let envoy = Envoy::start("clusters", &config);
    for (name, _, accepts_only_okta) in VARIANTS {
        let accepted = servers.each_ref().map(|(server, stand_in)| {
            let listener = format!("{name}-{server}");
            envoy.client_of(&listener).send(&get("/me").bearer(forged(stand_in))).status == 200
        });
        // A cluster that accepts another server does not have to accept the server of Okta.
        if accepts_only_okta {
            assert_eq!(accepted, [true, false, false], "{name}\n{}", envoy.log());
        } else {
            assert!(accepted[1] || accepted[2], "{name} {accepted:?}\n{}", envoy.log());
        }
    }
}

/// Returns a token with the issuer of Okta's default server, signed by `server`.
fn forged(server: &StandIn) -> String {
    server.sign(
        Server::Default,
        &json!({ "kid": server.kid(Server::Default), "alg": "RS256" }).to_string(),
        &json!({
            "iss": format!("https://{HOST}/oauth2/default"), "aud": "api://default", "ver": 1, "jti": "AT.1",
            "sub": "root", "uid": "00u1", "cid": "0oa1", "scp": ["a"], "iat": 1, "exp": 4_000_000_000_u64
        })
        .to_string(),
    )
}
