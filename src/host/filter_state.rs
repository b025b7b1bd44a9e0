//! Filter state, which other filters and the access log read as `wasm.okta.*`.
//!
//! The names are a public contract.

use super::abi::{self, Status};
use crate::filter_state::FilterStateName;

/// The permit: the guard denies every request without it.
const PERMIT: (&str, &[u8]) = ("okta.permit", b"granted");

/// The name of the route policy that allowed the request, encoded for logs. Envoy may select
/// another route afterwards; the guard of that route requires its own policy.
const POLICY: &str = "okta.policy";

/// The codes of the denials that shadow mode did not enforce.
const SHADOW: &str = "okta.shadow";

/// Grants the permit.
///
/// # Errors
/// The status of the host. Then the request must not reach the upstream.
pub(super) fn grant_permit() -> Result<(), Status> {
    let (name, value) = PERMIT;
    abi::set_property(name, value)
}

/// Sets the name of the route policy.
///
/// # Errors
/// The status of the host. Then the request must not reach the upstream.
pub(super) fn set_policy(encoded: &str) -> Result<(), Status> {
    abi::set_property(POLICY, encoded.as_bytes())
}

/// Sets decision and code of a request that the filter does not allow, for access logs.
pub(super) fn set_decision(decision: &str, code: &str) {
    set_logged(FilterStateName::Decision, decision);
    set_logged(FilterStateName::Code, code);
}

/// Sets the codes of the denials that shadow mode did not enforce, for access logs.
pub(super) fn set_shadow_codes(codes: &[&str]) {
    // A failure does not affect the request.
    let _ = abi::set_property(SHADOW, codes.join(",").as_bytes());
}

/// Sets a value for access logs and later filters. A failure does not affect the request.
pub(super) fn set_logged(name: FilterStateName, value: &str) {
    let _ = abi::set_property(name.key(), value.as_bytes());
}
