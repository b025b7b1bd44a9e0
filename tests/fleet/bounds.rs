//! The bounds of a small fleet, in `make test`.

use super::envoy::Jitter;
use super::requests::Requests;
use super::scenario::{ALL, CACHE_DURATION, CRASH_LOOP, OUTAGE, ROTATION, START, Scenario};

const ENVOYS: u32 = 100;

fn simulate(scenario: &Scenario, jitter: Jitter) -> Requests {
    scenario.simulate(u64::from(ENVOYS), CACHE_DURATION, jitter)
}

#[test]
fn one_envoy_in_every_scenario_sends_at_most_two_requests_per_second() {
    for scenario in ALL {
        let requests = scenario.simulate(1, CACHE_DURATION, Jitter::On);
        let all = 0..requests.seconds().len();
        assert!((1..=2).contains(&requests.peak_second(all)), "{}", scenario.name);
    }
}

#[test]
fn envoys_that_start_at_once_are_spread_within_two_hours() {
    let third_hour = 7_200..10_800;
    let (with, without) = (simulate(&START, Jitter::On), simulate(&START, Jitter::Off));
    // The mean is 100 requests in 570 s.
    assert!(with.peak_minute(third_hour.clone()) <= 40, "{}", with.peak_minute(third_hour));
    assert_eq!(without.peak_minute(third_hour), ENVOYS, "all of them in one minute");
}

#[test]
fn rotation_costs_one_request_of_each_envoy() {
    let requests = simulate(&ROTATION, Jitter::On);
    // And the tenth of the Envoys whose keys are due.
    assert!((90..=130).contains(&requests.total(3_600..3_660)), "{}", requests.total(3_600..3_660));
}

#[test]
fn outage_of_30_minutes_costs_two_requests_per_minute_and_every_envoy_recovers_in_30_seconds() {
    let requests = simulate(&OUTAGE, Jitter::On);
    let outage = requests.total(3_600..5_400);
    assert!(outage <= ENVOYS * 68, "{outage}: eight within the first minute, then one every 30 s");
    assert!(requests.peak_minute(4_500..5_400) <= 220, "{}", requests.peak_minute(4_500..5_400));
    let recovery = requests.total(5_400..5_431);
    assert!((ENVOYS..=ENVOYS + 10).contains(&recovery), "{recovery}");
}

#[test]
fn crash_loop_costs_one_request_of_each_start() {
    let requests = simulate(&CRASH_LOOP, Jitter::On);
    // Sixteen starts in an hour: after 15, 25, 45, 85, 165 s, then every 305 s.
    let total = requests.total(0..3_600);
    assert!((ENVOYS * 15..=ENVOYS * 16).contains(&total), "{total}");
}
