//! `okta-authz check`: the header with the client certificate, and Envoy's treatment of it.

use serde_json::{Value, json};

use super::hosts::{assert_warns, document, manager, plugin};

const DETAILS: &str = "forward_client_cert_details";

#[test]
fn check_treatment_of_the_certificate_header_is_a_warning() {
    let xfcc =
        |hop: u32| json!({ "header": { "name": "x-forwarded-client-cert", "format": "xfcc", "hop": hop } });
    let removes = "forward_client_cert_details: Envoy removes the header";
    let forwards = "forward_client_cert_details: every client can send the header";
    let one = "forward_client_cert_details: Envoy leaves one element";
    let other = json!({ "header": { "name": "x-cert", "format": "hex" } });
    let cases: [(Value, Option<&str>, &[&str]); 9] = [
        (xfcc(0), None, &[removes]),
        (xfcc(0), Some("SANITIZE"), &[removes]),
        (xfcc(0), Some("ALWAYS_FORWARD_ONLY"), &[forwards]),
        (xfcc(0), Some("SANITIZE_SET"), &[]),
        (xfcc(1), Some("SANITIZE_SET"), &[one]),
        (xfcc(0), Some("APPEND_FORWARD"), &[]),
        (xfcc(1), Some("APPEND_FORWARD"), &[]),
        (xfcc(1), Some("FORWARD_ONLY"), &[]),
        (other, None, &[]),
    ];
    for (number, (mtls, details, expected)) in cases.into_iter().enumerate() {
        let mut document = document("envoy.yaml");
        plugin(&mut document)["mtls"] = mtls;
        if let Some(details) = details {
            manager(&mut document)[DETAILS] = json!(details);
        }
        assert_warns(&format!("certificate-{number}"), &document, expected);
    }
}

#[test]
fn check_filter_chain_without_client_certificates_is_a_warning() {
    let tls = |common: Value| {
        json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "common_tls_context": common,
            },
        })
    };
    let authorities = json!({ "trusted_ca": { "filename": "ca.pem" } });
    let required = json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "require_client_certificate": true,
        },
    });
    let warning = &["mtls.from: no client sends a certificate"][..];
    for (number, (socket, expected)) in [
        (Value::Null, warning),
        (tls(json!({})), warning),
        (tls(json!({ "validation_context": authorities })), &[]),
        (tls(json!({ "combined_validation_context": { "default_validation_context": authorities } })), &[]),
        (required, &[]),
    ]
    .into_iter()
    .enumerate()
    {
        let mut document = document("envoy.yaml");
        plugin(&mut document)["mtls"] = json!({ "from": "connection" });
        if !socket.is_null() {
            document["static_resources"]["listeners"][0]["filter_chains"][0]["transport_socket"] = socket;
        }
        assert_warns(&format!("certificate-chain-{number}"), &document, expected);
    }
}

#[test]
fn check_names_of_certificates_in_the_header_is_a_warning() {
    for (number, (details, names, expected)) in [
        ("APPEND_FORWARD", json!({ "uri": true }), &["set_current_client_cert_details.uri: a name"][..]),
        ("SANITIZE_SET", json!({ "subject": true, "dns": true }), &["set_current_client_cert_details.dns: "]),
        ("SANITIZE_SET", json!({ "subject": true, "cert": true, "uri": false }), &[]),
        ("FORWARD_ONLY", json!({ "uri": true }), &[]),
    ]
    .into_iter()
    .enumerate()
    {
        let mut document = document("envoy.yaml");
        let header = json!({ "name": "x-forwarded-client-cert", "format": "xfcc" });
        plugin(&mut document)["mtls"] = json!({ "header": header });
        manager(&mut document)[DETAILS] = json!(details);
        manager(&mut document)["set_current_client_cert_details"] = names;
        assert_warns(&format!("certificate-names-{number}"), &document, expected);
    }
}
