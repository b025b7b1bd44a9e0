//! The requirement of a rule on a valid token.

use super::agents::{Actor, AuthorizationDetail};
use super::request_match::SafeRegex;
use crate::config::ConfigError;
use crate::config::duration::ConfigDuration;
use crate::config::reader::{Located, Read, object};
use crate::json::Value;

/// # Requirement
///
/// Requirements for a valid token. All of them must hold. Requirements can be nested eight levels
/// deep.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct Requires {
    /// The token has all of these scopes.
    ///
    /// - Range: one or more; printable ASCII without space, `"` and `\`
    /// - Default: none
    /// - Example: `[orders:read, orders:write]`
    pub(in crate::config) scopes: Option<Vec<String>>,
    /// The token has one of these scopes.
    ///
    /// - Range: one or more; printable ASCII without space, `"` and `\`
    /// - Default: none
    /// - Example: `[orders:read, orders:admin]`
    pub(in crate::config) any_scopes: Option<Vec<String>>,
    /// The groups claim of the token contains one of these groups.
    ///
    /// - Range: one or more
    /// - Default: none
    /// - Example: `[Admins]`
    pub(in crate::config) groups: Option<Vec<String>>,
    /// The claim that contains the groups. Requires `groups`.
    ///
    /// - Default: `groups`
    /// - Example: `realm_access.roles`
    pub(in crate::config) groups_claim: Option<ClaimName>,
    /// The `aud` of the token contains one of these values.
    ///
    /// - Range: one or more of the `audiences` of the providers
    /// - Default: none
    /// - Example: `["api://default"]`
    pub(in crate::config) audiences: Option<Vec<String>>,
    /// The client ID of the token is one of these.
    ///
    /// - Range: one or more
    /// - Default: none
    /// - Example: `[0oa1m2mSvcClnt9A5d07]`
    pub(in crate::config) client_ids: Option<Vec<String>>,
    /// The `sub` of the token is one of these.
    ///
    /// - Range: one or more
    /// - Default: none
    /// - Example: `[joe@example.com]`
    pub(in crate::config) subjects: Option<Vec<String>>,
    /// A provider with one of these names issued the token.
    ///
    /// - Range: one or more names of `providers`
    /// - Default: none
    /// - Example: `[okta]`
    pub(in crate::config) providers: Option<Vec<String>>,
    /// `true` requires a token of a user (Okta: the token has a `uid`), `false` a token of a client
    /// without a user. A token with an empty or blank `uid` meets neither.
    ///
    /// - Default: none
    /// - Example: `true`
    pub(in crate::config) user: Option<bool>,
    /// The `acr` of the token is one of these. If not, the response is a step-up challenge (RFC
    /// 9470).
    ///
    /// - Range: one or more; printable ASCII without space, `"` and `\`
    /// - Default: none
    /// - Example: `["urn:okta:loa:2fa:any"]`
    pub(in crate::config) acr_values: Option<Vec<String>>,
    /// The maximum time since the `auth_time` of the token. If the authentication is older, the
    /// response is a step-up challenge (RFC 9470).
    ///
    /// - Range: `0s` to `366d`, whole seconds
    /// - Default: none
    /// - Example: `15m`
    pub(in crate::config) max_age: Option<ConfigDuration>,
    /// `true` requires a token that is bound to a key or a certificate of the client (`dpop`,
    /// `mtls`). Not in `not`.
    ///
    /// - Range: `true`
    /// - Default: none
    /// - Example: `true`
    pub(in crate::config) sender_constrained: Option<bool>,
    /// Conditions on claims. All of them must hold.
    ///
    /// - Range: one or more
    /// - Default: none
    /// - Example: `[{ name: department, equals: Engineering }]`
    pub(in crate::config) claims: Option<Vec<Claim>>,
    /// Conditions on the claim `authorization_details` (RFC 9396). All of them must hold.
    ///
    /// - Range: one or more; not in `not`
    /// - Default: none
    /// - Example: `[{ type: payment, actions: [initiate] }]`
    pub(in crate::config) authorization_details: Option<Vec<AuthorizationDetail>>,
    /// A condition on the actor that uses the token for its subject (RFC 8693).
    ///
    /// - Range: one or more fields
    /// - Default: none
    /// - Example: `{ subjects: [wlp3kq8vZt5pLmXy90g7] }`
    pub(in crate::config) actor: Option<Actor>,
    /// At least one of these requirements holds.
    ///
    /// - Range: one or more, none of them empty
    /// - Default: none
    /// - Example: `[{ groups: [Admins] }, { scopes: [orders:admin] }]`
    pub(in crate::config) any_of: Option<Vec<Self>>,
    /// All of these requirements hold.
    ///
    /// - Range: one or more, none of them empty
    /// - Default: none
    /// - Example: `[{ any_scopes: [a, b] }, { any_scopes: [c, d] }]`
    pub(in crate::config) all_of: Option<Vec<Self>>,
    /// This requirement does not hold.
    ///
    /// - Range: not empty
    /// - Default: none
    /// - Example: `{ client_ids: [0oa1m2mSvcClnt9A5d07] }`
    pub(in crate::config) not: Option<Box<Self>>,
}

