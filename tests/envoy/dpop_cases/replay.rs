//! Proofs that a client or an attacker sends again.

use std::sync::Barrier;

use okta_authz_filter::rejection::Rejection::{DpopProofExpired, DpopProofReplayed};
use serde_json::json;
use stand_in_okta::{Options, StandIn};
use test_support::backend::Backend;
use test_support::client::{Client, Request};
use test_support::envoy::Envoy;

use super::{Fixture, invalid_proof, now, with_dpop};
use crate::harness::{CONNECTIONS_FOR_BOTH_WORKERS, Harness, reference_config};

const COPIES: usize = 50;
const ROUNDS: usize = 10;

#[test]
fn proof_is_accepted_once_on_all_workers() {
    let fixture = Fixture::warm("dpop-replay", json!({}));
    let request = fixture.request(fixture.proof().compact());
    fixture.assert_accepted("first", &request);
    // Each connection reaches one of the two workers.
    for attempt in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        let differences = fixture.differences(&request, &invalid_proof(DpopProofReplayed));
        assert_eq!(differences, [""; 0], "{attempt}");
    }
    fixture.assert_accepted("renewed", &fixture.request(fixture.proof().compact()));
}

#[test]
fn other_spelling_of_the_url_does_not_renew_a_proof() {
    let fixture = Fixture::warm("dpop-replay-spelling", json!({}));
    let proof = fixture.proof();
    fixture.assert_accepted("first", &fixture.request(proof.compact()));
    for url in ["https://API.example.com/items/1", "https://api.example.com:443/items/1?x"] {
        let request = fixture.request(proof.clone().claim("htu", url).compact());
        let differences = fixture.differences(&request, &invalid_proof(DpopProofReplayed));
        assert_eq!(differences, [""; 0], "{url}");
    }
}

#[test]
fn rejected_proof_keeps_its_jti_and_denied_request_uses_it() {
    let fixture = Fixture::warm("dpop-replay-denied", json!({}));
    let proof = fixture.proof();
    let wrong = fixture.request(proof.clone().flipped_signature().compact());
    assert_eq!(fixture.send(&wrong).status, 401);
    fixture.assert_accepted("after a failed proof", &fixture.request(proof.compact()));

    let proof = fixture.proof_of("GET", "https://api.example.com/admin").compact();
    let request = fixture.request_to("/admin", proof);
    assert_eq!(fixture.send(&request).status, 403);
    let differences = fixture.differences(&request, &invalid_proof(DpopProofReplayed));
    assert_eq!(differences, [""; 0], "a policy denied the first request");
}

/// Sends copies of a request at the same time, each on its own connection. Returns how many passed
/// and how many were replays.
fn send_copies(client: Client, request: &Request) -> (usize, usize) {
    let barrier = Barrier::new(COPIES);
    let results: Vec<(u16, String)> = std::thread::scope(|scope| {
        let send = || {
            barrier.wait();
            let response = client.send(request);
            (response.status, response.code())
        };
        let threads: Vec<_> = (0..COPIES).map(|_| scope.spawn(send)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let accepted = results.iter().filter(|(status, _)| *status == 200).count();
    let replayed =
        results.iter().filter(|(status, code)| (*status, &**code) == (401, "dpop_proof_replayed")).count();
    (accepted, replayed)
}

fn assert_one_copy_passes(fixture: &Fixture) {
    for round in 0..ROUNDS {
        let before = fixture.harness.backend.requests();
        let request = fixture.request(fixture.proof().compact());
        assert_eq!(send_copies(fixture.harness.client(), &request), (1, COPIES - 1), "{round}");
        assert_eq!(fixture.harness.backend.requests(), before + 1, "{round}");
    }
    assert!(!fixture.harness.envoy.has_trapped(), "{}", fixture.harness.envoy.log());
}

#[test]
fn concurrent_copies_on_two_workers_pass_once() {
    assert_one_copy_passes(&Fixture::warm("dpop-copies", json!({})));
}

#[test]
fn concurrent_copies_on_eight_workers_pass_once() {
    let name = "dpop-copies-8";
    let (okta, backend) = (StandIn::start(Options::default()), Backend::start());
    // One slot, so that the copies and other proofs write the same value.
    let settings = json!({ "replay": { "slots": 1, "entries_per_slot": 1024 } });
    let config = with_dpop(reference_config(name, &okta, &backend), settings);
    let envoy = match Envoy::try_start(name, &config, 8) {
        Ok(envoy) => envoy,
        Err(error) => panic!("Envoy did not start: {}", error.log),
    };
    let fixture = Fixture::of(Harness { okta, backend, envoy });
    for _ in 0..8 {
        fixture.harness.warm_up();
    }
    assert_one_copy_passes(&fixture);
}

#[test]
fn full_memory_rejects_old_proofs_and_accepts_new_ones() {
    const ENTRIES: usize = 4;
    let settings = json!({ "replay": { "slots": 1, "entries_per_slot": ENTRIES } });
    let fixture = Fixture::warm("dpop-full", settings);
    let at = now() - 30;
    let sent = |iat: u64| fixture.request(fixture.proof().claim("iat", iat).compact());
    let first = sent(at);
    fixture.assert_accepted("first", &first);
    for second in 1..=ENTRIES as u64 + 3 {
        fixture.assert_accepted("newer", &sent(at + second));
    }
    // The memory has forgotten these proofs. Their age alone would be acceptable.
    for (name, request) in [("replay", first), ("old", sent(at)), ("older", sent(at - 5))] {
        let differences = fixture.differences(&request, &invalid_proof(DpopProofExpired));
        assert_eq!(differences, [""; 0], "{name}");
    }
    fixture.assert_accepted("fresh", &sent(now()));
    fixture.harness.assert_alive();
}

#[test]
fn proof_of_http1_is_a_replay_over_http2() {
    let fixture = Fixture::warm("dpop-replay-http2", json!({}));
    let proof = fixture.proof().compact();
    fixture.assert_accepted("first", &fixture.request(&proof));
    let http2 = fixture.harness.client().send_http2(&fixture.request(&proof));
    assert_eq!((http2.status, http2.code().as_str()), (401, "dpop_proof_replayed"), "{http2:?}");
}
