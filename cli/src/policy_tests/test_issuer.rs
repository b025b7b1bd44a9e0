//! Test issuer: tokens with a fixed signature, and a configuration that trusts them.
//!
//! The filter is that of the wasm module; only its signature verifier is replaced.

use okta_authz_filter::config::Provider;
use okta_authz_filter::crypto::{Algorithm, SignatureVerifier};
use okta_authz_filter::json::Object;
use okta_authz_filter::time::UnixTime;
use okta_authz_filter::verify::TokenProfile;
use serde_json::{Value, json};

use super::keys::{FakeVerifier, TestKey, compact};
use crate::CliError;
use crate::document_provider::DocumentProvider;
use crate::loaded_config::LoadedConfig;

const KEY_ID: &str = "okta-authz-test";
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
            let mut key = TestKey::First.jwk(algorithm(provider));
            set_or_remove(&mut key, "kid", &json!(KEY_ID));
            let key_set = json!({ "keys": [key] });
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

/// Returns a valid token of a provider with changes to its JOSE header and its claims. Null removes
/// a member. `jkt` is the thumbprint of the key to which the token is bound.
pub(super) fn token(
    provider: &Provider,
    header: &Object,
    claims: &Object,
    jkt: Option<&str>,
    now: UnixTime,
) -> String {
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
    if let Some(jkt) = jkt {
        set_or_remove(&mut default_claims, "cnf", &json!({ "jkt": jkt }));
    }
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
    compact(&default_header, &default_claims)
}

/// Sets a member of an object; removes it if the value is null.
pub(super) fn set_or_remove(object: &mut Value, name: &str, value: &Value) {
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
