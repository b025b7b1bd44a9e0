//! The bounds of a small fleet, in `make test`.

use super::envoy::Jitter;
use super::scenario::{ALL, CACHE_DURATION, CRASH_LOOP, OUTAGE, ROTATION, START};

const ENVOYS: u64 = 100;

#[test]
fn one_envoy_sends_at_most_one_request_per_second_in_every_scenario() {
    for scenario in ALL {
        let requests = scenario.simulate(1, CACHE_DURATION, Jitter::On);
        let all = 0..requests.seconds().len();
        assert!(requests.peak_second(all.clone()) <= 2, "{}", scenario.name);
        assert!(requests.total(all) > 0);
    }
}
