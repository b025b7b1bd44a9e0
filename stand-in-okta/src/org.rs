//! The org: its authorization servers, and the state of each.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde::Deserialize;

use super::browser::{BrowserApp, SignIns};
use super::faults::Fault;
use super::grants::Grants;
use super::keys::{Key, KeyRing, Rotation, Stage};
use super::revocations::Revocations;
use super::tokens::TokenSpec;

/// An authorization server of the org. Each has its own keys.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Deserialize)]
pub enum Server {
    /// The org authorization server. Its access tokens are for Okta's APIs only.
    #[serde(rename = "org")]
    Org,
    /// The custom authorization server `default`, which every org has.
    #[serde(rename = "default")]
    Default,
    /// Another custom authorization server.
    #[serde(rename = "aus9o8wzkhckw9TLa0h7z")]
    Custom,
}

impl Server {
    /// All servers.
    pub const ALL: [Self; 3] = [Self::Org, Self::Default, Self::Custom];

    /// Returns the server's ID. It is in the paths of the custom servers.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Org => "org",
            Self::Default => "default",
            Self::Custom => "aus9o8wzkhckw9TLa0h7z",
        }
    }

    /// Returns the path below which the endpoints are.
    pub(crate) fn base_path(self) -> String {
        match self {
            Self::Org => "/oauth2".to_owned(),
            Self::Default | Self::Custom => format!("/oauth2/{}", self.id()),
        }
    }

    /// Returns the issuer, the value of `iss`. The endpoints of the org server are not below its
    /// issuer.
    pub fn issuer(self, domain: &str) -> String {
        match self {
            Self::Org => format!("https://{domain}"),
            Self::Default | Self::Custom => format!("https://{domain}{}", self.base_path()),
        }
    }

    /// Returns the audience of the server's access tokens.
    pub fn audience(self, domain: &str) -> String {
        match self {
            Self::Org => self.issuer(domain),
            Self::Default => "api://default".to_owned(),
            Self::Custom => "https://api.acme.example".to_owned(),
        }
    }

    /// Returns the scopes that a client can request, without those of OpenID Connect.
    pub const fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::Org => &[],
            // The demo and the tutorial use `items`, the README `orders`.
            Self::Default | Self::Custom => &["items:read", "items:write", "orders:read", "orders:write"],
        }
    }
}

/// An endpoint whose requests are counted. `Denylist`, `Discovery`, `Introspect` and `Keys` can have
/// a fault.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Endpoint {
    /// `/v1/authorize`
    Authorize,
    /// The list of revoked tokens. Okta has no such endpoint.
    Denylist,
    /// The metadata, at all of their paths.
    Discovery,
    /// `/v1/introspect`
    Introspect,
    /// `/v1/keys`
    Keys,
    /// `/v1/logout`
    Logout,
    /// `/v1/revoke`
    Revoke,
    /// `/v1/token`
    Token,
    /// `/v1/userinfo`
    Userinfo,
}

impl Endpoint {
    /// All endpoints with their names in the control API.
    pub const ALL: [(&'static str, Self); 9] = [
        ("authorize", Self::Authorize),
        ("denylist", Self::Denylist),
        ("discovery", Self::Discovery),
        ("introspect", Self::Introspect),
        ("keys", Self::Keys),
        ("logout", Self::Logout),
        ("revoke", Self::Revoke),
        ("token", Self::Token),
        ("userinfo", Self::Userinfo),
    ];
}

/// The state of the stand-in.
pub(crate) struct Org {
    domain: String,
    app: BrowserApp,
    /// The time by which the org's clock is ahead, in milliseconds.
    ahead_millis: AtomicI64,
    sign_ins: Mutex<SignIns>,
    grants: Mutex<Grants>,
    org: ServerState,
    default: ServerState,
    custom: ServerState,
    revoked: Mutex<Revocations>,
}

impl Org {
    /// Makes an org with new keys.
    pub(crate) fn new(domain: String, app: BrowserApp) -> Self {
        let org = Self {
            domain,
            app,
            ahead_millis: AtomicI64::new(0),
            sign_ins: Mutex::new(SignIns::new()),
            grants: Mutex::new(Grants::new()),
            org: ServerState::new(),
            default: ServerState::new(),
            custom: ServerState::new(),
            revoked: Mutex::new(Revocations::new()),
        };
        // Most tests use this server. Its keys are generated now, so its first response is not
        // delayed.
        drop(org.default.ring());
        org
    }

    /// Returns the host of all issuers.
    pub(crate) fn domain(&self) -> &str {
        &self.domain
    }

    /// Returns the registered single-page app.
    pub(crate) const fn app(&self) -> &BrowserApp {
        &self.app
    }

