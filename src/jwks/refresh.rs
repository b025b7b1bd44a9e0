//! When to fetch a key set, and what to do when that fails: a machine without a clock or a network.
//!
//! It is told the time and what happened, and answers whether to fetch now. A set that was good is kept until a better
//! one has arrived or it has become too old to trust; no state lies in between.

use std::time::Duration;

use super::{KeySet, KeySetError};
use crate::rejection::Rejection;
use crate::time::UnixTime;

/// A response may not shorten the time between two fetches below this, or a `max-age=0` would make every tick a fetch.
const MIN_CACHE_DURATION: Duration = Duration::from_secs(30);
/// The first pause after a failed fetch; each further one doubles it.
const MIN_BACKOFF: Duration = Duration::from_millis(500);
/// The longest pause: an issuer that comes back is noticed within this time.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// A request that has no keys waits for a fetch that is at most this far away.
const WORTH_WAITING: Duration = Duration::from_secs(2);

/// How often keys are fetched, and how long they last.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// How long a set is fresh, at most.
    pub cache_duration: Duration,
    /// How long a set is used when no newer one can be had.
    pub max_stale: Duration,
    /// At least this long passes between two fetches that an unknown key id causes.
    pub unknown_kid_cooldown: Duration,
    /// How long a fetch may take.
    pub timeout: Duration,
}

/// The keys of one provider, and when to fetch the next ones.
#[derive(Debug)]
pub struct Refresher {
    schedule: Schedule,
    pinned: Option<KeySet>,
    fetched: Option<Fetched>,
    next_fetch: UnixTime,
    in_flight_since: Option<UnixTime>,
    failures: u32,
    last_unknown_kid: Option<UnixTime>,
}

#[derive(Debug)]
struct Fetched {
    keys: KeySet,
    at: UnixTime,
}

/// Why a fetch brought no keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FetchError {
    /// The request could not be sent, or no answer came in time.
    NoAnswer,
    /// The answer was not 200.
    Status(u16),
    /// The answer was 200 and is no key set.
    Document(KeySetError),
}

/// Whether it is worth waiting for the keys that a request lacks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hope {
    /// A fetch is under way or due now, and may bring them.
    Wait,
    /// None is, and none will be soon.
    None,
}

impl Refresher {
    /// Keys that are fetched on this schedule, with those that are pinned besides.
    pub const fn new(schedule: Schedule, pinned: Option<KeySet>) -> Self {
        Self {
            schedule,
            pinned,
            fetched: None,
            next_fetch: UnixTime::from_millis(0),
            in_flight_since: None,
            failures: 0,
            last_unknown_kid: None,
        }
    }

    /// The keys to verify with.
    ///
    /// # Errors
    /// [`Rejection::KeysUnavailable`] before the first set, [`Rejection::KeysStale`] after the last has become too old.
    /// Pinned keys are neither: they are all that is left then.
    pub fn keys(&self, now: UnixTime) -> Result<&KeySet, Rejection> {
        match (&self.fetched, &self.pinned) {
            (Some(fetched), _) if !self.is_stale(fetched, now) => Ok(&fetched.keys),
            (_, Some(pinned)) => Ok(pinned),
            (Some(_), None) => Err(Rejection::KeysStale),
            (None, None) => Err(Rejection::KeysUnavailable),
        }
    }

    /// Why a key may not be there: because nobody has it, or because the keys that are fetched are missing and only the
    /// pinned ones are left. The token is to blame in the first case only.
    pub fn reason_for_unknown_key(&self, now: UnixTime) -> Rejection {
        match &self.fetched {
            None => Rejection::KeysUnavailable,
            Some(fetched) if self.is_stale(fetched, now) => Rejection::KeysStale,
            Some(_) => Rejection::KeyUnknown,
        }
    }

    fn is_stale(&self, fetched: &Fetched, now: UnixTime) -> bool {
        now.since(fetched.at) > self.schedule.max_stale
    }

    /// Whether to fetch now. If so, the fetch counts as under way until [`Self::on_response`], or until its time is
    /// over twice: a host that lost it must not stop all others.
    pub fn should_fetch(&mut self, now: UnixTime) -> bool {
        let lost = |since: UnixTime| now.since(since) > self.schedule.timeout.saturating_mul(2);
        if self.in_flight_since.is_some_and(|since| !lost(since)) || now < self.next_fetch {
            return false;
        }
        self.in_flight_since = Some(now);
        true
    }

