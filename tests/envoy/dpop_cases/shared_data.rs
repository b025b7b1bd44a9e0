//! The replay memory in Envoy's shared data: values that another plugin with the `vm_id` of the filter
//! overwrote, and the size while clients send more proofs than the memory has records.

use std::time::Duration;

use okta_authz_filter::refresh::shared::SharedKeys;
use okta_authz_filter::rejection::Rejection::{DpopProofExpired, DpopReplayUnavailable};
use serde_json::{Value, json};
use stand_in_okta::TokenSpec;
use test_support::client::get;
use test_support::config::EnvoyConfig;

use super::{Denial, Fixture, URL, invalid_proof, now};
use crate::harness::CONNECTIONS_FOR_BOTH_WORKERS;

/// Inserts `tests/wasm/replay_memory.rs` before the filter, with the `vm_id` of the filter. It creates
/// no memory, so the filter determines the number of slots.
fn with_other_plugin(mut config: EnvoyConfig) -> EnvoyConfig {
    let module = test_support::wasm("replay_memory");
    let mut other = config.clone().module(&module).unrestricted().with_plugin_text("");
    let plugin = other.filter();
    assert_eq!(plugin["vm_config"]["vm_id"], "okta-authz");
    plugin["name"] = json!("other");
    plugin["root_id"] = json!("other");
    let filter = json!({ "name": "other", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": plugin,
    } });
    config.manager()["http_filters"].as_array_mut().unwrap().insert(0, filter);
    config
}

/// Starts Envoy with the other plugin and these settings of `dpop`, and waits for keys.
fn start(name: &str, settings: Value) -> Fixture {
    let fixture = Fixture::changed(name, settings, with_other_plugin);
    fixture.harness.warm_up();
    fixture
}

/// Returns the name of a value of the memory.
fn value_name(value: &str) -> String {
    SharedKeys::new(&["dpop", "replay"]).key(value)
}

/// Returns the size of a value in bytes. The value must exist.
fn size(fixture: &Fixture, name: &str) -> usize {
    let response = fixture.send(&get("/").header("x-size", name));
    response.body.parse().unwrap_or_else(|_| panic!("{name} is absent: {response:?}"))
}

/// Overwrites a value that the filter has written.
fn overwrite(fixture: &Fixture, name: &str) {
    assert!(size(fixture, name) > 5, "the filter has written {name}");
    assert_eq!(fixture.send(&get("/").header("x-overwrite", name)).status, 200);
    assert_eq!(size(fixture, name), 5);
}

#[test]
fn overwritten_key_of_the_memory_is_503_for_each_proof() {
    let fixture = start("dpop-overwritten-key", json!({ "replay": { "slots": 1 } }));
    let first = fixture.request(fixture.proof().compact());
    fixture.assert_accepted("before", &first);
    overwrite(&fixture, &value_name("key"));
    let unavailable = Denial { status: 503, rejection: DpopReplayUnavailable, challenges: Vec::new() };
    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        for request in [&first, &fixture.request(fixture.proof().compact())] {
            assert_eq!(fixture.differences(request, &unavailable), [""; 0]);
        }
    }
    // A request without a proof does not need the memory.
    let unbound = fixture.harness.mint(&TokenSpec::user());
    fixture.assert_accepted("unbound", &get("/me").bearer(&unbound));
    fixture.harness.assert_alive();
}

#[test]
fn overwritten_slot_accepts_only_proofs_that_are_newer() {
    let settings = json!({ "clock_skew": "0s", "replay": { "slots": 1 } });
    let fixture = start("dpop-overwritten-slot", settings);
    let first = fixture.request(fixture.proof().compact());
    fixture.assert_accepted("before", &first);
    overwrite(&fixture, &value_name("slot.0"));
    // The records are lost. The slot rejects each proof that it may have had.
    let at = now();
    for attempt in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        let older = fixture.request(fixture.proof().claim("iat", at - 1).compact());
        for request in [&first, &older] {
            assert_eq!(fixture.differences(request, &invalid_proof(DpopProofExpired)), [""; 0], "{attempt}");
        }
    }
    while now() <= at + 1 {
        std::thread::sleep(Duration::from_millis(100));
    }
    let newer = fixture.request(fixture.proof().compact());
    fixture.assert_accepted("newer", &newer);
    let differences = fixture.differences(&first, &invalid_proof(DpopProofExpired));
    assert_eq!(differences, [""; 0], "the first proof stays rejected");
    fixture.harness.assert_alive();
}

/// Each proof is right and has another `jti`. Their `iat` increases, as with real clients.
#[test]
fn memory_stays_flat_under_more_proofs_than_it_holds() {
    const SLOTS: usize = 16;
    const ENTRIES: usize = 64;
    /// The proofs of the test, as a multiple of the records of the memory.
    const FILLS: usize = 6;
    /// Identifier and two times.
    const RECORD_BYTES: usize = 24;
    /// The range of `iat`, in seconds. It lies in the past, so that the proofs need no waiting.
    const SECONDS: usize = 60;
    let settings = json!({ "max_age": "5m", "replay": { "slots": SLOTS, "entries_per_slot": ENTRIES } });
    let fixture = start("dpop-flood", settings);
    let sizes = || (0..SLOTS).map(|slot| size(&fixture, &value_name(&format!("slot.{slot}"))));
    let empty: usize = sizes().sum();
    let begin = now() - SECONDS as u64;
    let proof = |number: usize| {
        let iat = begin + (number * SECONDS / (FILLS * SLOTS * ENTRIES)) as u64;
        fixture.request(fixture.proof_of("GET", URL).claim("iat", iat).compact())
    };
    let first = proof(0);
    assert_eq!(fixture.send(&first).status, 200);
    let mut full = None;
    for number in 1..FILLS * SLOTS * ENTRIES {
        let response = fixture.send(&proof(number));
        assert_eq!(response.status, 200, "{number}: {response:?}");
        // Twice the records: every slot is full.
        if number == 2 * SLOTS * ENTRIES {
            full = Some((sizes().sum::<usize>(), fixture.harness.envoy.rss()));
        }
    }
    let (full_bytes, full_rss) = full.unwrap();
    assert_eq!(full_bytes, empty + SLOTS * ENTRIES * RECORD_BYTES);
    assert_eq!(sizes().sum::<usize>(), full_bytes, "the memory has its final size");
    let rss = fixture.harness.envoy.rss();
    println!("shared data: {empty}, {full_bytes} bytes; RSS: {full_rss}, {rss} bytes");
    assert!(rss < full_rss + full_rss / 10, "RSS has grown from {full_rss} to {rss} bytes");
    let differences = fixture.differences(&first, &invalid_proof(DpopProofExpired));
    assert_eq!(differences, [""; 0], "a forgotten proof");
    fixture.assert_accepted("fresh", &fixture.request(fixture.proof().compact()));
    fixture.harness.assert_alive();
}
