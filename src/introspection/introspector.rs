//! The introspection of one provider on one worker: results, calls in flight, and limits.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::call::{CallError, CallRequest, CallResponse};
use super::client_assertion::Assertion;
use super::client_auth::ClientAuth;
use super::digest::TokenDigest;
use super::limits::Limits;
use super::outcome::{Accepted, Answer, Cached, CallOutcome, IntrospectionCounts};
use super::result_table::{CachedResult, Entry, ResultTable};
use super::{IntrospectionSettings, call, shared_results};
use crate::claims::Claims;
use crate::refresh::shared::{SharedData, SharedKeys};
use crate::rejection::Rejection;
use crate::time::UnixTime;

/// The limits of the table of active tokens.
const MAX_ACTIVE: (usize, usize) = (10_000, 16 * 1024 * 1024);
/// The limits of the table of all other results.
const MAX_OTHERS: (usize, usize) = (1_000, usize::MAX);
/// The time for which a failed call decides the requests that waited for it. It also limits the
/// calls for one token during an outage.
const FAILURE_DURATION: Duration = Duration::from_secs(1);

/// The introspection of one provider on one worker. `T` is an accepted token.
pub(crate) struct Introspector<T> {
    /// The names of the values in shared data.
    keys: SharedKeys,
    limits: Limits,
    active: ResultTable<T>,
    others: ResultTable<T>,
    calls: Vec<Call>,
    assertion: Option<Assertion>,
    counts: IntrospectionCounts,
}

/// A call that has no response yet.
struct Call {
    digest: TokenDigest,
    /// Whether the token is a JWT that the filter has verified.
    is_jwt: bool,
    /// The token, until the host sends the call.
    token: Option<Vec<u8>>,
    begun_at: UnixTime,
}

impl<T> Introspector<T> {
    pub(crate) fn new(settings: &IntrospectionSettings) -> Self {
        let client_id = settings.client_id.as_deref().unwrap_or_default();
        let uri = settings.uri.to_string();
        let keys = SharedKeys::new(&["introspection", &settings.cluster, &uri, client_id]);
        Self {
            limits: Limits::new(settings.max_per_second, &keys),
            keys,
            active: ResultTable::new(MAX_ACTIVE.0, MAX_ACTIVE.1),
            others: ResultTable::new(MAX_OTHERS.0, MAX_OTHERS.1),
            calls: Vec::new(),
            assertion: None,
            counts: IntrospectionCounts::default(),
        }
    }

    /// Returns the result for a token. A result is never used beyond `exp` (RFC 7662 section 4).
    pub(crate) fn cached(
        &mut self,
        settings: &IntrospectionSettings,
        digest: &TokenDigest,
        now: UnixTime,
    ) -> Cached<T> {
        let result = match (self.active.get(digest), self.others.get(digest)) {
            (Some(Entry { result: CachedResult::Active { expires_at: Some(at), .. }, .. }), _)
                if *at <= now.seconds() =>
            {
                Cached::Rejected(Rejection::TokenExpired)
            }
            (Some(Entry { result: CachedResult::Active { token, .. }, at, .. }), _)
                if age(*at, now) < settings.cache_duration =>
            {
                Cached::Active(Rc::clone(token))
            }
            (_, Some(Entry { result: CachedResult::Rejected(rejection), at, .. }))
                if age(*at, now) < settings.inactive_cache_duration =>
            {
                Cached::Rejected(*rejection)
            }
            (_, Some(Entry { result: CachedResult::Failed(rejection), at, .. }))
                if age(*at, now) < FAILURE_DURATION =>
            {
                self.stale(settings, digest, now).map_or(Cached::Rejected(*rejection), Cached::Active)
            }
            _ if self.is_in_flight(digest) => return Cached::InFlight,
            _ => return Cached::Unknown,
        };
        self.counts.cache_hits = self.counts.cache_hits.wrapping_add(1);
        result
    }

    /// Returns a token that was active, for at most `max_stale` after its result has expired.
    fn stale(&self, settings: &IntrospectionSettings, digest: &TokenDigest, now: UnixTime) -> Option<Rc<T>> {
        let entry = self.active.get(digest)?;
        let CachedResult::Active { token, expires_at } = &entry.result else { return None };
        let is_valid = expires_at.is_none_or(|at| now.seconds() < at)
            && age(entry.at, now) < settings.cache_duration.saturating_add(settings.max_stale);
        (is_valid && !settings.max_stale.is_zero()).then(|| Rc::clone(token))
    }

    /// Returns a valid result of another worker: the claims, and the time of its call.
    pub(crate) fn shared_result(
        &self,
        settings: &IntrospectionSettings,
        digest: &TokenDigest,
        now: UnixTime,
        shared: &dyn SharedData,
    ) -> Option<(Claims, UnixTime)> {
        let (at, body) = shared_results::read(&self.keys, digest, shared)?;
        // A time in the future would make the result valid for longer.
        if at > now || age(at, now) >= settings.cache_duration {
            return None;
        }
        match call::answer(body) {
            Ok(Answer::Active(claims)) => Some((claims, at)),
            _ => None,
        }
    }

    /// Adds the result of an active token. Returns the token.
    pub(crate) fn insert_active(
        &mut self,
        digest: TokenDigest,
        Accepted { token, expires_at, bytes }: Accepted<T>,
        at: UnixTime,
    ) -> Rc<T> {
        let token = Rc::new(token);
        self.others.remove(&digest);
        let result = CachedResult::Active { token: Rc::clone(&token), expires_at };
        self.active.insert(digest, result, at, bytes);
        token
    }