object!(Requires {
    scopes,
    any_scopes,
    groups,
    groups_claim,
    audiences,
    client_ids,
    subjects,
    providers,
    user,
    acr_values,
    max_age,
    sender_constrained,
    claims,
    authorization_details,
    actor,
    any_of,
    all_of,
    not
});

/// # Claim matcher
///
/// A condition on a claim. Exactly one of `any_of`, `equals`, `matches`, `path_variable` and
/// `exists` is set. If the claim is a list, one element must meet the condition.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct Claim {
    /// The location of the claim in the token.
    ///
    /// - Example: `department`
    pub(in crate::config) name: ClaimName,
    /// The claim is equal to one of these values.
    ///
    /// - Range: one or more; numbers below 2^53
    /// - Default: none
    /// - Example: `[Engineering, Finance]`
    pub(in crate::config) any_of: Option<Vec<Value>>,
    /// The claim is equal to this value. Numbers are compared by value: `1`, `1.0` and `1e0` are
    /// equal.
    ///
    /// - Range: numbers below 2^53
    /// - Default: none
    /// - Example: `Engineering`
    pub(in crate::config) equals: Option<Value>,
    /// The claim is a string that matches this regular expression as a whole.
    ///
    /// - Range: not empty; at most 256 KiB when compiled
    /// - Default: none
    /// - Example: `".+@example\\.com"`
    pub(in crate::config) matches: Option<SafeRegex>,
    /// The claim is equal to the segment of the path that this variable of `path_template` matched.
    ///
    /// - Range: a variable of the `path_template` of the rule
    /// - Default: none
    /// - Example: `id`
    pub(in crate::config) path_variable: Option<String>,
    /// `true` requires the claim to be present, `false` to be absent. A claim that is null is
    /// absent.
    ///
    /// - Default: none
    /// - Example: `true`
    pub(in crate::config) exists: Option<bool>,
}

object!(Claim { name: required, any_of, equals, matches, path_variable, exists });

/// # Claim name
///
/// The location of a claim: a path with dots between the names of nested claims, or a list of names
/// if a name contains a dot.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(untagged))]
pub(in crate::config) enum ClaimName {
    Dotted(String),
    Names(Vec<String>),
}

impl Read for ClaimName {
    fn empty() -> Self {
        Self::Names(Vec::new())
    }

    fn read(&mut self, value: &Located<'_>) -> Result<(), ConfigError> {
        let name = match value.value() {
            Value::String(path) => Some(Self::Dotted(path.clone())),
            _ => value.read().ok().map(Self::Names),
        };
        *self = name.ok_or_else(|| value.error("expected a dotted path, or a list of names"))?;
        Ok(())
    }
}
