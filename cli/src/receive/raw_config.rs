//! The configuration file of `okta-authz receive` as it is written.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The address for Okta's requests. A proxy in front of it terminates TLS.
    pub(super) listen: SocketAddr,
    /// The address for the denylist, metrics and health checks.
    pub(super) internal_listen: SocketAddr,
    /// The URL under which Okta reaches `listen`.
    pub(super) url: String,
    pub(super) orgs: Vec<Org>,
    pub(super) storage: Storage,
    #[serde(default)]
    pub(super) denylist: Denylist,
    #[serde(default)]
    pub(super) limits: Limits,
    /// A PEM file of certificate authorities for the fetches of keys. Default: Mozilla's.
    pub(super) ca: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Org {
    /// The URL of the org.
    pub(super) issuer: String,
    /// The custom domains of the org.
    #[serde(default)]
    pub(super) aliases: Vec<String>,
    /// The keys of the org authorization server. Default: `{issuer}/oauth2/v1/keys`.
    pub(super) jwks_uri: Option<String>,
    /// The issuers of the access tokens that the entries revoke. Default: any.
    #[serde(default)]
    pub(super) token_issuers: Vec<String>,
    pub(super) events: Option<Events>,
    pub(super) logout: Option<Logout>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Events {
    /// The accepted values of `aud`.
    pub(super) audiences: Vec<String>,
    /// Whether `credential-change` revokes the tokens of the user.
    #[serde(default = "yes")]
    pub(super) credential_change: bool,
    /// The value of `Authorization` that the stream sends.
    pub(super) authorization: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Logout {
    /// The client IDs of the apps for which Universal Logout is enabled.
    pub(super) client_ids: Vec<String>,
}

/// The source of a secret. It is never in the configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Secret {
    pub(super) env: Option<String>,
    pub(super) file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Storage {
    /// The file of the embedded database.
    pub(super) path: Option<PathBuf>,
    pub(super) postgres: Option<Postgres>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Postgres {
    /// The connection string, with or without its password.
    pub(super) url: Secret,
    /// A PEM file of certificate authorities. Default: Mozilla's.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "the feature `postgres` reads it"))]
    pub(super) ca: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Denylist {
    /// The bearer token that a client of the denylist sends. Default: none is needed.
    pub(super) secret: Option<Secret>,
    /// The time after an event for which its entry stays. Default: `24h`.
    pub(super) retention: Option<String>,
    /// Default: 10000.
    pub(super) max_entries: Option<usize>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Limits {
    /// The maximum number of connections to each address. Default: 256.
    pub(super) max_connections: Option<usize>,
    /// The timeout of each request. Default: `10s`.
    pub(super) request_timeout: Option<String>,
}

const fn yes() -> bool {
    true
}
