//! Token sources other than `Authorization`, and the request that the backend receives.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use test_support::client::{Request, get, request};
use test_support::recorder::Recorder;

use super::ambiguous_tokens::with_sources;
use super::harness::Harness;

/// Starts Envoy with every token source.
fn with_all_sources(name: &str, forward: bool) -> Harness {
    Harness::new(name, |mut config| {
        let plugin = config.plugin();
        plugin["from_headers"] = json!([{ "name": "x-api-token", "value_prefix": "Token " }]);
        plugin["from_cookies"] = json!(["session_token"]);
        plugin["from_params"] = json!(["access_token"]);
        plugin["from_websocket_protocol"] = json!(true);
        plugin["forward"] = json!(forward);
        config
    })
}

/// Returns the WebSocket subprotocol that contains this token.
fn subprotocol(token: &str) -> String {
    format!("base64url.bearer.authorization.k8s.io.{}", URL_SAFE_NO_PAD.encode(token))
}

/// Returns a request for each source, with another value that the filter must not remove.
fn requests(token: &str) -> [Request; 4] {
    [
        get("/me?a=%zz&b").header("x-api-token", format!("Token {token}")).header("x_api_token", "root"),
        get("/me?a=%zz&b").header("cookie", format!("a=1; session_token={token}; b=2")),
        get(format!("/me?a=%zz&access%5Ftoken={token}&b")),
        get("/me?a=%zz&b").header("sec-websocket-protocol", format!("chat, {}, v2", subprotocol(token))),
    ]
}

#[test]
fn forward_false_removes_only_the_token() {
    let harness = with_all_sources("sources", false);
    harness.warm_up();
    let token = harness.user_token();
    let received = requests(&token).map(|request| {
        let response = harness.send(&request);
        assert_eq!(response.status, 200, "{response:?}");
        assert!(!response.body.contains("eyJ") && !response.body.contains("ZXlK"), "{}", response.body);
        assert!(!response.body.contains("root"), "{}", response.body);
        response.json()
    });
    for received in &received {
        assert_eq!(received["path"], "/me?a=%zz&b");
        assert_eq!(received["headers"]["x-okta-sub"][0], "joe.user@example.com");
    }
    assert_eq!(received[0]["headers"].get("x-api-token"), None);
    assert_eq!(received[1]["headers"]["cookie"], json!(["a=1; b=2"]));
    assert_eq!(received[3]["headers"]["sec-websocket-protocol"], json!(["chat, v2"]));

    // On a public path the filter examines no token and removes nothing.
    let everywhere = get("/?access_token=code")
        .header("x-api-token", "key")
        .header("x_api_token", "key")
        .header("cookie", "session_token=1")
        .header("sec-websocket-protocol", subprotocol("a.b.c"))
        .header("authorization", "Basic dXNlcjpwYXNz");
    let received = harness.send(&everywhere).json();
    assert_eq!(received["path"], "/?access_token=code");
    for (name, value) in [
        ("x-api-token", "key"),
        ("x_api_token", "key"),
        ("cookie", "session_token=1"),
        ("sec-websocket-protocol", &subprotocol("a.b.c")),
        ("authorization", "Basic dXNlcjpwYXNz"),
    ] {
        assert_eq!(received["headers"][name], json!([value]), "{name}");
    }
    harness.assert_alive();
    assert!(token.split('.').all(|segment| !harness.envoy.log().contains(segment)), "the log has a token");
}

#[test]
fn forward_true_keeps_the_token_except_in_the_subprotocol() {
    let harness = with_all_sources("sources-forward", true);
    harness.warm_up();
    let token = harness.user_token();
    let [header, cookie, param, socket] = requests(&token).map(|request| harness.send(&request).json());
    assert_eq!(header["headers"]["x-api-token"][0], format!("Token {token}"));
    assert_eq!(
        header["headers"].get("x_api_token"),
        None,
        "WSGI reads this header as `x-api-token`, and the filter did not verify it"
    );
    assert_eq!(cookie["headers"]["cookie"][0], format!("a=1; session_token={token}; b=2"));
    assert_eq!(param["path"], format!("/me?a=%zz&access%5Ftoken={token}&b"));
    assert_eq!(socket["headers"]["sec-websocket-protocol"], json!(["chat, v2"]));
}

