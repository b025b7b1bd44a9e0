//! Rules and route policies.

use crate::config::reader::{names, object};

use super::request_match::RequestMatch;
use super::requirement::Requires;

/// # Rule
///
/// A rule of the policy: the requests that it matches, and exactly one of `public`, `deny` and
/// `requires`.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct Rule {
    /// The conditions on the request. `{}` matches every request.
    ///
    /// - Example: `{ path_separated_prefix: /orders, methods: [GET] }`
    #[cfg_attr(not(target_arch = "wasm32"), schemars(rename = "match"))]
    pub(in crate::config) matches: RequestMatch,
    /// `true` allows matching requests without a token.
    ///
    /// - Default: `false`
    /// - Example: `true`
    pub(in crate::config) public: Option<bool>,
    /// `true` denies matching requests, with or without a token.
    ///
    /// - Default: `false`
    /// - Example: `true`
    pub(in crate::config) deny: Option<bool>,
    /// The requirements for a valid token. `{}` accepts every valid token.
    ///
    /// - Default: none
    /// - Example: `{ scopes: [orders:read] }`
    pub(in crate::config) requires: Option<Requires>,
    /// Whether the filter introspects JWTs of matching requests (RFC 7662). Requires `requires` and
    /// a mode other than `shadow`. Each provider that the rule accepts must have `introspection`.
    ///
    /// - Default: `false`
    /// - Example: `true`
    pub(in crate::config) introspect: Option<bool>,
    /// Whether the filter enforces the decision. Not with `public: true`; `optional` not with
    /// `deny: true`.
    ///
    /// - Default: `enforce`
    /// - Example: `shadow`
    pub(in crate::config) mode: Option<Mode>,
}

object!(Rule { matches: required("match"), public, deny, requires, introspect, mode });

/// # Route policy
///
/// A policy that Envoy's routes select by name. It has exactly one of `public`, `deny` and
/// `requires`.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct RoutePolicy {
    /// `true` allows requests without a token.
    ///
    /// - Default: `false`
    /// - Example: `true`
    pub(in crate::config) public: Option<bool>,
    /// `true` denies requests, with or without a token.
    ///
    /// - Default: `false`
    /// - Example: `true`
    pub(in crate::config) deny: Option<bool>,
    /// The requirements for a valid token. `{}` accepts every valid token.
    ///
    /// - Default: none
    /// - Example: `{ scopes: [orders:read] }`
    pub(in crate::config) requires: Option<Requires>,
    /// Whether the filter introspects JWTs of matching requests (RFC 7662). Requires `requires` and
    /// a mode other than `shadow`. Each provider that the rule accepts must have `introspection`.
    ///
    /// - Default: `false`
    /// - Example: `true`
    pub(in crate::config) introspect: Option<bool>,
    /// Whether the filter enforces the decision. Not with `public: true`; `optional` not with
    /// `deny: true`.
    ///
    /// - Default: `enforce`
    /// - Example: `shadow`
    pub(in crate::config) mode: Option<Mode>,
}

object!(RoutePolicy { public, deny, requires, introspect, mode });

/// # Rule mode
///
/// How the filter applies the decision of a rule or route policy.
#[derive(Clone, Copy)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename_all = "lowercase"))]
pub(in crate::config) enum Mode {
    /// The filter denies a request that does not meet the requirements.
    Enforce,
    /// The filter allows a request without a token, and sets no identity headers. It still rejects
    /// an invalid token.
    Optional,
    /// The filter counts and logs the denial that it would have made, and continues with the next
    /// rule that matches.
    Shadow,
}

names!(Mode { Enforce: "enforce", Optional: "optional", Shadow: "shadow" });
