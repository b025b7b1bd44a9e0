//! Identity headers for the upstream, and the removal of credentials.

use okta_authz_filter::filter::Verdict;
use serde_json::{Value, json};
use test_support::common::{ISSUER, NOW, OTHER_ISSUER, Token, config, decide, filter, get, two_providers};

fn permit(headers: Value, rules: Value, token: Option<Token>) -> okta_authz_filter::filter::Permit {
    let filter = filter(&config(json!({}), json!({ "claim_to_headers": headers, "rules": rules })));
    let value = token.map(|token| format!("Bearer {}", token.compact()));
    let values: Vec<&[u8]> = value.iter().map(String::as_bytes).collect();
    match decide(&filter, &get("/items"), &values, NOW) {
        Verdict::Allow(permit) => permit,
        other => panic!("{other:?}"),
    }
}

#[test]
fn claim_is_set_as_header_in_printable_ascii() {
    for (name, claim, value, expected) in [
        ("a string", "x", json!("joe"), Some("joe")),
        ("a number", "x", json!(7), Some("7")),
        ("a list", "x", json!(["a", "b,c"]), Some(r#"["a","b,c"]"#)),
        ("an absent claim", "y", json!("joe"), None),
        ("an empty string", "x", json!(""), Some("")),
        ("an attempt at a second header", "x", json!("joe\r\nx-role: root"), Some("joe%0D%0Ax-role: root")),
        ("an attempt at a second header, in a list", "x", json!(["\r\nx: y"]), Some(r#"["\r\nx: y"]"#)),
        ("not ASCII", "x", json!("é"), Some("%C3%A9")),
        ("an encoded character is encoded again", "x", json!("%0A"), Some("%250A")),
        ("a nested claim", "x.y", json!({ "y": "z" }), Some("z")),
    ] {
        let headers = json!([{ "header_name": "X-Okta-Claim", "claim_name": claim }]);
        let permit = permit(headers, json!([]), Some(Token::user().claims(json!({ "x": value }))));
        let set: Vec<_> = permit.identity_headers().iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let expected: Vec<_> = expected.into_iter().map(|value| ("x-okta-claim", value)).collect();
        assert_eq!(set, expected, "{name}");
    }
}

#[test]
fn identity_header_names_are_stripped_with_any_token_and_rule() {
    // The host strips the configured names, not those of the permit. The list must have all names,
    // in lower case, even if the token lacks the claim or the rule is public.
    let headers = json!([
        { "header_name": "X-Okta-Sub", "claim_name": "sub" },
        { "header_name": "x-okta-tenant", "claim_name": "tenant" },
    ]);
    let filter = filter(&config(json!({}), json!({ "claim_to_headers": headers.clone() })));
    let names: Vec<_> = filter.config().claim_to_headers.iter().map(|h| h.header_name.as_str()).collect();
    assert_eq!(names, ["x-okta-sub", "x-okta-tenant"]);

    let public = permit(headers, json!([{ "match": {}, "public": true }]), Some(Token::user()));
    assert!(public.identity_headers().is_empty() && !public.is_verified());
}

#[test]
fn header_of_a_provider_is_set_from_its_tokens_only() {
    let headers = json!([
        { "header_name": "x-user", "claim_name": "uid", "providers": ["okta"] },
        { "header_name": "x-user", "template": "other|{sub}", "providers": ["other"] },
        { "header_name": "x-okta-groups", "claim_name": "groups", "providers": ["okta"] },
        { "header_name": "x-principal", "template": "{iss}/{sub}" },
        { "header_name": "x-absent", "template": "{sub}:{absent}" },
    ]);
    let filter = filter(&two_providers(json!({ "claim_to_headers": headers })));
    let headers_of = |token: Token| {
        let value = format!("Bearer {}", token.compact());
        match decide(&filter, &get("/items"), &[value.as_bytes()], NOW) {
            Verdict::Allow(permit) => permit.identity_headers().to_vec(),
            other => panic!("{other:?}"),
        }
    };
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let joe = "joe.user@example.com";
    assert_eq!(
        headers_of(Token::user()),
        [
            header("x-user", "00ujmkLgagxeRrAg20g3"),
            header("x-okta-groups", r#"["Everyone","IT, EMEA"]"#),
            header("x-principal", &format!("{ISSUER}/{joe}")),
        ]
    );
    assert_eq!(
        headers_of(Token::other()),
        [header("x-user", &format!("other|{joe}")), header("x-principal", &format!("{OTHER_ISSUER}/{joe}")),]
    );
    for name in ["x-user", "X-Okta-Groups", "x_principal", "x-absent"] {
        assert!(filter.config().must_strip(name, false), "{name}: stripped for every provider");
    }
}

#[test]
fn payload_header_has_the_signed_payload() {
    let with_payload = json!({ "forward_payload_header": "X-Jwt-Payload", "rules": [
        { "match": { "path": "/open" }, "public": true }, { "match": {}, "requires": {} },
    ] });
    let filter = filter(&config(json!({}), with_payload));
    let token = Token::user().claims(json!({ "name": "\u{e9}\r\nx: y", "list": [{ "a": 1 }] })).compact();
    let value = format!("Bearer {token}");
    let headers = |path: &str| match decide(&filter, &get(path), &[value.as_bytes()], NOW) {
        Verdict::Allow(permit) => permit.identity_headers().to_vec(),
        other => panic!("{other:?}"),
    };
    let payload = token.split('.').nth(1).unwrap().to_owned();
    assert_eq!(headers("/items"), [("x-jwt-payload".to_owned(), payload)]);
    assert_eq!(headers("/open"), []);
    for name in ["x-jwt-payload", "X-JWT-Payload", "x_jwt_payload", "x.jwt-payload"] {
        assert!(filter.config().must_strip(name, false), "{name}");
    }
    for name in ["x-jwt-payload2", ":path", "authorization"] {
        assert!(!filter.config().must_strip(name, true), "{name}");
    }
}

// If the filter examined no token, credentials are for the upstream: `Authorization: Basic`, an API
// key.
#[test]
fn credentials_are_stripped_only_after_a_token_was_examined() {
    let config = |forward: bool| {
        let sources = json!({ "from_headers": [{ "name": "x-api-token" }], "forward": forward,
            "claim_to_headers": [{ "header_name": "x-okta-sub", "claim_name": "sub" }] });
        filter(&config(json!({}), sources)).config().clone()
    };
    for (name, forward, examined, withheld) in [
        ("authorization", false, true, true),
        ("authorization", false, false, false),
        ("authorization", true, true, false),
        ("x-api-token", false, true, true),
        ("x-api-token", false, false, false),
        ("x-api-token", true, true, false),
        ("x_api_token", true, true, true),
        ("x_api_token", true, false, false),
        ("x_okta_sub", true, false, true),
        ("x-okta-sub", false, true, true),
        ("x-other", false, true, false),
    ] {
        let config = config(forward);
        let case = format!("{name}, forward {forward}, examined {examined}");
        assert_eq!(config.must_strip(name, examined), withheld, "{case}");
        let in_trailers = examined && name != "x-other" || name.ends_with("sub");
        assert_eq!(config.must_strip_trailer(name, examined), in_trailers, "{case}");
    }
}

#[test]
fn permit_records_whether_a_token_was_examined() {
    let shadow = |enforced: Value| json!([{ "match": {}, "mode": "shadow", "requires": { "groups": ["a"] } }, enforced]);
    let optional = json!([{ "match": {}, "mode": "optional", "requires": {} }]);
    let public = json!([{ "match": {}, "public": true }]);
    for (rules, token, expected) in [
        (json!([]), Some(Token::user()), true),
        (public.clone(), Some(Token::user()), false),
        (public, None, false),
        (optional.clone(), Some(Token::user()), true),
        (optional, None, false),
        // A rule in shadow mode must not change the request to the upstream.
        (shadow(json!({ "match": {}, "public": true })), Some(Token::user()), false),
        (shadow(json!({ "match": {}, "requires": {} })), Some(Token::user()), true),
        (shadow(json!({ "match": {}, "mode": "optional", "requires": {} })), None, false),
    ] {
        let case = format!("{rules}, token {}", token.is_some());
        assert_eq!(permit(json!([]), rules, token).has_examined_token(), expected, "{case}");
    }
    let shadow_policy =
        json!({ "mode": "shadow", "rules": [{ "match": {}, "requires": { "groups": ["a"] } }] });
    let filter = filter(&config(json!({}), shadow_policy));
    let user = format!("Bearer {}", Token::user().compact());
    for (path, sent, expected) in [
        ("/items", vec![user.as_bytes()], true),
        ("/items", vec![&b"Bearer x.y.z"[..]], true),
        ("/items", vec![], false),
        ("/items", vec![b"Basic eA=="], false),
        ("/items", vec![user.as_bytes(), user.as_bytes()], false),
        ("/a/../b", vec![user.as_bytes()], false),
    ] {
        let Verdict::Allow(permit) = decide(&filter, &get(path), &sent, NOW) else { panic!("{path}") };
        assert_eq!(
            permit.has_examined_token(),
            expected,
            "policy in shadow mode, {path}, {} headers",
            sent.len()
        );
    }
}