    /// Begins a call, which the host sends at its next tick, and returns `None`. If a limit allows no
    /// call, returns the token if it was active, for at most `max_stale`.
    ///
    /// # Errors
    /// The rejection of the request, if a limit allows no call and the token cannot be used.
    pub(crate) fn begin(
        &mut self,
        settings: &IntrospectionSettings,
        (digest, token): (TokenDigest, &[u8]),
        is_jwt: bool,
        now: UnixTime,
        shared: &dyn SharedData,
    ) -> Result<Option<Rc<T>>, Rejection> {
        let is_known = is_jwt || self.active.get(&digest).is_some();
        let admitted = if self.calls.len() >= settings.max_in_flight {
            Err(Rejection::IntrospectionLimited)
        } else {
            self.limits.take(is_known, now, shared)
        };
        if let Err(rejection) = admitted {
            if let Some(token) = self.stale(settings, &digest, now) {
                return Ok(Some(token));
            }
            self.counts.limited = self.counts.limited.wrapping_add(1);
            return Err(rejection);
        }
        self.calls.push(Call { digest, is_jwt, token: Some(token.to_vec()), begun_at: now });
        Ok(None)
    }

    /// Returns the calls that the host has to send. Gives up calls without a response.
    ///
    /// The tokens leave the memory of the filter here.
    pub(crate) fn take_calls(
        &mut self,
        settings: &IntrospectionSettings,
        now: UnixTime,
    ) -> Vec<(TokenDigest, CallRequest)> {
        // The host responds within the timeout; the second half allows for a delayed thread.
        let response_timeout = settings.timeout.saturating_mul(2);
        self.calls.retain(|call| call.token.is_some() || age(call.begun_at, now) < response_timeout);
        let mut requests = Vec::new();
        for index in 0..self.calls.len() {
            let Some((digest, token)) =
                self.calls.get_mut(index).and_then(|call| Some((call.digest, call.token.take()?)))
            else {
                continue;
            };
            let assertion = self.assertion(settings, now);
            requests.push((digest, CallRequest::new(settings, &token, assertion)));
        }
        requests
    }

    /// Returns the current assertion, and signs a new one if it is too old.
    fn assertion(&mut self, settings: &IntrospectionSettings, now: UnixTime) -> Option<&str> {
        let ClientAuth::PrivateKeyJwt { key_id, parsed: Some(key), .. } = &settings.auth else { return None };
        if self.assertion.as_ref().is_none_or(|assertion| assertion.current(now).is_none()) {
            let client_id = settings.client_id.as_deref().unwrap_or_default();
            let audience = settings.uri.to_string();
            self.assertion = Some(key.sign(key_id.as_deref(), client_id, &audience, now));
        }
        self.assertion.as_ref().and_then(|assertion| assertion.current(now))
    }

    /// Processes the response to a call. `accept` checks the claims of an active token; its second
    /// argument is whether the token is a JWT that the filter has verified.
    pub(crate) fn on_response(
        &mut self,
        digest: TokenDigest,
        now: UnixTime,
        shared: &dyn SharedData,
        response: Result<CallResponse<'_>, CallError>,
        accept: &dyn Fn(Claims, bool) -> Result<Accepted<T>, Rejection>,
    ) -> CallOutcome {
        let call = self.calls.iter().position(|call| call.digest == digest);
        let is_jwt = call.map(|index| self.calls.swap_remove(index).is_jwt);
        // A worker that was delayed has given up the call, and its result may be older than another.
        let Some(is_jwt) = is_jwt else { return CallOutcome::Failed(CallError::NoResponse) };
        let body = response.as_ref().ok().and_then(|response| {
            response.body.as_ref().filter(|body| body.len() <= shared_results::MAX_SHARED_BYTES).cloned()
        });
        let answer = response.and_then(|response| response.answer(now));
        let accepted = match answer {
            Ok(Answer::Active(claims)) => accept(claims, is_jwt),
            Ok(Answer::Inactive) => Err(Rejection::TokenInactive),
            Err(error) => {
                let rejection = self.pause_after(&error, now, shared);
                self.others.insert(digest, CachedResult::Failed(rejection), now, 0);
                return CallOutcome::Failed(error);
            }
        };
        match accepted {
            Ok(accepted) => {
                self.insert_active(digest, accepted, now);
                if let Some(body) = body {
                    shared_results::write(&self.keys, &digest, now, &body, shared);
                }
                CallOutcome::Active
            }
            Err(rejection) => {
                self.active.remove(&digest);
                self.others.insert(digest, CachedResult::Rejected(rejection), now, 0);
                CallOutcome::Rejected
            }
        }
    }

    /// Pauses the calls if the error affects all of them. Returns the rejection of the requests.
    fn pause_after(&mut self, error: &CallError, now: UnixTime, shared: &dyn SharedData) -> Rejection {
        match error {
            CallError::Limited(until) => {
                self.limits.pause_all(*until, shared);
                return Rejection::IntrospectionLimited;
            }
            CallError::Unauthorized(_) => self.limits.pause_for_credentials(now),
            _ => {}
        }
        Rejection::IntrospectionUnavailable
    }

    /// Returns whether a call for the token has no response yet.
    pub(crate) fn is_in_flight(&self, digest: &TokenDigest) -> bool {
        self.calls.iter().any(|call| call.digest == *digest)
    }

    /// Returns the numbers of events.
    pub(crate) const fn counts(&self) -> IntrospectionCounts {
        self.counts
    }
}

fn age(at: UnixTime, now: UnixTime) -> Duration {
    now.saturating_duration_since(at)
}

impl<T> fmt::Debug for Introspector<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Introspector({} active, {} others)", self.active.len(), self.others.len())
    }
}
