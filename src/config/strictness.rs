//! What serde would let pass, and no author can have meant.
//!
//! A member without a value is null in YAML, and serde reads null as "not there": `scopes:` would ask for nothing, and
//! `path:` would match everything. And serde reads a list as an object, member by member, in an order that nobody
//! promised.

use super::error::{ConfigError, Path};
use crate::json::Value;

/// The members that are lists.
const LISTS: &[&str] = &[
    "acr_values",
    "algorithms",
    "all_of",
    "allow_in_paths",
    "any_of",
    "any_scopes",
    "audiences",
    "authorization_servers",
    "bearer_methods_supported",
    "claim_name",
    "claim_to_headers",
    "claims",
    "client_ids",
    "custom",
    "entries",
    "from_cookies",
    "from_headers",
    "from_params",
    "groups",
    "groups_claim",
    "headers",
    "hosts",
    "issuers",
    "jwks_hosts",
    "methods",
    "name",
    "protected_resources",
    "providers",
    "query_parameters",
    "remote_ip",
    "rules",
    "scopes",
    "scopes_supported",
    "subjects",
];

/// The members whose values are somebody else's JSON.
const OPAQUE: &[&str] = &["equals", "local_jwks"];

/// The objects whose members have names of their own.
const KEYED_BY_NAME: &[&str] = &["providers", "route_policies"];

/// Refuses null, and a list where none belongs, at any depth.
pub(super) fn check(at: &Path, value: &Value) -> Result<(), ConfigError> {
    match value {
        Value::Null => Err(at.error("must not be null: leave it out, or give it a value")),
        Value::Array(items) => items.iter().enumerate().try_for_each(|(index, item)| {
            let at = at.index(index);
            if item.is_array() { Err(at.error("must not be a list")) } else { check(&at, item) }
        }),
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            // These names are the author's, and mean nothing.
            let own = KEYED_BY_NAME.iter().any(|named| at.is(named));
            let listed = |names: &[&str]| !own && names.contains(&name.as_str());
            let (list, foreign) = (listed(LISTS), listed(OPAQUE));
            let at = at.field(name);
            match member {
                Value::Array(_) | Value::Object(_) if foreign => Ok(()),
                Value::Array(_) if !list => Err(at.error("must not be a list")),
                _ => check(&at, member),
            }
        }),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}
