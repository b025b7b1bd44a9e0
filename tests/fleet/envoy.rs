//! One Envoy: workers with the keys of the filter, and their shared data.
//!
//! The workers tick every 100 ms. The simulation leaves out the ticks that change nothing: those
//! before a fetch is due, and those during a fetch, which is shorter than the age at which a lease is
//! renewed.

use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;
use okta_authz_filter::crypto::Algorithm;
use okta_authz_filter::https_url::HttpsUrl;
use okta_authz_filter::jwks::remote::RemoteKeys;
use okta_authz_filter::jwks::source::{JwksUri, KeySource};
use okta_authz_filter::jwks::unknown_kids::KidDigest;
use okta_authz_filter::refresh::RefreshSchedule;
use okta_authz_filter::refresh::shared::{SharedData as _, SharedKeys};
use okta_authz_filter::refresh::source::{FetchError, Response, Source as _};
use okta_authz_filter::refresh::state::{RefreshState, WorkerId};
use okta_authz_filter::time::UnixTime;
use test_support::common::Store;

use super::requests::Requests;

const TICK: u64 = 100;
/// The time of a response, in milliseconds.
const LATENCY: Range<u64> = 20..200;
const COOLDOWN: Duration = Duration::from_secs(30);
/// The maximum number of steps in a simulation, which shows that it advances.
const MAX_STEPS: usize = 100_000;

/// Whether the fetches of different Envoys are spread over time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Jitter {
    /// As the filter does it.
    On,
    /// Worker IDs that cause no jitter.
    Off,
}

/// The issuer, by time in milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Issuer {
    /// When the issuer responds with status 503.
    pub(crate) outage: Range<u64>,
    /// When the issuer publishes another key instead of the first one.
    pub(crate) rotated_at: u64,
}

/// An Envoy from its start to its end.
pub(crate) struct Envoy {
    shared: Store,
    shared_keys: SharedKeys,
    workers: Vec<Worker>,
}

struct Worker {
    keys: RemoteKeys,
    /// The time of its ticks, modulo the interval.
    phase: u64,
}

impl Issuer {
    fn respond(&self, millis: u64) -> Result<Response, FetchError> {
        if self.outage.contains(&millis) {
            return Err(FetchError::Status(503));
        }
        let kid = if millis < self.rotated_at { "first" } else { "second" };
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let jwks = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"{x}"}}]}}"#);
        Ok(Response { body: jwks.into_bytes(), ..Response::default() })
    }
}

fn at(millis: u64) -> UnixTime {
    UnixTime::from_seconds(1_700_000_000).saturating_add(Duration::from_millis(millis))
}

impl Envoy {
    pub(crate) fn new(cache_duration: Duration, jitter: Jitter, workers: usize, random: &mut Rng) -> Self {
        let schedule = RefreshSchedule {
            cache_duration,
            max_stale: Duration::from_secs(86_400).max(cache_duration),
            timeout: Duration::from_secs(5),
        };
        let source = || {
            let url = HttpsUrl::parse("https://acme.okta.example/keys").unwrap();
            KeySource::new(&["https://acme.okta.example".to_owned()], "okta", JwksUri::Configured(url), None)
        };
        let shared_keys = source().shared_keys().clone();
        let worker = |_| {
            let id = match jitter {
                Jitter::On => random.u64(..),
                Jitter::Off => random.u64(..) << 10,
            };
            let keys = RemoteKeys::new(source(), schedule, COOLDOWN, WorkerId(id));
            Worker { keys, phase: random.u64(..TICK) }
        };
        Self { shared: Store::default(), shared_keys, workers: (0..workers).map(worker).collect() }
    }

    /// Runs the Envoy. From `token_at` on, a worker receives tokens with the second key.
    pub(crate) fn run(
        &mut self,
        life: Range<u64>,
        token_at: Option<u64>,
        issuer: &Issuer,
        requests: &mut Requests,
        random: &mut Rng,
    ) {
        let mut now = life.start;
        let mut token_at = token_at.filter(|token_at| life.contains(token_at));
        for _ in 0..MAX_STEPS {
            let due = self.due_at().max(now);
            now = token_at.map_or(due, |token_at| due.min(token_at.max(now)));
            if now >= life.end {
                return;
            }
            if token_at.is_some_and(|token_at| token_at <= now) {
                let keys = &mut random.choice(&mut self.workers).expect("a worker").keys;
                let kid = KidDigest::new(Some("second"));
                let is_known =
                    keys.keys(at(now)).is_ok_and(|keys| keys.find(Some("second"), Algorithm::EdDSA).is_ok());
                token_at = (!is_known).then(|| {
                    keys.on_unknown_kid(kid, at(now), &self.shared);
                    // The next token of this Envoy.
                    now + 1_000
                });
            }
            now = self.tick(now, issuer, requests, random);
        }
        panic!("the simulation does not advance at {now} ms");
    }

    /// Ticks each worker once, from a time on. Returns the time of the last tick.
    fn tick(&mut self, now: u64, issuer: &Issuer, requests: &mut Requests, random: &mut Rng) -> u64 {
        let mut ticks: Vec<_> = (0..)
            .zip(&self.workers)
            .map(|(index, worker)| (now + (TICK + worker.phase - now % TICK) % TICK, index))
            .collect();
        ticks.sort_unstable();
        let mut last = now;
        for (millis, index) in ticks {
            let index: usize = index;
            last = last.max(millis);
            let worker = &mut self.workers[index].keys;
            let Some(fetch) = worker.on_tick(at(last), &self.shared).fetch else { continue };
            requests.count(last);
            let response = issuer.respond(last);
            last += random.u64(LATENCY);
            worker.on_response(at(last), fetch, &self.shared, response);
        }
        // The workers that ticked before the response install the document.
        for worker in &mut self.workers {
            last += 1;
            assert!(worker.keys.on_tick(at(last), &self.shared).fetch.is_none(), "one fetch at a time");
        }
        last
    }

    /// Returns the time from which a fetch is due, in milliseconds.
    fn due_at(&self) -> u64 {
        let state = self.shared.get(&self.shared_keys.state);
        let due_at = state.and_then(|(bytes, _)| RefreshState::decode(&bytes)).unwrap_or_default().due_at;
        due_at.millis().saturating_sub(at(0).millis())
    }
}
