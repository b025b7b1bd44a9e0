//! The introspection endpoint of a provider.

use crate::config::reader::{names, object};

use crate::config::duration::ConfigDuration;

/// # Introspection
///
/// The introspection endpoint of a provider (RFC 7662), and how the filter uses it.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct Introspection {
    /// The Envoy cluster through which the filter calls the endpoint.
    ///
    /// - Range: not empty
    /// - Example: `okta`
    pub(in crate::config) cluster: String,
    /// The URL of the endpoint. The cluster, not the URL, decides whether Envoy uses TLS.
    ///
    /// - Range: an https URL
    /// - Default: `{issuer}/v1/introspect`
    /// - Example: `https://acme.okta.com/oauth2/default/v1/introspect`
    pub(in crate::config) uri: Option<String>,
    /// The tokens that the filter introspects. Rules with `introspect: true` add the JWTs of their
    /// requests. At most one provider has `opaque`, because an opaque token does not name its
    /// provider.
    ///
    /// - Default: `opaque`
    /// - Example: `all`
    pub(in crate::config) tokens: Option<IntrospectedTokens>,
    /// The client ID of the filter at the authorization server. Required, unless `auth` is `none`.
    ///
    /// - Range: not empty
    /// - Default: none
    /// - Example: `0oa1m2mSvcClnt9A5d07`
    pub(in crate::config) client_id: Option<String>,
    /// The authentication of the filter at the endpoint. Exactly one field is set.
    ///
    /// - Example: `{ client_secret_basic: { secret_env: OKTA_RS_SECRET } }`
    pub(in crate::config) auth: IntrospectionAuth,
    /// The timeout of a call.
    ///
    /// - Range: `100ms` to `5s`
    /// - Default: `2s`
    /// - Example: `1s`
    pub(in crate::config) timeout: Option<ConfigDuration>,
    /// The time for which the filter uses the result of an active token, but not beyond its `exp`.
    /// A revoked token passes for at most this time.
    ///
    /// - Range: `1s` to `1h`
    /// - Default: `30s`
    /// - Example: `10s`
    pub(in crate::config) cache_duration: Option<ConfigDuration>,
    /// The time for which the filter uses the result of any other token.
    ///
    /// - Range: `1s` to `1h`
    /// - Default: `10s`
    /// - Example: `30s`
    pub(in crate::config) inactive_cache_duration: Option<ConfigDuration>,
    /// The time, after `cache_duration`, for which the filter uses the result of an active token
    /// while calls fail. After that, the filter responds with 503.
    ///
    /// - Range: `0s` to `1h`
    /// - Default: `0s`
    /// - Example: `2m`
    pub(in crate::config) max_stale: Option<ConfigDuration>,
    /// The maximum number of calls in flight on one worker.
    ///
    /// - Range: `1` to `1024`
    /// - Default: `64`
    /// - Example: `16`
    pub(in crate::config) max_in_flight: Option<u32>,
    /// The maximum number of calls per second of all workers of an Envoy together.
    ///
    /// - Range: `1` to `10000`
    /// - Default: `20`
    /// - Example: `100`
    pub(in crate::config) max_per_second: Option<u32>,
}

object!(Introspection {
    cluster: required,
    uri,
    tokens,
    client_id,
    auth: required,
    timeout,
    cache_duration,
    inactive_cache_duration,
    max_stale,
    max_in_flight,
    max_per_second
});

/// # Introspected tokens
///
/// The tokens of a provider that the filter introspects.
#[derive(Clone, Copy)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename_all = "lowercase"))]
pub(in crate::config) enum IntrospectedTokens {
    /// Tokens that are not JWTs. The claims are those of the response.
    Opaque,
    /// Every JWT of the provider, after the filter has verified it. The claims are those of the
    /// token.
    All,
    /// Only the JWTs of rules and route policies with `introspect: true`.
    Rules,
}

names!(IntrospectedTokens { Opaque: "opaque", All: "all", Rules: "rules" });

/// # Client authentication
///
/// The authentication of the filter at the endpoint. Exactly one field is set.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct IntrospectionAuth {
    /// HTTP Basic with `client_id` and a secret.
    ///
    /// - Default: none
    /// - Example: `{ secret_env: OKTA_RS_SECRET }`
    pub(in crate::config) client_secret_basic: Option<ClientSecret>,
    /// `client_id` and a secret in the body of the request.
    ///
    /// - Default: none
    /// - Example: `{ secret_env: OKTA_RS_SECRET }`
    pub(in crate::config) client_secret_post: Option<ClientSecret>,
    /// An assertion that the filter signs (RFC 7523).
    ///
    /// - Default: none
    /// - Example: `{ key_env: OKTA_RS_KEY, kid: k1 }`
    pub(in crate::config) private_key_jwt: Option<PrivateKeyJwt>,
    /// No credentials. Envoy's `credential_injector` in the cluster can add them.
    ///
    /// - Default: none
    /// - Example: `{}`
    pub(in crate::config) none: Option<NoAuth>,
}

object!(IntrospectionAuth { client_secret_basic, client_secret_post, private_key_jwt, none });

/// # Client secret
///
/// A secret in an environment variable of the VM.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct ClientSecret {
    /// The environment variable with the secret. `vm_config.environment_variables` must pass it to
    /// the VM.
    ///
    /// - Range: letters, digits and `_`
    /// - Example: `OKTA_RS_SECRET`
    pub(in crate::config) secret_env: String,
}

object!(ClientSecret { secret_env: required });

/// # Private key
///
/// A private key in an environment variable of the VM.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct PrivateKeyJwt {
    /// The environment variable with the private key, a JWK on P-256.
    /// `vm_config.environment_variables` must pass it to the VM.
    ///
    /// - Range: letters, digits and `_`
    /// - Example: `OKTA_RS_KEY`
    pub(in crate::config) key_env: String,
    /// The algorithm of the assertion.
    ///
    /// - Range: `ES256`
    /// - Default: `ES256`
    /// - Example: `ES256`
    pub(in crate::config) alg: Option<String>,
    /// The key ID in the header of the assertion.
    ///
    /// - Range: not empty
    /// - Default: none
    /// - Example: `k1`
    pub(in crate::config) kid: Option<String>,
}

object!(PrivateKeyJwt { key_env: required, alg, kid });

/// # No credentials
///
/// An empty object.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct NoAuth {}

object!(NoAuth {});
