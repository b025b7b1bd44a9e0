//! Bytes that break filters: none traps the VM, none gets through.

use serde_json::Value;
use test_support::client::{get, request};

use super::setup::Setup;

#[test]
fn hostile_heads() {
    let setup = Setup::new("hostile", |config| config);
    setup.warm_up();
    let token = setup.user();
    let before = setup.backend.requests();
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
            let response = setup.send(&request);
            assert_eq!(response.status, status, "{name}: {response:?}");
        }
    }
    assert_eq!(setup.backend.requests(), before, "none has reached the backend");
    setup.assert_alive();
}

/// The hostile tokens of the public vectors, of which Envoy's own filter lets some through.
#[test]
fn tokens_that_every_verifier_must_refuse() {
    let setup = Setup::new("hostile-tokens", |config| config);
    setup.warm_up();
    let before = setup.backend.requests();
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
            let response = setup.send(&get("/me").bearer(token));
            assert!(matches!(response.status, 400 | 401), "{}: {response:?}", case["id"]);
            sent += 1;
        }
    }
    assert!(sent > 400, "{sent} tokens sent");
    assert_eq!(setup.backend.requests(), before);
    setup.assert_alive();
}

/// Wrong types in every place, signed by the right key: what a broken authorization server might issue.
#[test]
fn signed_nonsense() {
    let setup = Setup::new("signed-nonsense", |config| config);
    setup.warm_up();
    let server = stand_in_okta::Server::Default;
    let before = setup.backend.requests();
    let header = format!(r#"{{"kid":"{}","alg":"RS256"}}"#, setup.okta.kid(server));
    let claims: Value = {
        use base64::Engine as _;
        let token = setup.user();
        let payload = token.split('.').nth(1).unwrap();
        serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap())
            .unwrap()
    };
    let wrong = [r#"null"#, "true", "1e308", "-1", r#""""#, "[]", "{}", r#"[null,1,{"a":[]}]"#];
    for name in ["iss", "aud", "exp", "iat", "cid", "scp"] {
        for value in wrong {
            let mut claims = claims.clone();
            claims[name] = serde_json::from_str(value).unwrap();
            let token = setup.okta.sign(server, &header, &claims.to_string());
            let response = setup.send(&get("/me").bearer(&token));
            // An empty list of scopes is a token without scopes, and `/me` asks for none.
            let expected = if (name, value) == ("scp", "[]") { 200 } else { 401 };
            assert_eq!(response.status, expected, "{name}: {value}: {response:?}");
        }
    }
    for payload in ["", "null", "[]", "\"x\"", "{", "{\"iss\":1,\"iss\":2}", "\u{0}"] {
        let token = setup.okta.sign(server, &header, payload);
        assert_eq!(setup.send(&get("/me").bearer(&token)).status, 401, "{payload}");
    }
    assert_eq!(setup.backend.requests(), before + 1);
    setup.assert_alive();
}
