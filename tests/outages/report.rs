//! A row of the table: what was counted, and what should have held and did not.

use super::load::Counts;

#[derive(Default)]
pub struct Row {
    pub name: &'static str,
    pub seconds: f64,
    /// How often Okta was asked for keys.
    pub fetches: u64,
    /// How often Envoy was told to ask.
    pub attempts: u64,
    pub counts: Counts,
    /// What else was measured.
    pub note: String,
    pub problems: Vec<String>,
}

impl Row {
    /// Notes what does not hold. All rows are printed before any of them fails the test.
    pub fn require(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            let problem = format!("{}: {}; {:?}", self.name, otherwise(), self.counts);
            self.problems.push(problem);
        }
    }

    /// Okta was not asked more often than this, nor was Envoy told to.
    pub fn fetches_at_most(mut self, bound: u64) -> Self {
        let fetches = self.fetches.max(self.attempts);
        self.require(fetches <= bound, || format!("{fetches} fetches, and {bound} are for one worker"));
        self
    }

    /// With legitimate requests that were sent besides the load, and refused at a price that is known.
    pub fn with_expected_denials(mut self, requests: u64) -> Self {
        self.counts.requests += requests;
        self.counts.legitimate += requests;
        self.counts.expected_denials += requests;
        self
    }

    /// With this in the last column.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// The table in Markdown.
pub fn table(rows: &[Row]) -> String {
    let mut text =
        "| what happens | requests | legitimate | wrongly refused | refused, rightly or as its price \
         | wrongly allowed | asked of Okta | attempts | slowest 200 | took | |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n"
            .to_owned();
    for row in rows {
        let Counts {
            requests, legitimate, expected_denials, wrongly_denied, wrongly_allowed, slowest, ..
        } = &row.counts;
        text.push_str(&format!(
            "| {} | {requests} | {legitimate} | {wrongly_denied} | {expected_denials} | {wrongly_allowed} | {} | {} | {} ms | {:.1} s | {} |\n",
            row.name,
            row.fetches,
            row.attempts,
            slowest.as_millis(),
            row.seconds,
            row.note,
        ));
    }
    text
}
