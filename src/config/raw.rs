//! The configuration as it is written: names and types, no meaning. Unknown members are errors everywhere.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::duration::Duration;
use crate::json::{Object, Value};

/// The configuration of okta-authz-filter.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// Authorization servers by name. The `iss` of a token picks one, exactly.
    pub(super) providers: BTreeMap<String, Provider>,
    /// Tokens that are refused although everything else about them is right.
    pub(super) denylist: Option<Denylist>,
    /// `shadow`: the filter counts and logs what it would deny, and allows every request. Default: `enforce`.
    pub(super) mode: Option<PolicyMode>,
    /// The first whose `match` fits a request decides. No rules: every path needs a valid token. None fits: denied.
    #[serde(default)]
    pub(super) rules: Vec<Rule>,
    /// Whether Envoy's routes ignore the port of a host (`RouteConfiguration.ignore_port_in_host_matching`). If they do not, and a
    /// rule has `hosts`, a request whose host has a port gets 400. Default: false.
    pub(super) ignore_port_in_host_matching: Option<bool>,
    /// Characters that paths may have beside plain segments. Default: none.
    pub(super) allow_in_paths: Option<Vec<AllowInPaths>>,
    /// The greatest length, in bytes, of the texts that rules match: the path without the query (longer is 414), and
    /// the value of a header or query parameter that a rule looks at (longer is 400). From 256 to 65536. Default: 8192.
    pub(super) max_match_bytes: Option<u32>,
    /// What routes may ask for instead, by name: `filter_metadata: { okta_authz: { policy: name } }`.
    #[serde(default)]
    pub(super) route_policies: BTreeMap<String, RoutePolicy>,
    /// Whether CORS preflight requests pass without a token. Default: false.
    pub(super) bypass_cors_preflight: Option<bool>,
    /// Headers that are set from the token, and always removed from what the client sent.
    #[serde(default)]
    pub(super) claim_to_headers: Vec<ClaimToHeader>,
    /// A header that is set to the payload of the token, base64url-encoded, and always removed from what the client sent.
    pub(super) forward_payload_header: Option<String>,
    /// Whether Envoy chooses the route again after identity headers have been set. Default: false.
    pub(super) clear_route_cache: Option<bool>,
    /// More headers that tokens may be in.
    pub(super) from_headers: Option<Vec<HeaderSource>>,
    /// Cookies that tokens may be in.
    pub(super) from_cookies: Option<Vec<String>>,
    /// Query parameters that tokens may be in.
    pub(super) from_params: Option<Vec<String>>,
    /// Whether tokens may be in `Sec-WebSocket-Protocol`. Default: false.
    pub(super) from_websocket_protocol: Option<bool>,
    /// Whether the API gets the token. Requests of which the filter examines no token (public paths, CORS preflights, anonymous
    /// ones) keep their credentials in any case. Default: true.
    pub(super) forward: Option<bool>,
    /// Longer tokens are refused unread. Default: 16384.
    pub(super) max_token_bytes: Option<u32>,
    /// How much memory the tokens may take that have been seen before, on each worker; 0 remembers none.
    /// Default: 25165824 (24 MiB), at most 268435456.
    pub(super) token_cache_max_bytes: Option<u32>,
    /// `realm` of the challenges. Default: `api`.
    pub(super) realm: Option<String>,
    /// What clients are told whose requests are denied.
    pub(super) responses: Option<Responses>,
    /// Resources whose metadata the filter answers with (RFC 9728), and which challenges name.
    #[serde(default)]
    pub(super) protected_resources: Vec<ProtectedResource>,
}

