//! The scenarios: when each Envoy starts and ends, and what the issuer does.

use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;

use super::envoy::{Envoy, Issuer, Jitter};
use super::requests::Requests;

const SECOND: u64 = 1_000;
const NEVER: Range<u64> = 0..0;

/// The default of `cache_duration`.
pub(crate) const CACHE_DURATION: Duration = Duration::from_secs(600);

/// A scenario.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// The parts of the scenario that the tables list, in seconds.
    pub(crate) phases: &'static [(&'static str, Range<usize>)],
    outage: Range<u64>,
    rotated_at: u64,
    lives: Lives,
}

/// When an Envoy runs.
#[derive(Clone, Copy, Debug)]
enum Lives {
    /// From a random time within this many milliseconds to the end of the scenario.
    StartWithin(u64),
    /// Like `StartWithin` with 10 s, but each process ends after 5 s. The pause before the next one
    /// is that of the kubelet: 10 s, doubled up to 300 s.
    CrashLoop,
}

/// All Envoys start at once.
pub(crate) const START: Scenario = Scenario {
    name: "All Envoys start within 10 s",
    phases: &[("first minute", 0..60), ("rest of the first hour", 60..3_600), ("third hour", 7_200..10_800)],
    outage: NEVER,
    rotated_at: u64::MAX,
    lives: Lives::StartWithin(10 * SECOND),
};

/// A rolling update.
pub(crate) const ROLLING_START: Scenario = Scenario {
    name: "The Envoys start within 10 minutes",
    phases: &[
        ("first 10 minutes", 0..600),
        ("rest of the first hour", 600..3_600),
        ("third hour", 7_200..10_800),
    ],
    lives: Lives::StartWithin(600 * SECOND),
    ..START
};

/// An operator rotates the key, and the next tokens have a key that no Envoy knows.
pub(crate) const ROTATION: Scenario = Scenario {
    name: "Manual rotation to an unknown key",
    phases: &[
        ("half an hour before", 1_800..3_600),
        ("first minute", 3_600..3_660),
        ("rest of the first hour", 3_660..7_200),
        ("second hour", 7_200..10_800),
    ],
    rotated_at: 3_600 * SECOND,
    ..ROLLING_START
};

/// The issuer responds with 503 for half an hour.
pub(crate) const OUTAGE: Scenario = Scenario {
    name: "Outage of 30 minutes",
    phases: &[
        ("half an hour before", 1_800..3_600),
        ("outage", 3_600..5_400),
        ("first minute after it", 5_400..5_460),
        ("rest of the first hour", 5_460..9_000),
        ("second hour", 9_000..12_600),
    ],
    outage: 3_600 * SECOND..5_400 * SECOND,
    ..ROLLING_START
};

/// All Envoys start while the issuer responds with 503.
pub(crate) const START_IN_OUTAGE: Scenario = Scenario {
    name: "All Envoys start within 10 s, in an outage of 30 minutes",
    phases: &[
        ("first minute", 0..60),
        ("rest of the outage", 60..1_800),
        ("first minute after it", 1_800..1_860),
        ("rest of the first hour", 1_860..5_400),
    ],
    outage: 0..1_800 * SECOND,
    ..START
};

/// Every Envoy ends 5 s after each start.
pub(crate) const CRASH_LOOP: Scenario = Scenario {
    name: "Crash loop of every Envoy",
    phases: &[("first minute", 0..60), ("to 10 minutes", 60..600), ("to 60 minutes", 600..3_600)],
    lives: Lives::CrashLoop,
    ..START
};

/// All scenarios, in the order of the book.
pub(crate) const ALL: [&Scenario; 6] =
    [&START, &ROLLING_START, &ROTATION, &OUTAGE, &START_IN_OUTAGE, &CRASH_LOOP];

impl Scenario {
    /// Returns the end in seconds.
    fn end(&self) -> usize {
        self.phases.iter().map(|(_, phase)| phase.end).max().unwrap_or(0)
    }

    /// Simulates this many Envoys, one after the other: they share only the issuer, which responds
    /// to any number of requests.
    pub(crate) fn simulate(&self, envoys: u64, cache_duration: Duration, jitter: Jitter) -> Requests {
        let end = u64::try_from(self.end()).unwrap() * SECOND;
        let issuer = Issuer { outage: self.outage.clone(), rotated_at: self.rotated_at };
        let mut requests = Requests::new(self.end());
        for seed in 0..envoys {
            let mut random = Rng::with_seed(seed);
            let workers = random.usize(2..=4);
            // A busy Envoy gets a token with the new key within seconds.
            let token_at = self.rotated_at.saturating_add(random.u64(..5 * SECOND));
            for life in self.lives.of(end, &mut random) {
                let mut envoy = Envoy::new(cache_duration, jitter, workers, &mut random);
                envoy.run(life, Some(token_at), &issuer, &mut requests, &mut random);
            }
        }
        requests
    }
}

impl Lives {
    fn of(self, end: u64, random: &mut Rng) -> Vec<Range<u64>> {
        let (mut lives, mut pause) = (Vec::new(), 10 * SECOND);
        match self {
            Self::StartWithin(time) => lives.push(random.u64(..time)..end),
            Self::CrashLoop => {
                let mut start = random.u64(..10 * SECOND);
                while start < end {
                    lives.push(start..start + 5 * SECOND);
                    start += 5 * SECOND + pause;
                    pause = (2 * pause).min(300 * SECOND);
                }
            }
        }
        lives
    }
}
