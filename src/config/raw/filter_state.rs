//! The filter state of allowed requests.

use crate::config::reader::names;

/// # Filter state name
///
/// A value that the filter writes to filter state for allowed requests, as `wasm.okta.{name}`.
#[derive(Clone, Copy)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename_all = "lowercase"))]
pub(in crate::config) enum FilterStateName {
    /// The decision, `allow`.
    Decision,
    /// The reason of the permission, such as `allowed` or `public`.
    Code,
    /// The subject of the token, at most 256 bytes.
    Sub,
    /// The user ID of the token, at most 256 bytes.
    Uid,
    /// The client ID of the token, at most 256 bytes.
    Cid,
    /// The name of the provider, at most 256 bytes.
    Provider,
    /// The scopes of the token, at most 1 KiB.
    Scopes,
}

names!(FilterStateName {
    Decision: "decision",
    Code: "code",
    Sub: "sub",
    Uid: "uid",
    Cid: "cid",
    Provider: "provider",
    Scopes: "scopes"
});