/// An authorization server.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Provider {
    /// `https://{domain}/oauth2/{id}`, as Okta shows it under *Security > API*; compared exactly.
    pub(super) issuer: Option<String>,
    /// Several, for an Okta server with *Dynamic* issuer mode.
    pub(super) issuers: Option<Vec<String>>,
    /// Accepted values of `aud`, any of; compared exactly.
    pub(super) audiences: Vec<String>,
    /// Accepted clients (`cid`). Default: all.
    pub(super) client_ids: Option<Vec<String>>,
    /// Accepted algorithms. Default: RS256.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<super::schema::Algorithms>"))]
    pub(super) algorithms: Option<Vec<String>>,
    /// How far clocks may differ, up to `5m`. Default: `60s`.
    pub(super) clock_skew: Option<Duration>,
    /// Refuses what was issued longer ago, whatever its `exp`. Default: none.
    pub(super) max_token_age: Option<Duration>,
    /// What makes a JWT an access token. Default: `okta`.
    pub(super) token_profile: Option<TokenProfile>,
    /// Keys that are fetched.
    pub(super) remote_jwks: Option<RemoteJwks>,
    /// Pinned keys, a JWK Set: alone, or besides the remote ones.
    pub(super) local_jwks: Option<Object>,
}

#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum TokenProfile {
    /// `cid` and `scp`, and no ID token.
    Okta,
    /// `typ: at+jwt`, `client_id`.
    Rfc9068,
    /// Any JWT for the audience whose `typ` is not registered for another use.
    Any,
}

/// Where keys are fetched from, and when.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct RemoteJwks {
    /// The Envoy cluster to fetch them through.
    pub(super) cluster: String,
    /// The https URL of the key set. The cluster decides about TLS, so the URL is https also where the cluster has none, such as
    /// that of a proxy on the same machine. Default: `{issuer}/v1/keys`.
    pub(super) uri: Option<String>,
    /// `true`, instead of `uri`: the issuer's metadata say where they are.
    pub(super) discovery: Option<bool>,
    /// With `discovery`: hosts that the `jwks_uri` may be on. Default: the issuers'.
    pub(super) jwks_hosts: Option<Vec<String>>,
    /// For each request of a fetch. Default: `5s`.
    pub(super) timeout: Option<Duration>,
    /// Fetched again after this, or sooner if `Cache-Control` says so, but not before 30 seconds. Default: `10m`.
    pub(super) cache_duration: Option<Duration>,
    /// The last good keys are used this long when no newer can be had. Default: `24h`.
    pub(super) max_stale: Option<Duration>,
    /// At most one extra fetch for unknown keys in this time. Default: `30s`.
    pub(super) unknown_kid_cooldown: Option<Duration>,
}

/// Tokens that are refused although everything else about them is right.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Denylist {
    /// Entries; a token is refused if it has all that one of them says.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<Vec<Object>>"))]
    pub(super) entries: Option<Vec<Value>>,
    /// More entries, which are fetched.
    pub(super) remote: Option<RemoteDenylist>,
}

/// Where a denylist is fetched from, and when.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct RemoteDenylist {
    /// The Envoy cluster to fetch it through.
    pub(super) cluster: String,
    /// Where it is.
    pub(super) uri: String,
    /// For each request. Default: `5s`.
    pub(super) timeout: Option<Duration>,
    /// Fetched again after this, or sooner if `Cache-Control` says so, but not before 30 seconds. Default: `1m`.
    pub(super) cache_duration: Option<Duration>,
    /// The last good list is used this long when no newer can be had. Default: `1h`.
    pub(super) max_stale: Option<Duration>,
}

/// A rule: which requests it is for, and one of `public`, `deny` and `requires`.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    /// Which requests it is for. `{}` is every request.
    #[serde(rename = "match")]
    pub(super) matches: Match,
    /// `true`: no token is needed.
    pub(super) public: Option<bool>,
    /// `true`: nobody gets through.
    pub(super) deny: Option<bool>,
    /// What a valid token must have. `{}` is any valid token.
    pub(super) requires: Option<Requires>,
    /// How strictly. Default: `enforce`.
    pub(super) mode: Option<Mode>,
}

/// What a rule asks for, under a name that routes use.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct RoutePolicy {
    /// `true`: no token is needed.
    pub(super) public: Option<bool>,
    /// `true`: nobody gets through.
    pub(super) deny: Option<bool>,
    /// What a valid token must have. `{}` is any valid token.
    pub(super) requires: Option<Requires>,
    /// How strictly. Default: `enforce`.
    pub(super) mode: Option<Mode>,
}

#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    /// What falls short is denied.
    Enforce,
    /// A request without a token passes as nobody's, one with a bad token does not.
    Optional,
    /// The filter counts and logs what it would deny, and the next rule that matches decides.
    Shadow,
}

