//! The org: its authorization servers, and what each of them has at one moment.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use serde::Deserialize;

use super::faults::Fault;
use super::keys::{Key, KeyRing, Rotation, Stage};
use super::tokens::TokenSpec;

/// An authorization server of the org. Each has keys of its own.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Deserialize)]
pub enum Server {
    /// The org's own server: its access tokens are meant for Okta, and for no API of yours.
    #[serde(rename = "org")]
    Org,
    /// The custom server that every org has.
    #[serde(rename = "default")]
    Default,
    /// Another custom server.
    #[serde(rename = "aus9o8wzkhckw9TLa0h7z")]
    Custom,
}

impl Server {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Org, Self::Default, Self::Custom];

    /// The id in paths; the org server has none there.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Org => "org",
            Self::Default => "default",
            Self::Custom => "aus9o8wzkhckw9TLa0h7z",
        }
    }

    /// Where its endpoints are, as a path.
    pub fn base_path(self) -> String {
        match self {
            Self::Org => "/oauth2".to_owned(),
            Self::Default | Self::Custom => format!("/oauth2/{}", self.id()),
        }
    }

    /// Its name in `iss`. Unlike that of the others, the org server's is not where its endpoints are.
    pub fn issuer(self, domain: &str) -> String {
        match self {
            Self::Org => format!("https://{domain}"),
            Self::Default | Self::Custom => format!("https://{domain}{}", self.base_path()),
        }
    }

    /// Whom its access tokens are for.
    pub fn audience(self, domain: &str) -> String {
        match self {
            Self::Org => self.issuer(domain),
            Self::Default => "api://default".to_owned(),
            Self::Custom => "https://api.acme.example".to_owned(),
        }
    }

    /// The scopes a client may be given here, besides those of OpenID Connect.
    pub const fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::Org => &[],
            Self::Default | Self::Custom => &["items:read", "items:write"],
        }
    }
}

/// What can be asked of a server, counted, and (for all but `Token` and `Revoke`) broken.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Endpoint {
    /// The list of revoked tokens, which is not Okta's.
    Denylist,
    /// Its metadata, in all their places.
    Discovery,
    /// `/v1/introspect`
    Introspect,
    /// `/v1/keys`
    Keys,
    /// `/v1/revoke`
    Revoke,
    /// `/v1/token`
    Token,
}

impl Endpoint {
    /// All of them, with the names they have in the control API.
    pub const ALL: [(&'static str, Self); 6] = [
        ("denylist", Self::Denylist),
        ("discovery", Self::Discovery),
        ("introspect", Self::Introspect),
        ("keys", Self::Keys),
        ("revoke", Self::Revoke),
        ("token", Self::Token),
    ];
}

/// All that the stand-in knows.
pub(crate) struct Org {
    domain: String,
    org: Authority,
    default: Authority,
    custom: Authority,
    /// The `jti` of revoked tokens: only introspection and the denylist know of them.
    revoked: Mutex<HashSet<String>>,
}

impl Org {
    /// An org with fresh keys.
    pub(crate) fn new(domain: String) -> Self {
        let org = Self {
            domain,
            org: Authority::new(),
            default: Authority::new(),
            custom: Authority::new(),
            revoked: Mutex::default(),
        };
        // The server that everyone uses shall answer its first request as fast as any other.
        drop(org.default.ring());
        org
    }

    /// The host of all issuers.
    pub(crate) fn domain(&self) -> &str {
        &self.domain
    }

    /// The state of one server.
    pub(crate) const fn authority(&self, server: Server) -> &Authority {
        match server {
            Server::Org => &self.org,
            Server::Default => &self.default,
            Server::Custom => &self.custom,
        }
    }

    /// A token signed with the server's active key.
    pub(crate) fn mint(&self, server: Server, spec: &TokenSpec) -> String {
        let now = unix_millis().div_euclid(1000);
        spec.mint(server, &self.domain, now, self.authority(server).ring().active())
    }

    /// Remembers that this token is no longer good.
    pub(crate) fn revoke(&self, jti: String) {
        lock(&self.revoked).insert(jti);
    }

    /// The `jti` of all that were revoked.
    pub(crate) fn revoked(&self) -> Vec<String> {
        lock(&self.revoked).iter().cloned().collect()
    }

    /// Whether the token was revoked.
    pub(crate) fn is_revoked(&self, jti: &str) -> bool {
        lock(&self.revoked).contains(jti)
    }
}

/// One authorization server's state.
pub(crate) struct Authority {
    /// Made when first needed: RSA keys take a while, and most tests are about one server.
    ring: OnceLock<Mutex<KeyRing>>,
    cache_control: Mutex<Option<String>>,
    faults: Mutex<HashMap<Endpoint, Fault>>,
    requests: Mutex<HashMap<Endpoint, u64>>,
}

impl Authority {
    fn new() -> Self {
        Self {
            ring: OnceLock::new(),
            cache_control: Mutex::new(Some(CACHE_CONTROL.to_owned())),
            faults: Mutex::default(),
            requests: Mutex::default(),
        }
    }

    /// The keys, locked.
    pub(crate) fn ring(&self) -> MutexGuard<'_, KeyRing> {
        lock(self.ring.get_or_init(|| Mutex::new(KeyRing::new())))
    }

    /// The key set as a document, in random order as Okta's.
    pub(crate) fn published_keys(&self) -> String {
        self.ring().document(unix_millis())
    }

    /// Rotates the keys.
    pub(crate) fn rotate(&self, rotation: Rotation) {
        // Before the ring is locked: whoever asks for the keys meanwhile gets those that there are.
        let fresh = [Key::generate(), Key::generate()];
        self.ring().rotate(rotation, fresh, unix_millis());
    }

    /// Sets which keys are published.
    pub(crate) fn set_stage(&self, stage: Stage) {
        self.ring().set_stage(stage);
    }

    /// The `Cache-Control` of the key set.
    pub(crate) fn cache_control(&self) -> Option<String> {
        lock(&self.cache_control).clone()
    }

    /// Sets it.
    pub(crate) fn set_cache_control(&self, value: Option<String>) {
        *lock(&self.cache_control) = value;
    }

    /// Notes a request, and tells what is to go wrong with it.
    pub(crate) fn asked(&self, endpoint: Endpoint) -> Fault {
        let mut requests = lock(&self.requests);
        let count = requests.entry(endpoint).or_default();
        *count = count.saturating_add(1);
        lock(&self.faults).get(&endpoint).cloned().unwrap_or_default()
    }

    /// How many requests were noted.
    pub(crate) fn requests(&self, endpoint: Endpoint) -> u64 {
        lock(&self.requests).get(&endpoint).copied().unwrap_or_default()
    }

    /// Sets what is to go wrong.
    pub(crate) fn set_fault(&self, endpoint: Endpoint, fault: Fault) {
        lock(&self.faults).insert(endpoint, fault);
    }
}

/// The only clock here: milliseconds since the Unix epoch.
#[allow(clippy::disallowed_methods, reason = "an authorization server puts the time into its tokens")]
pub(crate) fn unix_millis() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// A thread that panicked with the lock in hand has changed nothing half-way: every change here is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What Okta sends, in its documentation's example: 44 days.
const CACHE_CONTROL: &str = "max-age=3832304, must-revalidate";
