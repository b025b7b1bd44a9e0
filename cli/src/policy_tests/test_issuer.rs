//! Test issuer: unsigned tokens, public keys for them, and a verifier that accepts one fixed
//! signature.
//!
//! The filter is that of the wasm module; only its signature verifier is replaced.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use okta_authz_filter::config::Provider;
use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::crypto::{Algorithm, Curve, SignatureError, SignatureInput, SignatureVerifier};
use okta_authz_filter::json::Object;
use okta_authz_filter::time::UnixTime;
use okta_authz_filter::verify::TokenProfile;
use serde_json::{Value, json};

use crate::CliError;
use crate::document_provider::DocumentProvider;
use crate::loaded_config::LoadedConfig;

const KEY_ID: &str = "okta-authz-test";
const SIGNATURE: &[u8] = b"okta-authz test: not a signature";
/// The lifetime of a token: Okta's default.
const LIFETIME_SECONDS: i64 = 3600;

/// A configuration that trusts the test issuer instead of Okta.
pub(super) struct TestIssuer {
    pub(super) config: LoadedConfig,
    pub(super) documents: DocumentProvider,
}

impl TestIssuer {
    /// Replaces the key set of every provider.
    pub(super) fn new(config: &LoadedConfig, denylist: Vec<u8>) -> Result<Self, CliError> {
        let mut json = config.json.clone();
        let mut documents = DocumentProvider {
            denylist: Some(denylist),
            // A test has no endpoint: every JWT is active.
            introspection: Some(br#"{"active":true}"#.to_vec()),
            ..DocumentProvider::default()
        };
        for provider in &config.config.providers {
            let key_set = json!({ "keys": [jwk(algorithm(provider))] });
            if provider.remote_jwks.is_some() {
                documents.keys.insert(provider.name.clone(), key_set.to_string().into_bytes());
            } else if let Some(members) =
                json.get_mut("providers").and_then(|providers| providers.get_mut(&provider.name))
            {
                members["local_jwks"] = key_set;
            }
        }
        Ok(Self { config: LoadedConfig::parse(json.to_string().as_bytes())?, documents })
    }

    pub(super) const fn verifier(&self) -> &dyn SignatureVerifier {
        &FakeVerifier
    }
}

/// A verifier that accepts [`SIGNATURE`] without verification, and verifies every other signature.
struct FakeVerifier;

impl SignatureVerifier for FakeVerifier {
    fn verify(&self, input: &SignatureInput<'_>) -> Result<(), SignatureError> {
        if input.signature == SIGNATURE && input.key.supports(input.algorithm) {
            return Ok(());
        }
        Software.verify(input)
    }
}

/// Returns a valid token of a provider with changes to its JOSE header and its claims. Null removes
/// a member.
pub(super) fn token(provider: &Provider, header: &Object, claims: &Object, now: UnixTime) -> String {
    let requirements = &provider.requirements;
    let is_rfc9068 = requirements.profile == TokenProfile::Rfc9068;
    let client_ids = requirements.client_ids.iter().flatten();
    let client_id = client_ids.map(String::as_str).next().unwrap_or("0oatest0000000000000");
    let mut default_header = json!({ "alg": algorithm(provider).name(), "kid": KEY_ID });
    let mut default_claims = json!({
        "iss": requirements.issuers.first(),
        "aud": requirements.audiences.first(),
        "iat": now.seconds(),
        "exp": now.seconds().saturating_add(LIFETIME_SECONDS),
        "jti": "AT.okta-authz-test",
        "sub": "user@example.com",
    });
    let (profile_header, profile_claims) = if is_rfc9068 {
        (json!({ "typ": "at+jwt" }), json!({ "client_id": client_id }))
    } else {
        (json!({}), json!({ "cid": client_id, "uid": "00utest0000000000000", "scp": [] }))
    };
    for (defaults, profile, changes) in
        [(&mut default_header, profile_header, header), (&mut default_claims, profile_claims, claims)]
    {
        for (name, value) in profile.as_object().into_iter().flatten().chain(changes) {
            set_or_remove(defaults, name, value);
        }
    }
    let segment = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let (header, claims) = (default_header.to_string(), default_claims.to_string());
    format!("{}.{}.{}", segment(header.as_bytes()), segment(claims.as_bytes()), segment(SIGNATURE))
}

/// Sets a member of an object; removes it if the value is null.
fn set_or_remove(object: &mut Value, name: &str, value: &Value) {
    if let Some(members) = object.as_object_mut() {
        match value {
            Value::Null => drop(members.remove(name)),
            value => drop(members.insert(name.to_owned(), value.clone())),
        }
    }
}

/// Returns the algorithm of the tokens of a provider: the first that it accepts.
fn algorithm(provider: &Provider) -> Algorithm {
    provider.requirements.algorithms.first().copied().unwrap_or(Algorithm::RS256)
}

/// Returns a JWK (RFC 7517) for an algorithm: the base point of the curve, or a number with the
/// size of an RSA modulus. No signature is ever verified with it.
fn jwk(algorithm: Algorithm) -> Value {
    let mut jwk = match algorithm.curve() {
        _ if algorithm.is_rsa() => {
            json!({ "kty": "RSA", "n": URL_SAFE_NO_PAD.encode([0xff; 256]), "e": "AQAB" })
        }
        Some(Curve::P256) => json!({
            "kty": "EC", "crv": "P-256",
            "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
            "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
        }),
        Some(Curve::P384) => json!({
            "kty": "EC", "crv": "P-384",
            "x": "qofKIr6LBTeOscce8yCtdG4dO2KLp5uYWfdB4IJUKjhVAvJdv1UpbDpUXjhydgq3",
            "y": "NhfeSpYmLG9dnpi_kpLcKfj0Hb0omhR86doxE7XwuMAKYLHOHX6BnXpDHXyQ6g5f",
        }),
        Some(Curve::P521) => json!({
            "kty": "EC", "crv": "P-521",
            "x": "AMaFjga3BATpzZ4-y2YjlbRCnGSBOQU_tSH4KK9ga009uqFLXnfv51ko_h3BJ6L_qN4zSLPBhWpCm_l-fjHC5b1m",
            "y": "ARg5KWp4mjvABFyKX7QsfRvZmPVESVebRGgXr70XJz5mLJfucple9CZAxVC5AT-tB2E1PHCGonLCQIi-lHaf0WZQ",
        }),
        None => json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }),
    };
    set_or_remove(&mut jwk, "kid", &json!(KEY_ID));
    jwk
}

#[cfg(test)]
mod tests {
    use okta_authz_filter::jwks::KeySet;

    use super::*;

    #[test]
    fn jwk_of_every_algorithm_verifies_only_the_fixed_signature() {
        for algorithm in Algorithm::ALL {
            let keys = json!({ "keys": [jwk(algorithm)] });
            let keys = KeySet::from_members(keys.as_object().unwrap()).unwrap();
            let key = keys.find(Some(KEY_ID), algorithm).unwrap().iter().next().unwrap();
            let verify =
                |signature| FakeVerifier.verify(&SignatureInput { algorithm, key, message: b"", signature });
            assert_eq!(verify(SIGNATURE), Ok(()), "{algorithm}");
            assert!(verify(b"another").is_err(), "{algorithm}");
        }
    }
}
