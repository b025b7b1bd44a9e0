//! Checks of values that the reader accepts, but that are mistakes.
//!
//! A YAML field without a value is null, and the reader treats null as absent: `scopes:` would
//! require nothing, and `path:` would match every path. The reader also accepts every JSON value of
//! a claim and in a denylist entry.

use super::error::ConfigError;
use super::field_path::FieldPath;
use crate::json::Value;

/// The fields that are lists.
const LISTS: &[&str] = &[
    "acr_values",
    "actions",
    "algorithms",
    "all_of",
    "allow_in_paths",
    "any_of",
    "any_scopes",
    "audiences",
    "authorization_details",
    "authorization_details_types_supported",
    "authorization_servers",
    "bearer_methods_supported",
    "claim_name",
    "claim_to_headers",
    "claims",
    "client_ids",
    "custom",
    "datatypes",
    "entries",
    "external_urls",
    "filter_state",
    "from_cookies",
    "from_headers",
    "from_params",
    "groups",
    "groups_claim",
    "headers",
    "hosts",
    "issuers",
    "jwks_hosts",
    "locations",
    "methods",
    "name",
    "privileges",
    "protected_resources",
    "providers",
    "query_parameters",
    "remote_ip",
    "rules",
    "scopes",
    "scopes_supported",
    "subjects",
];

/// The fields whose values are arbitrary JSON.
const OPAQUE: &[&str] = &["equals", "local_jwks"];

/// The objects whose member names the operator chooses.
const KEYED_BY_NAME: &[&str] = &["providers", "route_policies"];

/// Checks that a value contains no null, and no list in place of another type, at any depth.
pub(super) fn check(at: &FieldPath<'_>, value: &Value) -> Result<(), ConfigError> {
    match value {
        Value::Null => Err(at.error("must not be null: remove the field, or give it a value")),
        Value::Array(items) => items.iter().enumerate().try_for_each(|(index, item)| {
            let at = at.index(index);
            if item.is_array() { Err(at.error("must not be a list")) } else { check(&at, item) }
        }),
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            // The operator's names have no meaning, also if they are the names of fields.
            let is_keyed_by_name = KEYED_BY_NAME.iter().any(|path| at.is(path));
            let is_in = |names: &[&str]| !is_keyed_by_name && names.contains(&name.as_str());
            let (is_list, is_opaque) = (is_in(LISTS), is_in(OPAQUE));
            let at = at.field(name);
            match member {
                Value::Array(_) | Value::Object(_) if is_opaque => Ok(()),
                Value::Array(_) if !is_list => Err(at.error("must not be a list")),
                _ => check(&at, member),
            }
        }),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}
