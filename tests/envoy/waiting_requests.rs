//! Requests that wait for keys: many at a time, with bodies, and what becomes of them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;
use stand_in_okta::{Fault, Options, Server, StandIn, TokenSpec};
use test_support::client::{get, request};

use super::harness::Harness;

/// More than the 204 answers in one callback that have overflowed Envoy's stack, on each of two workers.
const MANY: usize = 800;

/// Sends a request on each of many connections, and reads the status line of each answer.
fn all_at_once(harness: &Harness, token: &str) -> Vec<String> {
    let request = format!("GET /me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    let mut streams: Vec<TcpStream> = (0..MANY).map(|_| harness.client().connect().unwrap()).collect();
    for stream in &mut streams {
        stream.write_all(request.as_bytes()).unwrap();
    }
    let mut answers = Vec::new();
    for stream in &mut streams {
        let mut answer = [0; 4096];
        let read = stream.read(&mut answer).unwrap_or(0);
        let text = String::from_utf8_lossy(&answer[..read]).into_owned();
        answers.push(text.split("\r\n").next().unwrap_or_default().to_owned());
    }
    answers
}

fn assert_all(harness: &Harness, answers: &[String], expected: &str) {
    let others: Vec<_> = answers.iter().filter(|answer| *answer != expected).collect();
    assert!(
        others.is_empty(),
        "{} of {MANY}, such as {:?}\n{}",
        others.len(),
        others.first(),
        harness.envoy.log()
    );
    assert!(!harness.envoy.has_trapped(), "{}", harness.envoy.log());
}

#[test]
fn many_waiting_requests_are_rejected_at_once() {
    let harness = Harness::new("parked-refused", |config| config);
    harness.warm_up();
    let made_up = harness.mint(&TokenSpec::user().header("kid", "made-up"));
    harness.okta.set_fault(Server::Default, Fault::Slow { millis: 1_500 });
    let answers = all_at_once(&harness, &made_up);
    assert_all(&harness, &answers, "HTTP/1.1 401 Unauthorized");
    harness.assert_alive();
}

#[test]
fn many_waiting_requests_time_out_at_once() {
    let okta = StandIn::start(Options::default());
    okta.set_fault(Server::Default, Fault::Slow { millis: 60_000 });
    let harness = Harness::with_okta("parked-deadline", okta, |mut config| {
        config.plugin()["providers"]["okta"]["remote_jwks"]["timeout"] = json!("60s");
        config
    });
    let answers = all_at_once(&harness, &harness.user_token());
    assert_all(&harness, &answers, "HTTP/1.1 503 Service Unavailable");
}

#[test]
fn many_waiting_requests_are_allowed_at_once() {
    let okta = StandIn::start(Options::default());
    okta.set_fault(Server::Default, Fault::Slow { millis: 1_500 });
    // The backend takes 800 connections one after the other. On a busy machine its queue is full at times, and who was turned away
    // asks again after a second, when Envoy would have given up.
    let harness = Harness::with_okta("parked-passed", okta, |mut config| {
        let clusters = config.document()["static_resources"]["clusters"].as_array_mut().unwrap();
        let app = clusters.iter_mut().find(|cluster| cluster["name"] == "app").unwrap();
        app["connect_timeout"] = json!("10s");
        config
    });
    let answers = all_at_once(&harness, &harness.user_token());
    assert_all(&harness, &answers, "HTTP/1.1 200 OK");
    assert_eq!(harness.backend.requests(), MANY as u64);
}

/// With this option Envoy hands a body on although the headers were held back, and takes `Continue` for all of it.
#[test]
fn request_body_does_not_resume_a_waiting_request() {
    let okta = StandIn::start(Options::default());
    okta.set_fault(Server::Default, Fault::Slow { millis: 1_500 });
    let harness = Harness::with_okta("parked-body", okta, |config| {
        let mut config = config.without_filter("okta-authz-guard");
        config.filter()["allow_on_headers_stop_iteration"] = json!(true);
        config
    });
    let writer = harness.mint(&TokenSpec::user().scopes(&["items:write"]));
    let (head, _) = writer.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", "A".repeat(342));
    let post = |token: &str| request("POST", "/items").bearer(token).body("a body of some length");
    let begun = std::thread::scope(|scope| {
        let (forged, good) = (post(&forged), post(&writer));
        let (client, other) = (harness.client(), harness.client());
        let refused = scope.spawn(move || client.send(&forged));
        let passed = scope.spawn(move || other.send(&good));
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(harness.backend.requests(), 0, "nothing passes before the keys are there");
        (refused.join().unwrap(), passed.join().unwrap())
    });
    assert_eq!((begun.0.status, begun.0.code().as_str()), (401, "signature_invalid"));
    assert_eq!(begun.1.status, 200, "{:?}", begun.1);
    assert_eq!(harness.backend.requests(), 1);
    assert_eq!(harness.send(&post(&forged)).code(), "signature_invalid");
    assert_eq!(harness.send(&get("/me")).code(), "token_missing");
    assert_eq!(harness.backend.requests(), 1);
}
