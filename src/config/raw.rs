//! The configuration as the operator writes it: names and types, without checks of the values. Unknown
//! fields are errors everywhere.
//!
//! The JSON Schema and the configuration reference are generated from the comments: `make schema
//! reference`. The first line of a type is its title. A field ends with a list of `Range`, `Default`
//! (unless the field is required) and `Example` (YAML); tests/book/configuration.rs checks them
//! against the filter.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::duration::Duration;
use crate::json::{Object, Value};

/// # okta-authz-filter
///
/// The configuration of okta-authz-filter.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The authorization servers whose tokens the filter accepts, by name. The filter selects the
    /// provider whose `issuer` equals the `iss` of the token. The name appears in metrics, logs and
    /// the filter state `wasm.okta.provider`.
    ///
    /// - Range: one or more; a name has no control characters
    /// - Example: `{ okta: { issuer: "https://acme.okta.com/oauth2/default", audiences:
    ///   ["api://default"], remote_jwks: { cluster: okta } } }`
    pub(super) providers: BTreeMap<String, Provider>,
    /// Tokens that the filter rejects before they expire.
    ///
    /// - Default: none
    /// - Example: `{ entries: [{ sub: joe@example.com, issued_before: 1700000000 }] }`
    pub(super) denylist: Option<Denylist>,
    /// Whether the filter enforces the whole policy. With `shadow`, the filter allows every
    /// request, and counts and logs each denial that it would have made.
    ///
    /// - Default: `enforce`
    /// - Example: `shadow`
    pub(super) mode: Option<PolicyMode>,
    /// The authorization policy. The filter evaluates the rules in order, and the first rule whose
    /// `match` matches the request decides. A request that no rule matches is denied. Without
    /// rules, the filter allows every request with a valid token.
    ///
    /// - Range: any number
    /// - Default: none
    /// - Example: `[{ match: { path: /healthz }, public: true }, { match: {}, requires: {} }]`
    #[serde(default)]
    pub(super) rules: Vec<Rule>,
    /// Whether `hosts` of rules ignore the port of the request. It must be equal to
    /// `RouteConfiguration.ignore_port_in_host_matching` of Envoy's routes. With `false`, the
    /// filter rejects a request whose host has a port with 400, if a rule has `hosts`.
    ///
    /// - Default: `false`
    /// - Example: `true`
    pub(super) ignore_port_in_host_matching: Option<bool>,
    /// Characters that the filter accepts in paths, although backends interpret them in different
    /// ways.
    ///
    /// - Range: each value at most once
    /// - Default: none: the filter rejects paths with these characters with 400
    /// - Example: `[encoded_slash, semicolon]`
    pub(super) allow_in_paths: Option<Vec<AllowInPaths>>,
    /// The maximum length, in bytes, of the text that rules match. The filter rejects a longer path
    /// (without its query) with 414, and a longer value of a header or query parameter that a rule
    /// matches with 400.
    ///
    /// - Range: `256` to `65536`
    /// - Default: `8192`
    /// - Example: `16384`
    pub(super) max_match_bytes: Option<u32>,
    /// Policies that Envoy's routes select by name instead of `rules`. A route selects one with
    /// `filter_metadata: { okta_authz: { policy: name } }`. The filter denies a request whose route
    /// names a policy that does not exist.
    ///
    /// - Range: any number; a name has no control characters
    /// - Default: none
    /// - Example: `{ admin: { requires: { groups: [Admins] } } }`
    #[serde(default)]
    pub(super) route_policies: BTreeMap<String, RoutePolicy>,
    /// Whether the filter allows CORS preflight requests without a token. Browsers never send a
    /// token with them.
    ///
    /// - Default: `false`
    /// - Example: `true`
    pub(super) bypass_cors_preflight: Option<bool>,
    /// Identity headers that the filter sets from verified claims. The filter removes these headers
    /// from every request first, so that a client cannot set them.
    ///
    /// - Range: any number
    /// - Default: none
    /// - Example: `[{ header_name: x-okta-sub, claim_name: sub }]`
    #[serde(default)]
    pub(super) claim_to_headers: Vec<ClaimToHeader>,
    /// The name of a header that the filter sets to the payload of the verified token,
    /// base64url-encoded. The filter removes this header from every request first.
    ///
    /// - Range: a header name that is not reserved, without an underscore
    /// - Default: none
    /// - Example: `x-jwt-payload`
    pub(super) forward_payload_header: Option<String>,
    /// Whether Envoy selects the route again after the filter has set the identity headers. Cannot
    /// be combined with `route_policies`.
    ///
    /// - Default: `false`
    /// - Example: `true`
    pub(super) clear_route_cache: Option<bool>,
    /// Additional headers from which the filter reads tokens. The filter always reads
    /// `Authorization: Bearer`.
    ///
    /// - Range: one or more
    /// - Default: none
    /// - Example: `[{ name: x-access-token }]`
    pub(super) from_headers: Option<Vec<HeaderSource>>,
    /// Cookies from which the filter reads tokens.
    ///
    /// - Range: one or more cookie names
    /// - Default: none
    /// - Example: `[access_token]`
    pub(super) from_cookies: Option<Vec<String>>,
    /// Query parameters from which the filter reads tokens (RFC 6750 section 2.3).
    ///
    /// - Range: one or more names, printable ASCII without spaces
    /// - Default: none
    /// - Example: `[access_token]`
    pub(super) from_params: Option<Vec<String>>,
    /// Whether the filter reads tokens from `Sec-WebSocket-Protocol`, as Kubernetes does: the
    /// subprotocol `base64url.bearer.authorization.k8s.io.{token}`, where `{token}` is
    /// base64url-encoded.
    ///
    /// - Default: `false`
    /// - Example: `true`
    pub(super) from_websocket_protocol: Option<bool>,
    /// Whether Envoy forwards the token to the upstream. With `false`, the filter removes the token
    /// from the request. Requests in which the filter does not examine a token (public paths, CORS
    /// preflight requests, anonymous requests) keep their credentials.
    ///
    /// - Default: `true`
    /// - Example: `false`
    pub(super) forward: Option<bool>,
    /// The maximum length of a token in bytes. The filter rejects a longer token before it parses
    /// the token.
    ///
    /// - Range: `1024` to `65536`
    /// - Default: `16384`
    /// - Example: `32768`
    pub(super) max_token_bytes: Option<u32>,
    /// The size of the token cache of each worker in bytes. `0` disables the token cache.
    ///
    /// - Range: `0` to `268435456` (256 MiB)
    /// - Default: `25165824` (24 MiB)
    /// - Example: `8388608`
    pub(super) token_cache_max_bytes: Option<u32>,
    /// The `realm` of the challenge in `WWW-Authenticate` (RFC 6750 section 3).
    ///
    /// - Range: 1 to 128 printable ASCII characters, without `"` and `\`
    /// - Default: `api`
    /// - Example: `orders`
    pub(super) realm: Option<String>,
    /// The bodies and details of the responses to denied requests.
    ///
    /// - Default: JSON bodies with details
    /// - Example: `{ body: problem }`
    pub(super) responses: Option<Responses>,
    /// Resources for which the filter serves protected resource metadata (RFC 9728). Challenges
    /// then name the metadata URL.
    ///
    /// - Range: any number, each with a different path
    /// - Default: none
    /// - Example: `[{ resource: "https://api.example.com" }]`
    #[serde(default)]
    pub(super) protected_resources: Vec<ProtectedResource>,
}

