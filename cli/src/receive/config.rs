//! The checked configuration of `okta-authz receive`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use okta_authz_filter::config::parse_duration;
use okta_authz_filter::denylist::MAX_ENTRIES;
use okta_authz_filter::https_url::HttpsUrl;

use super::raw_config as raw;

/// The maximum length of a secret in bytes.
const MAX_SECRET_BYTES: u64 = 4096;
const DAY: Duration = Duration::from_secs(86_400);

/// The settings of a receiver.
pub(super) struct Settings {
    pub(super) listen: SocketAddr,
    pub(super) internal_listen: SocketAddr,
    /// The `aud` of the tokens of logout calls.
    pub(super) logout_url: String,
    pub(super) orgs: Vec<Org>,
    pub(super) storage: Storage,
    pub(super) denylist_secret: Option<String>,
    pub(super) retention: Duration,
    pub(super) max_entries: usize,
    pub(super) max_connections: usize,
    pub(super) request_timeout: Duration,
    pub(super) ca: Option<PathBuf>,
}

/// An org that sends revocations.
pub(super) struct Org {
    /// The URL of the org, then its custom domains.
    pub(super) issuers: Vec<String>,
    pub(super) jwks_uri: HttpsUrl,
    /// The issuers that the entries name; empty for entries without `issuer`.
    pub(super) token_issuers: Vec<String>,
    pub(super) events: Option<Events>,
    /// The client IDs of Universal Logout; empty if it is off.
    pub(super) logout_clients: Vec<String>,
}

/// The settings for security events.
pub(super) struct Events {
    pub(super) audiences: Vec<String>,
    pub(super) credential_change: bool,
    pub(super) authorization: Option<String>,
}

/// The place where entries are stored.
pub(super) enum Storage {
    /// The file of the embedded database.
    Embedded(PathBuf),
    /// A PostgreSQL database.
    #[cfg(feature = "postgres")]
    Postgres { url: String, ca: Option<PathBuf> },
}

impl Org {
    /// Returns the name of the org in logs and metrics: its URL.
    pub(super) fn name(&self) -> &str {
        self.issuers.first().map_or("", String::as_str)
    }
}

impl Settings {
    /// Parses and checks a configuration. Reads the secrets that it names.
    ///
    /// # Errors
    /// A message that begins with the path of the field.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let text = str::from_utf8(text).map_err(|_| "the file is not UTF-8".to_owned())?;
        let document: serde_json::Value = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        let raw: raw::Config = serde_path_to_error::deserialize(document)
            .map_err(|error| format!("{}: {}", error.path(), error.inner()))?;
        let url = https_url("url", &raw.url)?;
        if url.path.contains('?') {
            return Err("url: must have no query".to_owned());
        }
        if raw.orgs.is_empty() {
            return Err("orgs: must have one org at least".to_owned());
        }
        let orgs = raw.orgs.into_iter().enumerate().map(|(index, raw)| org(&format!("orgs[{index}]"), raw));
        let orgs = orgs.collect::<Result<Vec<_>, _>>()?;
        let mut issuers: Vec<&String> = orgs.iter().flat_map(|org| &org.issuers).collect();
        issuers.sort();
        if let Some([issuer, _]) = issuers.windows(2).find(|pair| pair.first() == pair.get(1)) {
            return Err(format!("orgs: {issuer:?} occurs twice"));
        }
        let max_entries = raw.denylist.max_entries.unwrap_or(MAX_ENTRIES);
        if !(1..=MAX_ENTRIES).contains(&max_entries) {
            return Err(format!("denylist.max_entries: must be from 1 to {MAX_ENTRIES}"));
        }
        let max_connections = raw.limits.max_connections.unwrap_or(256);
        if !(1..=65_536).contains(&max_connections) {
            return Err("limits.max_connections: must be from 1 to 65536".to_owned());
        }
        Ok(Self {
            listen: raw.listen,
            internal_listen: raw.internal_listen,
            logout_url: format!("https://{}{}/logout", url.authority, url.path.trim_end_matches('/')),
            storage: storage(raw.storage)?,
            denylist_secret: raw
                .denylist
                .secret
                .map(|source| secret("denylist.secret", &source))
                .transpose()?,
            retention: duration(
                "denylist.retention",
                raw.denylist.retention,
                DAY,
                (Duration::from_secs(300), DAY.saturating_mul(365)),
            )?,
            max_entries,
            max_connections,
            request_timeout: duration(
                "limits.request_timeout",
                raw.limits.request_timeout,
                Duration::from_secs(10),
                (Duration::from_secs(1), Duration::from_secs(60)),
            )?,
            ca: raw.ca,
            orgs,
        })
    }
}

