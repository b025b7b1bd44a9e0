//! Responses, faults, the control API and TLS.

use std::io;
use std::net::TcpStream;

use serde_json::{Value, json};
use stand_in_okta::{Fault, Options, Server, StandIn};

use crate::KEYS;
use crate::client::{get, get_https, json_of, kids, parts, request, start};

const METADATA: &str = "/oauth2/default/.well-known/oauth-authorization-server";

#[test]
fn cache_control_when_set_is_sent() {
    let okta = start();
    for value in [Some("max-age=30"), Some("no-cache"), None] {
        okta.set_cache_control(Server::Default, value);
        assert_eq!(get(&okta, KEYS).header("cache-control"), value);
    }
}

#[test]
fn metadata_is_served_at_each_path() {
    let okta = start();
    let default = "https://acme.okta.example/oauth2/default";
    let cases = [
        (
            "/.well-known/openid-configuration",
            "https://acme.okta.example",
            "https://acme.okta.example/oauth2",
        ),
        (
            "/.well-known/oauth-authorization-server",
            "https://acme.okta.example",
            "https://acme.okta.example/oauth2",
        ),
        ("/oauth2/default/.well-known/openid-configuration", default, default),
        (METADATA, default, default),
        ("/.well-known/oauth-authorization-server/oauth2/default", default, default),
    ];
    for (path, issuer, base) in cases {
        let document = get(&okta, path).json();
        assert_eq!(document["issuer"], issuer, "{path}");
        assert_eq!(document["jwks_uri"], format!("{base}/v1/keys"), "{path}");
        assert_eq!(
            document["registration_endpoint"], "https://acme.okta.example/oauth2/v1/clients",
            "{path}"
        );
        let custom = base == default && path.ends_with("openid-configuration");
        assert_eq!(document.get("id_token_encryption_enc_values_supported").is_some(), custom, "{path}");
        assert!(document.get("acr_values_supported").is_none(), "{path}");
    }
    assert_eq!(okta.discovery_fetches(Server::Default), 3);
    assert_eq!(okta.discovery_fetches(Server::Org), 2);

    let reply = get(&okta, "/oauth2/ausNope/.well-known/oauth-authorization-server");
    assert_eq!((reply.status, &reply.json()["errorCode"]), (404, &json!("E0000007")));
    assert_eq!(reply.json()["errorSummary"], "Not found: Resource not found: ausNope (AuthorizationServer)");
    let reply = get(&okta, &format!("{METADATA}?client_id=unknown"));
    assert_eq!((reply.status, &reply.json()["errorCode"]), (400, &json!("invalid_client")));
}

