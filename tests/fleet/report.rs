//! `make fleet`: the tables and the plot of the book.

use std::time::Duration;

use super::envoy::Jitter;
use super::plot;
use super::requests::Requests;
use super::scenario::{ALL, CACHE_DURATION, OUTAGE, START, Scenario};

const FLEETS: [u64; 3] = [1, 100, 10_000];
/// The values of `cache_duration` to compare, in seconds.
const CACHE_DURATIONS: [u64; 5] = [300, 600, 1_800, 3_600, 86_400];

fn cell(requests: &Requests, phase: &std::ops::Range<usize>) -> String {
    format!("{} / {}", requests.peak_second(phase.clone()), requests.peak_minute(phase.clone()))
}

fn print_scenario(scenario: &Scenario) -> [Requests; 2] {
    let fleets = FLEETS.map(|envoys| scenario.simulate(envoys, CACHE_DURATION, Jitter::On));
    let [.., largest] = FLEETS;
    let without = scenario.simulate(largest, CACHE_DURATION, Jitter::Off);
    println!("\n{}:\n", scenario.name);
    println!("| phase | 1 Envoy | 100 | 10,000 | 10,000 without jitter |\n|---|---|---|---|---|");
    for (name, phase) in scenario.phases {
        let cells: Vec<_> = fleets.iter().chain([&without]).map(|requests| cell(requests, phase)).collect();
        println!("| {name} | {} |", cells.join(" | "));
    }
    let [.., fleet] = fleets;
    [fleet, without]
}

#[test]
#[ignore = "takes minutes: `make fleet` runs it"]
fn tables_and_plot() {
    println!("Largest number of requests in a second / in a minute.");
    let results = ALL.map(|scenario| (scenario.name, print_scenario(scenario)));
    println!("\nThe third hour, by cache_duration, and 10,000 Envoys:\n");
    println!("| cache_duration | requests per minute | largest second / minute |\n|---|---|---|");
    let (_, third_hour) = &START.phases[2];
    for seconds in CACHE_DURATIONS {
        let requests = START.simulate(10_000, Duration::from_secs(seconds), Jitter::On);
        let mean = f64::from(requests.total(third_hour.clone())) / 60.0;
        println!("| {seconds} s | {mean:.0} | {} |", cell(&requests, third_hour));
    }
    let plots: Vec<_> = results.iter().filter(|(name, _)| [START.name, OUTAGE.name].contains(name)).collect();
    plot::write(&plots);
}