fn org(at: &str, raw: raw::Org) -> Result<Org, String> {
    let mut issuers = vec![raw.issuer];
    issuers.extend(raw.aliases);
    for (index, issuer) in issuers.iter().enumerate() {
        let field = if index == 0 { "issuer" } else { "aliases" };
        let url = https_url(&format!("{at}.{field}"), issuer)?;
        // The org server signs events and logout calls; its issuer has no path.
        if url.path != "/" || issuer.ends_with('/') {
            return Err(format!(
                "{at}.{field}: must be the URL of the org without a path, such as https://acme.okta.com"
            ));
        }
    }
    let default_uri = || issuers.first().map(|issuer| format!("{issuer}/oauth2/v1/keys")).unwrap_or_default();
    let jwks_uri = raw.jwks_uri.unwrap_or_else(default_uri);
    let jwks_uri = https_url(&format!("{at}.jwks_uri"), &jwks_uri)?;
    for issuer in &raw.token_issuers {
        https_url(&format!("{at}.token_issuers"), issuer)?;
    }
    let events = raw.events.map(|raw| events(&format!("{at}.events"), raw)).transpose()?;
    let logout_clients = raw.logout.map(|logout| logout.client_ids);
    if logout_clients.as_ref().is_some_and(Vec::is_empty) {
        return Err(format!("{at}.logout.client_ids: must not be empty"));
    }
    if events.is_none() && logout_clients.is_none() {
        return Err(format!("{at}: needs `events`, `logout`, or both"));
    }
    Ok(Org {
        issuers,
        jwks_uri,
        token_issuers: raw.token_issuers,
        events,
        logout_clients: logout_clients.unwrap_or_default(),
    })
}

fn events(at: &str, raw: raw::Events) -> Result<Events, String> {
    if raw.audiences.is_empty() || raw.audiences.iter().any(String::is_empty) {
        return Err(format!("{at}.audiences: must have one value at least, and no empty value"));
    }
    let authorization = raw.authorization.map(|source| secret(&format!("{at}.authorization"), &source));
    Ok(Events {
        audiences: raw.audiences,
        credential_change: raw.credential_change,
        authorization: authorization.transpose()?,
    })
}

fn storage(raw: raw::Storage) -> Result<Storage, String> {
    match raw {
        raw::Storage { path: Some(path), postgres: None } => Ok(Storage::Embedded(path)),
        #[cfg(feature = "postgres")]
        raw::Storage { path: None, postgres: Some(postgres) } => {
            Ok(Storage::Postgres { url: secret("storage.postgres.url", &postgres.url)?, ca: postgres.ca })
        }
        #[cfg(not(feature = "postgres"))]
        raw::Storage { path: None, postgres: Some(raw::Postgres { url, .. }) } => {
            secret("storage.postgres.url", &url)?;
            Err("storage.postgres: this program was built without the feature `postgres`".to_owned())
        }
        _ => Err("storage: needs one of `path` and `postgres`".to_owned()),
    }
}

fn https_url(at: &str, url: &str) -> Result<HttpsUrl, String> {
    HttpsUrl::parse(url).map_err(|problem| format!("{at}: {problem}"))
}

fn duration(
    at: &str,
    text: Option<String>,
    default: Duration,
    (least, most): (Duration, Duration),
) -> Result<Duration, String> {
    let Some(text) = text else { return Ok(default) };
    let duration = parse_duration(&text).filter(|duration| (least..=most).contains(duration));
    duration.ok_or_else(|| {
        let (least, most) = (least.as_secs(), most.as_secs());
        format!("{at}: must be a number and a unit, such as 30s, 5m, 24h or 7d, from {least}s to {most}s")
    })
}

/// Reads a secret from its environment variable or its file, without white space at its end.
fn secret(at: &str, source: &raw::Secret) -> Result<String, String> {
    let text = match source {
        raw::Secret { env: Some(name), file: None } => std::env::var(name)
            .map_err(|_| format!("{at}.env: the environment variable {name:?} is not set, or not UTF-8"))?,
        raw::Secret { env: None, file: Some(file) } => {
            let size = std::fs::metadata(file).map(|metadata| metadata.len());
            if size.is_ok_and(|size| size > MAX_SECRET_BYTES) {
                return Err(format!("{at}.file: must be at most {MAX_SECRET_BYTES} bytes long"));
            }
            std::fs::read_to_string(file)
                .map_err(|error| format!("{at}.file: cannot be read: {}: {error}", file.display()))?
        }
        _ => return Err(format!("{at}: needs one of `env` and `file`")),
    };
    let secret = text.trim_end();
    if secret.is_empty() { Err(format!("{at}: the secret is empty")) } else { Ok(secret.to_owned()) }
}