    /// Locks the sessions and incomplete sign-ins.
    pub(crate) fn sign_ins(&self) -> MutexGuard<'_, SignIns> {
        lock(&self.sign_ins)
    }

    /// Locks the authorization codes and refresh tokens.
    pub(crate) fn grants(&self) -> MutexGuard<'_, Grants> {
        lock(&self.grants)
    }

    /// Returns the org's time in milliseconds since the Unix epoch.
    pub(crate) fn now_millis(&self) -> i64 {
        unix_millis().saturating_add(self.ahead_millis.load(Ordering::Relaxed))
    }

    /// Moves the org's clock forward.
    pub(crate) fn advance(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        self.ahead_millis.fetch_add(millis, Ordering::Relaxed);
    }

    /// Returns the state of one server.
    pub(crate) const fn state(&self, server: Server) -> &ServerState {
        match server {
            Server::Org => &self.org,
            Server::Default => &self.default,
            Server::Custom => &self.custom,
        }
    }

    /// Mints a token that the server's ACTIVE key signs.
    pub(crate) fn mint(&self, server: Server, spec: &TokenSpec) -> String {
        let now = self.now_millis().div_euclid(1000);
        spec.mint(server, &self.domain, now, self.state(server).ring().active())
    }

    /// Revokes the token with this `jti`.
    pub(crate) fn revoke(&self, jti: String) {
        self.revocations().add(jti, self.now_millis());
    }

    /// Locks the revoked tokens and the denylist.
    pub(crate) fn revocations(&self) -> MutexGuard<'_, Revocations> {
        lock(&self.revoked)
    }
}

/// The state of one authorization server.
pub(crate) struct ServerState {
    /// Generated on first use: RSA keys take time, and most tests use one server.
    ring: OnceLock<Mutex<KeyRing>>,
    cache_control: Mutex<Option<String>>,
    faults: Mutex<HashMap<Endpoint, Fault>>,
    requests: Mutex<HashMap<Endpoint, u64>>,
}

impl ServerState {
    fn new() -> Self {
        Self {
            ring: OnceLock::new(),
            cache_control: Mutex::new(Some(CACHE_CONTROL.to_owned())),
            faults: Mutex::default(),
            requests: Mutex::default(),
        }
    }

    /// Locks the keys.
    pub(crate) fn ring(&self) -> MutexGuard<'_, KeyRing> {
        lock(self.ring.get_or_init(|| Mutex::new(KeyRing::new())))
    }

    /// Returns the JWKS document, in random order like Okta's.
    pub(crate) fn published_keys(&self) -> String {
        self.ring().document(unix_millis())
    }

    /// Rotates the keys.
    pub(crate) fn rotate(&self, rotation: Rotation) {
        // Before the lock, so that concurrent requests get the current keys without delay.
        let fresh = [Key::generate(), Key::generate()];
        self.ring().rotate(rotation, fresh, unix_millis());
    }

    /// Sets the keys that are published.
    pub(crate) fn set_stage(&self, stage: Stage) {
        self.ring().set_stage(stage);
    }

    /// Returns the `Cache-Control` of the key set.
    pub(crate) fn cache_control(&self) -> Option<String> {
        lock(&self.cache_control).clone()
    }

    /// Sets the `Cache-Control` of the key set. `None` removes it.
    pub(crate) fn set_cache_control(&self, value: Option<String>) {
        *lock(&self.cache_control) = value;
    }

    /// Counts a request to the endpoint and returns the endpoint's fault.
    pub(crate) fn record_request(&self, endpoint: Endpoint) -> Fault {
        let mut requests = lock(&self.requests);
        let count = requests.entry(endpoint).or_default();
        *count = count.saturating_add(1);
        lock(&self.faults).get(&endpoint).cloned().unwrap_or_default()
    }

    /// Returns the number of counted requests.
    pub(crate) fn requests(&self, endpoint: Endpoint) -> u64 {
        lock(&self.requests).get(&endpoint).copied().unwrap_or_default()
    }

    /// Sets the fault of an endpoint.
    pub(crate) fn set_fault(&self, endpoint: Endpoint, fault: Fault) {
        lock(&self.faults).insert(endpoint, fault);
    }
}

/// Returns the time in milliseconds since the Unix epoch. The stand-in reads the clock only here.
#[allow(clippy::disallowed_methods, reason = "an authorization server puts the time into its tokens")]
pub(crate) fn unix_millis() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// Locks the mutex, also after a panic. Each change is one assignment, so the state is consistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The `Cache-Control` of Okta's documented example: 44 days.
const CACHE_CONTROL: &str = "max-age=3832304, must-revalidate";
