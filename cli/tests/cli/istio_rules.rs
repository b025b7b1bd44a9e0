//! `okta-authz check`: settings of Istio with which requests bypass the filter, or other filters
//! see identity headers of the client. Each fault is reported, and the manifest without it is not.

use serde_json::{Value, json};

use super::findings::*;

pub(crate) const GATEWAY: &str = "deploy/istio/gateway.yaml";
pub(crate) const SIDECAR: &str = "deploy/istio/sidecar.yaml";
pub(crate) const ENVOY_FILTER: &str = "deploy/istio/envoyfilter.yaml";

/// Returns the findings about a manifest with changes, without the note about the digest.
pub(crate) fn with(file: &str, name: &str, change: &dyn Fn(&mut Vec<Value>)) -> Findings {
    let mut documents = yaml(file);
    if documents[0]["kind"] == "WasmPlugin" {
        documents[0]["spec"]["sha256"] = json!("a".repeat(64));
    }
    change(&mut documents);
    findings(&format!("istio-{name}"), &text(&documents))
}

pub(crate) fn resource(kind: &str, name: &str, namespace: &str, spec: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": name, "namespace": namespace }, "spec": spec })
}

#[test]
fn check_filter_behind_those_of_istio_is_a_warning() {
    assert_no_findings("first", &with(ENVOY_FILTER, "first", &|_| {}));
    for operation in ["INSERT_BEFORE", "INSERT_AFTER", "ADD"] {
        let change = |documents: &mut Vec<Value>| {
            let patch = &mut documents[0]["spec"]["configPatches"][0];
            patch["patch"]["operation"] = json!(operation);
            patch["match"]["listener"]["filterChain"]["filter"]["subFilter"] =
                json!({ "name": "envoy.filters.http.router" });
        };
        let found = with(ENVOY_FILTER, operation, &change);
        assert_warns(operation, &found, "configPatches[0].patch.operation: ");
        assert_warns(operation, &found, "see the identity headers of the client: use `INSERT_FIRST`");
        // Without identity headers, the position has no such effect.
        let found = with(ENVOY_FILTER, operation, &|documents| {
            change(documents);
            let patch = &mut documents[0]["spec"]["configPatches"][0]["patch"];
            let config = &mut patch["value"]["typed_config"]["config"]["configuration"]["value"];
            drop(config.as_object_mut().unwrap().remove("claim_to_headers"));
        });
        assert_no_findings(operation, &found);
    }
}

#[test]
fn check_authorization_policy_before_the_filter_is_a_warning() {
    let policy = |action: &str, namespace: &str, app: &str, key: &str| {
        let rule = json!({ "when": [{ "key": key, "values": ["a"] }] });
        let selector = json!({ "matchLabels": { "istio": app } });
        let spec = json!({ "action": action, "selector": selector, "rules": [rule] });
        resource("AuthorizationPolicy", "other", namespace, spec)
    };
    let custom = |namespace: &str, app: &str| policy("CUSTOM", namespace, app, "source.ip");
    for (name, policy, is_found) in [
        ("custom", custom("istio-ingress", "ingress"), true),
        ("custom-root", custom("istio-system", "ingress"), true),
        ("custom-namespace", custom("orders", "ingress"), false),
        ("custom-labels", custom("istio-ingress", "egress"), false),
        ("allow", policy("ALLOW", "istio-ingress", "ingress", "request.headers[x-okta-sub]"), false),
    ] {
        let found = with(GATEWAY, name, &|documents| documents.push(policy.clone()));
        match is_found {
            true => assert_warns(
                name,
                &found,
                "AuthorizationPolicy/other.spec.action: `CUSTOM` runs before every",
            ),
            false => assert_no_findings(name, &found),
        }
        // An `EnvoyFilter` with `INSERT_FIRST` is before every filter.
        let name = format!("{name}-filter");
        assert_no_findings(&name, &with(ENVOY_FILTER, &name, &|documents| documents.push(policy.clone())));
    }
    for (phase, key, is_found) in [
        (json!("AUTHZ"), "request.headers[x-okta-sub]", true),
        (json!("AUTHZ"), "request.headers[X-Okta-Sub]", true),
        (Value::Null, "request.headers[x-okta-sub]", true),
        (json!("AUTHZ"), "request.headers[x-other]", false),
        (json!("AUTHN"), "request.headers[x-okta-sub]", false),
    ] {
        let name = format!("phase-{phase}-{key}").replace(['"', '[', ']'], "");
        let found = with(GATEWAY, &name, &|documents| {
            documents[0]["spec"]["phase"] = phase.clone();
            documents.push(policy("ALLOW", "istio-ingress", "ingress", key));
        });
        match is_found {
            true => assert_warns(&name, &found, "WasmPlugin/okta-authz.spec.phase: must be `AUTHN`"),
            false => assert_no_findings(&name, &found),
        }
    }
}