#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum PolicyMode {
    /// The filter denies what the policy does not allow.
    Enforce,
    /// The filter counts and logs what it would deny, and allows every request: for trying out a whole policy.
    Shadow,
}

#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum AllowInPaths {
    /// `%2F` is data within its segment, never a separator. Rules have it as `%2F`; for `path_variable` it is `/`.
    EncodedSlash,
    /// `;`, encoded or not, is data within its segment.
    Semicolon,
    /// `//` has an empty segment in it: `/a//b` is not `/a/b`.
    EmptySegment,
    /// `%23` is the character `#`, and rules have it as `#`.
    EncodedHash,
}

/// Conditions on a request; all that are given must hold, and of those on the path there is at most one.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Match {
    /// The path is this, character by character. Paths are matched without the query, and written decoded. Patterns
    /// are errors here, and in the two fields below.
    pub(super) path: Option<String>,
    /// The path begins with these characters.
    pub(super) prefix: Option<String>,
    /// The path is this, or goes on with a slash.
    pub(super) path_separated_prefix: Option<String>,
    /// The path by segments: `/items/{id}`, `*` for any one, `**` at the end for all that are left.
    pub(super) path_template: Option<String>,
    /// The whole path matches, decoded. A pattern that no path can match is an error.
    pub(super) safe_regex: Option<SafeRegex>,
    /// The method is one of these, in upper case.
    pub(super) methods: Option<Vec<String>>,
    /// The host is one of these; `*.example.com` is every host below. A port in a request's host: `ignore_port_in_host_matching`.
    pub(super) hosts: Option<Vec<String>>,
    /// Conditions on headers, all of them. A header that is sent twice, under a name like it, with a comma that its field does
    /// not have, or not in UTF-8 is rejected with 400.
    pub(super) headers: Option<Vec<StringMatcher>>,
    /// Conditions on query parameters, all of them. One that is sent twice, under a name like it, or not in UTF-8 is rejected
    /// with 400.
    pub(super) query_parameters: Option<Vec<StringMatcher>>,
    /// The client is in one of these networks. A request whose address is unknown is denied. IPv4-mapped IPv6 networks are
    /// those of IPv4.
    pub(super) remote_ip: Option<Vec<String>>,
}

/// A condition on a header or a query parameter: `string_match` or `present_match: true`. Envoy's `HeaderMatcher` and `QueryParameterMatcher`.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct StringMatcher {
    /// Its name.
    pub(super) name: String,
    /// What its value must be like.
    pub(super) string_match: Option<StringMatch>,
    /// `true`: it must be there.
    pub(super) present_match: Option<bool>,
    /// `true` turns the outcome around.
    pub(super) invert_match: Option<bool>,
}

/// What a text must be like; one of these. Envoy's `StringMatcher`.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct StringMatch {
    /// Equal.
    pub(super) exact: Option<String>,
    /// Begins with this.
    pub(super) prefix: Option<String>,
    /// Ends with this.
    pub(super) suffix: Option<String>,
    /// Has this in it.
    pub(super) contains: Option<String>,
    /// Matches as a whole.
    pub(super) safe_regex: Option<SafeRegex>,
}

/// A pattern, or Envoy's `RegexMatcher` around one.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "expected a pattern, or `{regex: pattern}`")]
pub(super) enum SafeRegex {
    Pattern(String),
    Matcher(RegexMatcher),
}

/// A pattern.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct RegexMatcher {
    /// The pattern.
    pub(super) regex: String,
}

