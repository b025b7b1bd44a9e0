//! The filter state of allowed requests, which access logs and later filters read.

use okta_authz_filter::filter::{Permit, Verdict};
use okta_authz_filter::filter_state::FilterStateName;
use serde_json::{Value, json};
use test_support::common::{NOW, Token, config, decide, filter, get};

/// Returns the filter state that a filter with these settings writes for an allowed request.
fn written(settings: Value, path: &str, token: Option<Token>) -> Vec<(&'static str, String)> {
    let filter = filter(&config(json!({}), settings));
    let value = token.map(|token| format!("Bearer {}", token.compact()));
    let values: Vec<&[u8]> = value.iter().map(String::as_bytes).collect();
    let names = &filter.config().filter_state;
    let of = |permit: &Permit| -> Vec<_> {
        permit.filter_state(names).map(|(name, value)| (name.key(), value.to_owned())).collect()
    };
    match decide(&filter, &get(path), &values, NOW) {
        Verdict::Allow(permit) => of(&permit),
        other => panic!("{other:?}"),
    }
}

/// Returns the identity that a filter writes for an allowed request with this token.
fn identity(token: Token) -> Vec<(&'static str, String)> {
    let names = json!(["sub", "uid", "cid", "provider", "scopes"]);
    written(json!({ "filter_state": names }), "/items", Some(token))
}

fn texts<'a>(values: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    values.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

fn value(token: Token, key: &str) -> String {
    identity(token).into_iter().find(|(name, _)| *name == key).unwrap().1
}

#[test]
fn filter_state_has_only_the_selected_names() {
    let all = [
        ("decision", "okta.decision", "allow"),
        ("code", "okta.code", "allowed"),
        ("sub", "okta.sub", "joe.user@example.com"),
        ("uid", "okta.uid", "00ujmkLgagxeRrAg20g3"),
        ("cid", "okta.cid", "0oa1m2mSvcClnt9A5d07"),
        ("provider", "okta.provider", "okta"),
        ("scopes", "okta.scopes", "openid,items:read"),
    ];
    assert!(all.iter().map(|(_, key, _)| *key).eq(FilterStateName::ALL.map(FilterStateName::key)));
    // Each subset of the names.
    for selected in 0..1_u32 << all.len() {
        let is_selected = |index: &usize| selected & (1 << index) != 0;
        let names: Vec<_> = (0..all.len()).filter(is_selected).map(|index| all[index].0).collect();
        let settings = if names.is_empty() { json!({}) } else { json!({ "filter_state": names }) };
        let mut values = written(settings, "/items", Some(Token::user()));
        values.sort_by_key(|(key, _)| all.iter().position(|(_, other, _)| other == key));
        let expected: Vec<_> = (0..all.len()).filter(is_selected).map(|i| (all[i].1, all[i].2)).collect();
        assert_eq!(texts(&values), expected, "{names:?}");
    }
}

#[test]
fn filter_state_without_selected_names_is_empty() {
    let settings = json!({ "filter_state": [], "rules": [
        { "match": { "path": "/open" }, "public": true }, { "match": {}, "requires": {} },
    ] });
    assert_eq!(written(settings.clone(), "/open", None), []);
    assert_eq!(written(settings, "/items", Some(Token::user())), []);
}

#[test]
fn filter_state_of_a_public_path_has_no_identity() {
    let names = json!(["decision", "code", "sub", "uid", "cid", "provider", "scopes"]);
    let rules = json!([{ "match": {}, "public": true }]);
    let values = written(json!({ "filter_state": names, "rules": rules }), "/", Some(Token::user()));
    assert_eq!(texts(&values), [("okta.decision", "allow"), ("okta.code", "public")]);
}

