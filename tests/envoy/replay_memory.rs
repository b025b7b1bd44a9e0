//! The replay memory of DPoP proofs in Envoy's shared data, with eight workers and
//! `tests/wasm/replay_memory.rs`.

use serde_json::json;
use stand_in_okta::{Options, StandIn};
use test_support::backend::Backend;
use test_support::client::{Client, get};
use test_support::envoy::Envoy;

use super::harness::reference_config;

const WORKERS: usize = 8;
const COPIES: usize = 50;
const PROOFS: usize = 20;

/// Starts Envoy with eight workers and a memory of this size.
fn start(name: &str, slots: u32) -> Envoy {
    let (okta, backend) = (StandIn::start(Options::default()), Backend::start());
    let mut config = reference_config(name, &okta, &backend).unrestricted();
    config = config.module(&test_support::wasm("replay_memory")).with_plugin_text(&slots.to_string());
    config.manager()["stream_idle_timeout"] = json!("15s");
    match Envoy::try_start(name, &config, WORKERS) {
        Ok(envoy) => envoy,
        Err(error) => panic!("Envoy did not start: {}", error.log),
    }
}

/// Sends a proof, and returns the status and the code.
fn send(client: Client, jti: &str) -> (u16, String) {
    let response = client.send(&get("/").header("x-jti", jti));
    (response.status, response.body)
}

#[test]
fn concurrent_copies_of_a_proof_on_eight_workers_pass_once() {
    let envoy = start("replay-memory", 4096);
    let client = envoy.client();
    for proof in 0..PROOFS {
        let jti = format!("proof-{proof}");
        let results: Vec<(u16, String)> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..COPIES).map(|_| scope.spawn(|| send(client, &jti))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let accepted = results.iter().filter(|(status, _)| *status == 200).count();
        let replayed = results.iter().filter(|(_, code)| code == "dpop_proof_replayed").count();
        assert_eq!((accepted, replayed), (1, COPIES - 1), "{results:?}");
    }
    assert!(!envoy.has_trapped(), "{}", envoy.log());
}

/// The reason why the memory creates its slots when Envoy loads the configuration.
#[test]
fn compare_and_set_of_an_absent_name_ignores_the_number() {
    let envoy = start("replay-memory-cas", 1);
    let response = envoy.client().send(&get("/").header("x-name", "okta-authz.test"));
    assert_eq!(response.body, "101", "absent; present, wrong number; present, own number");
}

#[test]
fn largest_memory_is_seeded_by_the_first_vm_only() {
    let envoy = start("replay-memory-largest", 65_536);
    assert_eq!(send(envoy.client(), "a").0, 200);
    let log = envoy.log();
    let times: Vec<u64> = log
        .lines()
        .filter_map(|line| line.split_once("seeded in ")?.1.split(' ').next()?.parse().ok())
        .collect();
    println!("microseconds for each VM: {times:?}");
    assert!(times.len() > WORKERS, "{times:?}");
    let (first, rest) = times.split_first().unwrap();
    assert!(rest.iter().all(|time| time * 10 < *first), "{times:?}");
}