#[test]
fn check_sidecar_that_hides_okta_is_a_warning() {
    let sidecar = |hosts: &[&str], app: &str| {
        let spec =
            json!({ "workloadSelector": { "labels": { "app": app } }, "egress": [{ "hosts": hosts }] });
        resource("Sidecar", "orders", "orders", spec)
    };
    for (index, (hosts, is_hidden)) in [
        (&["*/*"][..], false),
        (&["./*"], false),
        (&["orders/*"], false),
        (&["./acme.okta.com"], false),
        (&["*/*.okta.com"], false),
        (&["istio-system/*"], true),
        (&["./*.example.com", "~/*"], true),
        (&["orders/okta.com"], true),
    ]
    .into_iter()
    .enumerate()
    {
        let found =
            with(SIDECAR, &format!("egress-{index}"), &|documents| documents.push(sidecar(hosts, "orders")));
        match is_hidden {
            true => assert_warns(
                hosts[0],
                &found,
                "Sidecar/orders.spec.egress: does not include \"acme.okta.com\"",
            ),
            false => assert!(found.warnings.is_empty(), "{hosts:?}: {:?}", found.warnings),
        }
        let replaces = found.notes.iter().any(|note| note.contains("replaces the egress list"));
        assert_eq!(replaces, hosts != ["*/*"], "{hosts:?}: {:?}", found.notes);
    }
    let other = |documents: &mut Vec<Value>| documents.push(sidecar(&["istio-system/*"], "reports"));
    assert_no_findings("another workload", &with(SIDECAR, "egress-other", &other));
    // The complete manifests agree.
    let found =
        with(SIDECAR, "egress-file", &|documents| documents.extend(yaml("deploy/istio/sidecar-egress.yaml")));
    assert!(found.warnings.is_empty(), "{:?}", found.warnings);
}

#[test]
fn check_sidecar_patch_that_disturbs_tunnels_is_a_warning() {
    let patches = |documents: &mut Vec<Value>| -> Vec<Value> {
        documents[1]["spec"]["configPatches"].as_array().unwrap().clone()
    };
    let keep = |kept: &'static [usize]| {
        move |documents: &mut Vec<Value>| {
            let all = patches(documents);
            documents[1]["spec"]["configPatches"] = kept.iter().map(|index| all[*index].clone()).collect();
        }
    };
    assert_no_findings("complete", &with(SIDECAR, "tunnels", &keep(&[0, 1, 2, 3])));
    let (guard, timeout) =
        ("inserts `okta-authz-guard` into the listener `connect_terminate`", "ends idle tunnels");
    for (name, kept, expected) in [
        ("no-removal", &[0, 1, 3][..], &[guard][..]),
        ("no-timeout", &[0, 1, 2], &[timeout]),
        ("neither", &[0, 1], &[guard, timeout]),
        ("too-early", &[2, 0, 3, 1], &[guard, timeout]),
    ] {
        let found = with(SIDECAR, &format!("tunnels-{name}"), &keep(kept));
        assert_eq!(found.warnings.len(), expected.len(), "{name}: {:?}", found.warnings);
        expected.iter().for_each(|problem| assert_warns(name, &found, problem));
    }
    // A resource with a greater priority comes later.
    for (priority, is_found) in [(200, false), (100, true), (50, true)] {
        let found = with(SIDECAR, &format!("tunnels-{priority}"), &|documents| {
            let all = patches(documents);
            documents[1]["spec"]["configPatches"] = json!(all[..2]);
            let mut second = documents[1].clone();
            second["metadata"]["name"] = json!("tunnels");
            second["spec"]["priority"] = json!(priority);
            second["spec"]["configPatches"] = json!(all[2..]);
            documents.push(second);
        });
        assert_eq!(!found.warnings.is_empty(), is_found, "{priority}: {:?}", found.warnings);
    }
    // The filter of an EnvoyFilter must not be there either.
    let inbound = |documents: &mut Vec<Value>| {
        let mut sidecar = yaml(SIDECAR);
        for patch in documents[0]["spec"]["configPatches"].as_array_mut().unwrap() {
            patch["match"]["context"] = json!("SIDECAR_INBOUND");
        }
        let removals = sidecar[1]["spec"]["configPatches"].as_array_mut().unwrap().split_off(2);
        documents[0]["spec"]["configPatches"].as_array_mut().unwrap().extend(removals);
    };
    let found = with(ENVOY_FILTER, "tunnels-filter", &inbound);
    assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
    assert_warns("filter", &found, "inserts `okta-authz` into the listener `connect_terminate`");
    let found = with(ENVOY_FILTER, "tunnels-both", &|documents| {
        inbound(documents);
        let patches = documents[0]["spec"]["configPatches"].as_array_mut().unwrap();
        let mut removal = patches[3].clone();
        removal["match"]["listener"]["filterChain"]["filter"]["subFilter"]["name"] = json!("okta-authz");
        patches.push(removal);
    });
    assert!(found.warnings.is_empty(), "{:?}", found.warnings);
}
