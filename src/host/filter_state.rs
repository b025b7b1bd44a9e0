//! Filter state, which other filters and the access log read as `wasm.okta.*`.
//!
//! The names are a public contract.

use super::abi::{self, Status};

/// The permit: the guard denies every request without it.
const PERMIT: (&str, &[u8]) = ("okta.permit", b"granted");

/// The name of the route policy that allowed the request, encoded for logs. Envoy may select
/// another route afterwards; the guard of that route requires its own policy.
const POLICY: &str = "okta.policy";

/// The decision: `allow`, `shadow`, `deny`, `answer` or `close`.
const DECISION: &str = "okta.decision";

/// The code of the decision.
const CODE: &str = "okta.code";

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

/// Sets decision and code for access logs. A failure does not affect the request.
pub(super) fn set_decision(decision: &str, code: &str) {
    set_log_attribute(DECISION, decision);
    set_log_attribute(CODE, code);
}

/// Sets the codes of the denials that shadow mode did not enforce, for access logs.
pub(super) fn set_shadow_codes(codes: &[&str]) {
    set_log_attribute(SHADOW, &codes.join(","));
}

/// Sets an attribute for access logs. A failure does not affect the request.
pub(super) fn set_log_attribute(name: &str, value: &str) {
    let _ = abi::set_property(name, value.as_bytes());
}
