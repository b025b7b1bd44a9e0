//! Signatures of every algorithm through the filter, and the public vectors through Envoy's crypto.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::crypto::{SignatureError, SignatureInput, SignatureVerifier, WithFallback, envoy};
use serde_json::json;
use stand_in_okta::{Options, Server, StandIn};
use test_support::backend::Backend;
use test_support::client::{Client, get};
use test_support::config::EnvoyConfig;
use test_support::envoy::Envoy;
use test_support::signing::Keys;
use test_support::vectors;

use super::harness::{Harness, reference_config};

/// Envoy verifies RS and ES signatures, and the VM verifies PS and EdDSA.
#[test]
fn every_algorithm_is_verified_with_host_crypto() {
    assert_every_algorithm("algorithms", "RSA and ECDSA by the host", EnvoyConfig::unrestricted);
}

/// The VM verifies every signature, as on a host without `verify_signature`.
#[test]
fn every_algorithm_is_verified_without_host_crypto() {
    assert_every_algorithm("algorithms-software", "none by the host", |config| {
        config.restricted(&["proxy_call_foreign_function"])
    });
}

/// Asserts that the filter allows valid tokens and rejects every modified signature. `log_message`
/// is the verifier that the filter must log.
fn assert_every_algorithm(name: &str, log_message: &str, restrict: impl Fn(EnvoyConfig) -> EnvoyConfig) {
    let keys = Keys::generate();
    let harness = Harness::new(name, |config| {
        let mut config = restrict(config);
        let provider = &mut config.plugin()["providers"]["okta"];
        provider.as_object_mut().unwrap().remove("remote_jwks");
        provider["local_jwks"] = keys.jwks();
        provider["algorithms"] =
            json!(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]);
        config
    });
    assert!(harness.envoy.log().contains(&format!("signatures: {log_message}")), "{}", harness.envoy.log());
    let token = harness.user_token();
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let status_and_code = |token: &str| {
        let response = harness.send(&get("/me").bearer(token));
        (response.status, response.code())
    };
    for algorithm in keys.algorithms() {
        let token = keys.sign(algorithm, &payload);
        let valid = status_and_code(&token);
        assert_eq!(valid.0, 200, "{algorithm}: {valid:?}");
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let with_signature =
            |signature: &[u8]| status_and_code(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)));
        // Every seventh byte is enough here: `tests/vectors` flips every bit.
        for at in (0..signature.len()).step_by(7) {
            let mut flipped = signature.clone();
            flipped[at] ^= 1;
            assert_eq!(
                with_signature(&flipped),
                (401, "signature_invalid".to_owned()),
                "{algorithm}, byte {at}"
            );
        }
        for length in [1, signature.len() / 2, signature.len() - 1] {
            assert_eq!(
                with_signature(&signature[..length]).1,
                "signature_invalid",
                "{algorithm}, {length} bytes"
            );
        }
        assert_eq!(
            with_signature(&[&signature[..], &[0]].concat()).1,
            "signature_invalid",
            "{algorithm}, one more byte"
        );
        let other = keys.sign(algorithm, b"{}");
        let (_, other) = other.rsplit_once('.').unwrap();
        assert_eq!(
            status_and_code(&format!("{signed}.{other}")).1,
            "signature_invalid",
            "{algorithm}, signature of another token"
        );
    }
    assert!(!harness.envoy.has_trapped(), "{}", harness.envoy.log());
}

/// Envoy's `verify_signature`, called over HTTP through `tests/wasm/signature_oracle.rs`.
struct EnvoyCrypto(Client);

impl SignatureVerifier for EnvoyCrypto {
    fn verify(&self, input: &SignatureInput<'_>) -> Result<(), SignatureError> {
        let argument = STANDARD.encode(envoy::serialize_arguments(input)?);
        let response = self.0.send(&get("/").header("x-argument", argument));
        assert_eq!(response.status, 200, "{response:?}");
        envoy::parse_result(&STANDARD.decode(response.body).unwrap())
    }
}

#[test]
fn public_vectors_pass_with_host_crypto() {
    let (okta, backend) = (StandIn::start(Options::default()), Backend::start());
    let _ = okta.kid(Server::Default);
    let config = reference_config("oracle", &okta, &backend).unrestricted();
    let config = config.module(&test_support::wasm("signature_oracle"));
    let envoy = Envoy::start("oracle", &config);
    let verifier = WithFallback(EnvoyCrypto(envoy.client()), Software);
    // Each mutation is a request, so the number is small. `tests/vectors` runs all mutations
    // natively.
    let mutants = |_| vectors::MutantLimits { flips: 2, truncations: 1 };
    for report in vectors::run_all(&vectors::Backend { name: "envoy", verifier: &verifier, mutants }) {
        report.check();
    }
}
