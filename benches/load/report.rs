//! The results as text tables and as JSON.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use crate::budgets::Budget;
use crate::fastapi::Application;
use crate::machine::{Busy, Machine};
use crate::memory::{Memory, WARMUP_TOKENS};
use crate::results::{Comparison, Result};
use crate::settings::Settings;
use crate::size::Size;
use crate::start_up::StartUp;
use crate::statistics::{Summary, Verdict};

const MIB: f64 = 1024.0 * 1024.0;

/// All results of a run. Parts that the run did not select are empty.
#[derive(Serialize)]
pub struct Report {
    pub machine: Machine,
    pub busy: Option<Busy>,
    pub rounds: usize,
    pub seconds_per_round: u64,
    pub load: Vec<Result>,
    pub fastapi: Vec<Application>,
    pub start_up: Vec<StartUp>,
    pub memory: Option<Memory>,
    pub size: Size,
    pub budgets: Vec<Budget>,
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
        let mut text = format!("{}\n", self.machine.line());
        if let Some(busy) = &self.busy {
            text += &busy.lines();
        }
        writeln!(
            text,
            "{} rounds of {} s; median (min to max). \"No verdict\": the middle half of the rounds spreads \
             more than the difference",
            self.rounds, self.seconds_per_round
        )
        .expect("text");
        load(&mut text, &self.load);
        fastapi(&mut text, &self.fastapi);
        start_up(&mut text, &self.start_up);
        if let Some(memory) = &self.memory {
            self::memory(&mut text, memory);
        }
        size(&mut text, &self.size);
        self.comparisons(&mut text);
        budgets(&mut text, &self.budgets);
        text
    }

    /// Compares the builds, if there are two.
    fn comparisons(&self, text: &mut String) {
        let load = self.load.iter().map(|row| (row.name, "µs", 1.0, row.added, &row.against));
        let start_up =
            self.start_up.iter().map(|row| ("start to first 200", "ms", 1.0, row.added, &row.against));
        let idle = self.memory.iter().flat_map(|memory| &memory.idle);
        let memory = idle.map(|row| ("memory before requests", "MiB", MIB, row.added, &row.against));
        let rows: Vec<_> = load.chain(start_up).chain(memory).collect();
        if rows.iter().all(|(.., against)| against.is_none()) {
            return;
        }
        line(text, ["\nThis build against the other, added", "this", "other", "ratio", "", "verdict"]);
        for (name, unit, divisor, new, against) in rows {
            let Some(Comparison { old, ratio, verdict }) = against else { continue };
            let value = |summary: &Summary| format!("{:.1} {unit}", summary.median / divisor);
            let ratio =
                format!("{:.2}x ({:.2} to {:.2})", ratio.median, ratio.lower_quartile, ratio.upper_quartile);
            line(text, [name, &value(&new), &value(old), &ratio, "", words(*verdict)]);
        }
    }
}

/// Returns the words of a verdict on two filters or two builds.
const fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Less => "less",
        Verdict::More => "more",
        Verdict::Unclear => "no verdict: the spread exceeds the difference",
        Verdict::TooFewRounds => "no verdict: fewer than 4 rounds",
    }
}

fn load(text: &mut String, results: &[Result]) {
    if results.is_empty() {
        return;
    }
    line(text, ["\nCPU per request, µs", "all", "added", "of jwt_authn", "requests/s", "p99, µs"]);
    for result in results {
        let compared = result.added.max > 0.0 || result.added.min < 0.0;
        let verdict = match result.verdict {
            Some(Verdict::Unclear | Verdict::TooFewRounds) => ", no verdict",
            Some(Verdict::Less) => ", less",
            Some(Verdict::More) => ", more",
            None => "",
        };
        let of_native =
            if compared { format!("{:.2}x{verdict}", result.of_native.median) } else { String::new() };
        let added = if compared { spread(result.added) } else { String::new() };
        let (rate, p99) = (result.requests_per_second.median, result.p99.median);
        let (rate, p99) = (format!("{rate:.0}"), format!("{p99:.0}"));
        line(text, [result.name, &spread(result.cpu_per_request), &added, &of_native, &rate, &p99]);
    }
}

