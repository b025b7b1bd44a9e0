//! Identity headers: only the filter sets them, from verified claims.

use std::io::Write as _;

use serde_json::json;
use stand_in_okta::TokenSpec;
use test_support::client::get;
use test_support::recorder::Recorder;

use super::harness::Harness;

/// Names that a backend may read as `x-okta-sub`.
const SPOOFED_NAMES: [&str; 6] =
    ["x-okta-sub", "X-Okta-Sub", "x_okta_sub", "x-okta_sub", "x.okta.sub", "x~okta~sub"];

#[test]
fn identity_headers_sent_by_the_client_are_removed() {
    let harness = Harness::new("spoofing", |config| config);
    harness.warm_up();
    let token = harness.user_token();
    for path in ["/", "/me"] {
        let mut request = get(path).bearer(&token).header("x-other", "stays");
        for name in SPOOFED_NAMES {
            request = request.header(name, "root").header(name, "admin");
        }
        // The filter also removes the headers of claims that the token does not have.
        let response = harness.send(&request.header("x-okta-groups", "[\"Admins\"]"));
        assert_eq!(response.status, 200, "{path}: {response:?}");
        let received = response.json();
        let headers = received["headers"].as_object().unwrap();
        let expected = if path == "/" { None } else { Some("[\"joe.user@example.com\"]".to_owned()) };
        assert_eq!(headers.get("x-okta-sub").map(ToString::to_string), expected, "{path}");
        assert!(!headers.keys().any(|name| name.contains(['_', '.', '~'])), "{path}: {headers:?}");
        assert!(
            !response.body.contains("root") && !response.body.contains("Admins"),
            "{path}: {}",
            response.body
        );
        // `forward` is false. On the public path the filter does not examine the token.
        assert_eq!(headers.contains_key("authorization"), path == "/", "{path}");
        assert_eq!(headers["x-other"][0], "stays");
    }
}

#[test]
fn identity_headers_in_trailers_are_removed() {
    for path in ["/", "/me"] {
        let recorder = Recorder::start();
        let harness = Harness::new("trailers", |config| config.with_trailers().app(recorder.port()));
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ntransfer-encoding: chunked\r\n\r\n\
             1\r\nx\r\n0\r\nx-other: stays\r\nX-Okta-Sub: root\r\nx_okta_groups: root\r\nauthorization: Bearer second\r\n\r\n",
            harness.user_token()
        );
        let mut stream = harness.client().connect().unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let received = recorder.request();
        assert!(
            received.contains("x-other: stays") || received.contains("x-other:stays"),
            "{path}: {received}"
        );
        assert!(!received.contains("root"), "{path}: {received}");
        assert_eq!(received.contains("second"), path == "/", "{path}: {received}");
        assert!(!harness.envoy.has_trapped(), "{}", harness.envoy.log());
    }
}

#[test]
fn connection_header_cannot_nominate_identity_headers() {
    let recorder = Recorder::start();
    let harness = Harness::new("nominated", |mut config| {
        config.manager()["upgrade_configs"] = serde_json::json!([{ "upgrade_type": "websocket" }]);
        config.app(recorder.port())
    });
    let request = format!(
        "GET /me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nupgrade: websocket\r\n\
         connection: Upgrade, x-okta-sub, X_Okta_Groups\r\n\r\n",
        harness.user_token()
    );
    let mut stream = harness.client().connect().unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let received = recorder.request();
    assert!(received.contains("x-okta-sub: joe.user@example.com"), "{received}");
    let connection = received.lines().find(|line| line.starts_with("connection:")).unwrap();
    assert_eq!(connection.trim_end(), "connection: upgrade", "{received}");
}

#[test]
fn claim_missing_sets_no_header() {
    let harness = Harness::new("machine-identity", |config| config);
    harness.warm_up();
    let token = harness.mint(&TokenSpec::machine().claim("sub", "a\r\nx-okta-groups: root\u{e9}%"));
    let response = harness.send(&get("/me").bearer(&token).header("x-okta-uid", "00u-root"));
    assert_eq!(response.status, 200, "{response:?}");
    let received = response.json();
    assert_eq!(received["headers"]["x-okta-sub"][0], "a%0D%0Ax-okta-groups: root%C3%A9%25");
    assert_eq!(received["headers"]["x-okta-scopes"][0], "[\"items:read\"]");
    assert!(
        received["headers"].get("x-okta-uid").is_none() && received["headers"].get("x-okta-groups").is_none(),
        "{received}"
    );
}

#[test]
fn forward_true_forwards_the_token() {
    let harness = Harness::new("forward", |mut config| {
        config.plugin()["forward"] = true.into();
        config
    });
    harness.warm_up();
    let token = harness.user_token();
    let response = harness.send(&get("/me").bearer(&token));
    assert_eq!(response.json()["headers"]["authorization"][0], format!("Bearer {token}"));
}

#[test]
fn payload_header_has_only_the_signed_payload() {
    let harness = Harness::new("payload", |mut config| {
        config.plugin()["forward_payload_header"] = "x-jwt-payload".into();
        config
    });
    harness.warm_up();
    let spec = TokenSpec::user()
        .claim("name", "caf\u{e9}\r\nx-okta-sub: root")
        .claim("list", json!([{ "a": [1, "\u{e9}"] }]));
    let token = harness.mint(&spec);
    for (path, expected) in [("/me", token.split('.').nth(1)), ("/", None)] {
        let spoofed = get(path).bearer(&token).header("x-jwt-payload", "e30").header("X_Jwt_Payload", "e30");
        let response = harness.send(&spoofed.header("x-jwt-payload", "root"));
        assert_eq!(response.status, 200, "{path}: {response:?}");
        let headers = response.json()["headers"].clone();
        assert_eq!(headers.get("x-jwt-payload"), expected.map(|payload| json!([payload])).as_ref(), "{path}");
        assert!(
            headers.get("x_jwt_payload").is_none() && !response.body.contains("root"),
            "{path}: {headers}"
        );
    }
}

#[test]
fn claim_of_any_type_is_encoded_in_one_header() {
    let harness = Harness::new("claims", |mut config| {
        let header = |name: &str| json!({ "header_name": format!("x-{name}"), "claim_name": name });
        config.plugin()["claim_to_headers"] = json!(["list", "object", "number", "text"].map(header));
        config
    });
    harness.warm_up();
    let spec = TokenSpec::user()
        .claim("list", json!(["a,b", "\u{e9}", "\r\nx-number: 2", 1.5, null]))
        .claim("object", json!({ "k\u{1f600}": { "\"": true } }))
        .claim("number", 7)
        .claim("text", " 100% caf\u{e9}\r\nx-number: 2\u{0} ");
    let headers = harness.send(&get("/me").bearer(harness.mint(&spec))).json()["headers"].clone();
    for (name, expected) in [
        ("x-list", r#"["a,b","\u00e9","\r\nx-number: 2",1.5,null]"#),
        ("x-object", r#"{"k\ud83d\ude00":{"\"":true}}"#),
        ("x-number", "7"),
        ("x-text", "%20100%25 caf%C3%A9%0D%0Ax-number: 2%00%20"),
    ] {
        assert_eq!(headers[name], json!([expected]), "{name}");
    }
}
