//! Internal redirects: the request passes the filter again, with the identity headers that the
//! filter has set.

use serde_json::{Value, json};
use stand_in_okta::TokenSpec;
use test_support::backend::LOCATION;
use test_support::client::{Request, get};
use test_support::config::EnvoyConfig;

use super::harness::{CONNECTIONS_FOR_BOTH_WORKERS, Harness};

/// Configures routes that follow a 302 of the backend, with route policies and `forward: true`.
fn with_redirects(mut config: EnvoyConfig) -> EnvoyConfig {
    let route = |prefix: &str, policy: Option<&str>| {
        let metadata = policy.map_or(json!({}), |policy| json!({ "okta_authz": { "policy": policy } }));
        json!({
            "match": { "prefix": prefix },
            "route": { "cluster": "app", "internal_redirect_policy": {} },
            "metadata": { "filter_metadata": metadata },
        })
    };
    config.manager()["route_config"]["virtual_hosts"][0]["routes"] = json!([
        route("/admins", Some("admins")),
        route("/open", Some("open")),
        route("/shadow", Some("shadow")),
        route("/undefined", Some("undefined")),
        route("/rules", None),
        route("/", Some("users")),
    ]);
    let plugin = config.plugin();
    plugin["route_policies"] = json!({
        "users": { "requires": {} },
        "admins": { "requires": { "groups": ["Admins"] } },
        "open": { "public": true },
        "shadow": { "requires": { "groups": ["Admins"] }, "mode": "shadow" },
    });
    // After a route policy in shadow mode, the rules decide.
    plugin["rules"] = json!([
        { "match": { "prefix": "/rules" }, "requires": {} },
        { "match": { "prefix": "/shadow" }, "requires": {} },
    ]);
    plugin["forward_payload_header"] = json!("x-jwt-payload");
    plugin["forward"] = json!(true);
    config
}

/// Returns the status, and the path that the backend received or the denial code.
fn outcome(harness: &Harness, request: &Request) -> (u16, String) {
    let response = harness.send(request);
    let path_or_code = if response.status == 200 {
        response.json()["path"].as_str().unwrap_or_default().to_owned()
    } else {
        response.code()
    };
    (response.status, path_or_code)
}

#[test]
fn redirect_with_route_policies_is_decided_again_with_the_same_token() {
    let harness = Harness::new("redirects", with_redirects);
    harness.warm_up();
    let (user, admin) =
        (harness.user_token(), harness.mint(&TokenSpec::user().claim("groups", json!(["Admins"]))));
    for (path, token, expected) in [
        ("/302/me", &user, (200, "/me")),
        ("/302/admins", &user, (403, "requirement_not_met")),
        ("/302/admins", &admin, (200, "/admins")),
        ("/302/open", &user, (200, "/open")),
        ("/302/shadow", &user, (200, "/shadow")),
        ("/302/rules", &user, (200, "/rules")),
        ("/302/undefined", &admin, (403, "route_policy_unknown")),
    ] {
        for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS / 4 {
            assert_eq!(
                outcome(&harness, &get(path).bearer(token)),
                (expected.0, expected.1.to_owned()),
                "{path}"
            );
        }
    }
    let headers = harness.send(&get("/302/me").bearer(&user)).json()["headers"].clone();
    assert_eq!(headers["x-okta-sub"], json!(["joe.user@example.com"]));
    assert_eq!(headers["x-jwt-payload"], json!([user.split('.').nth(1).unwrap()]));
    // Without a redirect, identity headers come from the client, and the filter denies the request.
    for name in ["x-okta-sub", "X-Okta-Groups", "x_okta_sub", "x-jwt-payload", "x.jwt.payload"] {
        for value in ["root", "joe.user@example.com", ""] {
            for path in ["/302/me", "/me", "/open", "/shadow", "/rules"] {
                let spoofed = get(path).header(name, value);
                assert_eq!(
                    outcome(&harness, &spoofed.clone().bearer(&user)),
                    (403, "route_policy_unknown".to_owned()),
                    "{path} {name}: {value}"
                );
                assert_eq!(
                    outcome(&harness, &spoofed),
                    (401, "token_missing".to_owned()),
                    "{path} {name}: {value}"
                );
            }
        }
    }
    harness.assert_alive();
}