/// # Provider
///
/// An authorization server, and the requirements for its tokens.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Provider {
    /// The issuer. It must be equal to the `iss` of the token. Okta shows it under *Security >
    /// API*. Required, unless `issuers` is set.
    ///
    /// - Range: an https URL; for Okta, `https://{domain}/oauth2/{id}` without a slash at the end
    /// - Default: none
    /// - Example: `https://acme.okta.com/oauth2/default`
    pub(super) issuer: Option<String>,
    /// Several issuers, in place of `issuer`, for an Okta authorization server whose issuer mode is
    /// *Dynamic*. The filter fetches the keys from the first issuer.
    ///
    /// - Range: one or more https URLs
    /// - Default: none
    /// - Example: `["https://acme.okta.com/oauth2/default",
    ///   "https://login.acme.com/oauth2/default"]`
    pub(super) issuers: Option<Vec<String>>,
    /// Accepted values of `aud`. The token must contain one of them.
    ///
    /// - Range: one or more
    /// - Example: `["api://default"]`
    pub(super) audiences: Vec<String>,
    /// Accepted client IDs (Okta: `cid`; RFC 9068: `client_id`).
    ///
    /// - Range: one or more
    /// - Default: all clients
    /// - Example: `[0oa1m2mSvcClnt9A5d07]`
    pub(super) client_ids: Option<Vec<String>>,
    /// Accepted signature algorithms. The filter never accepts `HS256` and other symmetric
    /// algorithms, nor `none`.
    ///
    /// - Default: `[RS256]`
    /// - Example: `[RS256, ES256]`
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<super::schema::Algorithms>"))]
    pub(super) algorithms: Option<Vec<String>>,
    /// The clock skew that the filter tolerates in `exp`, `nbf` and `iat`.
    ///
    /// - Range: `0s` to `5m`, whole seconds
    /// - Default: `60s`
    /// - Example: `30s`
    pub(super) clock_skew: Option<Duration>,
    /// The maximum age of a token. The filter rejects a token whose `iat` is older, even if its
    /// `exp` is in the future.
    ///
    /// - Range: `1s` to `366d`, whole seconds
    /// - Default: none
    /// - Example: `1h`
    pub(super) max_token_age: Option<Duration>,
    /// The requirements that distinguish an access token from other JWTs.
    ///
    /// - Default: `okta`
    /// - Example: `rfc9068`
    pub(super) token_profile: Option<TokenProfile>,
    /// The JWK Set that the filter fetches. Required, unless `local_jwks` is set.
    ///
    /// - Default: none
    /// - Example: `{ cluster: okta }`
    pub(super) remote_jwks: Option<RemoteJwks>,
    /// Pinned keys, a JWK Set (RFC 7517). With `remote_jwks`, a fetched key replaces a pinned key
    /// that has the same `kid`.
    ///
    /// - Default: none
    /// - Example: `{ keys: [{ kty: OKP, crv: Ed25519, kid: pinned, x:
    ///   11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo }] }`
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<super::schema::JwkSet>"))]
    pub(super) local_jwks: Option<Object>,
}

