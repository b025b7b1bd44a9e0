//! What `okta-authz check` says of the clusters through which keys and denylists are fetched.

use serde_json::{Value, json};

use super::guards::{Findings, findings, text, yaml};

const CLUSTER: &str = "/static_resources/clusters/1";
const TLS: &str = "/transport_socket/typed_config";
const VALIDATION: &str = "/transport_socket/typed_config/common_tls_context/validation_context";
const HOST: &str = "acme.okta.example";

/// What is found in the reference configuration with a change of its `okta` cluster.
fn with_cluster(name: &str, change: &dyn Fn(&mut Value)) -> Findings {
    let mut document = yaml("envoy.yaml").remove(0);
    change(document.pointer_mut(CLUSTER).unwrap());
    findings(&format!("tls-{name}"), &text(&[document]))
}

fn dns(matcher: Value) -> Value {
    json!([{ "san_type": "DNS", "matcher": matcher }])
}

fn http(options: Value) -> Value {
    json!({ "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "upstream_http_protocol_options": options, "explicit_http_config": { "http_protocol_options": {} } } })
}

#[test]
fn check_cluster_that_trusts_too_much_is_warned_of() {
    for (name, pointer, member, value, says) in [
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
            "sends the SNI \"other.okta.example\", but the filter asks the host \"acme.okta.example\"",
        ),
        ("no-sni", TLS, "sni", json!(""), "sends no SNI"),
        (
            "no-sans",
            VALIDATION,
            "match_typed_subject_alt_names",
            json!([]),
            "takes a certificate for any name",
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
            "is of the type URI, not `DNS`",
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
        assert!(found.warnings.iter().any(|warning| warning.contains(says)), "{name}: {:?}", found.warnings);
        assert!(
            found.warnings.iter().all(|warning| warning.starts_with("providers.okta.remote_jwks.cluster: "))
        );
    }
}

#[test]
fn check_cluster_that_pins_the_host_is_silent() {
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
fn check_secret_is_read_where_it_is_in_the_file() {
    let sds = |name: &str| json!({ "validation_context_sds_secret_config": { "name": name } });
    let with = |name: &str, secret: Value| {
        let mut document = yaml("envoy.yaml").remove(0);
        document.pointer_mut(&format!("{CLUSTER}{TLS}")).unwrap()["common_tls_context"] = sds("ca");
        document["static_resources"]["secrets"] = json!([{ "name": "ca", "validation_context": secret }]);
        findings(&format!("tls-secret-{name}"), &text(&[document]))
    };
    let good = json!({ "trusted_ca": { "filename": "a" }, "match_typed_subject_alt_names": dns(json!({ "exact": HOST })) });
    let found = with("good", good.clone());
    assert!(found.warnings.is_empty() && found.notes.is_empty(), "{:?} {:?}", found.warnings, found.notes);
    let mut open = good.clone();
    open["trust_chain_verification"] = json!("ACCEPT_UNTRUSTED");
    assert!(with("open", open.clone()).warnings[0].contains("accepts every certificate"));
    let found = with_cluster("sds", &|cluster| {
        cluster.pointer_mut(TLS).unwrap()["common_tls_context"] = sds("elsewhere")
    });
    assert!(
        found.warnings.is_empty() && found.notes[0].contains("come from a secret (SDS)"),
        "{:?}",
        found.notes
    );
    // A secret adds to what is written here, and takes nothing of it away.
    for (name, default, warnings, notes) in [
        ("good", good, 0, 0),
        ("no-names", json!({ "trusted_ca": { "filename": "a" } }), 0, 1),
        ("nothing", json!({}), 0, 2),
        ("open", open, 1, 0),
    ] {
        let found = with_cluster(&format!("combined-{name}"), &|cluster| {
            cluster.pointer_mut(TLS).unwrap()["common_tls_context"] = json!({ "combined_validation_context": {
                "default_validation_context": default, "validation_context_sds_secret_config": { "name": "x" } } });
        });
        assert_eq!(
            (found.warnings.len(), found.notes.len()),
            (warnings, notes),
            "{name}: {:?} {:?}",
            found.warnings,
            found.notes
        );
    }
}

/// The host is that of `uri` where there is one, of the issuer elsewhere; and that of the denylist.
#[test]
fn check_cluster_is_for_the_host_that_is_asked() {
    const PLUGIN: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config/configuration/value";
    let with = |name: &str, pointer: &str, value: Value| {
        let mut document = yaml("envoy.yaml").remove(0);
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        document.pointer_mut(PLUGIN).unwrap().pointer_mut(parent).unwrap()[member] = value;
        findings(&format!("tls-host-{name}"), &text(&[document])).warnings
    };
    let jwks = |uri: &str| json!({ "cluster": "okta", "uri": uri });
    let remote = "/providers/okta/remote_jwks";
    for (name, pointer, value, at) in [
        ("same", remote, jwks("https://acme.okta.example:443/oauth2/default/v1/keys"), ""),
        ("other", remote, jwks("https://keys.example.com/jwks.json"), "providers.okta.remote_jwks.cluster"),
        ("discovery", remote, json!({ "cluster": "okta", "discovery": true }), ""),
        (
            "hosts",
            remote,
            json!({ "cluster": "okta", "discovery": true, "jwks_hosts": ["keys.example.com"] }),
            "",
        ),
        (
            "denylist",
            "/denylist",
            json!({ "remote": { "cluster": "okta", "uri": "https://acme.okta.example/x" } }),
            "",
        ),
        (
            "denied",
            "/denylist",
            json!({ "remote": { "cluster": "okta", "uri": "https://x.example/x" } }),
            "denylist.remote.cluster",
        ),
    ] {
        let warnings = with(name, pointer, value);
        let expected: &[&str] =
            if at.is_empty() { &[] } else { &["sends the SNI", "accepts certificates for"] };
        assert_eq!(warnings.len(), expected.len(), "{name}: {warnings:?}");
        for (warning, says) in warnings.iter().zip(expected) {
            assert!(warning.starts_with(&format!("{at}: ")) && warning.contains(says), "{name}: {warning}");
        }
    }
    assert!(
        with("absent", remote, json!({ "cluster": "nowhere" }))[0]
            .contains("no cluster in this file is named")
    );
    let mut document = yaml("envoy.yaml").remove(0);
    document["static_resources"]["clusters"].as_array_mut().unwrap().remove(1);
    document["dynamic_resources"] = json!({ "cds_config": { "ads": {} } });
    let found = findings("tls-cds", &text(&[document]));
    assert!(found.warnings.is_empty() && found.notes.len() == 1, "{:?} {:?}", found.warnings, found.notes);
}

#[test]
fn check_destination_rule_is_for_the_host_that_is_asked() {
    let with = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut documents = yaml("deploy/istio/gateway.yaml");
        documents[0]["spec"]["sha256"] = json!("a".repeat(64));
        change(&mut documents[3]["spec"]["trafficPolicy"]["tls"]);
        findings(&format!("tls-istio-{name}"), &text(&documents)).warnings
    };
    assert_eq!(with("good", &|_| {}), [""; 0]);
    for (name, member, value, says) in [
        ("disabled", "mode", json!("DISABLE"), "`mode: DISABLE`"),
        ("mesh", "mode", json!("ISTIO_MUTUAL"), "`mode: ISTIO_MUTUAL`"),
        ("insecure", "insecureSkipVerify", json!(true), "`insecureSkipVerify`"),
        ("sni", "sni", json!("other.okta.com"), "sends the SNI"),
        (
            "san",
            "subjectAltNames",
            json!(["acme.okta.com", "x.okta.com"]),
            "accepts certificates for \"x.okta.com\"",
        ),
    ] {
        let warnings = with(name, &|tls| tls[member] = value.clone());
        assert!(warnings.iter().any(|warning| warning.contains(says)), "{name}: {warnings:?}");
    }
    let found = with("any-name", &|tls| drop(tls.as_object_mut().unwrap().remove("subjectAltNames")));
    assert!(found[0].contains("has no `subjectAltNames`"), "{found:?}");
}
