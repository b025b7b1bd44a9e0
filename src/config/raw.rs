//! The configuration as the operator writes it: names and types, without checks of the values.
//! Unknown fields are errors everywhere.
//!
//! The JSON Schema and the configuration reference are generated from the comments: `make schema
//! reference`. The first line of a type is its title. The comment of a field ends with a list of
//! `Range`, `Default` (unless the field is required) and `Example` (YAML);
//! `tests/book/configuration.rs` checks the list against the filter.

mod agents;
mod denylist;
mod dpop;
mod filter_state;
mod header;
mod introspection;
mod mtls;
mod protected_resource;
mod provider;
mod request_match;
mod requirement;
mod response;
mod rule;

#[cfg(not(target_arch = "wasm32"))]
use std::collections::BTreeMap;

use super::reader::{ByName, names, object};

pub(super) use agents::{Actor, AuthorizationDetail, OtherFields};
pub(super) use denylist::{Denylist, RemoteDenylist};
pub(super) use dpop::{Dpop, ExternalUrl, ForwardAs, Nonce, Replay, ReplaySize, Scheme};
pub(super) use filter_state::FilterStateName;
pub(super) use header::{ClaimToHeader, HeaderSource};
#[cfg(test)]
pub(super) use introspection::{ClientSecret, PrivateKeyJwt};
pub(super) use introspection::{IntrospectedTokens, Introspection, IntrospectionAuth, NoAuth};
pub(super) use mtls::{CertificateFormat, CertificateHeader, CertificateOrigin, Mtls};
pub(super) use protected_resource::ProtectedResource;
pub(super) use provider::{Provider, RemoteJwks, SenderConstrained, TokenProfile};
pub(super) use request_match::{
    AllowInPaths, NamedStringMatcher, RegexMatcher, RequestMatch, SafeRegex, StringMatcher,
};
pub(super) use requirement::{Claim, ClaimName, Requires};
pub(super) use response::{Body, CustomBody, Responses};
pub(super) use rule::{Mode, RoutePolicy, Rule};

/// # okta-authz-filter
///
/// The configuration of okta-authz-filter.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(super) struct Config {
    /// The authorization servers whose tokens the filter accepts, by name. The filter selects the
    /// provider whose `issuer` equals the `iss` of the token. The name appears in metrics, logs and
    /// the filter state `wasm.okta.provider`.
    ///
    /// - Range: one or more; a name has no control characters
    /// - Example: `{ okta: { issuer: "https://acme.okta.com/oauth2/default", audiences:
    ///   ["api://default"], remote_jwks: { cluster: okta } } }`
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "BTreeMap<String, Provider>"))]
    pub(super) providers: ByName<Provider>,
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
    #[cfg_attr(not(target_arch = "wasm32"), schemars(default))]
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
    #[cfg_attr(not(target_arch = "wasm32"), schemars(default, with = "BTreeMap<String, RoutePolicy>"))]
    pub(super) route_policies: ByName<RoutePolicy>,
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
    #[cfg_attr(not(target_arch = "wasm32"), schemars(default))]
    pub(super) claim_to_headers: Vec<ClaimToHeader>,
    /// The name of a header that the filter sets to the payload of the verified token,
    /// base64url-encoded. The filter removes this header from every request first.
    ///
    /// - Range: a header name that is not reserved, without an underscore
    /// - Default: none
    /// - Example: `x-jwt-payload`
    pub(super) forward_payload_header: Option<String>,
    /// The values that the filter writes to filter state for allowed requests, so that access logs
    /// and later filters can read them as `wasm.okta.{name}`. Each value costs a host call per
    /// request. The filter always writes `wasm.okta.permit`, the policy that the route names
    /// (`wasm.okta.policy`), and the denials that shadow mode does not enforce
    /// (`wasm.okta.shadow`). Requests that the filter denies, and those that only `mode: shadow`
    /// allows, always have `wasm.okta.decision` and `wasm.okta.code`.
    ///
    /// - Range: each value at most once
    /// - Default: none
    /// - Example: `[decision, code, sub, cid]`
    pub(super) filter_state: Option<Vec<FilterStateName>>,
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
    /// The source of client certificates. With it, the filter accepts tokens that are bound to a
    /// certificate (`cnf` with `x5t#S256`, RFC 8705 section 3) from the client that has the
    /// certificate. Without it, the filter rejects such tokens.
    ///
    /// - Default: none
    /// - Example: `{ from: connection }`
    pub(super) mtls: Option<Mtls>,
    /// The checks of DPoP proofs (RFC 9449). With it, the filter accepts tokens that are bound to a
    /// key (`cnf` with `jkt`) with the scheme `DPoP`, from the client that has the key. Without it,
    /// the filter rejects such tokens.
    ///
    /// - Default: none
    /// - Example: `{ algorithms: [ES256, RS256], max_age: 60s }`
    pub(super) dpop: Option<Dpop>,
    /// Whether the filter closes a stream when its token expires or exceeds `max_token_age`, when a
    /// denylist revokes the token, or when the issuer withdraws the key of the token. A stream is a
    /// WebSocket, a gRPC stream, an event stream, or another request that is open for more than a
    /// second. It has no effect with `mode: shadow`.
    ///
    /// - Default: `false`
    /// - Example: `true`
    pub(super) close_streams: Option<bool>,
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
    #[cfg_attr(not(target_arch = "wasm32"), schemars(default))]
    pub(super) protected_resources: Vec<ProtectedResource>,
}

object!(Config {
    providers: required,
    denylist,
    mode,
    rules: default,
    ignore_port_in_host_matching,
    allow_in_paths,
    max_match_bytes,
    route_policies: default,
    bypass_cors_preflight,
    claim_to_headers: default,
    forward_payload_header,
    filter_state,
    clear_route_cache,
    from_headers,
    from_cookies,
    from_params,
    from_websocket_protocol,
    forward,
    mtls,
    dpop,
    close_streams,
    max_token_bytes,
    token_cache_max_bytes,
    realm,
    responses,
    protected_resources: default
});

/// # Policy mode
///
/// Whether the filter enforces the whole policy.
#[derive(Clone, Copy)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename_all = "lowercase"))]
pub(super) enum PolicyMode {
    /// The filter denies a request that the policy does not allow.
    Enforce,
    /// The filter allows every request, and counts and logs each denial that it would have made.
    /// For trials of a whole policy.
    Shadow,
}

names!(PolicyMode { Enforce: "enforce", Shadow: "shadow" });
