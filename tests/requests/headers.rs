//! Identity headers for the upstream, identity for access logs, and the removal of credentials.

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
    assert!(public.identity_headers().is_empty() && public.log_attributes().next().is_none());
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
fn identity_for_logs_has_subject_user_client_provider_and_scopes() {
    let permit_for = |token| permit(json!([]), json!([]), Some(token));
    assert!(permit_for(Token::user()).log_attributes().eq([
        ("okta.sub", "joe.user@example.com"),
        ("okta.uid", "00ujmkLgagxeRrAg20g3"),
        ("okta.cid", "0oa1m2mSvcClnt9A5d07"),
        ("okta.provider", "okta"),
        ("okta.scopes", "openid,items:read"),
    ]));
    assert!(permit_for(Token::machine()).log_attributes().all(|(name, _)| name != "okta.uid"));
}

// Access logs print filter state without encoding: a line break in a user name would forge a line.
#[test]
fn identity_for_logs_with_control_characters_is_encoded() {
    let token =
        Token::user().claims(json!({ "sub": "joe\n[1999] GET /admin 200", "uid": "a\r\nb\u{1b}[2K" }));
    for (name, value) in permit(json!([]), json!([]), Some(token)).log_attributes() {
        assert!(value.bytes().all(|byte| matches!(byte, b'!'..=b'~')), "{name}: {value:?}");
    }
}

#[test]
fn identity_for_logs_with_spaces_is_encoded() {
    let forged = "joe code=public sub=root";
    let claims = json!({ "sub": forged, "uid": forged, "cid": forged, "scp": [forged, "a,b", "c"] });
    let permit = permit(json!([]), json!([]), Some(Token::user().claims(claims)));
    let encoded = "joe%20code=public%20sub=root";
    assert!(permit.log_attributes().eq([
        ("okta.sub", encoded),
        ("okta.uid", encoded),
        ("okta.cid", encoded),
        ("okta.provider", "okta"),
        ("okta.scopes", "joe%20code=public%20sub=root,a%2Cb,c"),
    ]));
}

#[test]
fn identity_for_logs_above_the_limit_is_cut_between_encoded_octets() {
    let token = Token::user().claims(json!({ "sub": " ".repeat(300), "uid": "x".repeat(300) }));
    let permit = permit(json!([]), json!([]), Some(token));
    let value = |key: &str| permit.log_attributes().find(|(name, _)| *name == key).unwrap().1.to_owned();
    assert_eq!(value("okta.sub"), "%20".repeat(85));
    assert_eq!(value("okta.uid"), "x".repeat(256));
}

#[test]
fn scopes_for_logs_above_the_limit_are_cut_between_scopes() {
    let logged = |scopes: Value| {
        let permit = permit(json!([]), json!([]), Some(Token::user().claims(json!({ "scp": scopes }))));
        permit.log_attributes().find(|(name, _)| *name == "okta.scopes").unwrap().1.to_owned()
    };
    assert_eq!(logged(json!([])), "");
    assert_eq!(logged(json!(["a b", "c\nd", "\u{e9}%"])), "a%20b,c%0Ad,%C3%A9%25");
    let many: Vec<_> = (0..200).map(|number| format!("scope:{number}")).collect();
    let listed = logged(json!(many));
    assert!(listed.len() <= 1024 && listed.len() > 1000, "{}", listed.len());
    assert!(listed.split(',').eq(many.iter().take(listed.split(',').count())));
    assert_eq!(logged(json!(["x".repeat(1024), "a"])), "");
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
