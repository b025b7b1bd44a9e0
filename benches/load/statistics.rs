//! The median, the quartiles and the range of a few values, and verdicts on differences.

use serde::Serialize;

/// The number of rounds below which there is no verdict.
const ENOUGH: usize = 4;

/// The median, the quartiles and the range of the values of several rounds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Summary {
    pub median: f64,
    pub min: f64,
    pub lower_quartile: f64,
    pub upper_quartile: f64,
    pub max: f64,
    rounds: usize,
}

/// What the rounds show about a difference.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub enum Verdict {
    Less,
    More,
    /// The spread exceeds the difference.
    Unclear,
    /// There were fewer than four rounds.
    TooFewRounds,
}

impl Summary {
    /// Summarizes at least one value.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let last = values.len() - 1;
        let quartile = |quarters: usize| {
            let (at, rest) = (last * quarters / 4, (last * quarters % 4) as f64 / 4.0);
            values[at] + (values[(at + 1).min(last)] - values[at]) * rest
        };
        Self {
            median: quartile(2),
            min: values[0],
            lower_quartile: quartile(1),
            upper_quartile: quartile(3),
            max: values[last],
            rounds: values.len(),
        }
    }

    /// Returns the width of the middle half of the values.
    pub fn spread(&self) -> f64 {
        self.upper_quartile - self.lower_quartile
    }

    /// Returns the values in a larger unit.
    pub fn divided_by(self, divisor: f64) -> Self {
        Self {
            median: self.median / divisor,
            min: self.min / divisor,
            lower_quartile: self.lower_quartile / divisor,
            upper_quartile: self.upper_quartile / divisor,
            max: self.max / divisor,
            rounds: self.rounds,
        }
    }

    /// Compares the values with a limit. The difference must exceed the spread.
    pub fn against(&self, limit: f64) -> Verdict {
        let difference = self.median - limit;
        if self.rounds < ENOUGH {
            Verdict::TooFewRounds
        } else if difference.abs() <= self.spread() {
            Verdict::Unclear
        } else if difference < 0.0 {
            Verdict::Less
        } else {
            Verdict::More
        }
    }
}
