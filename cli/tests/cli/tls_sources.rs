//! `okta-authz check`: TLS settings in other parts of the file, and the host that they are for.

use serde_json::{Value, json};

use super::findings::*;
use super::tls::*;

#[test]
fn check_secret_in_file_is_checked() {
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
    // A secret in the file, in addition to a default.
    for (name, secret, warnings) in [
        ("good", json!({ "trusted_ca": { "filename": "a" } }), 0),
        (
            "open",
            json!({ "trusted_ca": { "filename": "a" }, "trust_chain_verification": "ACCEPT_UNTRUSTED" }),
            1,
        ),
        (
            "more",
            json!({ "trusted_ca": { "filename": "a" }, "match_typed_subject_alt_names": dns(json!({ "exact": "evil.example" })) }),
            1,
        ),
        ("no-ca", json!({}), 1),
    ] {
        let mut document = yaml("envoy.yaml").remove(0);
        document.pointer_mut(&format!("{CLUSTER}{TLS}")).unwrap()["common_tls_context"] = json!({ "combined_validation_context": {
            "default_validation_context": { "match_typed_subject_alt_names": dns(json!({ "exact": HOST })) },
            "validation_context_sds_secret_config": { "name": "ca" } } });
        document["static_resources"]["secrets"] = json!([{ "name": "ca", "validation_context": secret }]);
        let found = findings(&format!("tls-merged-{name}"), &text(&[document]));
        assert_eq!(
            (found.warnings.len(), found.notes.len()),
            (warnings, 0),
            "{name}: {:?} {:?}",
            found.warnings,
            found.notes
        );
    }
    // A secret adds to the default, and removes nothing.
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

/// The host is that of `uri`, or else of the issuer; for the denylist, that of its `uri`.
#[test]
fn check_cluster_for_another_host_is_a_warning() {
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
        for (warning, problem) in warnings.iter().zip(expected) {
            assert!(
                warning.starts_with(&format!("{at}: ")) && warning.contains(problem),
                "{name}: {warning}"
            );
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
fn check_destination_rule_for_another_host_is_a_warning() {
    let with = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut documents = yaml("deploy/istio/gateway.yaml");
        documents[0]["spec"]["sha256"] = json!("a".repeat(64));
        change(&mut documents[3]["spec"]["trafficPolicy"]["tls"]);
        findings(&format!("tls-istio-{name}"), &text(&documents)).warnings
    };
    assert_eq!(with("good", &|_| {}), [""; 0]);
    for (name, member, value, problem) in [
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
        assert!(warnings.iter().any(|warning| warning.contains(problem)), "{name}: {warnings:?}");
    }
    let found = with("any-name", &|tls| drop(tls.as_object_mut().unwrap().remove("subjectAltNames")));
    assert!(found[0].contains("has no `subjectAltNames`"), "{found:?}");
}
