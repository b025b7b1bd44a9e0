//! Malformed headers, tokens and claims: the filter rejects them and does not trap.

use serde_json::Value;
use test_support::client::{get, request};

use super::harness::Harness;

#[test]
fn malformed_headers_are_rejected_without_a_trap() {
    let harness = Harness::new("hostile", |config| config);
    harness.warm_up();
    let token = harness.user_token();
    let before = harness.backend.requests();
    let long = "a".repeat(1024 * 1024);
    let deep = |depth: usize| {
        use base64::Engine as _;
        let json = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json)
    };
    let cases = [
        ("a token that is not UTF-8", get("/me").bearer(b"\xff\xfe"), 401),
        ("a header that is not UTF-8", get("/me").header("authorization", b"\xff\xff\xff"), 401),
        ("another header that is not UTF-8", get("/me").header("x-other", b"\xff").bearer("a.b.c"), 401),
        ("a host that is not UTF-8", get("/me").header("host", b"\xff\xfe").bearer(&token), 400),
        ("a path that is not UTF-8", get(b"/me\xff\xfe").bearer(&token), 400),
        ("a method that Envoy does not know", request("BREW", "/items").bearer(&token), 400),
        ("a method that no rule names", request("PROPFIND", "/items").bearer(&token), 403),
        ("a deeply nested JOSE header", get("/me").bearer(format!("{}.e30.AA", deep(4_000))), 401),
        (
            "a deeply nested payload",
            get("/me").bearer(format!("eyJhbGciOiJSUzI1NiJ9.{}.AA", deep(4_000))),
            401,
        ),
        ("a token of 20 KiB", get("/me").bearer(&long[..20 * 1024]), 401),
        ("a token of 80 KiB", get("/me").bearer(&long[..80 * 1024]), 401),
        ("a token of dots", get("/me").bearer(".".repeat(16_000)), 401),
        ("a header of 1 MiB", get("/me").header("x-long", &long).bearer(&token), 431),
        ("a token of 1 MiB", get("/me").bearer(&long), 431),
    ];
    for (name, request, status) in cases {
        for _ in 0..4 {
            let response = harness.send(&request);
            assert_eq!(response.status, status, "{name}: {response:?}");
        }
    }
    assert_eq!(harness.backend.requests(), before, "a request reached the backend");
    harness.assert_alive();
}

/// Sends the public vectors that a verifier must or should reject. `jwt_authn` accepts some of
/// them.
#[test]
fn invalid_vector_tokens_are_rejected() {
    let harness = Harness::new("hostile-tokens", |config| config);
    harness.warm_up();
    let before = harness.backend.requests();
    let mut sent = 0;
    for file in ["wycheproof_jws", "rfc_jws", "jwt_verify_lib"] {
        let path = test_support::root().join(format!("tests/data/vectors/{file}.json"));
        let vectors: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        for case in vectors["cases"].as_array().unwrap() {
            let strict = matches!(case["strength"].as_str(), Some("must" | "should"));
            let form = matches!(case["layer"].as_str(), Some("jose" | "parse"));
            if case["expected"] != "reject" || !strict || !form {
                continue;
            }
            let token = case["token"].as_str().unwrap();
            if token.bytes().any(|byte| byte.is_ascii_control()) {
                // A header cannot contain control characters. `tests/vectors` has this case.
                continue;
            }
            let response = harness.send(&get("/me").bearer(token));
            assert!(matches!(response.status, 400 | 401), "{}: {response:?}", case["id"]);
            sent += 1;
        }
    }
    assert!(sent > 400, "{sent} tokens sent");
    assert_eq!(harness.backend.requests(), before);
    harness.assert_alive();
}

/// Claims of a wrong type with a valid signature, as a faulty authorization server could issue
/// them.
#[test]
fn signed_claims_of_wrong_type_are_rejected() {
    let harness = Harness::new("signed-nonsense", |config| config);
    harness.warm_up();
    let server = stand_in_okta::Server::Default;
    let before = harness.backend.requests();
    let header = format!(r#"{{"kid":"{}","alg":"RS256"}}"#, harness.okta.kid(server));
    let claims: Value = {
        use base64::Engine as _;
        let token = harness.user_token();
        let payload = token.split('.').nth(1).unwrap();
        serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap())
            .unwrap()
    };
    let wrong = [r#"null"#, "true", "1e308", "-1", r#""""#, "[]", "{}", r#"[null,1,{"a":[]}]"#];
    for name in ["iss", "aud", "exp", "iat", "cid", "scp"] {
        for value in wrong {
            let mut claims = claims.clone();
            claims[name] = serde_json::from_str(value).unwrap();
            let token = harness.okta.sign(server, &header, &claims.to_string());
            let response = harness.send(&get("/me").bearer(&token));
            // A token with an empty list of scopes is valid, and `/me` requires no scope.
            let expected = if (name, value) == ("scp", "[]") { 200 } else { 401 };
            assert_eq!(response.status, expected, "{name}: {value}: {response:?}");
        }
    }
    for payload in ["", "null", "[]", "\"x\"", "{", "{\"iss\":1,\"iss\":2}", "\u{0}"] {
        let token = harness.okta.sign(server, &header, payload);
        assert_eq!(harness.send(&get("/me").bearer(&token)).status, 401, "{payload}");
    }
    assert_eq!(harness.backend.requests(), before + 1);
    harness.assert_alive();
}
