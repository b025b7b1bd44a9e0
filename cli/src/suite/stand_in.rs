//! Tokens that nobody has signed, keys to go with them, and a verifier that is content with that.
//!
//! Nothing of this is anywhere near the filter: it is given another verifier, and that is all.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use okta_authz_filter::config::Provider;
use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::crypto::{Algorithm, Curve, SignatureError, SignatureInput, SignatureVerifier};
use okta_authz_filter::json::Object;
use okta_authz_filter::time::UnixTime;
use okta_authz_filter::verify::TokenProfile;
use serde_json::{Value, json};

use crate::Problem;
use crate::source::Source;
use crate::supply::Supply;

const KEY_ID: &str = "okta-authz-test";
const SIGNATURE: &[u8] = b"okta-authz test: not a signature";
/// Okta's default.
const LIFE_SECONDS: i64 = 3600;

/// The configuration with keys of nobody's.
pub(super) struct StandIn {
    pub(super) source: Source,
    pub(super) supply: Supply,
}

impl StandIn {
    pub(super) fn new(source: &Source, denylist: Vec<u8>) -> Result<Self, Problem> {
        let mut written = source.written.clone();
        let mut supply = Supply { denylist: Some(denylist), ..Supply::default() };
        for provider in &source.config.providers {
            let document = json!({ "keys": [jwk(algorithm(provider))] });
            if provider.remote_jwks.is_some() {
                supply.keys.insert(provider.name.clone(), document.to_string().into_bytes());
            } else if let Some(members) =
                written.get_mut("providers").and_then(|providers| providers.get_mut(&provider.name))
            {
                members["local_jwks"] = document;
            }
        }
        Ok(Self { source: Source::new(written.to_string().as_bytes())?, supply })
    }

    pub(super) const fn verifier(&self) -> &dyn SignatureVerifier {
        &Credulous
    }
}

/// Believes one signature without looking; no other.
struct Credulous;

impl SignatureVerifier for Credulous {
    fn verify(&self, input: &SignatureInput<'_>) -> Result<(), SignatureError> {
        if input.signature == SIGNATURE && input.key.fits(input.algorithm) {
            return Ok(());
        }
        Software.verify(input)
    }
}

/// A good token of the provider, with these changes. Null takes a member away.
pub(super) fn token(provider: &Provider, header: &Object, claims: &Object, now: UnixTime) -> String {
    let expected = &provider.expected;
    let is_rfc9068 = expected.profile == TokenProfile::Rfc9068;
    let client_ids = expected.client_ids.iter().flatten();
    let client_id = client_ids.map(String::as_str).next().unwrap_or("0oatest0000000000000");
    let mut default_header = json!({ "alg": algorithm(provider).name(), "kid": KEY_ID });
    let mut default_claims = json!({
        "iss": expected.issuers.first(),
        "aud": expected.audiences.first(),
        "iat": now.seconds(),
        "exp": now.seconds().saturating_add(LIFE_SECONDS),
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
            change(defaults, name, value);
        }
    }
    let segment = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let (header, claims) = (default_header.to_string(), default_claims.to_string());
    format!("{}.{}.{}", segment(header.as_bytes()), segment(claims.as_bytes()), segment(SIGNATURE))
}

fn change(object: &mut Value, name: &str, value: &Value) {
    if let Some(members) = object.as_object_mut() {
        match value {
            Value::Null => drop(members.remove(name)),
            value => drop(members.insert(name.to_owned(), value.clone())),
        }
    }
}

fn algorithm(provider: &Provider) -> Algorithm {
    provider.expected.algorithms.first().copied().unwrap_or(Algorithm::RS256)
}

/// A public key of the kind that the algorithm needs. The curves' own base points, and a number that has the form of an
/// RSA modulus: nothing is ever verified with them.
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
    change(&mut jwk, "kid", &json!(KEY_ID));
    jwk
}

#[cfg(test)]
mod tests {
    use okta_authz_filter::jwks::KeySet;

    use super::*;

    #[test]
    fn there_is_a_key_for_every_algorithm() {
        for algorithm in Algorithm::ALL {
            let keys = json!({ "keys": [jwk(algorithm)] });
            let keys = KeySet::from_members(keys.as_object().unwrap()).unwrap();
            let key = keys.find(Some(KEY_ID), algorithm).unwrap().iter().next().unwrap();
            let verify =
                |signature| Credulous.verify(&SignatureInput { algorithm, key, message: b"", signature });
            assert_eq!(verify(SIGNATURE), Ok(()), "{algorithm}");
            assert!(verify(b"another").is_err(), "{algorithm}");
        }
    }
}
