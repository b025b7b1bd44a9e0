//! The keys of an org: the fetches, schedule and unknown-kid cooldown of the filter.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::json::Object;
use okta_authz_filter::jwks::KeySet;
use okta_authz_filter::jwks::remote::RemoteKeys;
use okta_authz_filter::jwks::source::{JwksUri, KeySource};
use okta_authz_filter::jwks::unknown_kids::KidDigest;
use okta_authz_filter::refresh::RefreshSchedule;
use okta_authz_filter::refresh::refresher::{FetchProgress, WaitAdvice};
use okta_authz_filter::refresh::source::Document as _;
use okta_authz_filter::refresh::state::WorkerId;
use okta_authz_filter::rejection::Rejection;
use okta_authz_filter::revocation::{OrgJwt, OrgJwtError};

use super::config::Org;
use super::logs;
use crate::clock::now;
use crate::https::Https;
use crate::session::InMemorySharedData;

/// The defaults of the filter.
const SCHEDULE: RefreshSchedule = RefreshSchedule {
    cache_duration: Duration::from_secs(600),
    max_stale: Duration::from_secs(86_400),
    // That of the client.
    timeout: Duration::from_secs(10),
};
const UNKNOWN_KID_COOLDOWN: Duration = Duration::from_secs(30);
/// The interval of the thread that fetches.
const TICK: Duration = Duration::from_millis(100);
/// The longest time for which a request waits for keys. It is shorter than the least request
/// timeout.
const MAX_WAIT: Duration = Duration::from_millis(900);

/// The keys of one org.
pub(super) struct OrgKeys(Mutex<State>);

struct State {
    keys: RemoteKeys,
    shared: InMemorySharedData,
}

impl OrgKeys {
    /// Starts the thread that fetches the keys.
    pub(super) fn start(org: &Org, ca: Option<&Path>) -> Result<Arc<Self>, String> {
        let https = Https::new(ca).map_err(|error| error.0)?;
        let source = KeySource::new(&org.issuers, "", JwksUri::Configured(org.jwks_uri.clone()), None);
        let keys = RemoteKeys::new(source, SCHEDULE, UNKNOWN_KID_COOLDOWN, WorkerId(0));
        let state = State { keys, shared: InMemorySharedData::default() };
        let keys = Arc::new(Self(Mutex::new(state)));
        let (fetched, name) = (Arc::clone(&keys), org.name().to_owned());
        // It ends with the process: a fetch changes nothing that must be completed.
        let thread = std::thread::Builder::new().name("keys".to_owned()).spawn(move || {
            loop {
                fetched.poll(&https, &name);
                std::thread::sleep(TICK);
            }
        });
        thread.map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(keys)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches the keys if a fetch is due. No lock is held during the request.
    fn poll(&self, https: &Https, org: &str) {
        let fetch = {
            let State { keys, shared } = &mut *self.lock();
            keys.on_tick(now(), shared).fetch
        };
        let Some(fetch) = fetch else { return };
        let response = https.get(&fetch.url().to_string(), KeySet::MAX_BYTES);
        let problem = response.as_ref().err().map(|(_, problem)| problem.clone());
        let response = response.map_err(|(error, _)| error);
        let State { keys, shared } = &mut *self.lock();
        match keys.on_response(now(), fetch, shared, response) {
            FetchProgress::Done(Ok(count)) => {
                logs::info("keys_fetched", &[("org", org.into()), ("keys", count.into())]);
            }
            FetchProgress::Done(Err(error)) => {
                let problem = problem.unwrap_or_else(|| error.to_string());
                logs::error("keys_fetch_failed", &[("org", org.into()), ("problem", problem.into())]);
            }
            // Unreachable: the JWKS URI is configured, and its fetch is unconditional.
            FetchProgress::Request(_) | FetchProgress::NotModified => {}
        }
        keys.on_tick(now(), shared);
    }

    /// Returns the time in seconds of the last successful fetch.
    pub(super) fn fetched_at(&self) -> Option<i64> {
        self.lock().keys.refresher().fetched_at().map(|at| at.seconds())
    }

    /// Verifies a token of the type `typ`. Waits a short time for keys if the key ID is unknown.
    pub(super) async fn verify(&self, token: &[u8], typ: &str) -> Result<Object, OrgJwtError> {
        let mut waited = Duration::ZERO;
        loop {
            match self.try_verify(token, typ) {
                Err((_, WaitAdvice::Wait)) if waited < MAX_WAIT => {}
                Err((error, _)) => return Err(error),
                Ok(payload) => return Ok(payload),
            }
            tokio::time::sleep(TICK).await;
            waited = waited.saturating_add(TICK);
        }
    }

    fn try_verify(&self, token: &[u8], typ: &str) -> Result<Object, (OrgJwtError, WaitAdvice)> {
        let final_error = |error| (error, WaitAdvice::FailNow);
        let jwt = OrgJwt::parse(token, typ).map_err(final_error)?;
        let key_id = jwt.key_id();
        let State { keys, shared } = &mut *self.lock();
        let Ok(known) = keys.keys(now()) else {
            return Err((OrgJwtError::KeysUnavailable, keys.on_keys_unavailable(now())));
        };
        jwt.verify(known, &Software).map_err(|error| {
            if error != OrgJwtError::KeyUnknown || key_id.is_none() {
                return final_error(error);
            }
            let advice = keys.on_unknown_kid(KidDigest::new(key_id.as_deref()), now(), shared);
            match keys.rejection_for_unknown_key(now()) {
                Rejection::KeyUnknown => (OrgJwtError::KeyUnknown, advice),
                _ => (OrgJwtError::KeysUnavailable, advice),
            }
        })
    }
}
