//! The report about a set of vectors, and the exceptions: cases in which the filter differs from
//! the vector on purpose.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write as _};

use okta_authz_filter::rejection::Rejection;
use serde::Deserialize;

use super::data::{Expected, Strength};

/// The result of the code under test for a case.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    Accepted,
    Rejected(Rejection),
    /// The number of usable keys in a JWK Set.
    UsableKeys(usize),
}

/// The result that a vector expects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expectation {
    Verdict(Expected),
    UsableKeys(usize),
}

impl Outcome {
    /// Returns whether the verifier did not verify the signature.
    pub(super) fn is_unavailable(self) -> bool {
        self == Self::Rejected(Rejection::CryptoUnavailable)
    }

    fn agrees(self, expectation: Expectation) -> bool {
        match expectation {
            Expectation::Verdict(Expected::Either) => true,
            Expectation::Verdict(Expected::Accept) => self == Self::Accepted,
            // A signature that was not verified was not found invalid.
            Expectation::Verdict(Expected::Reject) => {
                matches!(self, Self::Rejected(_)) && !self.is_unavailable()
            }
            Expectation::UsableKeys(_) => expectation == self.into(),
        }
    }
}

impl From<Outcome> for Expectation {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Accepted => Self::Verdict(Expected::Accept),
            Outcome::Rejected(_) => Self::Verdict(Expected::Reject),
            Outcome::UsableKeys(count) => Self::UsableKeys(count),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => f.write_str("accepted"),
            Self::Rejected(rejection) => write!(f, "rejected: {}", rejection.code()),
            Self::UsableKeys(count) => write!(f, "usable keys: {count}"),
        }
    }
}

/// An entry of `tests/data/exceptions.json`: cases whose outcome differs from the vector and is
/// correct.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// The IDs of the cases. A `*` at the end matches any suffix.
    pub ids: Vec<String>,
    /// The exact number of cases, so that a pattern does not match more cases unnoticed.
    pub cases: usize,
    /// The backend to which the exception applies, or `None` for every backend.
    pub backend: Option<String>,
    /// The exact outcome.
    pub outcome: String,
    pub reason: String,
}

impl Exception {
    /// Reads all exceptions, by the set of vectors.
    pub fn all() -> BTreeMap<String, Vec<Self>> {
        serde_json::from_str(include_str!("../../../data/exceptions.json")).unwrap()
    }

    fn covers(&self, id: &str) -> bool {
        self.ids.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => id.starts_with(start),
            None => id == pattern,
        })
    }
}

/// The result of one set of vectors under one verifier.
pub struct Report {
    set: String,
    backend: String,
    exceptions: Vec<(Exception, usize)>,
    ran: usize,
    passed: usize,
    disputed: usize,
    mutants: usize,
    failures: Vec<String>,
}

impl Report {
    /// Makes an empty report.
    pub fn new(set: &str, backend: &str) -> Self {
        Self::with(Exception::all().remove(set).unwrap_or_default(), set, backend)
    }

    fn with(mut exceptions: Vec<Exception>, set: &str, backend: &str) -> Self {
        exceptions.retain(|exception| exception.backend.as_deref().is_none_or(|only| only == backend));
        Self {
            set: set.to_owned(),
            backend: backend.to_owned(),
            exceptions: exceptions.into_iter().map(|exception| (exception, 0)).collect(),
            ran: 0,
            passed: 0,
            disputed: 0,
            mutants: 0,
            failures: Vec::new(),
        }
    }

    /// Runs a case and compares its outcome. A disputed case is counted but not run.
    pub fn case(
        &mut self,
        id: &str,
        strength: Strength,
        expectation: Expectation,
        run: impl FnOnce() -> Outcome,
    ) -> Option<Outcome> {
        self.ran += 1;
        if strength == Strength::Disputed {
            self.disputed += 1;
            return None;
        }
        let outcome = run();
        let mut covering = self.exceptions.iter_mut().filter(|(exception, _)| exception.covers(id));
        let exception = covering.next();
        if covering.next().is_some() {
            self.failures.push(format!("{id}: two exceptions match"));
        } else {
            match (outcome.agrees(expectation), exception) {
                (true, None) => self.passed += 1,
                (false, Some((exception, used))) if exception.outcome == outcome.to_string() => *used += 1,
                (false, Some((exception, _))) => {
                    self.failures
                        .push(format!("{id}: {outcome}, but the exception has {}", exception.outcome));
                }
                (false, None) => {
                    self.failures.push(format!("{id}: {outcome}, but it {strength:?} be {expectation:?}"));
                }
                (true, Some(_)) => {
                    self.failures.push(format!("{id}: {outcome}, so the exception is obsolete"))
                }
            }
        }
        Some(outcome)
    }

