//! Providers and the sources of their keys.

use crate::config::reader::{names, object};

use super::introspection::Introspection;
use crate::config::duration::ConfigDuration;
use crate::json::Object;

/// # Provider
///
/// An authorization server, and the requirements for its tokens.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct Provider {
    /// The issuer. It must be equal to the `iss` of the token. Okta shows it under *Security >
    /// API*. Required, unless `issuers` is set.
    ///
    /// - Range: an https URL; for Okta, `https://{domain}/oauth2/{id}` without a slash at the end
    /// - Default: none
    /// - Example: `https://acme.okta.com/oauth2/default`
    pub(in crate::config) issuer: Option<String>,
    /// Several issuers, in place of `issuer`, for an Okta authorization server whose issuer mode is
    /// *Dynamic*. The filter fetches the keys from the first issuer.
    ///
    /// - Range: one or more https URLs
    /// - Default: none
    /// - Example: `["https://acme.okta.com/oauth2/default",
    ///   "https://login.acme.com/oauth2/default"]`
    pub(in crate::config) issuers: Option<Vec<String>>,
    /// Accepted values of `aud`. The token must contain one of them.
    ///
    /// - Range: one or more
    /// - Example: `["api://default"]`
    pub(in crate::config) audiences: Vec<String>,
    /// Accepted client IDs (Okta: `cid`; RFC 9068: `client_id`).
    ///
    /// - Range: one or more
    /// - Default: all clients
    /// - Example: `[0oa1m2mSvcClnt9A5d07]`
    pub(in crate::config) client_ids: Option<Vec<String>>,
    /// Accepted signature algorithms. The filter never accepts `HS256` and other symmetric
    /// algorithms, nor `none`.
    ///
    /// - Default: `[RS256]`
    /// - Example: `[RS256, ES256]`
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<crate::config::schema::Algorithms>"))]
    pub(in crate::config) algorithms: Option<Vec<String>>,
    /// The clock skew that the filter tolerates in `exp`, `nbf` and `iat`.
    ///
    /// - Range: `0s` to `5m`, whole seconds
    /// - Default: `60s`
    /// - Example: `30s`
    pub(in crate::config) clock_skew: Option<ConfigDuration>,
    /// The maximum age of a token. The filter rejects a token whose `iat` is older, even if its
    /// `exp` is in the future.
    ///
    /// - Range: `1s` to `366d`, whole seconds
    /// - Default: none
    /// - Example: `1h`
    pub(in crate::config) max_token_age: Option<ConfigDuration>,
    /// The requirements that distinguish an access token from other JWTs.
    ///
    /// - Default: `okta`
    /// - Example: `rfc9068`
    pub(in crate::config) token_profile: Option<TokenProfile>,
    /// Whether each token must be bound to a key or a certificate of its client. `required` needs
    /// `dpop` or `mtls`.
    ///
    /// - Default: `optional`
    /// - Example: `required`
    pub(in crate::config) sender_constrained: Option<SenderConstrained>,
    /// The JWK Set that the filter fetches. Required, unless `local_jwks` is set or the
    /// provider introspects opaque tokens.
    ///
    /// - Default: none
    /// - Example: `{ cluster: okta }`
    pub(in crate::config) remote_jwks: Option<RemoteJwks>,
    /// Pinned keys, a JWK Set (RFC 7517). With `remote_jwks`, a fetched key replaces a pinned key
    /// that has the same `kid`.
    ///
    /// - Default: none
    /// - Example: `{ keys: [{ kty: OKP, crv: Ed25519, kid: pinned, x:
    ///   11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo }] }`
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<crate::config::schema::JwkSet>"))]
    pub(in crate::config) local_jwks: Option<Object>,
    /// The introspection endpoint (RFC 7662), which says whether a token is active.
    ///
    /// - Default: none
    /// - Example: `{ cluster: okta, client_id: 0oa1m2mSvcClnt9A5d07, auth: { client_secret_basic: {
    ///   secret_env: OKTA_RS_SECRET } } }`
    pub(in crate::config) introspection: Option<Introspection>,
}

