//! The results as text tables and as JSON.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use crate::budgets::Budget;
use crate::fastapi::Application;
use crate::measure::Result;
use crate::memory::{Memory, WARMUP_TOKENS};
use crate::settings::Settings;
use crate::size::Size;
use crate::start_up::StartUp;
use crate::statistics::Summary;

const MIB: f64 = 1024.0 * 1024.0;

/// All results of a run.
#[derive(Serialize)]
pub struct Report {
    pub machine: Machine,
    pub rounds: usize,
    pub seconds_per_round: u64,
    pub load: Vec<Result>,
    pub fastapi: Vec<Application>,
    pub start_up: Vec<StartUp>,
    pub memory: Memory,
    pub size: Size,
    pub budgets: Vec<Budget>,
}

/// The machine of the run.
#[derive(Serialize)]
pub struct Machine {
    processor: String,
    cores: usize,
    /// The load average of the last minute before the first round.
    load_average: f64,
    envoy: String,
}

impl Machine {
    /// Reads the properties of this machine.
    pub fn this(envoy: &str) -> Self {
        let read = |file| std::fs::read_to_string(file).unwrap_or_default();
        let processor = read("/proc/cpuinfo").lines().find_map(|line| {
            Some(line.strip_prefix("model name")?.trim_start_matches([' ', '\t', ':']).to_owned())
        });
        let load = read("/proc/loadavg").split(' ').next().and_then(|load| load.parse().ok());
        Self {
            processor: processor.unwrap_or_default(),
            cores: crate::process::cores(),
            load_average: load.unwrap_or_default(),
            envoy: envoy.to_owned(),
        }
    }
}

impl Report {
    /// Writes target/bench/load.json.
    pub fn write(&self, settings: &Settings) {
        let file = test_support::root().join("target/bench/load.json");
        let json =
            serde_json::to_value(self).map(rounded).and_then(|json| serde_json::to_string_pretty(&json));
        std::fs::write(&file, json.expect("JSON") + "\n").expect("a report");
        settings.log("wrote target/bench/load.json");
    }

    /// Returns the results as tables.
    pub fn tables(&self) -> String {
        let Machine { processor, cores, load_average, envoy } = &self.machine;
        let mut text = format!(
            "{processor}, {cores} cores, load average {load_average} before; {envoy}\n\
             {} rounds of {} s; median (min to max)\n\n",
            self.rounds, self.seconds_per_round
        );
        load(&mut text, &self.load);
        fastapi(&mut text, &self.fastapi);
        rest(&mut text, self);
        budgets(&mut text, &self.budgets);
        text
    }
}

fn load(text: &mut String, results: &[Result]) {
    let head = ["CPU per request, µs", "all", "added", "of jwt_authn", "requests/s", "p99, µs"];
    line(text, head.map(str::to_owned));
    for result in results {
        let compared = result.added.max > 0.0 || result.added.min < 0.0;
        let of_native = if compared { format!("{:.2}x", result.of_native) } else { String::new() };
        let added = if compared { spread(result.added) } else { String::new() };
        let (rate, p99) = (result.requests_per_second.median, result.p99.median);
        let cells =
            [spread(result.cpu_per_request), added, of_native, format!("{rate:.0}"), format!("{p99:.0}")];
        let [all, added, of_native, rate, p99] = cells;
        line(text, [result.name.to_owned(), all, added, of_native, rate, p99]);
    }
}

fn fastapi(text: &mut String, applications: &[Application]) {
    let head = ["\nFastAPI, CPU per request, µs", "all", "of it Python", "", "requests/s", "p99, µs"];
    line(text, head.map(str::to_owned));
    for application in applications {
        let (rate, p99) = (application.requests_per_second.median, application.p99.median);
        let (all, python) = (spread(application.cpu_per_request), spread(application.python));
        line(
            text,
            [
                application.name.to_owned(),
                all,
                python,
                String::new(),
                format!("{rate:.0}"),
                format!("{p99:.0}"),
            ],
        );
    }
}

fn rest(text: &mut String, report: &Report) {
    let mut plain = |name: &str, value: String| {
        line(text, [name.to_owned(), value, String::new(), String::new(), String::new(), String::new()])
    };
    plain("\nStart to first 200, keys fetched, one core", "ms".to_owned());
    for start_up in &report.start_up {
        plain(start_up.name, spread(start_up.milliseconds));
    }
    let Memory { no_filter, before_tokens, worker, after_warmup, tokens, after_all } = report.memory;
    plain("\nResident memory, one worker and main thread", "MiB".to_owned());
    for (name, bytes) in [
        ("no filter".to_owned(), no_filter),
        ("this filter, no token".to_owned(), before_tokens),
        ("one more worker, its VM alone".to_owned(), worker),
        (format!("this filter, {WARMUP_TOKENS} tokens"), after_warmup),
        (format!("this filter, {tokens} tokens"), after_all),
    ] {
        plain(&name, format!("{:.1}", bytes as f64 / MIB));
    }
    plain("\nSize of the module", "KiB".to_owned());
    plain("total", (report.size.total / 1024).to_string());
    for (name, bytes) in report.size.sections.iter().filter(|(_, bytes)| *bytes >= 1024) {
        plain(&format!("section {name}"), (bytes / 1024).to_string());
    }
}

fn budgets(text: &mut String, budgets: &[Budget]) {
    line(text, ["\nBudgets", "limit", "measured", "", "floor", ""].map(str::to_owned));
    for budget in budgets {
        let unit = budget.unit;
        let met = if budget.met { "met" } else { "NOT met" };
        let (limit, measured) = (format!("{}{unit}", budget.limit), format!("{:.2}{unit}", budget.measured));
        let floor = budget.floor.map_or_else(String::new, |floor| format!("{floor:.2}{unit}"));
        line(text, [budget.name.clone(), limit, measured, met.to_owned(), floor, String::new()]);
    }
}

fn line(text: &mut String, [name, cells @ ..]: [String; 6]) {
    // The newline before a heading does not count as a column.
    let width = 64 + usize::from(name.starts_with('\n'));
    let [first, second, third, fourth, fifth] = cells;
    let line = format!("{name:width$}{first:>23}{second:>23}{third:>14}{fourth:>12}{fifth:>9}");
    writeln!(text, "{}", line.trim_end()).expect("text");
}

fn spread(summary: Summary) -> String {
    let digits = usize::from(summary.max < 1000.0);
    format!("{:.digits$} ({:.digits$} to {:.digits$})", summary.median, summary.min, summary.max)
}

/// Rounds numbers to three decimals, which exceeds the precision of the measurements.
fn rounded(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            number.as_f64().map(|number| (number * 1000.0).round() / 1000.0).into()
        }
        Value::Array(values) => values.into_iter().map(rounded).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, rounded(value))).collect(),
        other => other,
    }
}