/// # Token profile
///
/// The requirements for a token beyond signature, issuer, audience and times.
#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum TokenProfile {
    /// Requires `cid` and `scp`, as Okta's access tokens have them. Rejects ID tokens and tokens of
    /// the org authorization server.
    Okta,
    /// Requires `typ: at+jwt` and `client_id` (RFC 9068).
    Rfc9068,
    /// Accepts every JWT with an accepted audience, unless its `typ` is registered for another use.
    Any,
}

/// # Remote JWK Set
///
/// The location of the JWK Set, and the schedule of its fetches.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct RemoteJwks {
    /// The Envoy cluster through which the filter fetches the keys.
    ///
    /// - Range: not empty
    /// - Example: `okta`
    pub(super) cluster: String,
    /// The URL of the JWK Set. The cluster, not the URL, decides whether Envoy uses TLS. Cannot be
    /// combined with `discovery`.
    ///
    /// - Range: an https URL
    /// - Default: `{issuer}/v1/keys`
    /// - Example: `https://acme.okta.com/oauth2/default/v1/keys`
    pub(super) uri: Option<String>,
    /// Whether the filter reads the URL of the JWK Set (`jwks_uri`) from the metadata of the
    /// authorization server (RFC 8414). The `issuer` of the metadata must be equal to the
    /// configured issuer.
    ///
    /// - Default: `false`
    /// - Example: `true`
    pub(super) discovery: Option<bool>,
    /// Hosts that `jwks_uri` may name. Requires `discovery: true`.
    ///
    /// - Range: one or more hosts, with a port if it is not 443
    /// - Default: the hosts of the issuers
    /// - Example: `[keys.example.com]`
    pub(super) jwks_hosts: Option<Vec<String>>,
    /// The timeout of each request of a fetch.
    ///
    /// - Range: `100ms` to `1m`
    /// - Default: `5s`
    /// - Example: `2s`
    pub(super) timeout: Option<Duration>,
    /// The time after which the filter fetches the keys again. `Cache-Control: max-age` of the
    /// response can shorten it, but not below 30 seconds.
    ///
    /// - Range: `1s` to `1d`
    /// - Default: `10m`
    /// - Example: `5m`
    pub(super) cache_duration: Option<Duration>,
    /// The time, since the last successful fetch, for which the filter uses cached keys while
    /// fetches fail. After that, the filter responds with 503.
    ///
    /// - Range: `1s` to `30d`, and at least `cache_duration`
    /// - Default: `24h`
    /// - Example: `12h`
    pub(super) max_stale: Option<Duration>,
    /// The minimum time between two fetches that unknown key IDs cause, for all workers together.
    ///
    /// - Range: `1s` to `1h`
    /// - Default: `30s`
    /// - Example: `1m`
    pub(super) unknown_kid_cooldown: Option<Duration>,
}