    /// Takes the outcome of a fetch. `max_age` is what the response's `Cache-Control` allows.
    pub fn on_response(&mut self, now: UnixTime, outcome: Result<(KeySet, Option<Duration>), FetchError>) {
        self.in_flight_since = None;
        match outcome {
            Ok((keys, max_age)) => {
                let fresh = max_age.map_or(self.schedule.cache_duration, |age| {
                    age.max(MIN_CACHE_DURATION).min(self.schedule.cache_duration)
                });
                let keys = match &self.pinned {
                    Some(pinned) => keys.merged_with(pinned),
                    None => keys,
                };
                self.fetched = Some(Fetched { keys, at: now });
                self.next_fetch = now.after(fresh);
                self.failures = 0;
            }
            Err(_) => {
                let doubled = 2u32.saturating_pow(self.failures);
                self.next_fetch = now.after(MIN_BACKOFF.saturating_mul(doubled).min(MAX_BACKOFF));
                self.failures = self.failures.saturating_add(1);
            }
        }
    }

    /// A request needs keys, and there are none. Worth waiting through a fetch and the short pauses after the first
    /// failures; later ones are told so at once rather than queued behind an outage.
    pub fn on_keys_unavailable(&self, now: UnixTime) -> Hope {
        let soon = self.next_fetch.since(now) <= WORTH_WAITING;
        if self.in_flight_since.is_some() || soon { Hope::Wait } else { Hope::None }
    }

    /// A request names a key that is not there. A key that has just been made is found by asking again, at most once in
    /// a cooldown: else every made-up key id would be a request to the issuer.
    pub fn on_unknown_kid(&mut self, now: UnixTime) -> Hope {
        if self.in_flight_since.is_some() {
            return Hope::Wait;
        }
        let cooling = |since: UnixTime| now.since(since) < self.schedule.unknown_kid_cooldown;
        if self.failures > 0 || self.last_unknown_kid.is_some_and(cooling) {
            return Hope::None;
        }
        self.last_unknown_kid = Some(now);
        self.next_fetch = now;
        Hope::Wait
    }
}

