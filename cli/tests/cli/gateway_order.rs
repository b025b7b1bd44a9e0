//! `okta-authz check`: filters of Envoy Gateway that run before the filter and see identity headers
//! of the client. Each fault is reported, and the manifest without it is not.

use serde_json::{Value, json};

use super::findings::*;
use super::gateway_rules::{resource, target, with};

const ORDER: &str = "deploy/envoy-gateway/filter-order.yaml";

#[test]
fn check_filters_before_the_filter_are_warnings() {
    let policy = |kind: &str, field: &str, targets: Value| {
        let mut spec = json!({ "targetRefs": targets });
        spec[field] = if kind == "SecurityPolicy" { json!({}) } else { json!([{}]) };
        if kind == "EnvoyExtensionPolicy" {
            spec["mergeType"] = json!("StrategicMerge");
        }
        resource(kind, "other", spec)
    };
    for (kind, field, filter) in [
        ("SecurityPolicy", "extAuth", "ext_authz"),
        ("SecurityPolicy", "apiKeyAuth", "api_key_auth"),
        ("SecurityPolicy", "basicAuth", "basic_auth"),
        ("SecurityPolicy", "jwt", "jwt_authn"),
        ("EnvoyExtensionPolicy", "lua", "lua"),
        ("EnvoyExtensionPolicy", "extProc", "ext_proc"),
    ] {
        let other = policy(kind, field, target("HTTPRoute", "orders"));
        let found = with(field, &|documents| documents.push(other.clone()));
        assert_warns(field, &found, &format!("{kind}/other.spec.{field}: its filter runs before this one"));
        assert_warns(
            field,
            &found,
            &format!("`envoy.filters.http.wasm` before `envoy.filters.http.{filter}`"),
        );
        let found = with(&format!("{field}-ordered"), &|documents| {
            documents.push(other.clone());
            documents.extend(yaml(ORDER));
        });
        assert_no_findings(field, &found);
        let found = with(&format!("{field}-headers"), &|documents| {
            documents.push(other.clone());
            let config = documents[0]["spec"]["wasm"][0]["config"].as_object_mut().unwrap();
            drop(config.remove("claim_to_headers"));
        });
        assert_no_findings("no identity headers", &found);
    }
    for (name, field, targets) in [
        ("cors", "cors", target("HTTPRoute", "orders")),
        ("authorization", "authorization", target("Gateway", "eg")),
        ("other-gateway", "extAuth", target("Gateway", "other")),
        ("oidc", "oidc", target("Gateway", "eg")),
    ] {
        let other = policy("SecurityPolicy", field, targets);
        assert_no_findings(name, &with(name, &|documents| documents.push(other.clone())));
    }
    let same = policy("SecurityPolicy", "jwt", target("Gateway", "eg"));
    assert_warns(
        "same",
        &with("same-gateway", &|documents| documents.push(same.clone())),
        "runs before this one",
    );
    let found = with("inline", &|documents| documents[0]["spec"]["extProc"] = json!([{}]));
    assert_warns("inline", &found, "EnvoyExtensionPolicy/okta-authz.spec.extProc: its filter runs before");
}

#[test]
fn check_filter_order_that_does_not_suffice_is_a_warning() {
    let security = || {
        let spec = json!({ "targetRefs": target("Gateway", "eg"), "extAuth": {}, "jwt": {}, "oidc": {} });
        resource("SecurityPolicy", "other", spec)
    };
    let with_order = |name: &str, change: &dyn Fn(&mut Vec<Value>)| {
        with(name, &|documents| {
            let mut proxy = yaml(ORDER).remove(0);
            change(proxy["spec"]["filterOrder"].as_array_mut().unwrap());
            documents.extend([security(), proxy]);
        })
    };
    assert_no_findings("complete", &with_order("order", &|_| {}));
    let oidc = "spec.oidc: its filter runs after this one and adds the access token too late";
    assert_warns("oidc", &with_order("order-oidc", &|entries| drop(entries.pop())), oidc);
    // Each entry moves the filter, so the last one decides.
    let reversed = with_order("order-reversed", &|entries| entries.reverse());
    assert_warns("reversed", &reversed, "spec.extAuth: its filter runs before this one");
    let only_jwt = with_order("order-jwt", &|entries| {
        entries.retain(|entry| entry["before"] != "envoy.filters.http.ext_authz")
    });
    assert_warns("only jwt", &only_jwt, "spec.extAuth: its filter runs before this one");
    assert_eq!(only_jwt.warnings.len(), 1, "{:?}", only_jwt.warnings);
}
