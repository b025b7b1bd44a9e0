//! Signatures of every algorithm through the filter, and the public vectors through Envoy's own crypto.

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

use super::setup::{Setup, config};

/// RS and ES by Envoy, PS and EdDSA by jwt-simple inside the VM: a client sees no difference.
#[test]
fn every_algorithm_through_the_filter() {
    every_algorithm("algorithms", "RSA and ECDSA by the host", EnvoyConfig::unrestricted);
}

/// Everything by jwt-simple, as on a host without `verify_signature`: a client sees no difference either.
#[test]
fn every_algorithm_without_envoys_crypto() {
    every_algorithm("algorithms-software", "none by the host", |config| {
        config.restricted(&["proxy_call_foreign_function"])
    });
}

/// Good tokens pass, and no other signature does.
fn every_algorithm(name: &str, by: &str, restrict: impl Fn(EnvoyConfig) -> EnvoyConfig) {
    let keys = Keys::generate();
    let setup = Setup::new(name, |config| {
        let mut config = restrict(config);
        let provider = &mut config.plugin()["providers"]["okta"];
        provider.as_object_mut().unwrap().remove("remote_jwks");
        provider["local_jwks"] = keys.jwks();
        provider["algorithms"] =
            json!(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]);
        config
    });
    assert!(setup.envoy.log().contains(&format!("signatures: {by}")), "{}", setup.envoy.log());
    let token = setup.user();
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let ask = |token: &str| {
        let response = setup.send(&get("/me").bearer(token));
        (response.status, response.code())
    };
    for algorithm in keys.algorithms() {
        let token = keys.sign(algorithm, &payload);
        let good = ask(&token);
        assert_eq!(good.0, 200, "{algorithm}: {good:?}");
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let broken = |signature: &[u8]| ask(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)));
        // A byte at a time: every bit is the vectors' business, here it is the way through Envoy.
        for at in (0..signature.len()).step_by(7) {
            let mut flipped = signature.clone();
            flipped[at] ^= 1;
            assert_eq!(broken(&flipped), (401, "signature_invalid".to_owned()), "{algorithm}, byte {at}");
        }
        for length in [1, signature.len() / 2, signature.len() - 1] {
            assert_eq!(broken(&signature[..length]).1, "signature_invalid", "{algorithm}, {length} bytes");
        }
        assert_eq!(
            broken(&[&signature[..], &[0]].concat()).1,
            "signature_invalid",
            "{algorithm}, a byte more"
        );
        let other = keys.sign(algorithm, b"{}");
        let (_, other) = other.rsplit_once('.').unwrap();
        assert_eq!(
            ask(&format!("{signed}.{other}")).1,
            "signature_invalid",
            "{algorithm}, another's signature"
        );
    }
    assert!(!setup.envoy.has_trapped(), "{}", setup.envoy.log());
}

/// Envoy's `verify_signature`, asked over HTTP by way of `tests/wasm/signature_oracle.rs`.
struct EnvoyCrypto(Client);

impl SignatureVerifier for EnvoyCrypto {
    fn verify(&self, input: &SignatureInput<'_>) -> Result<(), SignatureError> {
        let question = STANDARD.encode(envoy::serialize_arguments(input)?);
        let response = self.0.send(&get("/").header("x-question", question));
        assert_eq!(response.status, 200, "{response:?}");
        envoy::parse_result(&STANDARD.decode(response.body).unwrap())
    }
}

#[test]
fn the_public_vectors_through_envoys_crypto() {
    let (okta, backend) = (StandIn::start(Options::default()), Backend::start());
    let _ = okta.kid(Server::Default);
    let config = config("oracle", &okta, &backend).unrestricted();
    let config = config.module(&test_support::wasm("signature_oracle"));
    let envoy = Envoy::start("oracle", &config);
    let verifier = WithFallback(EnvoyCrypto(envoy.client()), Software);
    // Each mutant is a request: what every bit does, the native run has shown.
    let mutants = |_| vectors::Bounds { flips: 2, truncations: 1 };
    for report in vectors::everything(&vectors::Backend { name: "envoy", verifier: &verifier, mutants }) {
        report.check();
    }
}
