//! The meaning of each layer of a case. A verification takes any token, so that mutants of the
//! case's token are verified in the same way.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use okta_authz_filter::claims::Claims;
use okta_authz_filter::crypto::{Algorithm, SignatureError, SignatureVerifier};
use okta_authz_filter::json::{self, ValueRef};
use okta_authz_filter::jwks::KeySet;
use okta_authz_filter::rejection::Rejection;
use okta_authz_filter::time::UnixTime;
use okta_authz_filter::token::{CompactJws, JoseHeaderCache};
use okta_authz_filter::verify::{self, TokenProfile, UnverifiedToken};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Map, Value, json};

use super::data::{Case, Layer};
use super::report::Outcome;

/// Larger than every token of the vectors.
const MAX_TOKEN_BYTES: usize = 64 * 1024;

type Verification<'a> = Box<dyn Fn(&[u8]) -> Result<(), Rejection> + 'a>;

/// Returns the token of a case, and the verification for it and its mutants.
pub(super) fn token_and_verification<'a>(
    case: &'a Case,
    verifier: &'a dyn SignatureVerifier,
) -> (String, Verification<'a>) {
    let token = || case.token.clone().expect("a token");
    match case.layer {
        Layer::Jose => (token(), jose(case, verifier)),
        Layer::Jwt => (token(), jwt(case, key_set(case), verifier)),
        Layer::Claims => {
            let (token, keys) = signed(case.claims.as_ref().expect("claims"));
            (token, jwt(case, Ok(keys), verifier))
        }
        Layer::Parse => (token(), Box::new(|token| parse(case, token))),
        Layer::Jwks => panic!("{}: the case has no token", case.id),
    }
}

/// Returns the algorithm of a token's header.
pub(super) fn algorithm(token: &str) -> Option<Algorithm> {
    jws(token.as_bytes()).ok()?.header.algorithm
}

/// Returns the number of usable keys in the case's key set.
pub(super) fn usable_keys(case: &Case) -> Outcome {
    Outcome::UsableKeys(key_set(case).map_or(0, |keys| keys.len()))
}

/// Returns the verification of the signature alone. The payload may be any bytes.
fn jose<'a>(case: &Case, verifier: &'a dyn SignatureVerifier) -> Verification<'a> {
    let (keys, allowed) = (key_set(case), algorithms(case));
    Box::new(move |token| {
        let jws = jws(token)?;
        let allowed = jws.header.algorithm.filter(|algorithm| allowed.contains(algorithm));
        let algorithm = allowed.ok_or(Rejection::AlgorithmNotAllowed)?;
        let keys = keys.as_ref().map_err(|error| *error)?.find(jws.header.key_id.as_deref(), algorithm)?;
        let signature = keys.verify(algorithm, jws.signing_input, &jws.signature, verifier);
        signature.map(|_| ()).map_err(|error| match error {
            SignatureError::Invalid => Rejection::SignatureInvalid,
            SignatureError::Unavailable => Rejection::CryptoUnavailable,
        })
    })
}

/// Returns the verification of signature and claims, in the profile `any`: these tokens are not
/// Okta's, and some have no key ID.
fn jwt<'a>(
    case: &Case,
    keys: Result<KeySet, Rejection>,
    verifier: &'a dyn SignatureVerifier,
) -> Verification<'a> {
    let now = UnixTime::from_seconds(case.clock.expect("a clock"));
    let (algorithms, clock_skew) = (algorithms(case), case.leeway.expect("a leeway"));
    let (issuer, audience) = (case.issuer.clone(), case.audience.clone());
    Box::new(move |token| {
        let unverified = UnverifiedToken::parse(token, MAX_TOKEN_BYTES, &JoseHeaderCache::default())?;
        // A provider always has an issuer and an audience. Where the case does not check them, the
        // provider has those of the token.
        let unverified_claims = jws(token).and_then(|jws| Claims::parse(jws.payload))?;
        let issuers = issuer.as_ref().map(|issuer| issuer.to_vec());
        let audiences = audience.as_ref().map(|audience| audience.to_vec());
        let expected = verify::TokenRequirements {
            issuers: issuers
                .unwrap_or_else(|| unverified_claims.string("iss").map(str::to_owned).into_iter().collect()),
            audiences: audiences
                .unwrap_or_else(|| unverified_claims.audiences().map(str::to_owned).collect()),
            client_ids: None,
            algorithms: algorithms.clone(),
            clock_skew,
            max_token_age: None,
            profile: TokenProfile::Any,
        };
        let keys = keys.as_ref().map_err(|error| *error)?;
        let signed = unverified.precheck(&expected, now, &mut ())?.verify(keys, verifier, &mut ())?;
        match signed.accept(&expected, now, &mut ()) {
            // A token without an audience never matches. The filter checks the audience after the
            // signature and the times, so this rejection means that those were valid. If the order
            // changes, the cases of expired tokens without an audience fail.
            Err(Rejection::AudienceNotAllowed)
                if audience.is_none() && unverified_claims.audiences().next().is_none() =>
            {
                Ok(())
            }
            result => result.map(|_| ()),
        }
    })
}

/// Parses header and claims, and compares the claims with those of the case.
fn parse(case: &Case, token: &[u8]) -> Result<(), Rejection> {
    UnverifiedToken::parse(token, MAX_TOKEN_BYTES, &JoseHeaderCache::default())?;
    if let Some(expected) = &case.decoded_claims {
        let claims = Claims::parse(jws(token)?.payload)?;
        let parsed = ValueRef::Object(claims.members()).to_string();
        assert_eq!(json::parse_object(parsed.as_bytes()).as_ref(), Ok(expected), "{}", case.id);
    }
    Ok(())
}

fn jws(token: &[u8]) -> Result<CompactJws<'_>, Rejection> {
    CompactJws::parse(token, MAX_TOKEN_BYTES, &JoseHeaderCache::default())
}

fn algorithms(case: &Case) -> Vec<Algorithm> {
    match &case.allowed_algs {
        Some(names) => names.iter().filter_map(|name| Algorithm::from_name(name)).collect(),
        None => Algorithm::ALL.to_vec(),
    }
}

/// Returns the key set of a case. A document that is not a key set has the effect of missing keys.
fn key_set(case: &Case) -> Result<KeySet, Rejection> {
    let document = match (&case.jwks_raw, &case.jwks) {
        (Some(raw), _) => raw.clone(),
        (None, Some(jwks)) => jwks.to_string(),
        (None, None) => panic!("{}: no key set", case.id),
    };
    KeySet::parse(document.as_bytes()).map_err(|_| Rejection::KeysUnavailable)
}

/// Signs claims, because the filter makes verified claims only from a signed token.
fn signed(claims: &Map<String, Value>) -> (String, KeySet) {
    let secret = p256::SecretKey::from_slice(&[7; 32]).unwrap();
    let point = secret.public_key().to_sec1_bytes();
    let (x, y) = point[1..].split_at(32);
    let jwk = json!({
        "kty": "EC", "crv": "P-256", "kid": "test", "use": "sig", "alg": "ES256",
        "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
    });
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","kid":"test"}"#);
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(json!(claims).to_string()));
    let signature: Signature = SigningKey::from(secret).sign(message.as_bytes());
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()));
    (token, KeySet::parse(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap())
}