    /// Records whether a mutant was rejected.
    pub fn mutant(&mut self, id: &str, mutant: impl fmt::Display, rejected: bool) {
        self.mutants += 1;
        if !rejected {
            self.failures.push(format!("{id}, {mutant}: not rejected"));
        }
    }

    /// Compares the number of cases that ran with the file's, and the uses of exceptions with their
    /// numbers.
    pub fn finish(mut self, count: usize) -> Self {
        let counted = self.passed + self.excepted() + self.disputed;
        if self.ran != count || (self.failures.is_empty() && counted != count) {
            self.failures
                .push(format!("{} cases ran, {counted} have a result, the file has {count}", self.ran));
        }
        for (exception, used) in &self.exceptions {
            if *used != exception.cases {
                let (ids, cases) = (&exception.ids, exception.cases);
                self.failures.push(format!("exception {ids:?} has {cases} cases and matched {used}"));
            }
        }
        self
    }

    /// Returns the failures.
    pub fn failures(&self) -> &[String] {
        &self.failures
    }

    /// Prints the summary.
    ///
    /// # Panics
    ///
    /// If there are failures. The message lists them.
    pub fn check(&self) {
        // The test harness captures `eprintln!` of a test that passes, but not this.
        io::stderr().write_all(format!("{self}\n").as_bytes()).unwrap();
        assert!(self.failures.is_empty(), "{self}\n  {}", self.failures.join("\n  "));
    }

    fn excepted(&self) -> usize {
        self.exceptions.iter().map(|(_, used)| used).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { set, backend, ran, passed, disputed, mutants, failures, .. } = self;
        let (excepted, failed) = (self.excepted(), failures.len());
        write!(f, "vectors {set} [{backend}]: {ran} cases, {passed} passed, {excepted} excepted, ")?;
        write!(f, "{disputed} disputed, {failed} failures; {mutants} mutants")
    }
}

#[test]
fn exception_with_other_outcome_or_count_is_a_failure() {
    const ACCEPT: Expectation = Expectation::Verdict(Expected::Accept);
    const UNAVAILABLE: Outcome = Outcome::Rejected(Rejection::CryptoUnavailable);
    const INVALID: Outcome = Outcome::Rejected(Rejection::SignatureInvalid);
    let failures = |backend: &str, outcomes: [Outcome; 2]| {
        let exception = Exception {
            ids: vec!["a#*".to_owned()],
            cases: 2,
            backend: Some("this".to_owned()),
            outcome: UNAVAILABLE.to_string(),
            reason: String::new(),
        };
        let mut report = Report::with(vec![exception], "set", backend);
        for (id, outcome) in ["a#1", "a#2"].into_iter().zip(outcomes) {
            report.case(id, Strength::Must, ACCEPT, || outcome);
        }
        report.case("disputed", Strength::Disputed, ACCEPT, || INVALID);
        report.finish(3).failures
    };
    assert!(failures("this", [UNAVAILABLE; 2]).is_empty());
    assert!(failures("other", [Outcome::Accepted; 2]).is_empty());
    for (backend, outcomes, first) in [
        ("this", [UNAVAILABLE, Outcome::Accepted], "a#2: accepted, so the exception is obsolete"),
        ("this", [INVALID, UNAVAILABLE], "a#1: rejected: signature_invalid, but the exception has"),
        ("other", [UNAVAILABLE, Outcome::Accepted], "a#1: rejected: crypto_unavailable, but it Must be"),
    ] {
        let failures = failures(backend, outcomes);
        assert!(failures[0].starts_with(first), "{failures:?}");
    }
    // The signature was not verified, so it was not found invalid.
    assert!(!UNAVAILABLE.agrees(Expectation::Verdict(Expected::Reject)));
    assert!(INVALID.agrees(Expectation::Verdict(Expected::Reject)));
    assert!(!Report::with(Vec::new(), "set", "this").finish(1).failures.is_empty(), "a case did not run");
}