/// # Denylist
///
/// Tokens that the filter rejects before they expire. One of `entries` and `remote` is required.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Denylist {
    /// Entries of the configuration. The filter rejects a token that matches one of them.
    ///
    /// - Range: 1 to 10,000 entries
    /// - Default: none
    /// - Example: `[{ jti: AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE }]`
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<Vec<super::schema::DenylistEntry>>"))]
    pub(super) entries: Option<Vec<Value>>,
    /// Entries that the filter fetches, in addition to `entries`.
    ///
    /// - Default: none
    /// - Example: `{ cluster: revocations, uri: "https://revocations.example.com/denylist" }`
    pub(super) remote: Option<RemoteDenylist>,
}

/// # Remote denylist
///
/// The location of the denylist, and the schedule of its fetches. The response is a JSON object
/// with the member `entries`, of at most 1 MiB and 10,000 entries.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct RemoteDenylist {
    /// The Envoy cluster through which the filter fetches the denylist.
    ///
    /// - Range: not empty
    /// - Example: `revocations`
    pub(super) cluster: String,
    /// The URL of the denylist.
    ///
    /// - Range: an https URL
    /// - Example: `https://revocations.example.com/denylist`
    pub(super) uri: String,
    /// The timeout of each request.
    ///
    /// - Range: `100ms` to `1m`
    /// - Default: `5s`
    /// - Example: `2s`
    pub(super) timeout: Option<Duration>,
    /// The time after which the filter fetches the denylist again. `Cache-Control: max-age` of the
    /// response can shorten it, but not below 30 seconds.
    ///
    /// - Range: `1s` to `1d`
    /// - Default: `1m`
    /// - Example: `30s`
    pub(super) cache_duration: Option<Duration>,
    /// The time, since the last successful fetch, for which the filter uses the cached denylist
    /// while fetches fail. After that, the filter still rejects the tokens on the list, and
    /// responds to all others with 503.
    ///
    /// - Range: `1s` to `30d`, and at least `cache_duration`
    /// - Default: `1h`
    /// - Example: `6h`
    pub(super) max_stale: Option<Duration>,
}

/// # Rule
///
/// A rule of the policy: the requests that it matches, and exactly one of `public`, `deny` and
/// `requires`.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    /// The conditions on the request. `{}` matches every request.
    ///
    /// - Example: `{ path_separated_prefix: /orders, methods: [GET] }`
    #[serde(rename = "match")]
    pub(super) matches: Match,
    /// `true` allows matching requests without a token.
    ///
    /// - Default: `false`
    /// - Example: `true`
    pub(super) public: Option<bool>,
    /// `true` denies matching requests, with or without a token.
    ///
    /// - Default: `false`
    /// - Example: `true`
    pub(super) deny: Option<bool>,
    /// The requirements for a valid token. `{}` accepts every valid token.
    ///
    /// - Default: none
    /// - Example: `{ scopes: [orders:read] }`
    pub(super) requires: Option<Requires>,
    /// Whether the filter enforces the decision. Not with `public: true`; `optional` not with
    /// `deny: true`.
    ///
    /// - Default: `enforce`
    /// - Example: `shadow`
    pub(super) mode: Option<Mode>,
}

/// # Route policy
///
/// A policy that Envoy's routes select by name. It has exactly one of `public`, `deny` and
/// `requires`.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct RoutePolicy {
    /// `true` allows requests without a token.
    ///
    /// - Default: `false`
    /// - Example: `true`
    pub(super) public: Option<bool>,
    /// `true` denies requests, with or without a token.
    ///
    /// - Default: `false`
    /// - Example: `true`
    pub(super) deny: Option<bool>,
    /// The requirements for a valid token. `{}` accepts every valid token.
    ///
    /// - Default: none
    /// - Example: `{ scopes: [orders:read] }`
    pub(super) requires: Option<Requires>,
    /// Whether the filter enforces the decision. Not with `public: true`; `optional` not with
    /// `deny: true`.
    ///
    /// - Default: `enforce`
    /// - Example: `shadow`
    pub(super) mode: Option<Mode>,
}

/// # Rule mode
///
/// How the filter applies the decision of a rule or route policy.
#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    /// The filter denies a request that does not meet the requirements.
    Enforce,
    /// The filter allows a request without a token, and sets no identity headers. It still rejects
    /// an invalid token.
    Optional,
    /// The filter counts and logs the denial that it would have made, and continues with the next
    /// rule that matches.
    Shadow,
}

