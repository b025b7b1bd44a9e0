//! DPoP (RFC 9449).

use crate::config::ConfigError;
use crate::config::duration::ConfigDuration;
use crate::config::reader::{Located, Read, names, object};
use crate::json::Value;

/// # DPoP
///
/// How the filter checks the proofs of tokens that are bound to a key (RFC 9449).
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct Dpop {
    /// Accepted signature algorithms of proofs. The filter never accepts `HS256` and other
    /// symmetric algorithms, nor `none`.
    ///
    /// - Default: `[ES256, ES384, ES512, RS256, RS384, RS512]`
    /// - Example: `[ES256, RS256]`
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<crate::config::schema::Algorithms>"))]
    pub(in crate::config) algorithms: Option<Vec<String>>,
    /// The maximum age of a proof since its `iat`. With `nonce`, the filter accepts proofs of at
    /// least five minutes, and the nonce limits their age.
    ///
    /// - Range: `1s` to `5m`, whole seconds
    /// - Default: `60s`
    /// - Example: `30s`
    pub(in crate::config) max_age: Option<ConfigDuration>,
    /// The clock skew that the filter tolerates in the times of a proof.
    ///
    /// - Range: `0s` to `1m`, whole seconds
    /// - Default: `10s`
    /// - Example: `5s`
    pub(in crate::config) clock_skew: Option<ConfigDuration>,
    /// The URLs at which clients send requests. The filter compares `htu` of the proof with the URL
    /// of the host of the request. Cannot be combined with `scheme`.
    ///
    /// - Range: one or more
    /// - Default: none: the URL has the `scheme` and the host of the request
    /// - Example: `[{ url: "https://api.example.com", hosts: [api.internal] }]`
    pub(in crate::config) external_urls: Option<Vec<ExternalUrl>>,
    /// The scheme of the URLs at which clients send requests.
    ///
    /// - Default: `https`
    /// - Example: `forwarded`
    pub(in crate::config) scheme: Option<Scheme>,
    /// The maximum length of a proof in bytes. The filter rejects a longer proof before it parses
    /// the proof.
    ///
    /// - Range: `512` to `16384`
    /// - Default: `8192`
    /// - Example: `4096`
    pub(in crate::config) max_proof_bytes: Option<u32>,
    /// The memory of accepted proofs, which rejects a proof that a client sends twice. With
    /// `false`, the filter accepts a proof several times; this requires `nonce`.
    ///
    /// - Range: `false`, or the size of the memory
    /// - Default: `{ slots: 4096, entries_per_slot: 64 }`
    /// - Example: `{ slots: 16384 }`
    pub(in crate::config) replay: Option<Replay>,
    /// Requires a nonce of the filter in every proof (RFC 9449 section 9).
    ///
    /// - Default: none
    /// - Example: `{ keys_env: DPOP_NONCE_KEYS }`
    pub(in crate::config) nonce: Option<Nonce>,
    /// The scheme with which the upstream receives a token in `Authorization`. The filter always
    /// removes the proof.
    ///
    /// - Default: `sent`
    /// - Example: `bearer`
    pub(in crate::config) forward_as: Option<ForwardAs>,
}

object!(Dpop {
    algorithms,
    max_age,
    clock_skew,
    external_urls,
    scheme,
    max_proof_bytes,
    replay,
    nonce,
    forward_as
});

/// # External URL
///
/// A URL at which clients send requests.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct ExternalUrl {
    /// The URL. Its path precedes the path of the request.
    ///
    /// - Range: an https URL without a query; an http URL for `localhost`
    /// - Example: `https://api.example.com`
    pub(in crate::config) url: String,
    /// The hosts of these requests at Envoy.
    ///
    /// - Range: one or more host names or IP addresses, without ports; each in one entry only
    /// - Default: the host of the URL
    /// - Example: `[api.internal]`
    pub(in crate::config) hosts: Option<Vec<String>>,
}

object!(ExternalUrl { url: required, hosts });

/// # URL scheme
///
/// The scheme of the URLs at which clients send requests.
#[derive(Clone, Copy)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename_all = "lowercase"))]
pub(in crate::config) enum Scheme {
    /// `https`.
    Https,
    /// `http`, for tests.
    Http,
    /// The value of `X-Forwarded-Proto`. Envoy must set the header; a client could set it
    /// otherwise.
    Forwarded,
}

names!(Scheme { Https: "https", Http: "http", Forwarded: "forwarded" });

/// # Replay memory
///
/// The memory of accepted proofs, or `false`.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(untagged))]
pub(in crate::config) enum Replay {
    Enabled(bool),
    Size(ReplaySize),
}

impl Read for Replay {
    fn empty() -> Self {
        Self::Size(ReplaySize::empty())
    }

    fn read(&mut self, value: &Located<'_>) -> Result<(), ConfigError> {
        let replay = match value.value() {
            Value::Bool(is_enabled) => Some(Self::Enabled(*is_enabled)),
            _ => value.read().ok().map(Self::Size),
        };
        *self = replay.ok_or_else(|| value.error("expected `false`, or `{slots, entries_per_slot}`"))?;
        Ok(())
    }
}

/// # Size of the replay memory
///
/// The size of the memory of accepted proofs, which all workers of a process share.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct ReplaySize {
    /// The number of slots. The first configuration of a process determines it for all
    /// configurations with its `vm_id`; a change requires a restart of Envoy.
    ///
    /// - Range: `1` to `65536`
    /// - Default: `4096`
    /// - Example: `16384`
    pub(in crate::config) slots: Option<u32>,
    /// The number of proofs in a slot. A proof needs 24 bytes. A change requires no restart.
    ///
    /// - Range: `4` to `1024`
    /// - Default: `64`
    /// - Example: `128`
    pub(in crate::config) entries_per_slot: Option<u32>,
}

object!(ReplaySize { slots, entries_per_slot });

/// # Nonce
///
/// The nonces that the filter issues and requires.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct Nonce {
    /// The environment variable of the VM with the keys: one to four, separated by commas, each of
    /// 64 hexadecimal digits. The first key issues nonces; the filter accepts nonces of all. Every
    /// process with a common key accepts the nonces of the others.
    ///
    /// - Range: the name of an environment variable: letters, digits and underscores
    /// - Default: none: a random key for each process
    /// - Example: `DPOP_NONCE_KEYS`
    pub(in crate::config) keys_env: Option<String>,
    /// The lifetime of a nonce.
    ///
    /// - Range: `30s` to `1h`, whole seconds
    /// - Default: `2m`
    /// - Example: `5m`
    pub(in crate::config) lifetime: Option<ConfigDuration>,
}

object!(Nonce { keys_env, lifetime });

/// # Forwarded scheme
///
/// The scheme with which the upstream receives a DPoP-bound token.
#[derive(Clone, Copy)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename_all = "lowercase"))]
pub(in crate::config) enum ForwardAs {
    /// The scheme that the client sent.
    Sent,
    /// `Bearer`, for an upstream that does not know DPoP.
    Bearer,
}

names!(ForwardAs { Sent: "sent", Bearer: "bearer" });
