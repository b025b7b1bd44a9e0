//! A second token under another spelling of a token source, sent as raw bytes.

use std::io::Write as _;

use serde_json::json;
use test_support::client::{Request, get};
use test_support::config::EnvoyConfig;
use test_support::http2;
use test_support::recorder::Recorder;

use super::harness::Harness;

/// Configures a header, a cookie and a query parameter as token sources, and `forward: true`.
pub fn with_sources(mut config: EnvoyConfig) -> EnvoyConfig {
    let plugin = config.plugin();
    plugin["from_headers"] = json!([{ "name": "x-api-token", "value_prefix": "Token " }]);
    plugin["from_cookies"] = json!(["session_token"]);
    plugin["from_params"] = json!(["access_token"]);
    plugin["forward"] = json!(true);
    config
}

#[test]
fn second_token_never_reaches_the_backend() {
    let harness = Harness::new("second-token", with_sources);
    harness.warm_up();
    let token = harness.user_token();
    let api = |request: Request| request.header("x-api-token", format!("Token {token}"));
    let cookie = |cookie: &[u8]| api(get("/me")).header("cookie", cookie);
    let before = harness.backend.requests();
    let mut requests = vec![
        api(get("/me")).header("authorization", "Bearer\tx"),
        api(get("/me")).header("authorization", "bearer \t x"),
        api(get("/me")).header("authorization", b"Bearer\xa0x"),
        api(get("/me")).header("authorization", "Basic eA==").header("authorization", "Bearer\tx"),
        api(get("/me")).header("x-api-token", "token x"),
        api(get("/me")).header("x-api-token", "Bearer x"),
        get("/me").bearer(&token).header("x-api-token", "token x"),
        get("/me").bearer(&token).header("X-Api-Token", "x"),
    ];
    for query in [
        "Access_Token=x",
        "a=1;access_token=x",
        "access.token=x",
        "access_token[]=x",
        "access_token%5b%5d=x",
        "access%255ftoken=x",
        "+access_token=x",
        "access_token%00=x",
        "access%5ftoken=x",
    ] {
        requests.push(api(get(format!("/me?{query}"))));
    }
    for value in [
        &b"a=1, session_token=x"[..],
        b"\xa0session_token=BAD",
        b"\x85session_token=BAD",
        b"session_token\xa0=BAD",
        b"session.token=BAD",
        b"session[token=BAD",
        b"session%5Ftoken=BAD",
        b"Session_Token=BAD",
        b"$Version=1; session_token=BAD; $Path=/",
        b"\"session_token\"=BAD",
    ] {
        requests.push(cookie(value));
    }
    for request in &requests {
        let response = harness.send(request);
        assert_eq!(
            (response.status, response.code().as_str()),
            (400, "multiple_credentials"),
            "{response:?}"
        );
    }
    for value in ["token x", "x", "Bearer x"] {
        let response = harness.send(&get("/me").header("x-api-token", value));
        assert_eq!(
            (response.status, response.code().as_str()),
            (400, "credentials_ambiguous"),
            "{response:?}"
        );
    }
    assert_eq!(harness.backend.requests(), before, "a request reached the backend");

    let allowed = [
        get("/me").header("authorization", format!("Bearer\t{token}")),
        api(get("/me?access_token2=x&q=access_token%3Dx")).header("authorization", "Basic eA=="),
        cookie(b"a=1, b=2; session_token2=x; c=session_token=x"),
    ];
    for request in &allowed {
        let response = harness.send(request);
        assert_eq!(response.status, 200, "{response:?}");
    }
    harness.assert_alive();
}

#[test]
fn second_token_over_http2_never_reaches_the_backend() {
    let harness = Harness::new("second-token-http2", with_sources);
    harness.warm_up();
    let token = harness.user_token();
    let (bearer, valid) = (format!("Bearer {token}"), format!("session_token={token}"));
    let send = |path: &str, more: &[http2::Field<'_>], trailers: &[http2::Field<'_>]| {
        let headers = [&http2::get(path)[..], more].concat();
        http2::send(harness.client().port(), &headers, trailers)
    };
    let bearer = ("authorization", bearer.as_bytes());
    let valid = ("cookie", valid.as_bytes());
    for (path, headers) in [
        ("/me", vec![valid, ("cookie", &b"session_token=x"[..])]),
        ("/me", vec![("cookie", b"a=1"), valid, ("cookie", b"\xa0session_token=x")]),
        ("/me", vec![valid, ("cookie", b"a=1, session_token=x")]),
        ("/me", vec![valid, ("authorization", b"Bearer\tx")]),
        ("/me", vec![bearer, ("x-api-token", b"token x")]),
        ("/me?access_token[]=x", vec![bearer]),
        ("/me?%41ccess_token=x", vec![bearer]),
    ] {
        let response = send(path, &headers, &[]);
        assert_eq!(response["code"], "multiple_credentials", "{path} {headers:?}: {response}");
    }
    let response = send("/me", &[("cookie", b"a=1"), valid, ("cookie", b"b=2")], &[]);
    assert_eq!(response["path"], "/me", "{response}");
    // Envoy does not forward trailers over HTTP/1.1. They must not stop the request.
    let response = send("/me", &[bearer], &[("cookie", b"session_token=x; a=1"), ("x-api-token", b"x")]);
    assert_eq!(response["path"], "/me", "{response}");
    harness.assert_alive();
}

#[test]
fn token_in_trailer_is_removed_if_a_token_was_examined() {
    for path in ["/", "/me"] {
        let recorder = Recorder::start();
        let harness = Harness::new("token-trailers", |config| {
            with_sources(config).with_trailers().app(recorder.port())
        });
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ntransfer-encoding: chunked\r\n\r\n\
             1\r\nx\r\n0\r\nx-other: stays\r\ncookie: session_token=second; a=kept\r\ncookie: Session_Token=second\r\n\
             x-api-token: Token second\r\nx_api_token: second\r\nx-okta-sub: root\r\n\r\n",
            harness.user_token()
        );
        let mut stream = harness.client().connect().unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let received = recorder.request();
        assert!(received.contains("x-other: stays") && received.contains("a=kept"), "{path}: {received}");
        assert_eq!(received.contains("second"), path == "/", "{path}: {received}");
        assert!(!received.contains("root"), "{path}: {received}");
        assert!(!harness.envoy.has_trapped(), "{}", harness.envoy.log());
    }
}