/// # Policy mode
///
/// Whether the filter enforces the whole policy.
#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum PolicyMode {
    /// The filter denies a request that the policy does not allow.
    Enforce,
    /// The filter allows every request, and counts and logs each denial that it would have made.
    /// For trials of a whole policy.
    Shadow,
}

/// # Path exception
///
/// A character that the filter accepts in paths as data.
#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum AllowInPaths {
    /// `%2F` is data within its segment, never a separator. Rules write it as `%2F`, and
    /// `path_variable` compares it as `/`.
    EncodedSlash,
    /// `;` is data within its segment, encoded or not.
    Semicolon,
    /// `//` contains an empty segment: `/a//b` and `/a/b` are different paths.
    EmptySegment,
    /// `%23` is the character `#`. Rules write it as `#`.
    EncodedHash,
}

/// # Request match
///
/// Conditions on a request. All of them must hold. At most one of the fields for the path is set.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Match {
    /// The path is equal to this text. Rules match the decoded path without the query, and are
    /// case-sensitive. A wildcard or regular expression here is an error.
    ///
    /// - Range: begins with `/`; without query and percent-encoding
    /// - Default: any path
    /// - Example: `/healthz`
    pub(super) path: Option<String>,
    /// The path begins with this text. `/admin` also matches `/administrators`.
    ///
    /// - Range: begins with `/`; without query and percent-encoding
    /// - Default: any path
    /// - Example: `/static/`
    pub(super) prefix: Option<String>,
    /// The path is equal to this text, or continues with `/`. `/admin` matches `/admin` and
    /// `/admin/users`, and not `/administrators`.
    ///
    /// - Range: begins with `/`; does not end with `/`
    /// - Default: any path
    /// - Example: `/admin`
    pub(super) path_separated_prefix: Option<String>,
    /// A template for the segments of the path. `{id}` matches one segment and names it, `*`
    /// matches one segment, and `**` at the end matches all remaining segments.
    ///
    /// - Range: begins with `/`; without query and percent-encoding
    /// - Default: any path
    /// - Example: `/users/{id}/orders`
    pub(super) path_template: Option<String>,
    /// A regular expression that matches the whole decoded path. An expression that no path can
    /// match is an error.
    ///
    /// - Range: not empty; at most 256 KiB when compiled
    /// - Default: any path
    /// - Example: `/docs(/.*)?`
    pub(super) safe_regex: Option<SafeRegex>,
    /// The method is one of these.
    ///
    /// - Range: one or more, in upper case
    /// - Default: any method
    /// - Example: `[GET, HEAD]`
    pub(super) methods: Option<Vec<String>>,
    /// The host is one of these. `*.example.com` matches every host below the domain, and not the
    /// domain itself.
    ///
    /// - Range: one or more host names, without a port
    /// - Default: any host
    /// - Example: `[api.example.com, "*.example.org"]`
    pub(super) hosts: Option<Vec<String>>,
    /// Conditions on headers. All of them must hold. The filter rejects a request with 400 if such
    /// a header is repeated, has a comma that its definition does not allow, or is not UTF-8.
    ///
    /// - Range: one or more
    /// - Default: none
    /// - Example: `[{ name: x-tenant, string_match: { exact: acme } }]`
    pub(super) headers: Option<Vec<StringMatcher>>,
    /// Conditions on query parameters. All of them must hold. The filter rejects a request with 400
    /// if such a parameter is repeated or is not UTF-8.
    ///
    /// - Range: one or more
    /// - Default: none
    /// - Example: `[{ name: admin, present_match: true }]`
    pub(super) query_parameters: Option<Vec<StringMatcher>>,
    /// The address of the client is in one of these networks. It is Envoy's downstream remote
    /// address, so `use_remote_address` and `xff_num_trusted_hops` apply. A request whose address
    /// is unknown is denied.
    ///
    /// - Range: one or more IP addresses or CIDR ranges, without host bits
    /// - Default: any address
    /// - Example: `[10.0.0.0/8, "fd00::/8"]`
    pub(super) remote_ip: Option<Vec<String>>,
}

/// # Header or parameter matcher
///
/// A condition on a header or query parameter, like Envoy's `HeaderMatcher` and
/// `QueryParameterMatcher`. Exactly one of `string_match` and `present_match` is set.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct StringMatcher {
    /// The name of the header or query parameter. Names of headers are case-insensitive.
    ///
    /// - Range: not empty; not `authorization`, `cookie`, `host` or an identity header
    /// - Example: `x-tenant`
    pub(super) name: String,
    /// The condition on the value.
    ///
    /// - Default: none
    /// - Example: `{ prefix: eu- }`
    pub(super) string_match: Option<StringMatch>,
    /// `true` requires the header or parameter to be present.
    ///
    /// - Range: `true`
    /// - Default: none
    /// - Example: `true`
    pub(super) present_match: Option<bool>,
    /// `true` inverts the result of the condition.
    ///
    /// - Default: `false`
    /// - Example: `true`
    pub(super) invert_match: Option<bool>,
}

