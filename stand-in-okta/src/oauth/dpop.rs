//! DPoP at the token endpoint (RFC 9449 section 5).
//!
//! Okta documents three errors: no header, no nonce, and an invalid `htu`. The other descriptions
//! have the form of the third. Okta does not document its window for `iat`, nor the error for a
//! refresh with another key.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use serde_json::{Map, Value};

use super::OAuthError;
use super::clients::Client;
use crate::endpoints::ServerRef;
use crate::jws::{ALGORITHMS, Jws, text, thumbprint};
use crate::keys::random_text;
use crate::store::Store;

/// The nonces of the org, and the `jti` of accepted proofs.
pub(crate) struct Dpop {
    /// Each nonce by the number of its day.
    nonces: BTreeMap<i64, String>,
    used: Store<()>,
}

impl Dpop {
    /// Makes a state without nonces.
    pub(crate) fn new() -> Self {
        Self { nonces: BTreeMap::new(), used: Store::new() }
    }

    /// Returns the current nonce. Okta renews it every 24 hours.
    pub(crate) fn nonce(&mut self, now_millis: i64) -> String {
        let day = now_millis.div_euclid(DAY_MILLIS);
        self.nonces.retain(|issued, _| *issued >= day.saturating_sub(FORMER_NONCES));
        self.nonces.entry(day).or_insert_with(|| random_text(24)).clone()
    }

    /// Returns whether a nonce is the current one or one of the last three days.
    fn accepts(&mut self, nonce: &str, now_millis: i64) -> bool {
        self.nonce(now_millis);
        self.nonces.values().any(|known| known == nonce)
    }
}

/// Verifies the proof of a token request, and returns the thumbprint of its key. Returns `None` if
/// the request has no proof and the client needs none.
pub(super) fn proven_key(
    server_ref: &ServerRef,
    client: Client,
    headers: &HeaderMap,
) -> Result<Option<String>, OAuthError> {
    let mut proofs = headers.get_all("dpop").iter();
    let proof = match (proofs.next(), proofs.next()) {
        (None, _) if server_ref.org.clients().requires_dpop(client) => return Err(proof_missing()),
        (None, _) => return Ok(None),
        (Some(proof), None) => proof,
        (Some(_), Some(_)) => return Err(invalid("The request must have one DPoP proof JWT header.")),
    };
    let jws = proof.to_str().ok().and_then(Jws::parse);
    let jws = jws.ok_or_else(|| invalid("The DPoP proof JWT is malformed."))?;
    let thumbprint = verified_key(&jws)?;

    let now_millis = server_ref.org.now_millis();
    let claim = |name| text(&jws.payload, name);
    if claim("htm") != Some("POST") {
        return Err(invalid_claim("htm"));
    }
    if !claim("htu").is_some_and(|url| server_ref.urls("token", headers).iter().any(|own| own == url)) {
        return Err(invalid_claim("htu"));
    }
    let now = now_millis.div_euclid(1000);
    let window = now.saturating_sub(WINDOW_SECONDS)..=now.saturating_add(WINDOW_SECONDS);
    if !jws.time("iat").is_some_and(|iat| window.contains(&iat)) {
        return Err(invalid_claim("iat"));
    }
    let mut state = server_ref.org.dpop();
    // Before `jti`: in Okta's guide, only the request with the nonce has one.
    if !claim("nonce").is_some_and(|nonce| state.accepts(nonce, now_millis)) {
        let description = "Authorization server requires nonce in DPoP proof.";
        let nonce = Some(state.nonce(now_millis));
        return Err(OAuthError { nonce, ..OAuthError::bad_request("use_dpop_nonce", description) });
    }
    let jti = claim("jti").ok_or_else(|| invalid_claim("jti"))?;
    let key = format!("{thumbprint} {jti}");
    if !state.used.insert_new(&key, (), WINDOW_SECONDS.saturating_mul(2), now_millis) {
        return Err(invalid("The DPoP proof JWT has already been used."));
    }
    Ok(Some(thumbprint))
}

/// Returns the error for a request without a proof that needs one.
pub(super) fn proof_missing() -> OAuthError {
    invalid("The DPoP proof JWT header is missing.")
}

/// Returns the error for a proof of another key than that of the refresh token.
pub(super) fn other_key() -> OAuthError {
    invalid("The DPoP proof JWT is not signed with the key of the refresh token.")
}

/// Checks the header and the signature of a proof, and returns the thumbprint of its key.
fn verified_key(jws: &Jws<'_>) -> Result<String, OAuthError> {
    let member = |name| text(&jws.header, name);
    if member("typ") != Some("dpop+jwt") {
        return Err(invalid_member("typ"));
    }
    if !member("alg").is_some_and(|algorithm| ALGORITHMS.contains(&algorithm)) {
        return Err(invalid_member("alg"));
    }
    let jwk = jws.header.get("jwk").and_then(Value::as_object).filter(|jwk| is_public(jwk));
    let jwk = jwk.ok_or_else(|| invalid_member("jwk"))?;
    let thumbprint = thumbprint(jwk).ok_or_else(|| invalid_member("jwk"))?;
    if !jws.verifies(jwk) {
        return Err(invalid("The signature of the DPoP proof JWT is invalid."));
    }
    Ok(thumbprint)
}

/// Returns whether a key has no member of a private or symmetric key (RFC 7518 section 6).
fn is_public(jwk: &Map<String, Value>) -> bool {
    ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].into_iter().all(|name| !jwk.contains_key(name))
}

fn invalid_claim(name: &str) -> OAuthError {
    invalid(&format!("'{name}' claim in the DPoP proof JWT is invalid."))
}

fn invalid_member(name: &str) -> OAuthError {
    invalid(&format!("'{name}' header in the DPoP proof JWT is invalid."))
}

fn invalid(description: &str) -> OAuthError {
    OAuthError::bad_request("invalid_dpop_proof", description)
}

const DAY_MILLIS: i64 = 24 * 3_600_000;

/// The days for which Okta accepts a former nonce.
const FORMER_NONCES: i64 = 3;

/// The window for `iat`, before and after the org's time.
const WINDOW_SECONDS: i64 = 300;
