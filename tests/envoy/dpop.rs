//! DPoP-bound tokens in Envoy: proofs, replays over both workers, nonces, challenges, and the
//! upstream.

use std::time::{SystemTime, UNIX_EPOCH};

use okta_authz_filter::crypto::Algorithm;
use serde_json::{Value, json};
use stand_in_okta::{Fault, Options, Server, StandIn, TokenSpec};
use test_support::backend::Backend;
use test_support::client::{Request, Response, get};
use test_support::config::EnvoyConfig;
use test_support::dpop::{DpopKey, Proof};
use test_support::envoy::Envoy;

use super::harness::{CONNECTIONS_FOR_BOTH_WORKERS, Harness, reference_config};

const URL: &str = "https://api.example.com/me";
/// The copies of a proof that clients send at once.
const COPIES: usize = 50;

fn key() -> DpopKey {
    DpopKey::new(Algorithm::ES256)
}

#[allow(clippy::disallowed_methods, reason = "the clock of Envoy")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn bound_token(harness: &Harness, key: &DpopKey) -> String {
    harness.mint(&TokenSpec::user().bound_to_key(&key.thumbprint()))
}

fn proof(token: &str) -> Proof {
    Proof::new(&key(), "GET", URL, now()).of_token(token)
}

fn bound(token: &str, proof: &str) -> Request {
    get("/me").header("authorization", format!("DPoP {token}")).header("dpop", proof)
}

/// Sets `dpop`. The filter forwards the token, so that the backend shows it.
fn with_dpop(mut config: EnvoyConfig, dpop: Value) -> EnvoyConfig {
    config.plugin()["dpop"] = dpop;
    config.plugin()["forward"] = json!(true);
    config
}

/// Starts Envoy with these settings, and waits until both workers have keys.
fn warm(name: &str, dpop: Value) -> Harness {
    let harness = Harness::new(name, |config| with_dpop(config, dpop));
    harness.warm_up();
    harness
}

fn challenges(response: &Response) -> Vec<&str> {
    let headers = response.headers.iter().filter(|(name, _)| name == "www-authenticate");
    headers.map(|(_, value)| value.as_str()).collect()
}

#[test]
fn proof_of_each_default_algorithm_is_accepted_and_removed() {
    let harness = warm("dpop-algorithms", json!({}));
    for algorithm in [
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::ES512,
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
    ] {
        let key = DpopKey::new(algorithm);
        let token = bound_token(&harness, &key);
        // The token of the second request and of later ones is in the token cache of a worker.
        for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
            let proof = Proof::new(&key, "GET", URL, now()).of_token(&token);
            for response in [
                harness.send(&bound(&token, &proof.compact())),
                harness.client().send_http2(&bound(&token, &proof.renewed().compact())),
            ] {
                assert_eq!(response.status, 200, "{algorithm}: {response:?}\n{}", harness.envoy.log());
                let headers = &response.json()["headers"];
                assert_eq!(headers["authorization"], json!([format!("DPoP {token}")]));
                assert_eq!(headers.get("dpop"), None, "the backend gets no proof");
            }
        }
    }
    assert!(harness.envoy.log().contains(
        "DPoP: algorithms: ES256 ES384 ES512 RS256 RS384 RS512, nonces: off, replay memory: 4096 slots of 64 proofs"
    ));
    assert!(!harness.envoy.has_trapped());
}

#[test]
fn replayed_proof_is_rejected_by_both_workers() {
    let harness = warm("dpop-replay", json!({}));
    let token = bound_token(&harness, &key());
    let replayed = bound(&token, &proof(&token).compact());
    assert_eq!(harness.send(&replayed).status, 200);
    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        let response = harness.send(&replayed);
        assert_eq!((response.status, response.code().as_str()), (401, "dpop_proof_replayed"));
    }
    for _ in 0..5 {
        let request = bound(&token, &proof(&token).compact());
        let responses: Vec<Response> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..COPIES).map(|_| scope.spawn(|| harness.send(&request))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let accepted = responses.iter().filter(|response| response.status == 200).count();
        let rejected = responses.iter().filter(|response| response.code() == "dpop_proof_replayed").count();
        assert_eq!((accepted, rejected), (1, COPIES - 1), "{responses:?}");
    }
    harness.assert_alive();
}