/// # String matcher
///
/// A condition on a text, like Envoy's `StringMatcher`. Exactly one field is set. All fields are
/// case-sensitive.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct StringMatch {
    /// The text is equal to this value.
    ///
    /// - Range: any text
    /// - Default: none
    /// - Example: `acme`
    pub(super) exact: Option<String>,
    /// The text begins with this value.
    ///
    /// - Range: not empty
    /// - Default: none
    /// - Example: `eu-`
    pub(super) prefix: Option<String>,
    /// The text ends with this value.
    ///
    /// - Range: not empty
    /// - Default: none
    /// - Example: `-eu`
    pub(super) suffix: Option<String>,
    /// The text contains this value.
    ///
    /// - Range: not empty
    /// - Default: none
    /// - Example: `eu`
    pub(super) contains: Option<String>,
    /// The whole text matches this regular expression.
    ///
    /// - Range: not empty; at most 256 KiB when compiled
    /// - Default: none
    /// - Example: `"[a-z]{2}-[0-9]+"`
    pub(super) safe_regex: Option<SafeRegex>,
}

/// # Regular expression
///
/// A regular expression of the Rust crate `regex-lite`, which matches in linear time: without
/// look-around and backreferences. Envoy's `RegexMatcher` object is accepted, too.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "expected a pattern, or `{regex: pattern}`")]
pub(super) enum SafeRegex {
    Pattern(String),
    Matcher(RegexMatcher),
}

/// # Regular expression object
///
/// A regular expression in the form of Envoy's `RegexMatcher`.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct RegexMatcher {
    /// The regular expression.
    ///
    /// - Range: not empty; at most 256 KiB when compiled
    /// - Example: `"[a-z]+"`
    pub(super) regex: String,
}

/// # Requirement
///
/// Requirements for a valid token. All of them must hold. Requirements can be nested eight levels
/// deep.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Requires {
    /// The token has all of these scopes.
    ///
    /// - Range: one or more; printable ASCII without space, `"` and `\`
    /// - Default: none
    /// - Example: `[orders:read, orders:write]`
    pub(super) scopes: Option<Vec<String>>,
    /// The token has one of these scopes.
    ///
    /// - Range: one or more; printable ASCII without space, `"` and `\`
    /// - Default: none
    /// - Example: `[orders:read, orders:admin]`
    pub(super) any_scopes: Option<Vec<String>>,
    /// The groups claim of the token contains one of these groups.
    ///
    /// - Range: one or more
    /// - Default: none
    /// - Example: `[Admins]`
    pub(super) groups: Option<Vec<String>>,
    /// The claim that contains the groups. Requires `groups`.
    ///
    /// - Default: `groups`
    /// - Example: `realm_access.roles`
    pub(super) groups_claim: Option<ClaimName>,
    /// The `aud` of the token contains one of these values.
    ///
    /// - Range: one or more of the `audiences` of the providers
    /// - Default: none
    /// - Example: `["api://default"]`
    pub(super) audiences: Option<Vec<String>>,
    /// The client ID of the token is one of these.
    ///
    /// - Range: one or more
    /// - Default: none
    /// - Example: `[0oa1m2mSvcClnt9A5d07]`
    pub(super) client_ids: Option<Vec<String>>,
    /// The `sub` of the token is one of these.
    ///
    /// - Range: one or more
    /// - Default: none
    /// - Example: `[joe@example.com]`
    pub(super) subjects: Option<Vec<String>>,
    /// A provider with one of these names issued the token.
    ///
    /// - Range: one or more names of `providers`
    /// - Default: none
    /// - Example: `[okta]`
    pub(super) providers: Option<Vec<String>>,
    /// `true` requires a token of a user (Okta: the token has a `uid`), `false` a token of a client
    /// without a user. A token with an empty or blank `uid` meets neither.
    ///
    /// - Default: none
    /// - Example: `true`
    pub(super) user: Option<bool>,
    /// The `acr` of the token is one of these. If not, the response is a step-up challenge (RFC
    /// 9470).
    ///
    /// - Range: one or more; printable ASCII without space, `"` and `\`
    /// - Default: none
    /// - Example: `["urn:okta:loa:2fa:any"]`
    pub(super) acr_values: Option<Vec<String>>,
    /// The maximum time since the `auth_time` of the token. If the authentication is older, the
    /// response is a step-up challenge (RFC 9470).
    ///
    /// - Range: `0s` to `366d`, whole seconds
    /// - Default: none
    /// - Example: `15m`
    pub(super) max_age: Option<Duration>,
    /// Conditions on claims. All of them must hold.
    ///
    /// - Range: one or more
    /// - Default: none
    /// - Example: `[{ name: department, equals: Engineering }]`
    pub(super) claims: Option<Vec<Claim>>,
    /// At least one of these requirements holds.
    ///
    /// - Range: one or more, none of them empty
    /// - Default: none
    /// - Example: `[{ groups: [Admins] }, { scopes: [orders:admin] }]`
    pub(super) any_of: Option<Vec<Self>>,
    /// All of these requirements hold.
    ///
    /// - Range: one or more, none of them empty
    /// - Default: none
    /// - Example: `[{ any_scopes: [a, b] }, { any_scopes: [c, d] }]`
    pub(super) all_of: Option<Vec<Self>>,
    /// This requirement does not hold.
    ///
    /// - Range: not empty
    /// - Default: none
    /// - Example: `{ client_ids: [0oa1m2mSvcClnt9A5d07] }`
    pub(super) not: Option<Box<Self>>,
}