object!(Provider {
    issuer,
    issuers,
    audiences: required,
    client_ids,
    algorithms,
    clock_skew,
    max_token_age,
    token_profile,
    sender_constrained,
    remote_jwks,
    local_jwks,
    introspection
});

/// # Token profile
///
/// The requirements for a token beyond signature, issuer, audience and times.
#[derive(Clone, Copy)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename_all = "lowercase"))]
pub(in crate::config) enum TokenProfile {
    /// Requires `cid` and `scp`, as Okta's access tokens have them. Rejects ID tokens and tokens of
    /// the org authorization server.
    Okta,
    /// Requires `typ: at+jwt` and `client_id` (RFC 9068).
    Rfc9068,
    /// Accepts every JWT with an accepted audience, unless its `typ` is registered for another use.
    Any,
}

names!(TokenProfile { Okta: "okta", Rfc9068: "rfc9068", Any: "any" });

/// # Sender constraint
///
/// Whether each token of a provider must be bound to a key (RFC 9449) or a certificate (RFC 8705)
/// of its client.
#[derive(Clone, Copy)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename_all = "lowercase"))]
pub(in crate::config) enum SenderConstrained {
    /// Accepts bound tokens, and bearer tokens.
    Optional,
    /// Rejects bearer tokens.
    Required,
}

names!(SenderConstrained { Optional: "optional", Required: "required" });

/// # Remote JWK Set
///
/// The location of the JWK Set, and the schedule of its fetches.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct RemoteJwks {
    /// The Envoy cluster through which the filter fetches the keys.
    ///
    /// - Range: not empty
    /// - Example: `okta`
    pub(in crate::config) cluster: String,
    /// The URL of the JWK Set. The cluster, not the URL, decides whether Envoy uses TLS. Cannot be
    /// combined with `discovery`.
    ///
    /// - Range: an https URL
    /// - Default: `{issuer}/v1/keys`
    /// - Example: `https://acme.okta.com/oauth2/default/v1/keys`
    pub(in crate::config) uri: Option<String>,
    /// Whether the filter reads the URL of the JWK Set (`jwks_uri`) from the metadata of the
    /// authorization server (RFC 8414). The `issuer` of the metadata must be equal to the
    /// configured issuer.
    ///
    /// - Default: `false`
    /// - Example: `true`
    pub(in crate::config) discovery: Option<bool>,
    /// Hosts that `jwks_uri` may name. Requires `discovery: true`.
    ///
    /// - Range: one or more hosts, with a port if it is not 443
    /// - Default: the hosts of the issuers
    /// - Example: `[keys.example.com]`
    pub(in crate::config) jwks_hosts: Option<Vec<String>>,
    /// The timeout of each request of a fetch.
    ///
    /// - Range: `100ms` to `1m`
    /// - Default: `5s`
    /// - Example: `2s`
    pub(in crate::config) timeout: Option<ConfigDuration>,
    /// The time after which the filter fetches the keys again. `Cache-Control: max-age` of the
    /// response can shorten it, but not below 30 seconds.
    ///
    /// - Range: `1s` to `1d`
    /// - Default: `10m`
    /// - Example: `5m`
    pub(in crate::config) cache_duration: Option<ConfigDuration>,
    /// The time, since the last successful fetch, for which the filter uses cached keys while
    /// fetches fail. After that, the filter responds with 503.
    ///
    /// - Range: `1s` to `30d`, and at least `cache_duration`
    /// - Default: `24h`
    /// - Example: `12h`
    pub(in crate::config) max_stale: Option<ConfigDuration>,
    /// The minimum time between two fetches that unknown key IDs cause, for all workers together.
    ///
    /// - Range: `1s` to `1h`
    /// - Default: `30s`
    /// - Example: `1m`
    pub(in crate::config) unknown_kid_cooldown: Option<ConfigDuration>,
}

object!(RemoteJwks {
    cluster: required,
    uri,
    discovery,
    jwks_hosts,
    timeout,
    cache_duration,
    max_stale,
    unknown_kid_cooldown
});
