//! Fixed keys, tokens with exact bytes, and filters with keys, for the tests of the core.

mod filters;
mod keys;
mod requests;
mod store;
mod tokens;

pub use filters::{cold, config, deliver, filter, filter_with_denylist, rules, two_providers};
pub use keys::{P256, RSA_A, RSA_B, b64, jwks, rsa_jwk, rsa_key};
pub use requests::{Outcome, Request, decide, decide_with, get, outcome, present, request, scopes};
use serde_json::Value;
pub use store::Store;
pub use tokens::{Signer, Token};

/// The time of the tests, in Unix seconds, unless a row has another.
pub const NOW: u64 = 1_750_000_000;
pub const ISSUER: &str = "https://acme.okta.com/oauth2/default";
pub const OTHER_ISSUER: &str = "https://acme.okta.com/oauth2/aus59pz16qgMvHvBS0g7";
/// The key ID of `ISSUER`'s key for RS256.
pub const KID: &str = "U5R8cHbGw445Qbq8zVO1PcCpXL8yG6IcovVa3laCoxM";
/// The key ID of `OTHER_ISSUER`'s key.
pub const OTHER_KID: &str = "Y3vBOdYT-l-I0j-gRQ26XjutSX00TeWiSguuDhW3ngo";

/// Returns `base` with the members of `changes`. A null removes a member.
pub fn with(mut base: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(base.as_object_mut().unwrap().remove(name)),
            value => drop(base.as_object_mut().unwrap().insert(name.clone(), value.clone())),
        }
    }
    base
}
