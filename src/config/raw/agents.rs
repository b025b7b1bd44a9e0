//! Conditions on the authorization of agents.

use crate::config::reader::{names, object};

/// # Authorization detail
///
/// A condition on the claim `authorization_details` (RFC 9396). One element of the claim must meet
/// all fields.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct AuthorizationDetail {
    /// The `type` of the element.
    ///
    /// - Range: not empty
    /// - Example: `payment`
    #[cfg_attr(not(target_arch = "wasm32"), schemars(rename = "type"))]
    pub(in crate::config) detail_type: String,
    /// The `actions` of the element contain all of these.
    ///
    /// - Range: one or more
    /// - Default: none
    /// - Example: `[initiate]`
    pub(in crate::config) actions: Option<Vec<String>>,
    /// The `locations` of the element contain all of these.
    ///
    /// - Range: one or more
    /// - Default: none
    /// - Example: `["https://api.example.com/payments"]`
    pub(in crate::config) locations: Option<Vec<String>>,
    /// The `datatypes` of the element contain all of these.
    ///
    /// - Range: one or more
    /// - Default: none
    /// - Example: `[contacts]`
    pub(in crate::config) datatypes: Option<Vec<String>>,
    /// The `privileges` of the element contain all of these.
    ///
    /// - Range: one or more
    /// - Default: none
    /// - Example: `[admin]`
    pub(in crate::config) privileges: Option<Vec<String>>,
    /// The `identifier` of the element.
    ///
    /// - Range: not empty
    /// - Default: none
    /// - Example: `account-1`
    pub(in crate::config) identifier: Option<String>,
    /// Whether the element can have members that this condition does not name.
    ///
    /// - Default: `deny`
    /// - Example: `ignore`
    pub(in crate::config) other_fields: Option<OtherFields>,
}

object!(AuthorizationDetail {
    detail_type: required("type"),
    actions,
    locations,
    datatypes,
    privileges,
    identifier,
    other_fields
});

/// # Other fields
///
/// How the filter handles a member of an authorization detail that the condition does not name.
#[derive(Clone, Copy)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename_all = "lowercase"))]
pub(in crate::config) enum OtherFields {
    /// The element does not meet the condition, because the member can be a limit.
    Deny,
    /// The filter ignores the member. The upstream has to enforce it.
    Ignore,
}

names!(OtherFields { Deny: "deny", Ignore: "ignore" });

/// # Actor
///
/// A condition on the claim `act` (RFC 8693): the actor, such as an agent, that uses the token for
/// its subject. All fields must hold. The filter reads only the outermost `act`.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct Actor {
    /// `true` requires a token with `act`, `false` one without. `false` excludes the other fields.
    ///
    /// - Default: none
    /// - Example: `true`
    pub(in crate::config) present: Option<bool>,
    /// The `act.sub` of the token is one of these. An `act` with another `iss` than the token does
    /// not meet it.
    ///
    /// - Range: one or more
    /// - Default: none
    /// - Example: `[wlp3kq8vZt5pLmXy90g7]`
    pub(in crate::config) subjects: Option<Vec<String>>,
    /// The maximum number of nested `act`. A token without `act` meets it.
    ///
    /// - Range: `1` to `8`, the limit of the filter for all tokens
    /// - Default: none
    /// - Example: `1`
    pub(in crate::config) max_depth: Option<u32>,
}

object!(Actor { present, subjects, max_depth });
