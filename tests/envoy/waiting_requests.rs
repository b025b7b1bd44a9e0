//! Requests that wait for keys: many at a time, and requests with bodies.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;
use stand_in_okta::{Fault, Options, Server, StandIn, TokenSpec};
use test_support::client::{get, request};

use super::harness::Harness;

/// Requests over both workers. On each worker they exceed the 204 responses in one callback that
/// once overflowed Envoy's stack.
const REQUESTS: usize = 800;

/// Sends each request on a new connection, and returns the status lines of the responses.
fn send_at_once(harness: &Harness, token: &str) -> Vec<String> {
    let request = format!("GET /me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    let mut streams: Vec<TcpStream> = (0..REQUESTS).map(|_| harness.client().connect().unwrap()).collect();
    for stream in &mut streams {
        stream.write_all(request.as_bytes()).unwrap();
    }
    let mut status_lines = Vec::new();
    for stream in &mut streams {
        let mut response = [0; 4096];
        let read = stream.read(&mut response).unwrap_or(0);
        let text = String::from_utf8_lossy(&response[..read]).into_owned();
        status_lines.push(text.split("\r\n").next().unwrap_or_default().to_owned());
    }
    status_lines
}

fn assert_status_lines(harness: &Harness, status_lines: &[String], expected: &str) {
    let others: Vec<_> = status_lines.iter().filter(|line| *line != expected).collect();
    assert!(
        others.is_empty(),
        "{} of {REQUESTS} responses differ, such as {:?}\n{}",
        others.len(),
        others.first(),
        harness.envoy.log()
    );
    assert!(!harness.envoy.has_trapped(), "{}", harness.envoy.log());
}

#[test]
fn many_waiting_requests_are_rejected_at_once() {
    let harness = Harness::new("waiting-rejected", |config| config);
    harness.warm_up();
    let invented = harness.mint(&TokenSpec::user().header("kid", "invented"));
    harness.okta.set_fault(Server::Default, Fault::Slow { millis: 1_500 });
    let status_lines = send_at_once(&harness, &invented);
    assert_status_lines(&harness, &status_lines, "HTTP/1.1 401 Unauthorized");
    harness.assert_alive();
}

#[test]
fn many_waiting_requests_time_out_at_once() {
    let okta = StandIn::start(Options::default());
    okta.set_fault(Server::Default, Fault::Slow { millis: 60_000 });
    let harness = Harness::with_okta("waiting-deadline", okta, |mut config| {
        config.plugin()["providers"]["okta"]["remote_jwks"]["timeout"] = json!("60s");
        config
    });
    let status_lines = send_at_once(&harness, &harness.user_token());
    assert_status_lines(&harness, &status_lines, "HTTP/1.1 503 Service Unavailable");
}

#[test]
fn many_waiting_requests_are_allowed_at_once() {
    let okta = StandIn::start(Options::default());
    okta.set_fault(Server::Default, Fault::Slow { millis: 1_500 });
    // The backend accepts 800 connections one by one. On a busy machine its queue may be full, and
    // the kernel retries a connection after 1 s, which is longer than the connect timeout.
    let harness = Harness::with_okta("waiting-allowed", okta, |mut config| {
        let clusters = config.document()["static_resources"]["clusters"].as_array_mut().unwrap();
        let app = clusters.iter_mut().find(|cluster| cluster["name"] == "app").unwrap();
        app["connect_timeout"] = json!("10s");
        config
    });
    let status_lines = send_at_once(&harness, &harness.user_token());
    assert_status_lines(&harness, &status_lines, "HTTP/1.1 200 OK");
    assert_eq!(harness.backend.requests(), REQUESTS as u64);
}

/// With `allow_on_headers_stop_iteration`, Envoy passes a body to the filter while the headers
/// wait, and `Continue` for the body would resume the whole request.
#[test]
fn request_body_does_not_resume_a_waiting_request() {
    let okta = StandIn::start(Options::default());
    okta.set_fault(Server::Default, Fault::Slow { millis: 1_500 });
    let harness = Harness::with_okta("waiting-body", okta, |config| {
        let mut config = config.without_filter("okta-authz-guard");
        config.filter()["allow_on_headers_stop_iteration"] = json!(true);
        config
    });
    let writer = harness.mint(&TokenSpec::user().scopes(&["items:write"]));
    let (signed, _) = writer.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", "A".repeat(342));
    let post = |token: &str| request("POST", "/items").bearer(token).body("a body of some length");
    let (denied, allowed) = std::thread::scope(|scope| {
        let (forged, valid) = (post(&forged), post(&writer));
        let (client, other) = (harness.client(), harness.client());
        let denied = scope.spawn(move || client.send(&forged));
        let allowed = scope.spawn(move || other.send(&valid));
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(harness.backend.requests(), 0, "a request reached the backend before the keys arrived");
        (denied.join().unwrap(), allowed.join().unwrap())
    });
    assert_eq!((denied.status, denied.code().as_str()), (401, "signature_invalid"));
    assert_eq!(allowed.status, 200, "{allowed:?}");
    assert_eq!(harness.backend.requests(), 1);
    assert_eq!(harness.send(&post(&forged)).code(), "signature_invalid");
    assert_eq!(harness.send(&get("/me")).code(), "token_missing");
    assert_eq!(harness.backend.requests(), 1);
}