fn fastapi(text: &mut String, applications: &[Application]) {
    if applications.is_empty() {
        return;
    }
    line(text, ["\nFastAPI, CPU per request, µs", "all", "Python", "Python, added", "requests/s", "p99, µs"]);
    for application in applications {
        let (rate, p99) = (application.requests_per_second.median, application.p99.median);
        let (all, python) = (spread(application.cpu_per_request), spread(application.python));
        let added = format!("{:+.0}", application.python_added.median);
        line(text, [application.name, &all, &python, &added, &format!("{rate:.0}"), &format!("{p99:.0}")]);
    }
}

fn start_up(text: &mut String, rows: &[StartUp]) {
    if rows.is_empty() {
        return;
    }
    line(text, ["\nStart to first 200, one core", "ms", "", "", "", ""]);
    for row in rows {
        line(text, [row.name, &spread(row.milliseconds), "", "", "", ""]);
    }
}

fn memory(text: &mut String, memory: &Memory) {
    line(text, ["\nResident memory, one worker and main thread", "MiB", "added", "", "", ""]);
    let mib = |bytes: Summary| spread(bytes.divided_by(MIB));
    for row in &memory.idle {
        line(text, [&format!("{}, no request", row.name), &mib(row.bytes), &mib(row.added), "", "", ""]);
    }
    let Memory { worker, before_tokens, after_warmup, tokens, after_all, .. } = memory;
    for (name, bytes) in [
        ("one more worker, its VM alone".to_owned(), worker),
        ("this filter, no token".to_owned(), before_tokens),
        (format!("this filter, {WARMUP_TOKENS} tokens"), after_warmup),
        (format!("this filter, {tokens} tokens"), after_all),
    ] {
        line(text, [&name, &format!("{:.1}", *bytes as f64 / MIB), "", "", "", ""]);
    }
}

fn size(text: &mut String, size: &Size) {
    line(text, ["\nSize of the module", "KiB", "", "", "", ""]);
    line(text, ["total", &(size.total / 1024).to_string(), "", "", "", ""]);
    if let Some(other) = size.against {
        let ratio = format!("{:.2}x", size.total as f64 / other as f64);
        line(text, ["the other build, and the ratio to it", &(other / 1024).to_string(), &ratio, "", "", ""]);
    }
    for (name, bytes) in size.sections.iter().filter(|(_, bytes)| *bytes >= 1024) {
        line(text, [&format!("section {name}"), &(bytes / 1024).to_string(), "", "", "", ""]);
    }
}

fn budgets(text: &mut String, budgets: &[Budget]) {
    line(text, ["\nBudgets", "limit", "measured", "", "floor", ""]);
    for budget in budgets {
        let unit = budget.unit;
        let result = match budget.verdict {
            Verdict::Less => "met",
            Verdict::More => "NOT met",
            Verdict::Unclear | Verdict::TooFewRounds => "no verdict",
        };
        let (limit, measured) = (format!("{}{unit}", budget.limit), format!("{:.2}{unit}", budget.measured));
        let floor = budget.floor.map_or_else(String::new, |floor| format!("{floor:.2}{unit}"));
        line(text, [&budget.name, &limit, &measured, result, &floor, ""]);
    }
}

fn line(text: &mut String, [name, cells @ ..]: [&str; 6]) {
    // The newline before a heading does not count as a column.
    let width = 64 + usize::from(name.starts_with('\n'));
    let [first, second, third, fourth, fifth] = cells;
    let line = format!("{name:width$}{first:>23}{second:>23}{third:>22}{fourth:>12}  {fifth:>7}");
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
