//! Protected resource metadata (RFC 9728): path, content, and `resource_metadata` in challenges.

use okta_authz_filter::filter::Verdict;
use okta_authz_filter::rejection::Rejection as R;
use okta_authz_filter::request::RequestHead;
use okta_authz_filter::time::UnixTime;
use serde_json::{Value, json};
use test_support::common::Outcome::{Deny, LocalResponse};
use test_support::common::{ISSUER, NOW, Request, Token, cold, config, decide, get, request, two_providers};

use super::{Auth, Row, row};

const ORDERS: &str = "/.well-known/oauth-protected-resource/orders";

fn resources(list: Value) -> Value {
    config(json!({}), json!({ "protected_resources": list, "rules": [{ "match": {}, "deny": true }] }))
}

pub(crate) fn rows() -> Vec<Row> {
    let orders = || resources(json!([{ "resource": "https://api.example.com/orders" }]));
    let root = || resources(json!([{ "resource": "https://api.example.com" }]));
    let at_host = |host: &'static str| request("GET", host, ORDERS);
    let missing = || Deny(R::TokenMissing);
    let table: [(_, _, Request, _); 13] = [
        ("metadata, before the rules", orders(), get(ORDERS), LocalResponse),
        ("metadata, with a query", orders(), get(&format!("{ORDERS}?x=1")), LocalResponse),
        (
            "metadata, encoded",
            orders(),
            get("/%2ewell-known/oauth-protected-resource/%6frders"),
            LocalResponse,
        ),
        ("metadata, HEAD", orders(), request("HEAD", "h", ORDERS), LocalResponse),
        ("metadata, on any host", orders(), at_host("evil.example"), LocalResponse),
        (
            "metadata of a resource without a path",
            root(),
            get("/.well-known/oauth-protected-resource"),
            LocalResponse,
        ),
        ("metadata, another method", orders(), request("POST", "h", ORDERS), missing()),
        ("metadata, preflight", orders(), request("OPTIONS", "h", ORDERS), missing()),
        ("metadata, below", orders(), get(&format!("{ORDERS}/1")), missing()),
        (
            "metadata, of an unknown resource",
            orders(),
            get("/.well-known/oauth-protected-resource"),
            missing(),
        ),
        (
            "metadata, at the resource",
            orders(),
            get("/orders/.well-known/oauth-protected-resource"),
            missing(),
        ),
        ("metadata, an ambiguous path", orders(), get(&format!("/x/..{ORDERS}")), Deny(R::PathAmbiguous)),
        ("metadata, an ambiguous host", orders(), at_host("a@api.example.com"), Deny(R::HostAmbiguous)),
    ];
    let mut rows: Vec<_> = table
        .into_iter()
        .map(|(name, config, request, expected)| row(name, config, request, Auth::Missing, 0, expected))
        .collect();
    let none = config(json!({}), json!({}));
    rows.push(row("metadata, none configured", none, get(ORDERS), Auth::Missing, 0, missing()));
    let token = Auth::Bearer(Token::user().claims(json!({ "exp": 1 })));
    rows.push(row("metadata, with an expired token", orders(), get(ORDERS), token, 0, LocalResponse));
    rows
}

fn document(config: &Value, path: &str) -> Value {
    match decide(&cold(config), &get(path), &[], NOW) {
        Verdict::LocalResponse(reply) => {
            assert_eq!(reply.status, 200);
            for (name, value) in [
                ("content-type", "application/json"),
                ("cache-control", "public, max-age=3600"),
                ("access-control-allow-origin", "*"),
            ] {
                assert!(reply.headers.contains(&(name, value.to_owned())), "{name}");
            }
            serde_json::from_str(&reply.body).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn metadata_without_optional_members_have_defaults() {
    let plain = resources(json!([{ "resource": "https://api.example.com/orders" }]));
    assert_eq!(
        document(&plain, ORDERS),
        json!({
            "resource": "https://api.example.com/orders",
            "authorization_servers": [ISSUER],
            "bearer_methods_supported": ["header"],
        })
    );
    let mut both = two_providers(json!({ "protected_resources": [{ "resource": "https://a.example/" }] }));
    both["from_params"] = json!(["access_token"]);
    let document = document(&both, "/.well-known/oauth-protected-resource");
    assert_eq!(document["resource"], "https://a.example/", "the resource is not normalized");
    assert_eq!(document["authorization_servers"].as_array().unwrap().len(), 2);
    assert_eq!(document["bearer_methods_supported"], json!(["header", "query"]));
}

#[test]
fn metadata_have_all_configured_members() {
    let full = json!({
        "resource": "https://api.example.com/orders", "authorization_servers": ["https://login.example.com/x"],
        "scopes_supported": ["orders:read", "orders:write"], "authorization_details_types_supported": ["payment"],
        "bearer_methods_supported": ["header", "body"],
        "resource_name": "Orders (été)", "resource_documentation": "https://docs.example.com/#orders",
        "resource_policy_uri": "https://example.com/policy", "resource_tos_uri": "https://example.com/tos?x",
    });
    assert_eq!(document(&resources(json!([full])), ORDERS), full);
}

#[test]
fn challenge_names_the_resource_of_the_path_and_ignores_the_host() {
    let filter = cold(&resources(json!([
        { "resource": "https://api.example.com/orders" }, { "resource": "https://eu.example.com/orders/eu" },
    ])));
    let challenge = |path: &str| {
        let headers = [(":path", path), (":authority", "evil.example")];
        let headers = headers.map(|(name, value)| (name, value.as_bytes()));
        let reply =
            filter.reply(&R::TokenMissing.into(), &RequestHead::new(&headers), UnixTime::from_seconds(NOW));
        reply.headers.into_iter().find(|(name, _)| *name == "www-authenticate").unwrap().1
    };
    let expected = |url: &str| format!("Bearer realm=\"api\",resource_metadata=\"{url}\"");
    let (orders, eu) =
        (format!("https://api.example.com{ORDERS}"), format!("https://eu.example.com{ORDERS}/eu"));
    assert_eq!(challenge("/orders/1?x"), expected(&orders));
    assert_eq!(challenge("/orders/eu/1"), expected(&eu));
    assert_eq!(challenge("/ordersets"), "Bearer realm=\"api\"");
}
