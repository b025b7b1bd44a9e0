//! The configuration as it is written: names and types, no meaning. Unknown members are errors everywhere.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::duration::Duration;
use crate::json::{Object, Value};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub(super) providers: BTreeMap<String, Provider>,
    pub(super) denylist: Option<Denylist>,
    #[serde(default)]
    pub(super) rules: Vec<Rule>,
    #[serde(default)]
    pub(super) route_policies: BTreeMap<String, RoutePolicy>,
    pub(super) bypass_cors_preflight: Option<bool>,
    #[serde(default)]
    pub(super) claim_to_headers: Vec<ClaimToHeader>,
    pub(super) forward_payload_header: Option<String>,
    pub(super) clear_route_cache: Option<bool>,
    pub(super) from_headers: Option<Vec<HeaderSource>>,
    pub(super) from_cookies: Option<Vec<String>>,
    pub(super) from_params: Option<Vec<String>>,
    pub(super) from_websocket_protocol: Option<bool>,
    pub(super) forward: Option<bool>,
    pub(super) max_token_bytes: Option<u32>,
    pub(super) realm: Option<String>,
    pub(super) responses: Option<Responses>,
    #[serde(default)]
    pub(super) protected_resources: Vec<ProtectedResource>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Provider {
    pub(super) issuer: Option<String>,
    pub(super) issuers: Option<Vec<String>>,
    pub(super) audiences: Vec<String>,
    pub(super) client_ids: Option<Vec<String>>,
    pub(super) algorithms: Option<Vec<String>>,
    pub(super) clock_skew: Option<Duration>,
    pub(super) max_token_age: Option<Duration>,
    pub(super) token_profile: Option<TokenProfile>,
    pub(super) remote_jwks: Option<RemoteJwks>,
    pub(super) local_jwks: Option<Object>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum TokenProfile {
    Okta,
    Rfc9068,
    Any,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RemoteJwks {
    pub(super) cluster: String,
    pub(super) uri: Option<String>,
    pub(super) discovery: Option<bool>,
    pub(super) jwks_hosts: Option<Vec<String>>,
    pub(super) timeout: Option<Duration>,
    pub(super) cache_duration: Option<Duration>,
    pub(super) max_stale: Option<Duration>,
    pub(super) unknown_kid_cooldown: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Denylist {
    pub(super) entries: Option<Vec<Value>>,
    pub(super) remote: Option<RemoteDenylist>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RemoteDenylist {
    pub(super) cluster: String,
    pub(super) uri: String,
    pub(super) timeout: Option<Duration>,
    pub(super) cache_duration: Option<Duration>,
    pub(super) max_stale: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    #[serde(rename = "match")]
    pub(super) matches: Match,
    pub(super) public: Option<bool>,
    pub(super) deny: Option<bool>,
    pub(super) requires: Option<Requires>,
    pub(super) mode: Option<Mode>,
}

/// What a rule asks for, under a name that routes use.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoutePolicy {
    pub(super) public: Option<bool>,
    pub(super) deny: Option<bool>,
    pub(super) requires: Option<Requires>,
    pub(super) mode: Option<Mode>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    Enforce,
    Optional,
    Shadow,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Match {
    pub(super) path: Option<String>,
    pub(super) prefix: Option<String>,
    pub(super) path_separated_prefix: Option<String>,
    pub(super) path_template: Option<String>,
    pub(super) safe_regex: Option<SafeRegex>,
    pub(super) methods: Option<Vec<String>>,
    pub(super) hosts: Option<Vec<String>>,
    pub(super) headers: Option<Vec<TextMatch>>,
    pub(super) query_parameters: Option<Vec<TextMatch>>,
    pub(super) remote_ip: Option<Vec<String>>,
}

/// Envoy's `HeaderMatcher` and `QueryParameterMatcher`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TextMatch {
    pub(super) name: String,
    pub(super) string_match: Option<StringMatch>,
    pub(super) present_match: Option<bool>,
    pub(super) invert_match: Option<bool>,
}

/// Envoy's `StringMatcher`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StringMatch {
    pub(super) exact: Option<String>,
    pub(super) prefix: Option<String>,
    pub(super) suffix: Option<String>,
    pub(super) contains: Option<String>,
    pub(super) safe_regex: Option<SafeRegex>,
}

/// A pattern, or Envoy's `RegexMatcher` around one.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a pattern, or `{regex: pattern}`")]
pub(super) enum SafeRegex {
    Pattern(String),
    Matcher(RegexMatcher),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RegexMatcher {
    pub(super) regex: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Requires {
    pub(super) scopes: Option<Vec<String>>,
    pub(super) any_scopes: Option<Vec<String>>,
    pub(super) groups: Option<Vec<String>>,
    pub(super) groups_claim: Option<ClaimName>,
    pub(super) client_ids: Option<Vec<String>>,
    pub(super) subjects: Option<Vec<String>>,
    pub(super) providers: Option<Vec<String>>,
    pub(super) user: Option<bool>,
    pub(super) acr_values: Option<Vec<String>>,
    pub(super) max_age: Option<Duration>,
    pub(super) claims: Option<Vec<Claim>>,
    pub(super) any_of: Option<Vec<Self>>,
    pub(super) all_of: Option<Vec<Self>>,
    pub(super) not: Option<Box<Self>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claim {
    pub(super) name: ClaimName,
    pub(super) any_of: Option<Vec<Value>>,
    pub(super) equals: Option<Value>,
    pub(super) matches: Option<SafeRegex>,
    pub(super) path_variable: Option<String>,
    pub(super) exists: Option<bool>,
}

/// Where a claim is: a dotted path, or a list of names where a name has dots.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a dotted path, or a list of names")]
pub(super) enum ClaimName {
    Dotted(String),
    Names(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClaimToHeader {
    pub(super) header_name: String,
    pub(super) claim_name: ClaimName,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeaderSource {
    pub(super) name: String,
    pub(super) value_prefix: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Responses {
    pub(super) body: Option<Body>,
    pub(super) content_type: Option<String>,
    pub(super) details: Option<bool>,
    pub(super) custom: Option<Vec<CustomBody>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Body {
    Json,
    Detail,
    Problem,
    Empty,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomBody {
    pub(super) status: u32,
    pub(super) content_type: String,
    pub(super) body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProtectedResource {
    pub(super) resource: String,
    pub(super) authorization_servers: Option<Vec<String>>,
    pub(super) scopes_supported: Option<Vec<String>>,
    pub(super) bearer_methods_supported: Option<Vec<String>>,
    pub(super) resource_name: Option<String>,
    pub(super) resource_documentation: Option<String>,
    pub(super) resource_policy_uri: Option<String>,
    pub(super) resource_tos_uri: Option<String>,
}
