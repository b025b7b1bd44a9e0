//! Limits: entries, bodies, connections and times.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;
use stand_in_okta::signals::{SignalSpec, post};

use test_support::receiver::{AUDIENCE, LOGOUT_URL, Receiver, okta};

#[test]
fn full_denylist_gives_503_and_still_updates_known_users() {
    let okta = okta();
    let receiver =
        Receiver::start("limits-entries", &okta, |config| config["denylist"] = json!({ "max_entries": 2 }));
    assert_eq!(receiver.revoke_session(&okta, "00u1").status, 202);
    assert_eq!(receiver.revoke_session(&okta, "00u2").status, 202);
    // Not acknowledged, so Okta sends the event again.
    let spec = SignalSpec::default().claim("jti", "set-3");
    let third = okta.security_event(AUDIENCE, okta.session_revoked("00u3"), &spec);
    assert_eq!(receiver.push(&third).status, 503);
    let logout = okta.logout_token(LOGOUT_URL, &SignalSpec::default());
    assert_eq!(receiver.logout(&logout, &okta.user_subject("00u3")).status, 503);
    assert_eq!(receiver.revoke_session(&okta, "00u1").status, 202);
    assert_eq!(receiver.entries().len(), 2);
    assert_eq!(receiver.push(&third).status, 503, "the failed event is not remembered");
    let full = r#"okta_authz_receive_requests_total{endpoint="events",result="denylist_full"}"#;
    assert_eq!(receiver.metric(full), Some(2));
}

#[test]
fn body_longer_than_the_limit_is_rejected() {
    let okta = okta();
    let receiver = Receiver::start("limits-body", &okta, |_| {});
    for (path, content_type) in [("/events", "application/secevent+jwt"), ("/logout", "application/json")] {
        let headers = [("content-type", content_type), ("authorization", "Bearer a.b.c")];
        let response = post(receiver.public, path, &headers, &"a".repeat(64 * 1024 + 1)).unwrap();
        assert_eq!(response.status, 413, "{path}");
    }
    assert_eq!(receiver.revoke_session(&okta, "00u1").status, 202);
}

/// Reads until the server closes the connection.
fn read_to_end(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut text = Vec::new();
    stream.read_to_end(&mut text).unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn slow_body_ends_with_the_request_timeout() {
    let okta = okta();
    let receiver =
        Receiver::start("limits-time", &okta, |config| config["limits"] = json!({ "request_timeout": "1s" }));
    let mut stream = TcpStream::connect(receiver.public).unwrap();
    stream.write_all(b"POST /events HTTP/1.1\r\nhost: h\r\ncontent-length: 100\r\n\r\nabc").unwrap();
    let response = read_to_end(&mut stream);
    assert!(response.starts_with("HTTP/1.1 408"), "{response}");
}

#[test]
fn connections_beyond_the_limit_wait_and_do_not_block_the_denylist() {
    let okta = okta();
    let receiver = Receiver::start("limits-connections", &okta, |config| {
        config["limits"] = json!({ "max_connections": 4 })
    });
    let mut idle: Vec<TcpStream> = (0..8).map(|_| TcpStream::connect(receiver.public).unwrap()).collect();
    std::thread::sleep(Duration::from_millis(200));
    let mut waiting = TcpStream::connect(receiver.public).unwrap();
    waiting.write_all(b"GET /events HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").unwrap();
    waiting.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(waiting.read(&mut [0; 1]).is_err(), "the connection is not served yet");
    assert_eq!(receiver.entries().len(), 0);
    idle.clear();
    assert!(read_to_end(&mut waiting).starts_with("HTTP/1.1 405"));
}

#[test]
fn bytes_that_are_not_http_do_not_stop_the_server() {
    let okta = okta();
    let receiver = Receiver::start("limits-bytes", &okta, |_| {});
    for bytes in [
        &b"\xff\xfe\r\n\r\n"[..],
        b"GET / HTTP/9\r\n\r\n",
        b"POST /events HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(receiver.public).unwrap();
        stream.write_all(bytes).unwrap();
        let response = read_to_end(&mut stream);
        assert!(response.starts_with("HTTP/1.1 400") || response.is_empty(), "{response}");
    }
    let long = "a".repeat(40 * 1024);
    let _ = post(receiver.public, "/events", &[("x-long", &long)], "");
    assert_eq!(receiver.revoke_session(&okta, "00u1").status, 202);
}