/// # Claim matcher
///
/// A condition on a claim. Exactly one of `any_of`, `equals`, `matches`, `path_variable` and
/// `exists` is set. If the claim is a list, one element must meet the condition.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Claim {
    /// The location of the claim in the token.
    ///
    /// - Example: `department`
    pub(super) name: ClaimName,
    /// The claim is equal to one of these values.
    ///
    /// - Range: one or more; numbers below 2^53
    /// - Default: none
    /// - Example: `[Engineering, Finance]`
    pub(super) any_of: Option<Vec<Value>>,
    /// The claim is equal to this value. Numbers are compared by value: `1`, `1.0` and `1e0` are
    /// equal.
    ///
    /// - Range: numbers below 2^53
    /// - Default: none
    /// - Example: `Engineering`
    pub(super) equals: Option<Value>,
    /// The claim is a string that matches this regular expression as a whole.
    ///
    /// - Range: not empty; at most 256 KiB when compiled
    /// - Default: none
    /// - Example: `".+@example\\.com"`
    pub(super) matches: Option<SafeRegex>,
    /// The claim is equal to the segment of the path that this variable of `path_template` matched.
    ///
    /// - Range: a variable of the `path_template` of the rule
    /// - Default: none
    /// - Example: `id`
    pub(super) path_variable: Option<String>,
    /// `true` requires the claim to be present, `false` to be absent. A claim that is null is
    /// absent.
    ///
    /// - Default: none
    /// - Example: `true`
    pub(super) exists: Option<bool>,
}

/// # Claim name
///
/// The location of a claim: a path with dots between the names of nested claims, or a list of names
/// if a name contains a dot.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "expected a dotted path, or a list of names")]
pub(super) enum ClaimName {
    Dotted(String),
    Names(Vec<String>),
}

/// # Identity header
///
/// A header that the filter sets from verified claims. Exactly one of `claim_name` and `template`
/// is set.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct ClaimToHeader {
    /// The name of the header. The filter sends it in lower case.
    ///
    /// - Range: a header name that is not reserved, without an underscore
    /// - Example: `x-okta-sub`
    pub(super) header_name: String,
    /// The claim. If the token does not have it, the filter does not set the header.
    ///
    /// - Default: none
    /// - Example: `sub`
    pub(super) claim_name: Option<ClaimName>,
    /// A text with claims in braces. If the token lacks one of the claims, the filter does not set
    /// the header. `{{` and `}}` are braces.
    ///
    /// - Range: 3 to 1024 printable ASCII characters with 1 to 8 claims
    /// - Default: none
    /// - Example: `"{iss}/{sub}"`
    pub(super) template: Option<String>,
    /// The providers whose tokens set this header.
    ///
    /// - Range: one or more names of `providers`
    /// - Default: all providers
    /// - Example: `[okta]`
    pub(super) providers: Option<Vec<String>>,
}