/// What `Cache-Control` says of a response's age: `max-age`, or nothing at all for `no-cache` and `no-store`
/// (RFC 9111 section 5.2.2).
pub fn max_age(cache_control: &[u8]) -> Option<Duration> {
    let directives = cache_control.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let mut age = None;
    for directive in directives {
        let (name, value) = match directive.iter().position(|byte| *byte == b'=') {
            Some(at) => (directive.get(..at)?, directive.get(at.saturating_add(1)..)?),
            None => (directive, &[][..]),
        };
        if name.eq_ignore_ascii_case(b"no-cache") || name.eq_ignore_ascii_case(b"no-store") {
            return Some(Duration::ZERO);
        }
        if name.eq_ignore_ascii_case(b"max-age") {
            let digits = str::from_utf8(value).ok()?.trim_matches('"');
            age = digits.parse().ok().map(Duration::from_secs);
        }
    }
    age
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: UnixTime = UnixTime::from_seconds(1_700_000_000);
    const SCHEDULE: Schedule = Schedule {
        cache_duration: Duration::from_secs(600),
        max_stale: Duration::from_secs(86_400),
        unknown_kid_cooldown: Duration::from_secs(30),
        timeout: Duration::from_secs(5),
    };

    fn at(seconds: u64) -> UnixTime {
        T0.after(Duration::from_secs(seconds))
    }

    fn keys() -> KeySet {
        KeySet::parse(br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)
            .unwrap()
    }

    fn fetched() -> Refresher {
        let mut refresher = Refresher::new(SCHEDULE, None);
        assert!(refresher.should_fetch(T0));
        refresher.on_response(T0, Ok((keys(), None)));
        refresher
    }

    #[test]
    fn the_first_tick_fetches_and_only_once() {
        let mut refresher = Refresher::new(SCHEDULE, None);
        assert_eq!(refresher.keys(T0), Err(Rejection::KeysUnavailable));
        assert_eq!(refresher.on_keys_unavailable(T0), Hope::Wait);
        assert!(refresher.should_fetch(T0));
        assert!(!refresher.should_fetch(at(1)));
        assert_eq!(refresher.on_keys_unavailable(at(1)), Hope::Wait);
        refresher.on_response(at(1), Ok((keys(), None)));
        assert_eq!(refresher.keys(at(1)), Ok(&keys()));
        assert!(!refresher.should_fetch(at(600)));
        assert!(refresher.should_fetch(at(601)));
    }

    #[test]
    fn a_lost_fetch_is_made_again() {
        let mut refresher = Refresher::new(SCHEDULE, None);
        assert!(refresher.should_fetch(T0));
        assert!(!refresher.should_fetch(at(10)));
        assert!(refresher.should_fetch(at(11)));
    }

    #[test]
    fn the_response_may_shorten_but_not_lengthen_and_not_below_the_floor() {
        for (max_age, due) in [(None, 600), (Some(0), 30), (Some(60), 60), (Some(3_832_304), 600)] {
            let mut refresher = Refresher::new(SCHEDULE, None);
            assert!(refresher.should_fetch(T0));
            refresher.on_response(T0, Ok((keys(), max_age.map(Duration::from_secs))));
            assert!(!refresher.should_fetch(at(due - 1)), "{max_age:?}");
            assert!(refresher.should_fetch(at(due)), "{max_age:?}");
        }
    }

    #[test]
    fn good_keys_outlive_failures_until_they_are_too_old() {
        let mut refresher = fetched();
        let mut now = at(600);
        let mut fetches = 0;
        while now < at(86_400) {
            if refresher.should_fetch(now) {
                fetches += 1;
                refresher.on_response(now, Err(FetchError::NoAnswer));
            }
            assert!(refresher.keys(now).is_ok());
            now = now.after(Duration::from_millis(500));
        }
        assert!((2_800..2_900).contains(&fetches), "{fetches} in a day: about one every 30 s");
        assert_eq!(refresher.keys(at(86_401)), Err(Rejection::KeysStale));
    }

    #[test]
    fn pauses_double_and_a_success_forgets_them() {
        let mut refresher = Refresher::new(SCHEDULE, None);
        let mut now = T0;
        for pause in [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            assert!(refresher.should_fetch(now));
            refresher.on_response(now, Err(FetchError::Status(500)));
            let expected = if pause <= 2_000 { Hope::Wait } else { Hope::None };
            assert_eq!(refresher.on_keys_unavailable(now), expected, "{pause}");
            assert!(!refresher.should_fetch(now.after(Duration::from_millis(pause - 1))));
            now = now.after(Duration::from_millis(pause));
        }
        assert!(refresher.should_fetch(now));
        refresher.on_response(now, Ok((keys(), None)));
        assert_eq!(refresher.failures, 0);
    }

    #[test]
    fn unknown_keys_cost_one_fetch_in_a_cooldown() {
        let mut refresher = fetched();
        let mut fetches = 0;
        for millis in 0..90_000 {
            let now = at(1).after(Duration::from_millis(millis));
            refresher.on_unknown_kid(now);
            if refresher.should_fetch(now) {
                fetches += 1;
                refresher.on_response(now, Ok((keys(), None)));
            }
        }
        assert_eq!(fetches, 3);
    }

    #[test]
    fn unknown_keys_do_not_break_through_a_pause_after_failures() {
        let mut refresher = fetched();
        assert!(refresher.should_fetch(at(600)));
        refresher.on_response(at(600), Err(FetchError::Status(429)));
        assert_eq!(refresher.on_unknown_kid(at(600)), Hope::None);
        assert!(!refresher.should_fetch(at(600)));
    }

    #[test]
    fn pinned_keys_are_always_there() {
        let mut refresher = Refresher::new(SCHEDULE, Some(keys()));
        assert!(refresher.keys(T0).is_ok());
        assert!(refresher.should_fetch(T0));
        refresher.on_response(T0, Ok((keys(), None)));
        assert!(refresher.keys(at(1_000_000)).is_ok());
    }

    #[test]
    fn cache_control() {
        for (header, expected) in [
            ("max-age=3832304, must-revalidate", Some(3_832_304)),
            ("must-revalidate,MAX-AGE=60", Some(60)),
            ("max-age=\"60\"", Some(60)),
            ("no-cache", Some(0)),
            ("no-store, max-age=60", Some(0)),
            ("public", None),
            ("", None),
            ("max-age", None),
            ("max-age=-1", None),
            ("max-age=99999999999999999999", None),
            ("s-maxage=5", None),
        ] {
            assert_eq!(max_age(header.as_bytes()), expected.map(Duration::from_secs), "{header}");
        }
        assert_eq!(max_age(b"max-age=\xff"), None);
    }
}
