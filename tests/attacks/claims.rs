//! Claims that are similar to the required ones, and claims of another type.

use okta_authz_filter::rejection::Rejection as R;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny};
use test_support::common::{Outcome, Token, config, filter, present, rules, scopes};

use super::{assert_denied, assert_outcomes};

fn with_claim(name: &str, value: &Value) -> String {
    // `Token::claims` would remove the claim if the value is null.
    let mut claims: serde_json::Map<String, Value> = serde_json::from_str(&Token::user().payload).unwrap();
    claims.insert(name.to_owned(), value.clone());
    Token::user().raw_payload(&Value::Object(claims).to_string()).compact()
}

#[test]
fn similar_issuer_is_rejected() {
    let similar = [
        "https://acme.okta.com/oauth2/default/",
        "https://ACME.okta.com/oauth2/default",
        "HTTPS://acme.okta.com/oauth2/default",
        "http://acme.okta.com/oauth2/default",
        "https://acme.okta.com:443/oauth2/default",
        "https://acme.okta.com/oauth2/Default",
        "https://acme.okta.com/oauth2/default#",
        "https://acme.okta.com/oauth2/default?",
        "https://acme.okta.com/oauth2",
        "https://acme.okta.com",
        "acme.okta.com/oauth2/default",
        " https://acme.okta.com/oauth2/default",
        "https://acme.okta.com/oauth2/default ",
        "https://acme.okta.com/oauth2/default\u{0}",
        "https://acme.okta.com/oauth2/%64efault",
        "https://acme.okta.com/oauth2//default",
        "https://acme.okta.com.evil.example/oauth2/default",
        "https://acme.okta.com@evil.example/oauth2/default",
        "https://аcme.okta.com/oauth2/default",
        "",
    ];
    let filter = filter(&config(json!({}), json!({})));
    assert_denied(
        &filter,
        R::IssuerUnknown,
        similar.map(|issuer| (format!("{issuer:?}"), with_claim("iss", &json!(issuer)))),
    );
}

#[test]
fn similar_audience_is_rejected() {
    let similar = [
        json!("api://default/"),
        json!("API://default"),
        json!("api://Default"),
        json!("api://defaul"),
        json!("api://default2"),
        json!("api://default api://x"),
        json!("api://default,x"),
        json!(" api://default"),
        json!("api://default\u{0}"),
        json!("*"),
        json!(""),
        json!(["api://default/"]),
        json!(["api://", "default"]),
        json!([]),
        json!(["api://default x"]),
    ];
    let filter = filter(&config(json!({}), json!({})));
    assert_denied(
        &filter,
        R::AudienceNotAllowed,
        similar.map(|aud| (aud.to_string(), with_claim("aud", &aud))),
    );
}

#[test]
fn similar_client_is_rejected() {
    let filter = filter(&config(json!({ "client_ids": ["0oa1m2mSvcClnt9A5d07"] }), json!({})));
    let similar = [
        "0OA1m2mSvcClnt9A5d07",
        "0oa1m2mSvcClnt9A5d0",
        "0oa1m2mSvcClnt9A5d07 ",
        "0oa1m2mSvcClnt9A5d071",
        "*",
    ];
    assert_denied(&filter, R::ClientNotAllowed, similar.map(|cid| (cid, with_claim("cid", &json!(cid)))));
    // In tokens of Okta, `client_id` does not replace `cid`.
    let token = Token::user().claims(json!({ "cid": "0oaX", "client_id": "0oa1m2mSvcClnt9A5d07" }));
    assert_eq!(present(&filter, token.compact()), Deny(R::ClientNotAllowed));
}

#[test]
fn similar_scope_is_denied() {
    let filter = filter(&rules(json!([{ "match": {}, "requires": { "scopes": ["orders.read"] } }])));
    let similar = [
        json!([]),
        json!(["orders"]),
        json!(["orders.rea"]),
        json!(["orders.readonly"]),
        json!(["orders.*"]),
        json!(["Orders.read"]),
        json!(["ORDERS.READ"]),
        json!(["orders.read "]),
        json!([" orders.read"]),
        json!(["orders.read orders.write"]),
        json!(["x orders.read"]),
        json!(["orders.read,x"]),
        json!(["orders_read"]),
        json!(["ordersxread"]),
        json!(["orders.read\u{0}"]),
        json!([""]),
        json!(["orders", ".read"]),
    ];
    assert_outcomes(
        &filter,
        similar.map(|scp| (scp.to_string(), with_claim("scp", &scp), scopes(&["orders.read"]))),
    );
    assert_eq!(present(&filter, with_claim("scp", &json!(["orders.read"]))), Allow);
    // Another claim does not add to `scp`.
    let token = Token::user().claims(json!({ "scope": "orders.read", "scopes": ["orders.read"] }));
    assert_eq!(present(&filter, token.compact()), scopes(&["orders.read"]));
}

