//! What each layer of a case means in terms of this crate. Every judge takes a token of its own choosing, so that
//! mutants of the case's token go exactly the same way.

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

/// Longer than the longest token here. What a deployment allows is its configuration's business.
const MAX_TOKEN_BYTES: usize = 64 * 1024;

type Judge<'a> = Box<dyn Fn(&[u8]) -> Result<(), Rejection> + 'a>;

/// The token of a case, and what has to be asked about it and its mutants.
pub(super) fn token_and_judge<'a>(
    case: &'a Case,
    verifier: &'a dyn SignatureVerifier,
) -> (String, Judge<'a>) {
    let token = || case.token.clone().expect("a token");
    match case.layer {
        Layer::Jose => (token(), jose(case, verifier)),
        Layer::Jwt => (token(), jwt(case, key_set(case), verifier)),
        Layer::Claims => {
            let (token, keys) = signed(case.claims.as_ref().expect("claims"));
            (token, jwt(case, Ok(keys), verifier))
        }
        Layer::Parse => (token(), Box::new(|token| parse(case, token))),
        Layer::Jwks => panic!("{}: has no token", case.id),
    }
}

/// The algorithm that a token names.
pub(super) fn algorithm(token: &str) -> Option<Algorithm> {
    jws(token.as_bytes()).ok()?.header.algorithm
}

/// How many keys of the case's document can be used.
pub(super) fn usable_keys(case: &Case) -> Outcome {
    Outcome::UsableKeys(key_set(case).map_or(0, |keys| keys.len()))
}

/// The signature alone; the payload may be anything.
fn jose<'a>(case: &Case, verifier: &'a dyn SignatureVerifier) -> Judge<'a> {
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

/// Signature and claims, in profile `any`: these tokens are not Okta's, and some name no key.
fn jwt<'a>(case: &Case, keys: Result<KeySet, Rejection>, verifier: &'a dyn SignatureVerifier) -> Judge<'a> {
    let now = UnixTime::from_seconds(case.clock.expect("a clock"));
    let (algorithms, clock_skew) = (algorithms(case), case.leeway.expect("a leeway"));
    let (issuer, audience) = (case.issuer.clone(), case.audience.clone());
    Box::new(move |token| {
        let unverified = UnverifiedToken::parse(token, MAX_TOKEN_BYTES, &JoseHeaderCache::default())?;
        // A provider always has an issuer and an audience. "Do not check" is: whatever the token says.
        let said = jws(token).and_then(|jws| Claims::parse(jws.payload))?;
        let issuers = issuer.as_ref().map(|issuer| issuer.to_vec());
        let audiences = audience.as_ref().map(|audience| audience.to_vec());
        let expected = verify::TokenRequirements {
            issuers: issuers.unwrap_or_else(|| said.string("iss").map(str::to_owned).into_iter().collect()),
            audiences: audiences.unwrap_or_else(|| said.audiences().map(str::to_owned).collect()),
            client_ids: None,
            algorithms: algorithms.clone(),
            clock_skew,
            max_token_age: None,
            profile: TokenProfile::Any,
        };
        let keys = keys.as_ref().map_err(|error| *error)?;
        let signed = unverified.precheck(&expected, now, &mut ())?.verify(keys, verifier, &mut ())?;
        match signed.accept(&expected, now, &mut ()) {
            // A token that says nothing cannot be agreed with. The audience comes after signature and times, so this
            // is the answer to a token in which all of those were right; should the order ever change, the cases of
            // expired tokens without an audience say so.
            Err(Rejection::AudienceNotAllowed) if audience.is_none() && said.audiences().next().is_none() => {
                Ok(())
            }
            answer => answer.map(|_| ()),
        }
    })
}

/// Header and claims can be read, and are what the case says they are.
fn parse(case: &Case, token: &[u8]) -> Result<(), Rejection> {
    UnverifiedToken::parse(token, MAX_TOKEN_BYTES, &JoseHeaderCache::default())?;
    if let Some(expected) = &case.decoded_claims {
        let claims = Claims::parse(jws(token)?.payload)?;
        let read = ValueRef::Object(claims.members()).to_string();
        assert_eq!(json::parse_object(read.as_bytes()).as_ref(), Ok(expected), "{}", case.id);
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

/// A document that is no usable key set is, to a token, keys that are not there.
fn key_set(case: &Case) -> Result<KeySet, Rejection> {
    let document = match (&case.jwks_raw, &case.jwks) {
        (Some(raw), _) => raw.clone(),
        (None, Some(jwks)) => jwks.to_string(),
        (None, None) => panic!("{}: no key set", case.id),
    };
    KeySet::parse(document.as_bytes()).map_err(|_| Rejection::KeysUnavailable)
}

/// Signed claims come from a signature and from nowhere else, so claims without a token are given one.
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
