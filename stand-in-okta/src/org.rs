//! The org: its authorization servers, and the state of each.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};

use super::browser::{BrowserApp, SignIns};
use super::faults::Fault;
use super::grants::Grants;
use super::keys::{Key, KeyRing, Rotation, Stage};
use super::oauth::{Clients, Dpop, Introspections};
use super::revocations::Revocations;
use super::servers::{Endpoint, Server};
use super::store::Store;
use super::tokens::TokenSpec;

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
    clients: Mutex<Clients>,
    dpop: Mutex<Dpop>,
    /// The claims of the opaque tokens.
    opaque: Mutex<Store<(Server, Map<String, Value>)>>,
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
            clients: Mutex::new(Clients::new()),
            dpop: Mutex::new(Dpop::new()),
            opaque: Mutex::new(Store::new()),
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

    /// Mints a token that the server's ACTIVE key signs, or an opaque one.
    pub(crate) fn mint(&self, server: Server, spec: &TokenSpec) -> String {
        let now_millis = self.now_millis();
        let now = now_millis.div_euclid(1000);
        if let Some(claims) = spec.opaque_claims(server, &self.domain, now) {
            return lock(&self.opaque).add((server, claims), OPAQUE_SECONDS, now_millis);
        }
        spec.mint(server, &self.domain, now, self.state(server).ring().active())
    }

    /// Returns the claims of an opaque token of the server.
    pub(crate) fn opaque_claims(&self, server: Server, token: &str) -> Option<Map<String, Value>> {
        let opaque = lock(&self.opaque);
        let (_, claims) = opaque.get(token, self.now_millis()).filter(|(issuer, _)| *issuer == server)?;
        Some(claims.clone())
    }

    /// Locks the settings of the clients.
    pub(crate) fn clients(&self) -> MutexGuard<'_, Clients> {
        lock(&self.clients)
    }

    /// Locks the state of DPoP.
    pub(crate) fn dpop(&self) -> MutexGuard<'_, Dpop> {
        lock(&self.dpop)
    }

    /// Revokes the token with this `jti`.
    pub(crate) fn revoke(&self, jti: String) {
        lock(&self.revoked).add(jti, self.now_millis());
    }

    /// Returns the `jti` of all revoked tokens.
    pub(crate) fn revoked(&self) -> Vec<String> {
        lock(&self.revoked).all()
    }

    /// Returns whether the token was revoked.
    pub(crate) fn is_revoked(&self, jti: &str) -> bool {
        lock(&self.revoked).contains(jti)
    }
}

/// The state of one authorization server.
pub(crate) struct ServerState {
    /// Generated on first use: RSA keys take time, and most tests use one server.
    ring: OnceLock<Mutex<KeyRing>>,
    cache_control: Mutex<Option<String>>,
    faults: Mutex<HashMap<Endpoint, Fault>>,
    requests: Mutex<HashMap<Endpoint, u64>>,
    introspections: Introspections,
}

impl ServerState {
    fn new() -> Self {
        Self {
            ring: OnceLock::new(),
            cache_control: Mutex::new(Some(CACHE_CONTROL.to_owned())),
            faults: Mutex::default(),
            requests: Mutex::default(),
            introspections: Introspections::default(),
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

    /// Returns the record of introspection requests.
    pub(crate) const fn introspections(&self) -> &Introspections {
        &self.introspections
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

/// The time for which the stand-in knows an opaque token: Okta's maximum lifetime of 24 hours.
const OPAQUE_SECONDS: i64 = 24 * 3600;

/// The `Cache-Control` of Okta's documented example: 44 days.
const CACHE_CONTROL: &str = "max-age=3832304, must-revalidate";