/// If the client sends exactly the identity headers that the filter would set, the filter changes
/// no header, and Envoy does not select another route.
#[test]
fn request_with_unchanged_identity_headers_is_allowed() {
    let harness = Harness::new("redirects-same", with_redirects);
    harness.warm_up();
    let user = harness.user_token();
    let set = harness.send(&get("/me").bearer(&user)).json()["headers"].clone();
    let names = ["x-okta-sub", "x-okta-uid", "x-okta-cid", "x-okta-scopes", "x-okta-groups", "x-jwt-payload"];
    let with = |change: &dyn Fn(&str, &str) -> Vec<String>| {
        names.iter().filter_map(|name| Some((*name, set.get(*name)?[0].as_str()?))).fold(
            get("/me").bearer(&user),
            |request, (name, value)| {
                change(name, value).iter().fold(request, |request, value| request.header(name, value))
            },
        )
    };
    let sub = |name: &str| name == "x-okta-sub";
    let same = |_: &str, value: &str| vec![value.to_owned()];
    assert_eq!(outcome(&harness, &with(&same)), (200, "/me".to_owned()));
    let denied = (403, "route_policy_unknown".to_owned());
    assert_eq!(
        outcome(&harness, &with(&|name, value| if sub(name) { vec![] } else { same(name, value) })),
        denied,
        "one header is missing"
    );
    assert_eq!(
        outcome(&harness, &with(&|name, value| vec![value.to_owned(); if sub(name) { 2 } else { 1 }])),
        denied,
        "one header occurs twice"
    );
    assert_eq!(
        outcome(
            &harness,
            &with(&|name, value| vec![if sub(name) { value.to_uppercase() } else { value.to_owned() }])
        ),
        denied,
        "one header has another value"
    );
    assert_eq!(
        outcome(&harness, &with(&same).header("x_okta_sub", "joe.user@example.com")),
        denied,
        "one header has a second spelling"
    );
    let other = harness.mint(&TokenSpec::machine());
    let second_token = with(&same).header("authorization", format!("Bearer {other}"));
    assert_eq!(outcome(&harness, &second_token).0, 400, "two tokens");
}

#[test]
fn redirect_without_the_token_is_denied() {
    let harness = Harness::new("redirects-forward", |config| {
        let mut config = with_redirects(config);
        config.plugin()["forward"] = json!(false);
        config
    });
    harness.warm_up();
    let user = harness.user_token();
    for path in ["/302/me", "/302/open", "/302/rules"] {
        assert_eq!(outcome(&harness, &get(path).bearer(&user)), (401, "token_missing".to_owned()), "{path}");
    }
    assert_eq!(outcome(&harness, &get("/302/open")).0, 401);
    assert_eq!(outcome(&harness, &get("/me").bearer(&user)), (200, "/me".to_owned()));
}

/// Without route policies, the filter replaces the identity headers that it set before the
/// redirect.
#[test]
fn redirect_without_route_policies_needs_only_the_token() {
    let harness = Harness::new("redirects-rules", |config| {
        let mut config = with_redirects(config);
        let _ = config.plugin().as_object_mut().unwrap().remove("route_policies");
        config.plugin()["rules"] =
            json!([{ "match": { "prefix": "/open" }, "public": true }, { "match": {}, "requires": {} }]);
        config
    });
    harness.warm_up();
    let request = get("/302/me").bearer(harness.user_token()).header("x-okta-sub", "root");
    assert_eq!(harness.send(&request).json()["headers"]["x-okta-sub"], json!(["joe.user@example.com"]));
    let open = harness.send(&get("/302/open").bearer(harness.user_token()));
    assert_eq!((open.status, &open.json()["headers"]["x-okta-sub"]), (200, &Value::Null));
}

/// After a redirect, the rules of the host in `Location` decide, for each spelling of the host.
#[test]
fn redirect_to_another_host_is_decided_by_the_rules_of_that_host() {
    for (name, strips) in [("redirects-hosts", false), ("redirects-hosts-stripped", true)] {
        let harness = Harness::new(name, |config| {
            let mut config = with_redirects(config);
            let plugin = config.plugin();
            let _ = plugin.as_object_mut().unwrap().remove("route_policies");
            plugin["ignore_port_in_host_matching"] = json!(false);
            plugin["rules"] = json!([
                { "match": { "hosts": ["www.example.com"] }, "public": true },
                { "match": {}, "requires": { "groups": ["Admins"] } },
            ]);
            for setting in ["strip_any_host_port", "strip_trailing_host_dot"] {
                config.manager()[setting] = json!(strips);
            }
            config
        });
        let ambiguous = if strips { (200, "/x") } else { (400, "host_ambiguous") };
        for (location, expected) in [
            ("http://www.example.com/x", (200, "/x")),
            ("http://www.example.com:81/x", ambiguous),
            ("http://www.example.com./x", ambiguous),
            ("http://other.example/x", (401, "token_missing")),
        ] {
            let request = get("/302/x").header("host", "www.example.com").header(LOCATION, location);
            assert_eq!(
                outcome(&harness, &request),
                (expected.0, expected.1.to_owned()),
                "{name}: {location}"
            );
        }
    }
}