/// What a valid token must have; all that are given must hold.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Requires {
    /// All of these scopes.
    pub(super) scopes: Option<Vec<String>>,
    /// One of these scopes.
    pub(super) any_scopes: Option<Vec<String>>,
    /// Membership in one of these groups.
    pub(super) groups: Option<Vec<String>>,
    /// Where the groups are. Default: `groups`.
    pub(super) groups_claim: Option<ClaimName>,
    /// One of these in `aud`: of the audiences that the providers accept, some.
    pub(super) audiences: Option<Vec<String>>,
    /// One of these clients.
    pub(super) client_ids: Option<Vec<String>>,
    /// One of these in `sub`.
    pub(super) subjects: Option<Vec<String>>,
    /// One of these providers, by name.
    pub(super) providers: Option<Vec<String>>,
    /// `true`: a user is behind it. `false`: a machine's own token. An empty or blank `uid` is neither.
    pub(super) user: Option<bool>,
    /// One of these in `acr`; else the client is told to step up (RFC 9470).
    pub(super) acr_values: Option<Vec<String>>,
    /// An `auth_time` no longer ago than this, and not in the future; else the client has to step up, too.
    pub(super) max_age: Option<Duration>,
    /// Conditions on claims, all of them.
    pub(super) claims: Option<Vec<Claim>>,
    /// One of these requirements.
    pub(super) any_of: Option<Vec<Self>>,
    /// All of these requirements.
    pub(super) all_of: Option<Vec<Self>>,
    /// Not this requirement.
    pub(super) not: Option<Box<Self>>,
}

/// A condition on a claim: its name, and one of the others. Of a claim that is a list, one element must do.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Claim {
    /// Where it is.
    pub(super) name: ClaimName,
    /// It is one of these values.
    pub(super) any_of: Option<Vec<Value>>,
    /// It is this value.
    pub(super) equals: Option<Value>,
    /// It is a string that matches as a whole.
    pub(super) matches: Option<SafeRegex>,
    /// It is what the path has for this variable of the rule's `path_template`.
    pub(super) path_variable: Option<String>,
    /// Whether it is there. A claim that is null is not.
    pub(super) exists: Option<bool>,
}

/// Where a claim is: a dotted path, or a list of names where a name has dots.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "expected a dotted path, or a list of names")]
pub(super) enum ClaimName {
    Dotted(String),
    Names(Vec<String>),
}

/// A header that carries a claim to the API.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct ClaimToHeader {
    /// The name of the header.
    pub(super) header_name: String,
    /// Where the claim is.
    pub(super) claim_name: Option<ClaimName>,
    /// Instead of `claim_name`, a text with claims in braces: `{iss}/{sub}`. Without one of them there is no header.
    pub(super) template: Option<String>,
    /// The providers, by name, from whose tokens the filter sets the header. Default: all.
    pub(super) providers: Option<Vec<String>>,
}

/// A header that tokens may be in.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct HeaderSource {
    /// Its name.
    pub(super) name: String,
    /// The text before the token, compared exactly. A value without it is rejected with 400.
    pub(super) value_prefix: Option<String>,
}

/// What clients are told whose requests are denied.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Responses {
    /// The body. Default: `json`.
    pub(super) body: Option<Body>,
    /// Its type. Default: the body's own.
    pub(super) content_type: Option<String>,
    /// `false`: clients are not told why. Default: true.
    pub(super) details: Option<bool>,
    /// Bodies of one's own, by status.
    pub(super) custom: Option<Vec<CustomBody>>,
}

#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum Body {
    /// `detail`, `error` and `code`.
    Json,
    /// `detail` alone, as FastAPI has it.
    Detail,
    /// Problem details (RFC 9457).
    Problem,
    /// None.
    Empty,
}

/// The body of all answers with a status.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct CustomBody {
    /// The status.
    pub(super) status: u32,
    /// Its type.
    pub(super) content_type: String,
    /// What is sent, as it is.
    pub(super) body: String,
}

/// A resource whose metadata the filter answers with (RFC 9728).
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct ProtectedResource {
    /// The API's https URL.
    pub(super) resource: String,
    /// Default: the providers' issuers.
    pub(super) authorization_servers: Option<Vec<String>>,
    /// Scopes that clients may ask for.
    pub(super) scopes_supported: Option<Vec<String>>,
    /// How tokens may be sent. Default: what the configuration accepts.
    pub(super) bearer_methods_supported: Option<Vec<String>>,
    /// A name for people.
    pub(super) resource_name: Option<String>,
    /// Where developers can read more.
    pub(super) resource_documentation: Option<String>,
    /// Where it says what clients may do with data.
    pub(super) resource_policy_uri: Option<String>,
    /// Where the terms of service are.
    pub(super) resource_tos_uri: Option<String>,
}