#[test]
fn request_without_a_good_proof_is_rejected() {
    let harness = warm("dpop-rejected", json!({ "algorithms": ["ES256", "RS256"] }));
    let token = bound_token(&harness, &key());
    let good = || proof(&token).compact();
    for (name, request, code) in [
        ("no proof", get("/me").header("authorization", format!("DPoP {token}")), "dpop_proof_missing"),
        ("two proofs", bound(&token, &good()).header("dpop", good()), "dpop_proof_repeated"),
        ("joined", bound(&token, &format!("{},{}", good(), good())), "dpop_proof_repeated"),
        ("bearer", get("/me").bearer(&token).header("dpop", good()), "dpop_scheme_required"),
        ("unbound", bound(&harness.user_token(), &good()), "token_not_bound"),
        (
            "not UTF-8",
            get("/me").header("authorization", format!("DPoP {token}")).header("dpop", b"\xff"),
            "dpop_proof_malformed",
        ),
        (
            "other URL",
            bound(&token, &proof(&token).claim("htu", "https://api.example.com/you").compact()),
            "dpop_url_mismatch",
        ),
        (
            "other key",
            bound(&token, &proof(&token).with_key(&DpopKey::other(Algorithm::ES256)).compact()),
            "dpop_key_mismatch",
        ),
        (
            "flipped signature",
            bound(&token, &proof(&token).flipped_signature().compact()),
            "dpop_signature_invalid",
        ),
    ] {
        let responses = [harness.send(&request), harness.client().send_http2(&request)];
        for response in responses {
            assert_eq!((response.status, response.code().as_str()), (401, code), "{name}: {response:?}");
        }
    }
    harness.assert_alive();
}

