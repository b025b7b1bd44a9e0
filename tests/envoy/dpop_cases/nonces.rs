//! Nonces of the resource server (RFC 9449 section 9).

use std::time::Duration;

use okta_authz_filter::dpop::Nonces;
use okta_authz_filter::rejection::Rejection::{self, DpopNonceRequired, DpopNonceStale};
use okta_authz_filter::time::UnixTime;
use serde_json::{Value, json};
use test_support::client::get;

use super::{Fixture, challenges, dpop_denial, now};

/// The lifetime of a nonce, in seconds. An interval is half of it.
const LIFETIME: u64 = 120;
const KEYS: [[u8; 32]; 2] = [[0x1f; 32], [0x2e; 32]];

/// Starts Envoy with nonces of two keys.
fn fixture(name: &str, rest: Value) -> Fixture {
    let mut settings = json!({ "nonce": { "keys_env": "DPOP_NONCE_KEYS", "lifetime": "2m" } });
    settings.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    let keys = format!("{},{}", "1f".repeat(32), "2E".repeat(32));
    let fixture = Fixture::changed(name, settings, |mut config| {
        let vm = &mut config.filter()["vm_config"];
        vm["environment_variables"] = json!({ "key_values": { "DPOP_NONCE_KEYS": keys } });
        config
    });
    fixture.harness.warm_up();
    fixture
}

/// Returns the nonce that a process with this key issued `age` seconds ago.
fn nonce(key: [u8; 32], age: u64) -> String {
    let nonces = Nonces::new(vec![key], Duration::from_secs(LIFETIME), "api").unwrap();
    nonces.issue(UnixTime::from_seconds(now() - age))
}

/// Sends a proof with this nonce, and asserts the denial. Returns the nonce of the response.
fn denied(fixture: &Fixture, name: &str, nonce: Option<&str>, rejection: Rejection) -> String {
    let proof = nonce.into_iter().fold(fixture.proof(), |proof, nonce| proof.nonce(nonce));
    let request = fixture.request(proof.compact());
    let differences = fixture.differences(&request, &dpop_denial(401, "use_dpop_nonce", rejection));
    assert_eq!(differences, [""; 0], "{name}");
    let response = fixture.send(&request);
    response.header("dpop-nonce").expect("a nonce").to_owned()
}

#[test]
fn nonce_round_trip_passes() {
    let fixture = fixture("dpop-nonces", json!({}));
    let issued = denied(&fixture, "no nonce", None, DpopNonceRequired);
    assert!([nonce(KEYS[0], 0), nonce(KEYS[0], 1)].contains(&issued), "the first key issues: {issued}");
    let proof = fixture.proof().nonce(&issued);
    fixture.assert_accepted("issued", &fixture.request(proof.compact()));
    let replay = fixture.send(&fixture.request(proof.compact()));
    assert_eq!((replay.status, replay.code().as_str()), (401, "dpop_proof_replayed"));
    assert!(replay.header("dpop-nonce").is_some(), "{replay:?}");
    for (name, nonce) in [
        ("this bucket", nonce(KEYS[0], 0)),
        ("previous bucket", nonce(KEYS[0], LIFETIME / 2)),
        ("second key", nonce(KEYS[1], 0)),
    ] {
        fixture.assert_accepted(name, &fixture.request(fixture.proof().nonce(&nonce).compact()));
    }
    let skewed = fixture.proof().nonce(&issued).claim("iat", now() - 250);
    fixture.assert_accepted("clock 250 s behind", &fixture.request(skewed.compact()));
}

#[test]
fn nonce_that_this_server_did_not_issue_or_that_is_old_is_rejected() {
    let fixture = fixture("dpop-nonces-rejected", json!({}));
    let other_realm = Nonces::new(vec![KEYS[0]], Duration::from_secs(LIFETIME), "other").unwrap();
    let issued = nonce(KEYS[0], 0);
    // The first 6 characters have the number of the interval.
    let (bucket, mac) = issued.split_at(6);
    let forged = format!("{bucket}{}", mac.chars().rev().collect::<String>());
    let canonical = format!("{bucket}{}", "A".repeat(21));
    // The code of the filter's own nonce differs, so that operators can recognize late clients.
    denied(&fixture, "three buckets old", Some(&nonce(KEYS[0], 3 * LIFETIME / 2)), DpopNonceStale);
    for (name, value) in [
        ("forged", forged),
        ("zero MAC", canonical),
        ("other key", nonce([9; 32], 0)),
        ("other realm", other_realm.issue(UnixTime::from_seconds(now()))),
        ("empty", String::new()),
        ("of Okta", "eyJhbGciOiJub25lIn0".to_owned()),
    ] {
        denied(&fixture, name, Some(&value), DpopNonceRequired);
    }
    // A failed nonce uses up no `jti`.
    let proof = fixture.proof();
    assert_eq!(fixture.send(&fixture.request(proof.compact())).status, 401);
    let with_nonce = fixture.request(proof.nonce(&nonce(KEYS[0], 0)).compact());
    fixture.assert_accepted("jti of a proof without nonce", &with_nonce);
}

#[test]
fn each_401_with_a_dpop_challenge_has_a_nonce() {
    let fixture = fixture("dpop-nonces-header", json!({}));
    let responses = [
        ("no token", fixture.send(&get("/me"))),
        ("bound as Bearer", fixture.send(&get("/me").bearer(&fixture.token))),
        ("no proof", fixture.send(&fixture.with_token(get("/me")))),
        ("broken proof", fixture.send(&fixture.request("x"))),
    ];
    for (name, response) in &responses {
        assert_eq!(response.status, 401, "{name}: {response:?}");
        assert!(challenges(response).iter().any(|challenge| challenge.starts_with("DPoP ")), "{name}");
        assert_eq!(response.header("dpop-nonce").map(str::len), Some(27), "{name}: {response:?}");
    }
    let url = "https://api.example.com/admin";
    let proof = fixture.proof_of("GET", url).nonce(&nonce(KEYS[0], 0)).compact();
    let forbidden = fixture.send(&fixture.request_to("/admin", proof));
    assert_eq!((forbidden.status, forbidden.header("dpop-nonce")), (403, None), "{forbidden:?}");
    let bearer = fixture.send(&get("/me").bearer("x.y.z"));
    assert_eq!(bearer.header("dpop-nonce").is_some(), challenges(&bearer).len() == 2, "{bearer:?}");
}

#[test]
fn key_of_the_process_is_common_to_all_workers() {
    let fixture = Fixture::warm("dpop-nonces-process", json!({ "nonce": {}, "replay": false }));
    let response = fixture.send(&get("/me"));
    let nonce = response.header("dpop-nonce").expect("a nonce").to_owned();
    for _ in 0..20 {
        let request = fixture.request(fixture.proof().nonce(&nonce).compact());
        fixture.assert_accepted("nonce of one worker", &request);
    }
    let copy = fixture.request(fixture.proof().nonce(&nonce).compact());
    fixture.assert_accepted("replay off", &copy);
    fixture.assert_accepted("replay off, again", &copy);
}
