//! `okta-authz check`: the TLS of the clusters through which the filter fetches keys and denylists.

use serde_json::{Value, json};

use super::findings::*;

pub(crate) const CLUSTER: &str = "/static_resources/clusters/1";
pub(crate) const TLS: &str = "/transport_socket/typed_config";
const VALIDATION: &str = "/transport_socket/typed_config/common_tls_context/validation_context";
pub(crate) const HOST: &str = "acme.okta.example";

/// Returns the findings about `envoy.yaml` with a changed `okta` cluster.
pub(crate) fn with_cluster(name: &str, change: &dyn Fn(&mut Value)) -> Findings {
    let mut document = yaml("envoy.yaml").remove(0);
    change(document.pointer_mut(CLUSTER).unwrap());
    findings(&format!("tls-{name}"), &text(&[document]))
}

pub(crate) fn dns(matcher: Value) -> Value {
    json!([{ "san_type": "DNS", "matcher": matcher }])
}

fn http(options: Value) -> Value {
    json!({ "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "upstream_http_protocol_options": options, "explicit_http_config": { "http_protocol_options": {} } } })
}

#[test]
fn check_cluster_that_accepts_other_certificates_is_a_warning() {
    for (name, pointer, member, value, problem) in [
        (
            "untrusted",
            VALIDATION,
            "trust_chain_verification",
            json!("ACCEPT_UNTRUSTED"),
            "accepts every certificate: `trust_chain_verification: ACCEPT_UNTRUSTED`",
        ),
        ("expired", VALIDATION, "allow_expired_certificate", json!(true), "accepts expired certificates"),
        ("no-ca", VALIDATION, "trusted_ca", json!({}), "trusts every certificate"),
        (
            "custom",
            VALIDATION,
            "custom_validator_config",
            json!({ "name": "x" }),
            "`custom_validator_config` verifies",
        ),
        (
            "sni",
            TLS,
            "sni",
            json!("other.okta.example"),
            "sends the SNI \"other.okta.example\", but the filter fetches from \"acme.okta.example\"",
        ),
        ("no-sni", TLS, "sni", json!(""), "sends no SNI"),
        (
            "no-sans",
            VALIDATION,
            "match_typed_subject_alt_names",
            json!([]),
            "accepts a certificate for any name",
        ),
        (
            "san",
            VALIDATION,
            "match_typed_subject_alt_names",
            dns(json!({ "exact": "other.okta.example" })),
            "accepts certificates for \"other.okta.example\"",
        ),
        (
            "second-san",
            VALIDATION,
            "match_typed_subject_alt_names",
            json!([{ "san_type": "DNS", "matcher": { "exact": HOST } }, { "san_type": "DNS", "matcher": { "exact": "evil.example" } }]),
            "[1] accepts certificates for \"evil.example\"",
        ),
        (
            "suffix",
            VALIDATION,
            "match_typed_subject_alt_names",
            dns(json!({ "suffix": HOST })),
            "may accept certificates for other hosts",
        ),
        (
            "prefix",
            VALIDATION,
            "match_typed_subject_alt_names",
            dns(json!({ "prefix": HOST })),
            "may accept certificates for other hosts",
        ),
        (
            "contains",
            VALIDATION,
            "match_typed_subject_alt_names",
            dns(json!({ "contains": "okta" })),
            "may accept certificates for other hosts",
        ),
        (
            "regex",
            VALIDATION,
            "match_typed_subject_alt_names",
            dns(json!({ "safe_regex": { "regex": ".*" } })),
            "may accept certificates for other hosts",
        ),
        (
            "regex-dot",
            VALIDATION,
            "match_typed_subject_alt_names",
            dns(json!({ "safe_regex": { "regex": HOST } })),
            "may accept certificates for other hosts",
        ),
        (
            "wildcard",
            VALIDATION,
            "match_typed_subject_alt_names",
            dns(json!({ "exact": "*.example" })),
            "accepts certificates for",
        ),
        (
            "uri",
            VALIDATION,
            "match_typed_subject_alt_names",
            json!([{ "san_type": "URI", "matcher": { "exact": HOST } }]),
            "must be of the type `DNS`, not URI",
        ),
        (
            "old",
            TLS,
            "common_tls_context",
            json!({ "validation_context": { "trusted_ca": { "filename": "a" }, "match_subject_alt_names": [{ "prefix": "a" }] } }),
            "match_subject_alt_names[0] may accept",
        ),
        (
            "version",
            TLS,
            "common_tls_context",
            json!({ "tls_params": { "tls_minimum_protocol_version": "TLSv1_0" } }),
            "accepts TLS before 1.2",
        ),
        (
            "plain",
            "",
            "transport_socket",
            json!({ "name": "envoy.transport_sockets.raw_buffer" }),
            "the cluster has no TLS",
        ),
        (
            "starttls",
            "",
            "transport_socket",
            json!({ "typed_config": { "@type": "x/envoy.extensions.transport_sockets.starttls.v3.UpstreamStartTlsConfig", "tls_socket_config": {} } }),
            "the cluster has no TLS",
        ),
        (
            "matched",
            "",
            "transport_socket_matches",
            json!([{ "name": "a", "match": { "a": "b" }, "transport_socket": { "name": "envoy.transport_sockets.raw_buffer" } }]),
            "transport_socket_matches[0]: the cluster has no TLS",
        ),
        ("matcher", "", "transport_socket_matcher", json!({}), "`transport_socket_matcher` chooses"),
    ] {
        let found =
            with_cluster(name, &|cluster| cluster.pointer_mut(pointer).unwrap()[member] = value.clone());
        assert!(
            found.warnings.iter().any(|warning| warning.contains(problem)),
            "{name}: {:?}",
            found.warnings
        );
        assert!(
            found.warnings.iter().all(|warning| warning.starts_with("providers.okta.remote_jwks.cluster: "))
        );
    }
}

#[test]
fn check_cluster_that_verifies_the_host_has_no_findings() {
    for (name, pointer, member, value) in [
        ("case", TLS, "sni", json!("ACME.okta.example")),
        (
            "escaped",
            VALIDATION,
            "match_typed_subject_alt_names",
            dns(json!({ "safe_regex": { "regex": r"acme\.okta\.example" } })),
        ),
        (
            "class",
            VALIDATION,
            "match_typed_subject_alt_names",
            dns(json!({ "safe_regex": { "regex": "acme[.]okta[.]example" } })),
        ),
        ("wildcard", VALIDATION, "match_typed_subject_alt_names", dns(json!({ "exact": "*.okta.example" }))),
        ("verified", VALIDATION, "trust_chain_verification", json!("VERIFY_TRUST_CHAIN")),
        ("not-expired", VALIDATION, "allow_expired_certificate", json!(false)),
        (
            "system",
            TLS,
            "common_tls_context",
            json!({ "validation_context": { "system_root_certs": {}, "match_typed_subject_alt_names": dns(json!({ "exact": HOST })) } }),
        ),
        (
            "pinned",
            TLS,
            "common_tls_context",
            json!({ "validation_context": { "verify_certificate_spki": ["a"] } }),
        ),
        ("version", VALIDATION, "crl", json!({ "filename": "a" })),
    ] {
        let found =
            with_cluster(name, &|cluster| cluster.pointer_mut(pointer).unwrap()[member] = value.clone());
        assert!(
            found.warnings.is_empty() && found.notes.is_empty(),
            "{name}: {:?} {:?}",
            found.warnings,
            found.notes
        );
    }
    for (name, change) in [
        (
            "automatic",
            &(|cluster: &mut Value| {
                cluster["typed_extension_protocol_options"] =
                    http(json!({ "auto_sni": true, "auto_san_validation": true }));
                let tls = &mut cluster["transport_socket"]["typed_config"];
                tls["sni"] = json!("");
                tls["common_tls_context"]["validation_context"] =
                    json!({ "trusted_ca": { "filename": "a" } });
            }) as &dyn Fn(&mut Value),
        ),
        ("by SNI", &|cluster| {
            let tls = &mut cluster["transport_socket"]["typed_config"];
            tls["auto_sni_san_validation"] = json!(true);
            tls["common_tls_context"]["validation_context"] = json!({ "trusted_ca": { "filename": "a" } });
        }),
        ("by endpoint", &|cluster| {
            cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["hostname"] =
                json!(HOST);
            let tls = &mut cluster["transport_socket"]["typed_config"];
            tls["sni"] = json!("");
            tls["auto_host_sni"] = json!(true);
        }),
        ("matched", &|cluster| {
            let socket = cluster["transport_socket"].clone();
            cluster["transport_socket_matches"] =
                json!([{ "name": "a", "match": {}, "transport_socket": socket }]);
            cluster.as_object_mut().unwrap().remove("transport_socket");
        }),
        ("proxied", &|cluster| {
            let socket = cluster["transport_socket"].clone();
            cluster["transport_socket"] = json!({ "name": "envoy.transport_sockets.http_11_proxy", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.http_11_proxy.v3.Http11ProxyUpstreamTransport",
                "transport_socket": socket } });
        }),
    ] {
        let found = with_cluster(&name.replace(' ', "-"), &change);
        assert!(
            found.warnings.is_empty() && found.notes.is_empty(),
            "{name}: {:?} {:?}",
            found.warnings,
            found.notes
        );
    }
}

#[test]
fn check_cluster_that_is_not_in_the_file_is_a_finding() {
    let without = |name: &str, dynamic: Value| {
        let mut documents = yaml("envoy.yaml");
        documents[0]["static_resources"].as_object_mut().unwrap().remove("clusters");
        documents[0]["dynamic_resources"] = dynamic;
        findings(name, &text(&documents))
    };
    assert_warns("none", &without("clusters-none", json!({})), "no cluster in this file is named \"okta\"");
    let listener = yaml("envoy.yaml")[0]["static_resources"]["listeners"][0].clone();
    for found in [
        without("clusters-dynamic", json!({ "cds_config": { "ads": {} } })),
        findings("clusters-listener", &text(&[listener])),
    ] {
        assert!(found.warnings.is_empty(), "{:?}", found.warnings);
        assert!(
            found.notes.iter().any(|note| note.contains("cannot see the TLS of \"okta\"")),
            "{:?}",
            found.notes
        );
    }
}
