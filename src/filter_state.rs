//! The filter state of allowed requests that the configuration selects (`filter_state`).
//!
//! The names are a public contract. The host writes three further names, whatever the
//! configuration: the permit and the policy, because the guard reads them, and the codes of denials
//! that shadow mode does not enforce.

/// A name of filter state for access logs and later filters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FilterStateName {
    /// The decision: `allow`, `shadow`, `deny`, `answer` or `close`.
    Decision,
    /// The code of the decision.
    Code,
    /// The claim `sub` of the token.
    Sub,
    /// The claim `uid` of the token.
    Uid,
    /// The client ID of the token.
    Cid,
    /// The provider of the token.
    Provider,
    /// The scopes of the token.
    Scopes,
}

impl FilterStateName {
    /// Every name.
    pub const ALL: [Self; 7] =
        [Self::Decision, Self::Code, Self::Sub, Self::Uid, Self::Cid, Self::Provider, Self::Scopes];

    /// Returns the name under which the host sets the value. Envoy stores it under `wasm.` and this
    /// name.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Decision => "okta.decision",
            Self::Code => "okta.code",
            Self::Sub => "okta.sub",
            Self::Uid => "okta.uid",
            Self::Cid => "okta.cid",
            Self::Provider => "okta.provider",
            Self::Scopes => "okta.scopes",
        }
    }
}
