//! A row of a table: a name, a configuration, a request, the values of `Authorization`, a time and
//! the expected outcome.

use std::collections::BTreeSet;

use serde_json::Value;
use test_support::common::{
    NOW, Outcome, Request, Token, cold, decide_with, filter, filter_with_denylist, outcome,
};

/// A request and its expected outcome.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) config: Value,
    pub(crate) request: Request,
    pub(crate) auth: Auth,
    /// Seconds since `NOW`.
    pub(crate) at: i64,
    pub(crate) expected: Outcome,
}

/// The `Authorization` headers of a request.
pub(crate) enum Auth {
    Missing,
    Bearer(Token),
    /// Whole header values.
    Values(Vec<String>),
}

/// The documents that the filter fetched before the request.
#[derive(Clone, Copy)]
pub(crate) enum FetchedDocuments {
    /// The keys of all issuers, and an empty denylist.
    All,
    /// The keys of all issuers, and no denylist.
    Keys,
    None,
}

/// Makes a row. `at` is the time in seconds since `NOW`.
pub(crate) fn row(
    name: &'static str,
    config: Value,
    request: Request,
    auth: Auth,
    at: i64,
    expected: Outcome,
) -> Row {
    Row { name, config, request, auth, at, expected }
}

impl Row {
    /// Returns the decision of a filter that fetched these documents at `NOW`.
    pub(crate) fn outcome(&self, fetched: FetchedDocuments) -> Outcome {
        let headers = self.credentials();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let filter = match fetched {
            FetchedDocuments::All => filter(&self.config),
            FetchedDocuments::Keys => filter_with_denylist(&self.config, None),
            FetchedDocuments::None => cold(&self.config),
        };
        outcome(decide_with(&filter, &self.request, &headers, NOW.checked_add_signed(self.at).unwrap()))
    }

    pub(crate) fn credentials(&self) -> Vec<(&'static str, String)> {
        let authorization = |value: String| ("authorization", value);
        match &self.auth {
            Auth::Missing => Vec::new(),
            Auth::Bearer(token) => vec![authorization(format!("Bearer {}", token.compact()))],
            Auth::Values(values) => values.iter().cloned().map(authorization).collect(),
        }
    }
}

/// Checks every row of a table, and reports all rows that fail.
pub(crate) fn run(rows: Vec<Row>, fetched: FetchedDocuments) {
    assert!(!rows.is_empty());
    let mut names = BTreeSet::new();
    let mut wrong = Vec::new();
    for row in &rows {
        assert!(names.insert(row.name), "two rows are named {}", row.name);
        let outcome = row.outcome(fetched);
        if outcome != row.expected {
            wrong.push(format!("{}: expected {:?}, got {outcome:?}", row.name, row.expected));
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}
