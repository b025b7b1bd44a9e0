//! A flood of random tokens: the calls are bounded, and valid tokens keep passing.

use std::io::{Read as _, Write as _};
use std::time::Instant;

use super::*;

const TOKENS: usize = 10_000;
const PER_SECOND: u64 = 20;

/// Sends requests with random tokens on one connection, and returns the statuses.
fn flood(harness: &Harness, thread: usize, count: usize) -> Vec<u16> {
    let mut stream = harness.client().connect().unwrap();
    let mut statuses = Vec::new();
    for number in 0..count {
        let head = format!(
            "GET /me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer random-{thread}-{number:032}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        statuses.push(read_status(&mut stream));
    }
    statuses
}

/// Reads one response with a `Content-Length`, and returns its status.
fn read_status(stream: &mut std::net::TcpStream) -> u16 {
    let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "the connection was closed");
        text.extend_from_slice(&buffer[..read]);
        let response = String::from_utf8_lossy(&text);
        if let Some((head, body)) = response.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() >= length.parse().unwrap() {
                return head.split(' ').nth(1).unwrap().parse().unwrap();
            }
        }
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the rate depends on the duration of the flood")]
fn flood_of_random_tokens_causes_bounded_calls_and_valid_tokens_pass() {
    let fields = json!({ "max_per_second": PER_SECOND, "cache_duration": "1h" });
    let harness = Harness::new("introspection-flood", with_introspection(fields));
    harness.warm_up();
    let jwt = harness.user_token();
    let cached = opaque(&harness, TokenSpec::user());
    assert_both_workers(&harness, &cached, &allowed(), "before the flood");
    let before = calls(&harness);
    let started_at = Instant::now();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let harness = &harness;
        let threads: Vec<_> =
            (0..10).map(|thread| scope.spawn(move || flood(harness, thread, TOKENS / 10))).collect();
        while threads.iter().any(|thread| !thread.is_finished()) {
            assert_eq!(harness.get_me(&cached).status, 200, "a cached opaque token");
            assert_eq!(harness.get_me(&jwt).status, 200, "a JWT");
            // A valid token that is new may be limited, but never rejected.
            let new = decision(&harness.get_me(&opaque(harness, TokenSpec::user())));
            assert!(new == allowed() || new == denied(503, "introspection_limited"), "{new:?}");
        }
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let seconds = started_at.elapsed().as_secs();
    assert_eq!(statuses.len(), TOKENS);
    assert!(statuses.iter().all(|status| [401, 503].contains(status)));
    // The burst of the first second, and the rate after it.
    let limit = PER_SECOND * (seconds + 2);
    let sent = calls(&harness) - before;
    println!("{sent} calls for {TOKENS} random tokens in {seconds} s");
    assert!(sent <= limit, "{sent} calls, at most {limit}");
    assert_both_workers(&harness, &cached, &allowed(), "after the flood");
    harness.wait_for_counter("introspection_over_limit", 1_000);
    harness.assert_alive();
}
