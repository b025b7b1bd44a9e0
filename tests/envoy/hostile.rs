//! Bytes that break filters: none traps the VM, none gets through.

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
        ("token that is not UTF-8", get("/me").bearer(b"\xff\xfe"), 401),
        ("a whole header that is not UTF-8", get("/me").header("authorization", b"\xff\xff\xff"), 401),
        ("another header that is not UTF-8", get("/me").header("x-other", b"\xff").bearer("a.b.c"), 401),
        ("a host that is not UTF-8", get("/me").header("host", b"\xff\xfe").bearer(&token), 400),
        ("a path that is not UTF-8", get(b"/me\xff\xfe").bearer(&token), 400),
        ("a method that Envoy does not know", request("BREW", "/items").bearer(&token), 400),
        ("a method that no rule names", request("PROPFIND", "/items").bearer(&token), 403),
        ("a deep header", get("/me").bearer(format!("{}.e30.AA", deep(4_000))), 401),
        ("a deep payload", get("/me").bearer(format!("eyJhbGciOiJSUzI1NiJ9.{}.AA", deep(4_000))), 401),
        ("20 KiB of token", get("/me").bearer(&long[..20 * 1024]), 401),
        ("80 KiB of token", get("/me").bearer(&long[..80 * 1024]), 401),
        ("a token of dots", get("/me").bearer(".".repeat(16_000)), 401),
        ("1 MiB of header", get("/me").header("x-long", &long).bearer(&token), 431),
        ("1 MiB of token", get("/me").bearer(&long), 431),
    ];
    for (name, request, status) in cases {
        for _ in 0..4 {
            let response = harness.send(&request);
            assert_eq!(response.status, status, "{name}: {response:?}");
        }
    }
    assert_eq!(harness.backend.requests(), before, "none has reached the backend");
    harness.assert_alive();
}

/// The hostile tokens of the public vectors, of which Envoy's own filter lets some through.
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
                // No header can carry it; the vectors' own test has it.
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

/// Wrong types in every place, signed by the right key: what a broken authorization server might issue.
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
            // An empty list of scopes is a token without scopes, and `/me` asks for none.
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
