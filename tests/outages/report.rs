//! The table of results: counts of each scenario, and requirements that do not hold.

use super::load::Counts;

/// The result of a scenario.
#[derive(Default)]
pub struct Row {
    pub name: &'static str,
    pub seconds: f64,
    /// Requests for keys that Okta received.
    pub fetches: u64,
    /// Fetches that the filter started.
    pub attempts: u64,
    pub counts: Counts,
    /// Other measurements, for the last column.
    pub note: String,
    /// Requirements that do not hold.
    pub problems: Vec<String>,
}

impl Row {
    /// Records a problem if a requirement does not hold. The test prints all rows before it fails.
    pub fn require(&mut self, requirement: bool, problem: impl FnOnce() -> String) {
        if !requirement {
            let problem = format!("{}: {}; {:?}", self.name, problem(), self.counts);
            self.problems.push(problem);
        }
    }

    /// Requires at most this number of fetches, whether or not Okta received them.
    pub fn fetches_at_most(mut self, bound: u64) -> Self {
        let fetches = self.fetches.max(self.attempts);
        self.require(fetches <= bound, || format!("{fetches} fetches; one worker would need {bound}"));
        self
    }

    /// Adds legitimate requests outside the load that the filter was expected to deny.
    pub fn with_expected_denials(mut self, requests: u64) -> Self {
        self.counts.requests += requests;
        self.counts.legitimate += requests;
        self.counts.expected_denials += requests;
        self
    }

    /// Sets the last column.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// Returns the table in Markdown.
pub fn table(rows: &[Row]) -> String {
    let mut text =
        "| event | sent | legitimate | wrongly denied | expected denials | wrongly allowed | fetches \
         | attempts | slowest 200 | duration | note |\n\
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