#[test]
fn two_tokens_or_malformed_tokens_are_rejected() {
    let harness = with_all_sources("sources-rejected", false);
    harness.warm_up();
    let token = harness.user_token();
    let before = harness.backend.requests();
    let two = requests(&token).map(|request| (request.bearer(&token), 400, "multiple_credentials"));
    let malformed = [
        get("/me").header("x-api-token", b"Token \xff.\xfe.\xfd"),
        get("/me").header("cookie", b"session_token=\xff.a.b;;=;\xff"),
        get("/me?access_token=a.%zz.b"),
        get("/me?access_token=%ff%fe.%00.%0d%0a"),
        get("/me").header("sec-websocket-protocol", "base64url.bearer.authorization.k8s.io.%%%"),
    ]
    .map(|request| (request, 401, "token_malformed"));
    for (request, status, code) in two.into_iter().chain(malformed) {
        for _ in 0..4 {
            let response = harness.send(&request);
            assert_eq!((response.status, response.code().as_str()), (status, code), "{response:?}");
        }
    }
    assert_eq!(harness.backend.requests(), before);
    harness.assert_alive();
}

#[test]
fn websocket_handshake_with_a_token_is_allowed() {
    use std::io::Write as _;

    let recorder = Recorder::start();
    let harness = Harness::new("websocket", |mut config| {
        config.manager()["upgrade_configs"] = json!([{ "upgrade_type": "websocket" }]);
        config.plugin()["from_websocket_protocol"] = Value::Bool(true);
        config.app(recorder.port())
    });
    let request = format!(
        "GET /me HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-protocol: {}\r\nsec-websocket-protocol: chat\r\n\r\n",
        subprotocol(&harness.user_token())
    );
    let mut stream = harness.client().connect().unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let received = recorder.request();
    let protocols: Vec<_> =
        received.lines().filter(|line| line.starts_with("sec-websocket-protocol:")).collect();
    assert_eq!(protocols, ["sec-websocket-protocol: chat"], "{received}");
    assert!(received.contains("x-okta-sub: joe.user@example.com"), "{received}");
}

#[test]
fn credentials_stay_if_no_token_is_examined() {
    let harness = Harness::new("foreign-credentials", |config| {
        let mut config = with_sources(config);
        let plugin = config.plugin();
        plugin["forward"] = json!(false);
        plugin["bypass_cors_preflight"] = json!(true);
        plugin["route_policies"] = json!({ "open": { "public": true } });
        plugin["rules"] = json!([
            { "match": { "prefix": "/open" }, "public": true },
            { "match": { "prefix": "/optional" }, "requires": {}, "mode": "optional" },
            { "match": {}, "requires": {} },
        ]);
        config.manager()["route_config"]["virtual_hosts"][0]["routes"] = json!([
            { "match": { "prefix": "/by-route" }, "route": { "cluster": "app" },
              "metadata": { "filter_metadata": { "okta_authz": { "policy": "open" } } } },
            { "match": { "prefix": "/" }, "route": { "cluster": "app" } },
        ]);
        config
    });
    harness.warm_up();
    let preflight = |path: &str| {
        request("OPTIONS", path).header("origin", "https://a").header("access-control-request-method", "GET")
    };
    for authorization in [
        "Basic dXNlcjpwYXNz",
        "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host;x-amz-date, Signature=c",
        "Digest username=\"a\", realm=\"b\"",
    ] {
        for (request, path) in [
            (get("/open?token=code&access_token=code"), "/open?token=code&access_token=code"),
            (get("/by-route?access_token=code"), "/by-route?access_token=code"),
            (get("/optional?q=1"), "/optional?q=1"),
            (preflight("/any?access_token=code"), "/any?access_token=code"),
        ] {
            let sent = request.header("authorization", authorization);
            let received = harness.send(&sent).json();
            assert_eq!(received["headers"]["authorization"], json!([authorization]), "{path}: {received}");
            assert_eq!(received["path"], path);
        }
    }
    let received =
        harness.send(&get("/open").bearer("foreign").header("cookie", "session_token=1; a=2")).json();
    assert_eq!(received["headers"]["authorization"], json!(["Bearer foreign"]));
    assert_eq!(received["headers"]["cookie"], json!(["session_token=1; a=2"]));
    assert_eq!(harness.send(&get("/optional").bearer("foreign")).status, 401);

    let token = harness.user_token();
    for path in ["/me", "/optional"] {
        let received = harness.send(&get(path).bearer(&token).header("cookie", "a=2")).json();
        assert_eq!(
            received["headers"].get("authorization"),
            None,
            "{path}: the filter examined the token, and `forward` is false"
        );
        assert_eq!(received["headers"]["cookie"], json!(["a=2"]));
    }
    harness.assert_alive();
}