/// # Header source
///
/// A header from which the filter reads tokens.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct HeaderSource {
    /// The name of the header.
    ///
    /// - Range: a header name that is not reserved, without an underscore
    /// - Example: `x-access-token`
    pub(super) name: String,
    /// The text before the token. The filter compares it exactly, and rejects a value without it
    /// with 400.
    ///
    /// - Range: 1 to 64 printable ASCII characters; the first is not a space
    /// - Default: none
    /// - Example: `"Token "`
    pub(super) value_prefix: Option<String>,
}

/// # Responses
///
/// The bodies and details of the responses to denied requests.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Responses {
    /// The format of the body.
    ///
    /// - Default: `json`
    /// - Example: `problem`
    pub(super) body: Option<Body>,
    /// The `Content-Type` of the body. Cannot be combined with `body: empty`.
    ///
    /// - Range: 3 to 128 printable ASCII characters, a media type
    /// - Default: `application/json`; with `body: problem`, `application/problem+json`
    /// - Example: `application/vnd.example+json`
    pub(super) content_type: Option<String>,
    /// Whether the body and the challenge contain the reason. With `false`, they contain only
    /// `error`, and step-up challenges (RFC 9470) have no parameters. Metrics and logs are not
    /// affected.
    ///
    /// - Default: `true`
    /// - Example: `false`
    pub(super) details: Option<bool>,
    /// Bodies that replace `body` for all responses with a status.
    ///
    /// - Range: one or more, each with a different status
    /// - Default: none
    /// - Example: `[{ status: 401, content_type: text/html, body: "<p>Please log in.</p>" }]`
    pub(super) custom: Option<Vec<CustomBody>>,
}

/// # Body format
///
/// The format of the bodies of responses.
#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum Body {
    /// A JSON object with `detail`, `error` and `code`.
    Json,
    /// A JSON object with `detail`, like the errors of FastAPI.
    Detail,
    /// Problem details (RFC 9457).
    Problem,
    /// No body.
    Empty,
}

/// # Custom body
///
/// The body of all responses with a status.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct CustomBody {
    /// The HTTP status of the responses.
    ///
    /// - Range: `400`, `401`, `403`, `414` or `503`
    /// - Example: `401`
    pub(super) status: u32,
    /// The `Content-Type` of the body.
    ///
    /// - Range: 3 to 128 printable ASCII characters, a media type
    /// - Example: `text/html`
    pub(super) content_type: String,
    /// The body, sent without changes.
    ///
    /// - Range: 1 to 65536 bytes
    /// - Example: `"<p>Please log in.</p>"`
    pub(super) body: String,
}

/// # Protected resource
///
/// A resource for which the filter serves protected resource metadata (RFC 9728). A resource
/// without a path is the default for all paths that no other resource covers.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct ProtectedResource {
    /// The resource identifier: the URL of the API.
    ///
    /// - Range: an https URL without query and fragment
    /// - Example: `https://api.example.com/orders`
    pub(super) resource: String,
    /// The issuers that can issue tokens for this resource.
    ///
    /// - Range: one or more https URLs
    /// - Default: the issuers of all providers
    /// - Example: `["https://acme.okta.com/oauth2/default"]`
    pub(super) authorization_servers: Option<Vec<String>>,
    /// The scopes that clients can request.
    ///
    /// - Range: one or more; printable ASCII without space, `"` and `\`
    /// - Default: none
    /// - Example: `[orders:read, orders:write]`
    pub(super) scopes_supported: Option<Vec<String>>,
    /// The ways in which clients can send tokens (RFC 6750 section 2).
    ///
    /// - Range: one or more of `header`, `body` and `query`
    /// - Default: `header`, and `query` if `from_params` is set
    /// - Example: `[header]`
    pub(super) bearer_methods_supported: Option<Vec<String>>,
    /// The name of the resource for users.
    ///
    /// - Range: not empty
    /// - Default: none
    /// - Example: `Orders API`
    pub(super) resource_name: Option<String>,
    /// The URL of the documentation for developers.
    ///
    /// - Range: an https URL
    /// - Default: none
    /// - Example: `https://docs.example.com/orders`
    pub(super) resource_documentation: Option<String>,
    /// The URL of the policy on the use of data.
    ///
    /// - Range: an https URL
    /// - Default: none
    /// - Example: `https://example.com/policy`
    pub(super) resource_policy_uri: Option<String>,
    /// The URL of the terms of service.
    ///
    /// - Range: an https URL
    /// - Default: none
    /// - Example: `https://example.com/terms`
    pub(super) resource_tos_uri: Option<String>,
}