// An operator who tries a policy must see what it would deny, as with denials.
#[test]
fn filter_state_of_a_request_that_shadow_mode_allows_has_decision_and_code() {
    let settings = |names: Value| {
        let rules = json!([{ "match": {}, "requires": { "groups": ["Admins"] } }]);
        json!({ "mode": "shadow", "filter_state": names, "rules": rules })
    };
    let denial = [("okta.decision", "shadow"), ("okta.code", "requirement_not_met")];
    assert_eq!(texts(&written(settings(json!([])), "/", Some(Token::user()))), denial);
    let missing = [("okta.decision", "shadow"), ("okta.code", "token_missing")];
    assert_eq!(texts(&written(settings(json!(["sub"])), "/", None)), missing);
    let with_sub = [&[("okta.sub", "joe.user@example.com")][..], &denial].concat();
    assert_eq!(texts(&written(settings(json!(["sub"])), "/", Some(Token::user()))), with_sub);
}

#[test]
fn filter_state_of_a_token_without_the_claim_has_no_value() {
    assert!(identity(Token::machine()).iter().all(|(name, _)| *name != "okta.uid"));
}

// Access logs print filter state without encoding: a line break in a user name would forge a line.
#[test]
fn filter_state_with_control_characters_is_encoded() {
    let token =
        Token::user().claims(json!({ "sub": "joe\n[1999] GET /admin 200", "uid": "a\r\nb\u{1b}[2K" }));
    let values = identity(token);
    assert_eq!(values.len(), 5);
    for (name, value) in values {
        assert!(value.bytes().all(|byte| matches!(byte, b'!'..=b'~')), "{name}: {value:?}");
    }
}

#[test]
fn filter_state_with_spaces_is_encoded() {
    let forged = "joe code=public sub=root";
    let claims = json!({ "sub": forged, "uid": forged, "cid": forged, "scp": [forged, "a,b", "c"] });
    let encoded = "joe%20code=public%20sub=root";
    assert_eq!(
        texts(&identity(Token::user().claims(claims))),
        [
            ("okta.sub", encoded),
            ("okta.uid", encoded),
            ("okta.cid", encoded),
            ("okta.provider", "okta"),
            ("okta.scopes", "joe%20code=public%20sub=root,a%2Cb,c"),
        ]
    );
}

#[test]
fn filter_state_above_the_limit_is_cut_between_encoded_octets() {
    let token = || Token::user().claims(json!({ "sub": " ".repeat(300), "uid": "x".repeat(300) }));
    assert_eq!(value(token(), "okta.sub"), "%20".repeat(85));
    assert_eq!(value(token(), "okta.uid"), "x".repeat(256));
}

#[test]
fn filter_state_with_scopes_above_the_limit_is_cut_between_scopes() {
    let logged = |scopes: Value| value(Token::user().claims(json!({ "scp": scopes })), "okta.scopes");
    assert_eq!(logged(json!([])), "");
    assert_eq!(logged(json!(["a b", "c\nd", "\u{e9}%"])), "a%20b,c%0Ad,%C3%A9%25");
    let many: Vec<_> = (0..200).map(|number| format!("scope:{number}")).collect();
    let listed = logged(json!(many));
    assert!(listed.len() <= 1024 && listed.len() > 1000, "{}", listed.len());
    assert!(listed.split(',').eq(many.iter().take(listed.split(',').count())));
    assert_eq!(logged(json!(["x".repeat(1024), "a"])), "");
}

// The token cache has space for more tokens if the configuration selects nothing.
#[test]
fn cached_token_without_selected_names_takes_less_memory() {
    let bytes = |names: Value| {
        let filter = filter(&config(json!({}), json!({ "filter_state": names })));
        let value = format!("Bearer {}", Token::user().compact());
        assert!(matches!(decide(&filter, &get("/items"), &[value.as_bytes()], NOW), Verdict::Allow(_)));
        let (_, tokens, bytes) = filter.token_cache_usage();
        assert_eq!(tokens, 1);
        bytes
    };
    let none = bytes(json!([]));
    assert_eq!(bytes(json!(["decision", "code"])), none);
    let all = bytes(json!(["decision", "code", "sub", "uid", "cid", "provider", "scopes"]));
    let text = "joe.user@example.com00ujmkLgagxeRrAg20g30oa1m2mSvcClnt9A5d07oktaopenid,items:read";
    assert!(all >= none + text.len() as u64, "{all} {none}");
}
