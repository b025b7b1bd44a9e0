//! Requests that wait for keys: many at a time, with bodies, and what becomes of them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;
use stand_in_okta::{Fault, Options, Server, StandIn, TokenSpec};
use test_support::client::{get, request};

use super::setup::Setup;

/// More than the 204 answers in one callback that have overflowed Envoy's stack, on each of two workers.
const MANY: usize = 800;

/// Sends a request on each of many connections, and reads the status line of each answer.
fn all_at_once(setup: &Setup, token: &str) -> Vec<String> {
    let request = format!("GET /me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    let mut streams: Vec<TcpStream> = (0..MANY).map(|_| setup.client().connect().unwrap()).collect();
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

fn assert_all(setup: &Setup, answers: &[String], expected: &str) {
    let others: Vec<_> = answers.iter().filter(|answer| *answer != expected).collect();
    assert!(
        others.is_empty(),
        "{} of {MANY}, such as {:?}\n{}",
        others.len(),
        others.first(),
        setup.envoy.log()
    );
    assert!(!setup.envoy.has_trapped(), "{}", setup.envoy.log());
}

#[test]
fn many_that_are_refused_at_once() {
    let setup = Setup::new("parked-refused", |config| config);
    setup.warm_up();
    let made_up = setup.mint(&TokenSpec::user().header("kid", "made-up"));
    setup.okta.set_fault(Server::Default, Fault::Slow { millis: 1_500 });
    let answers = all_at_once(&setup, &made_up);
    assert_all(&setup, &answers, "HTTP/1.1 401 Unauthorized");
    setup.assert_alive();
}

#[test]
fn many_whose_time_is_over_at_once() {
    let okta = StandIn::start(Options::default());
    okta.set_fault(Server::Default, Fault::Slow { millis: 60_000 });
    let setup = Setup::with_okta("parked-deadline", okta, |mut config| {
        config.plugin()["providers"]["okta"]["remote_jwks"]["timeout"] = json!("60s");
        config
    });
    let answers = all_at_once(&setup, &setup.user());
    assert_all(&setup, &answers, "HTTP/1.1 503 Service Unavailable");
}

#[test]
fn many_that_are_let_through_at_once() {
    let okta = StandIn::start(Options::default());
    okta.set_fault(Server::Default, Fault::Slow { millis: 1_500 });
    // The backend takes 800 connections one after the other. On a busy machine its queue is full at times, and who was turned away
    // asks again after a second, when Envoy would have given up.
    let setup = Setup::with_okta("parked-passed", okta, |mut config| {
        let clusters = config.document()["static_resources"]["clusters"].as_array_mut().unwrap();
        let app = clusters.iter_mut().find(|cluster| cluster["name"] == "app").unwrap();
        app["connect_timeout"] = json!("10s");
        config
    });
    let answers = all_at_once(&setup, &setup.user());
    assert_all(&setup, &answers, "HTTP/1.1 200 OK");
    assert_eq!(setup.backend.requests(), MANY as u64);
}

/// With this option Envoy hands a body on although the headers were held back, and takes `Continue` for all of it.
#[test]
fn a_body_does_not_pull_a_held_request_through() {
    let okta = StandIn::start(Options::default());
    okta.set_fault(Server::Default, Fault::Slow { millis: 1_500 });
    let setup = Setup::with_okta("parked-body", okta, |config| {
        let mut config = config.without_filter("okta-authz-guard");
        config.filter()["allow_on_headers_stop_iteration"] = json!(true);
        config
    });
    let writer = setup.mint(&TokenSpec::user().scopes(&["items:write"]));
    let (head, _) = writer.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", "A".repeat(342));
    let post = |token: &str| request("POST", "/items").bearer(token).body("a body of some length");
    let begun = std::thread::scope(|scope| {
        let (forged, good) = (post(&forged), post(&writer));
        let (client, other) = (setup.client(), setup.client());
        let refused = scope.spawn(move || client.send(&forged));
        let passed = scope.spawn(move || other.send(&good));
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(setup.backend.requests(), 0, "nothing passes before the keys are there");
        (refused.join().unwrap(), passed.join().unwrap())
    });
    assert_eq!((begun.0.status, begun.0.code().as_str()), (401, "signature_invalid"));
    assert_eq!(begun.1.status, 200, "{:?}", begun.1);
    assert_eq!(setup.backend.requests(), 1);
    assert_eq!(setup.send(&post(&forged)).code(), "signature_invalid");
    assert_eq!(setup.send(&get("/me")).code(), "token_missing");
    assert_eq!(setup.backend.requests(), 1);
}
