//! The plugin configuration, checked: a value of type [`Config`] is one that the filter can run on.
//!
//! JSON becomes `raw` types that mirror it, and those become these, once. Every error names the path to what is
//! wrong: `rules[2].requires.scopes[0]: must not be empty`.

mod denylist;
mod duration;
mod error;
mod identity_headers;
mod issuer;
mod provider;
mod raw;
mod remote;
mod rules;
mod shape;
mod structs;

use std::time::Duration;

pub use error::ConfigError;

use crate::denylist::Denylist;
use crate::headers::ClaimToHeader;
use crate::https_url::HttpsUrl;
use crate::json;
use crate::jwks::KeySet;
use crate::jwks::source::JwksUri;
use crate::policy::Policy;
use crate::refresh::Schedule;
use crate::verify::Expected;
use error::Path;

/// Twice what Envoy takes in all request headers by default is 120 KiB; a token of 16 KiB has hundreds of groups.
const DEFAULT_MAX_TOKEN_BYTES: u32 = 16 * 1024;
const MAX_TOKEN_BYTES: std::ops::RangeInclusive<u32> = 1024..=64 * 1024;
const DEFAULT_REALM: &str = "api";
const MAX_REALM_BYTES: usize = 128;

/// What the filter does.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where tokens may come from.
    pub providers: Vec<Provider>,
    /// Tokens that are refused, from the configuration.
    pub local_denylist: Denylist,
    /// Tokens that are refused, from a URL.
    pub remote_denylist: Option<RemoteDenylist>,
    /// What a request needs.
    pub policy: Policy,
    /// Claims for the backend.
    pub claim_to_headers: Vec<ClaimToHeader>,
    /// Whether the backend gets the `Authorization` header.
    pub forward: bool,
    /// The longest token that is looked at.
    pub max_token_bytes: usize,
    /// `realm` of the challenges.
    pub realm: String,
}

/// An authorization server, and how to get its keys.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name in the configuration.
    pub name: String,
    /// What its tokens must be like.
    pub expected: Expected,
    /// Keys from a URL.
    pub remote_jwks: Option<RemoteJwks>,
    /// Keys from the configuration.
    pub local_jwks: Option<KeySet>,
}

/// Where a key set is fetched from.
#[derive(Clone, Debug)]
pub struct RemoteJwks {
    /// How to get there, and when.
    pub remote: Remote,
    /// Where it is.
    pub jwks_uri: JwksUri,
    /// At least this long passes between two fetches that an unknown key id causes.
    pub unknown_kid_cooldown: Duration,
}

/// Where a denylist is fetched from.
#[derive(Clone, Debug)]
pub struct RemoteDenylist {
    /// How to get there, and when.
    pub remote: Remote,
    /// Where it is.
    pub uri: HttpsUrl,
}

/// What all that is fetched has in common.
#[derive(Clone, Debug)]
pub struct Remote {
    /// The Envoy cluster; its TLS settings decide whom it trusts.
    pub cluster: String,
    /// When.
    pub schedule: Schedule,
}

impl Config {
    /// Reads a plugin configuration, as Envoy hands it on: JSON text, or a serialized `google.protobuf.Struct`.
    ///
    /// # Errors
    /// The first thing that is wrong, with its path.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ConfigError> {
        let root = Path::root();
        if bytes.trim_ascii().is_empty() {
            return Err(root.error("is empty: the filter needs a configuration"));
        }
        let value = match (json::parse(bytes), structs::decode(bytes)) {
            (Ok(value), _) | (Err(_), Some(value)) => value,
            (Err(error), None) => return Err(root.error(error.to_string())),
        };
        let raw: raw::Config = serde_path_to_error::deserialize(&value)?;
        shape::check(&root, &value)?;
        let max_token_bytes = raw.max_token_bytes.unwrap_or(DEFAULT_MAX_TOKEN_BYTES);
        if !MAX_TOKEN_BYTES.contains(&max_token_bytes) {
            let (min, max) = MAX_TOKEN_BYTES.into_inner();
            return Err(root.field("max_token_bytes").error(format!("must be from {min} to {max}")));
        }
        let (local_denylist, remote_denylist) = denylist::denylist(&root.field("denylist"), raw.denylist)?;
        Ok(Self {
            providers: provider::providers(&root.field("providers"), raw.providers)?,
            local_denylist,
            remote_denylist,
            policy: rules::policy(&root.field("rules"), raw.rules)?,
            claim_to_headers: identity_headers::claim_to_headers(
                &root.field("claim_to_headers"),
                raw.claim_to_headers,
            )?,
            forward: raw.forward.unwrap_or(true),
            max_token_bytes: usize::try_from(max_token_bytes).unwrap_or(usize::MAX),
            realm: realm(&root.field("realm"), raw.realm)?,
        })
    }

    /// Whether a backend could read this header as one that only the filter may set. Gateways to CGI and WSGI turn every
    /// character but letters and digits into an underscore, so `x_okta_sub` and `x.okta.sub` are `x-okta-sub` to them.
    pub fn is_identity_header(&self, name: &str) -> bool {
        let same = |(a, b): (u8, u8)| {
            a.eq_ignore_ascii_case(&b) || !(a.is_ascii_alphanumeric() || b.is_ascii_alphanumeric())
        };
        let reads_as = |ours: &str| ours.len() == name.len() && ours.bytes().zip(name.bytes()).all(same);
        self.claim_to_headers.iter().any(|header| reads_as(&header.header_name))
    }
}

/// A realm is quoted into the challenge as it is (RFC 9110 section 11.5).
fn realm(path: &Path, realm: Option<String>) -> Result<String, ConfigError> {
    let realm = realm.unwrap_or_else(|| DEFAULT_REALM.to_owned());
    let fits = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    if realm.is_empty() || realm.len() > MAX_REALM_BYTES || !realm.bytes().all(fits) {
        return Err(path.error("must be 1 to 128 printable ASCII characters without `\"` and `\\`"));
    }
    Ok(realm)
}