#[test]
fn response_has_two_challenges_as_separate_headers() {
    let harness = warm("dpop-challenges", json!({ "algorithms": ["ES256", "RS256"] }));
    let token = bound_token(&harness, &key());
    let dpop = r#"DPoP realm="api",algs="ES256 RS256""#;
    let missing = harness.send(&get("/me"));
    assert_eq!((missing.status, challenges(&missing)), (401, vec![r#"Bearer realm="api""#, dpop]));
    let bearer = harness.send(&get("/me").bearer(&token));
    let error = r#"Bearer realm="api",error="invalid_token",error_description="the access token requires the authentication scheme DPoP""#;
    assert_eq!((bearer.status, challenges(&bearer)), (401, vec![error, dpop]), "{bearer:?}");
    let both = bound(&token, &proof(&token).compact()).bearer(&token);
    let response = harness.send(&both);
    let invalid = |scheme: &str, rest: &str| {
        format!(
            r#"{scheme} realm="api",error="invalid_request",error_description="more than one credential was sent"{rest}"#
        )
    };
    let expected = [invalid("Bearer", ""), invalid("DPoP", r#",algs="ES256 RS256""#)];
    assert_eq!(
        (response.status, challenges(&response)),
        (400, expected.iter().map(String::as_str).collect())
    );
}

#[test]
fn nonce_of_a_response_is_accepted_by_both_workers() {
    let keys = format!("{},{}", "0a".repeat(32), "0b".repeat(32));
    let rotated = "0b".repeat(32);
    for (name, nonce, variable) in [
        ("dpop-nonce-process", json!({}), None),
        ("dpop-nonce-keys", json!({ "keys_env": "DPOP_NONCE_KEYS" }), Some(&keys)),
        ("dpop-nonce-rotated", json!({ "keys_env": "DPOP_NONCE_KEYS" }), Some(&rotated)),
    ] {
        let harness = Harness::new(name, |config| {
            let mut config = with_dpop(config, json!({ "nonce": nonce }));
            if let Some(keys) = variable {
                config.filter()["vm_config"]["environment_variables"] =
                    json!({ "key_values": { "DPOP_NONCE_KEYS": keys } });
            }
            config
        });
        harness.warm_up();
        let token = bound_token(&harness, &key());
        let without_nonce = harness.send(&bound(&token, &proof(&token).compact()));
        assert_eq!((without_nonce.status, without_nonce.code().as_str()), (401, "dpop_nonce_required"));
        assert!(challenges(&without_nonce)[0].contains(r#"error="use_dpop_nonce""#), "{without_nonce:?}");
        let nonce = without_nonce.header("dpop-nonce").unwrap();
        for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
            let response = harness.send(&bound(&token, &proof(&token).nonce(nonce).compact()));
            assert_eq!(response.status, 200, "{name}: {response:?}");
        }
        assert!(harness.send(&get("/me")).header("dpop-nonce").is_some());
        assert!(!harness.envoy.log().contains(&rotated[..32]), "the log has a key");
        harness.assert_alive();
    }
}

#[test]
fn missing_variable_of_nonce_keys_rejects_the_configuration() {
    let name = "dpop-nonce-missing";
    let (okta, backend) = (StandIn::start(Options::default()), Backend::start());
    let nonce = json!({ "nonce": { "keys_env": "DPOP_NONCE_KEYS" } });
    let config = with_dpop(reference_config(name, &okta, &backend), nonce);
    let Err(error) = Envoy::try_start(name, &config, 2) else { panic!("Envoy started") };
    assert!(error.log.contains(
        "configuration rejected: dpop.nonce.keys_env: must name an environment variable of the VM, which is set"
    ), "{}", error.log);
}

#[test]
fn upstream_receives_a_bearer_token_with_forward_as() {
    let harness = warm("dpop-forward-as", json!({ "forward_as": "bearer" }));
    let token = bound_token(&harness, &key());
    let response = harness.send(&bound(&token, &proof(&token).compact()));
    assert_eq!(
        response.json()["headers"]["authorization"],
        json!([format!("Bearer {token}")]),
        "{response:?}"
    );
    assert_eq!(response.json()["headers"].get("dpop"), None);
}

#[test]
fn unbound_token_of_a_provider_that_requires_a_binding_is_rejected() {
    let harness = Harness::new("dpop-required", |config| {
        let mut config = with_dpop(config, json!({}));
        for provider in config.plugin()["providers"].as_object_mut().unwrap().values_mut() {
            provider["sender_constrained"] = json!("required");
        }
        config
    });
    let token = bound_token(&harness, &key());
    let request = || bound(&token, &proof(&token).compact());
    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        assert_eq!(harness.send(&request()).status, 200);
    }
    let response = harness.get_me(&harness.user_token());
    assert_eq!((response.status, response.code().as_str()), (401, "sender_constraint_required"));
    let missing = harness.send(&get("/me"));
    assert!(matches!(challenges(&missing)[..], [challenge] if challenge.starts_with("DPoP ")), "{missing:?}");
}

#[test]
fn request_that_waits_for_keys_uses_its_proof_once() {
    let okta = StandIn::start(Options::default());
    okta.set_fault(Server::Default, Fault::Slow { millis: 1_500 });
    let harness = Harness::with_okta("dpop-waiting", okta, |config| with_dpop(config, json!({})));
    let token = bound_token(&harness, &key());
    // The oldest age that the filter accepts when the request arrives.
    let proof = proof(&token).claim("iat", now() - 69);
    let request = bound(&token, &proof.compact());
    let response = harness.send(&request);
    assert_eq!(response.status, 200, "{response:?}\n{}", harness.envoy.log());
    let code = harness.send(&request).code();
    assert!(["dpop_proof_replayed", "dpop_proof_expired"].contains(&code.as_str()), "{code}");
    assert!(!harness.envoy.has_trapped());
}