#[test]
fn similar_group_is_denied() {
    let filter = filter(&rules(json!([{ "match": {}, "requires": { "groups": ["Admins", "IT"] } }])));
    let similar = [
        json!([]),
        json!(["Admin"]),
        json!(["Admins2"]),
        json!(["admins"]),
        json!(["Admins,Users"]),
        json!(["IT, EMEA"]),
        json!([" IT"]),
        json!("Admins,IT"),
        json!("Admins IT"),
        json!("[\"Admins\"]"),
        json!(["[\"IT\"]"]),
        json!({ "Admins": true }),
        json!({ "0": "Admins" }),
        json!([["Admins"]]),
        json!([{ "name": "Admins" }]),
        json!(true),
        json!(1),
        json!(null),
        json!(["Аdmins"]),
    ];
    assert_denied(
        &filter,
        R::RequirementNotMet,
        similar.map(|groups| (groups.to_string(), with_claim("groups", &groups))),
    );
    assert_eq!(present(&filter, with_claim("groups", &json!(["x", "IT"]))), Allow);
    assert_eq!(present(&filter, with_claim("Groups", &json!(["IT"]))), Deny(R::RequirementNotMet));
    // A string is one group: a mapping in Okta can turn a list with one element into a string.
    assert_eq!(present(&filter, with_claim("groups", &json!("IT"))), Allow);
}

#[test]
fn claim_of_another_type_does_not_equal_the_configured_value() {
    let values = [
        json!(1),
        json!("1"),
        json!(true),
        json!("true"),
        json!(null),
        json!("null"),
        json!({}),
        json!(0),
        json!(false),
        json!(""),
    ];
    // The configuration rejects null.
    for configured in values.iter().filter(|value| !value.is_null()) {
        let requires = json!({ "claims": [{ "name": "x", "any_of": [configured] }] });
        let filter = filter(&rules(json!([{ "match": {}, "requires": requires }])));
        let cases = values.iter().map(|value| {
            let expected = if value == configured { Allow } else { Deny(R::RequirementNotMet) };
            (format!("configured {configured}, claim {value}"), with_claim("x", value), expected)
        });
        assert_outcomes(&filter, cases.collect::<Vec<_>>());
    }
}

/// A token with a registered member of another type is malformed or (`scp`) not an access token.
/// The filter must not treat the member as absent.
#[test]
fn registered_member_of_wrong_type_is_rejected() {
    let values = [
        json!(7),
        json!(-1),
        json!("x"),
        json!(null),
        json!([]),
        json!([1]),
        json!(["x"]),
        json!([["x"]]),
        json!({}),
        json!({ "x": 1 }),
        json!(true),
        json!(false),
    ];
    let filter = filter(&config(json!({}), json!({})));
    let mut cases: Vec<(String, String, Outcome)> = Vec::new();
    for value in &values {
        for name in ["alg", "kid", "typ"] {
            if !value.is_string() {
                let mut header: serde_json::Map<String, Value> =
                    serde_json::from_str(&Token::user().header).unwrap();
                header.insert(name.to_owned(), value.clone());
                let token = Token::user().raw_header(&Value::Object(header).to_string()).compact();
                cases.push((format!("header {name}: {value}"), token, Deny(R::HeaderMalformed)));
            }
        }
        for name in ["iss", "sub", "jti", "cid", "uid", "client_id"] {
            if !value.is_string() {
                cases.push((format!("{name}: {value}"), with_claim(name, value), Deny(R::ClaimsMalformed)));
            }
        }
        for name in ["exp", "iat", "nbf"] {
            if value != &json!(7) {
                cases.push((format!("{name}: {value}"), with_claim(name, value), Deny(R::ClaimsMalformed)));
            }
        }
        let strings = value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
        let aud = if value.is_string() || strings { R::AudienceNotAllowed } else { R::ClaimsMalformed };
        cases.push((format!("aud: {value}"), with_claim("aud", value), Deny(aud)));
        let scp = if strings { Allow } else { Deny(R::NotAnAccessToken) };
        cases.push((format!("scp: {value}"), with_claim("scp", value), scp));
        cases.push((format!("cnf: {value}"), with_claim("cnf", value), Deny(R::TokenBound)));
    }
    assert_outcomes(&filter, cases);
}