#[test]
fn fault_of_each_kind_changes_the_response() {
    let okta = start();
    for path in [KEYS, METADATA] {
        let healthy = get(&okta, path).body.len();
        let send = |fault| {
            okta.set_fault(Server::Default, fault);
            request(&okta, "GET", path, "", "")
        };
        let reply = |fault| send(fault).unwrap();

        let limited = reply(Fault::Status(429));
        assert_eq!((limited.status, &limited.json()["errorCode"]), (429, &json!("E0000047")));
        assert!(limited.header("x-rate-limit-reset").is_some());
        let broken = reply(Fault::Status(500));
        assert_eq!((broken.status, &broken.json()["errorCode"]), (500, &json!("E0000009")));

        let html = reply(Fault::Html);
        assert_eq!((html.status, html.header("content-type")), (200, Some("text/html;charset=utf-8")));
        assert_eq!(reply(Fault::Empty).body, "");
        assert_eq!(reply(Fault::Body(r#"{"keys":[]}"#.to_owned())).body, r#"{"keys":[]}"#);

        let truncated = reply(Fault::TruncatedJson);
        assert_eq!(truncated.header("content-length"), Some(truncated.body.len().to_string().as_str()));
        assert!(serde_json::from_str::<Value>(&truncated.body).is_err());
        let cut_short = reply(Fault::TruncatedTransfer);
        assert_eq!(cut_short.header("content-length"), Some(healthy.to_string().as_str()));
        assert_eq!(cut_short.body.len(), healthy / 2);

        for (marked, encoding) in [(true, Some("gzip")), (false, None)] {
            let zipped = reply(Fault::Gzip { marked });
            assert_eq!(zipped.header("content-encoding"), encoding);
            assert!(serde_json::from_str::<Value>(&zipped.body).is_err());
        }
        assert_eq!(reply(Fault::GzipUnlessIdentity).header("content-encoding"), Some("gzip"));
        let more = [("x-one", "1"), ("x-one", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let twice = reply(Fault::Headers(more.to_vec()));
        assert_eq!((twice.header("x-one"), twice.body.len()), (Some("1"), healthy));
        assert!(reply(Fault::Huge).json().to_string().len() > 2_000_000);
        assert_eq!(send(Fault::Reset).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(reply(Fault::Slow { millis: 1 }).body.len(), healthy);
        assert_eq!(reply(Fault::None).body.len(), healthy);
    }
    assert_eq!(okta.key_fetches(Server::Default), okta.discovery_fetches(Server::Default));
    assert_eq!(okta.key_fetches(Server::Org), 0);
}

#[test]
fn control_api_request_changes_the_state() {
    let okta = start();
    let control = |path: &str, body: &str| request(&okta, "POST", path, "", body).unwrap();
    let token =
        control("/stand-in/token", r#"{"kind":"machine","claims":{"scp":["items:write"]},"lifetime":300}"#);
    assert_eq!(json_of(&parts(token.body.trim())[1])["scp"], json!(["items:write"]));
    let rotated = control("/stand-in/rotate", r#"{"server":"default","rotation":"emergency-double"}"#);
    assert_eq!(rotated.body.trim(), okta.kid(Server::Default));
    for fault in [r#""reset""#, r#"{"slow":{"millis":1}}"#, r#"{"status":429}"#] {
        assert_eq!(control("/stand-in/fault", &format!(r#"{{"fault":{fault}}}"#)).status, 200, "{fault}");
    }
    assert_eq!(get(&okta, KEYS).status, 429);
    control("/stand-in/fault", r#"{"server":"default","endpoint":"keys","fault":"none"}"#);
    control("/stand-in/keys", r#"{"stage":"active","cache_control":null}"#);
    assert_eq!((get(&okta, KEYS).header("cache-control"), kids(&okta, KEYS).len()), (None, 1));
    let counts = get(&okta, "/stand-in/requests").json();
    assert_eq!(counts["default"]["keys"], 3);
    for bad in ["", "{}", r#"{"server":"nope","rotation":"manual"}"#, r#"{"rotation":"manual","typo":1}"#] {
        assert_eq!(control("/stand-in/rotate", bad).status, 400, "{bad}");
    }
}

#[test]
fn https_listener_has_the_domains_certificate_and_no_control_api() {
    let okta = start();
    for name in ["acme.okta.example", "localhost", "127.0.0.1"] {
        let reply = get_https(&okta, name, KEYS).unwrap();
        assert_eq!(reply.status, 200, "{name}");
    }
    assert!(get_https(&okta, "other.okta.example", KEYS).is_err());
    assert_eq!(get_https(&okta, "localhost", "/stand-in/requests").unwrap().status, 404);

    okta.set_fault(Server::Default, Fault::Reset);
    assert_eq!(get_https(&okta, "localhost", KEYS).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    okta.set_fault(Server::Default, Fault::TruncatedTransfer);
    let reply = get_https(&okta, "localhost", KEYS).unwrap();
    assert!(reply.body.len() < reply.header("content-length").unwrap().parse().unwrap());
}

#[test]
fn stand_in_when_dropped_frees_its_port() {
    let okta = start();
    let port = okta.http_port();
    drop(okta);
    assert_eq!(TcpStream::connect(("127.0.0.1", port)).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    let again = StandIn::start(Options { http: ([127, 0, 0, 1], port).into(), ..Options::default() });
    assert_eq!((again.http_port(), get(&again, KEYS).status), (port, 200));
}
