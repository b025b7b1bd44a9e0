//! The results of the rows: medians and spreads of their samples, and comparisons.

use std::collections::HashMap;

use serde::Serialize;

use crate::measure::{Sample, Samples};
use crate::rows::Row;
use crate::statistics::{Summary, Verdict};

/// The result of a row. Times are in microseconds.
#[derive(Serialize)]
pub struct Result {
    pub name: &'static str,
    pub cpu_per_request: Summary,
    /// The CPU time beyond that of the row without a filter, in the same round.
    pub added: Summary,
    /// The ratio of `added` to that of `jwt_authn` for the same requests, in the same round.
    pub of_native: Summary,
    /// `added`, compared with that of `jwt_authn` in the same round. `None` for `jwt_authn` itself.
    pub verdict: Option<Verdict>,
    pub requests_per_second: Summary,
    pub p99: Summary,
    /// The comparison with the other build.
    pub against: Option<Comparison>,
}

/// A comparison of this build with the other one.
#[derive(Serialize)]
pub struct Comparison {
    /// The value of the other build.
    pub old: Summary,
    /// The ratio of this build to the other one, in the same round.
    pub ratio: Summary,
    /// Whether this build needs less.
    pub verdict: Verdict,
}

impl Comparison {
    /// Compares values of the same rounds.
    pub fn of(new: &[f64], old: &[f64]) -> Self {
        let pairs = || new.iter().zip(old);
        Self {
            old: Summary::of(old.iter().copied()),
            ratio: Summary::of(pairs().map(|(new, old)| new / old)),
            verdict: Summary::of(pairs().map(|(new, old)| new - old)).against(0.0),
        }
    }
}

/// Returns the results of all rows.
pub fn results(rows: &[Row], samples: &[Samples]) -> Vec<Result> {
    let by_name: HashMap<&str, &[Sample]> =
        rows.iter().zip(samples).map(|(row, samples)| (row.name, samples.new.as_slice())).collect();
    let added = |samples: &[Sample], base: &str| -> Vec<f64> {
        samples.iter().zip(by_name[base]).map(|(row, base)| row.cpu - base.cpu).collect()
    };
    let result = |(row, samples): (&Row, &Samples)| {
        let base = rows.iter().find(|other| other.name == row.reference).expect("a reference").base;
        let new = added(&samples.new, row.base);
        let native = added(by_name[row.reference], base);
        let pairs = || new.iter().zip(&native);
        let is_compared = row.name != row.reference && row.name != row.base;
        Result {
            name: row.name,
            cpu_per_request: Summary::of(samples.new.iter().map(|sample| sample.cpu)),
            of_native: Summary::of(pairs().map(|(added, native)| added / native)),
            verdict: is_compared
                .then(|| Summary::of(pairs().map(|(added, native)| added - native)).against(0.0)),
            requests_per_second: Summary::of(samples.new.iter().map(|sample| sample.run.per_second())),
            p99: Summary::of(samples.new.iter().map(|sample| sample.run.p99 as f64)),
            against: (!samples.old.is_empty()).then(|| Comparison::of(&new, &added(&samples.old, row.base))),
            added: Summary::of(new),
        }
    };
    rows.iter().zip(samples).map(result).collect()
}
