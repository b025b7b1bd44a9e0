//! What a run over a set of vectors came to, and the list of cases in which we differ on purpose.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write as _};

use okta_authz_filter::rejection::Rejection;
use serde::Deserialize;

use super::data::{Expected, Strength};

/// What the code under test did with a case.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    Accepted,
    Rejected(Rejection),
    /// So many keys of a JWK Set can be used.
    UsableKeys(usize),
}

/// What a vector says it should have done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expectation {
    Verdict(Expected),
    UsableKeys(usize),
}

impl Outcome {
    /// Whether nothing was found out about the signature.
    pub fn is_unavailable(self) -> bool {
        self == Self::Rejected(Rejection::CryptoUnavailable)
    }

    fn agrees(self, expectation: Expectation) -> bool {
        match expectation {
            Expectation::Verdict(Expected::Either) => true,
            Expectation::Verdict(Expected::Accept) => self == Self::Accepted,
            // A verifier that was unavailable has not rejected the signature.
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

/// An entry of `tests/data/exceptions.json`: cases whose outcome is not what the vector says, and is right.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// The cases. A `*` at the end stands for anything.
    pub ids: Vec<String>,
    /// How many cases that is, exactly: a pattern must not quietly come to cover more.
    pub cases: usize,
    /// The verifier that this is about; every verifier if there is none.
    pub backend: Option<String>,
    /// What happens instead, exactly.
    pub outcome: String,
    pub reason: String,
}

impl Exception {
    /// All of them, by the set of vectors they are about.
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

    /// Runs a case, unless its vector is known to be defective, and judges the outcome.
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
            self.failures.push(format!("{id}: listed twice"));
        } else {
            match (outcome.agrees(expectation), exception) {
                (true, None) => self.passed += 1,
                (false, Some((exception, used))) if exception.outcome == outcome.to_string() => *used += 1,
                (false, Some((exception, _))) => {
                    self.failures.push(format!("{id}: {outcome}, excepted as {}", exception.outcome));
                }
                (false, None) => {
                    self.failures.push(format!("{id}: {outcome}, {strength:?} be {expectation:?}"));
                }
                (true, Some(_)) => self.failures.push(format!("{id}: unexpected success ({outcome})")),
            }
        }
        Some(outcome)
    }

    /// Notes the outcome of an almost good signature.
    pub fn mutant(&mut self, id: &str, mutant: impl fmt::Display, held: bool) {
        self.mutants += 1;
        if !held {
            self.failures.push(format!("{id}, {mutant}: not rejected"));
        }
    }

    /// Compares what was done with what there was to do.
    pub fn finish(mut self, count: usize) -> Self {
        let judged = self.passed + self.excepted() + self.disputed;
        if self.ran != count || (self.failures.is_empty() && judged != count) {
            self.failures.push(format!("{} cases ran, {judged} judged, the file counts {count}", self.ran));
        }
        for (exception, used) in &self.exceptions {
            if *used != exception.cases {
                let (ids, cases) = (&exception.ids, exception.cases);
                self.failures.push(format!("exception {ids:?} is for {cases} cases and was used for {used}"));
            }
        }
        self
    }

    pub fn failures(&self) -> &[String] {
        &self.failures
    }

    /// Prints the summary, and panics with everything that went wrong.
    pub fn check(&self) {
        // Not `eprintln`: the test harness keeps that to itself for as long as all is well.
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
fn an_exception_is_used_exactly_as_it_is_listed() {
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
        ("this", [UNAVAILABLE, Outcome::Accepted], "a#2: unexpected success (accepted)"),
        ("this", [INVALID, UNAVAILABLE], "a#1: rejected: signature_invalid, excepted as"),
        ("other", [UNAVAILABLE, Outcome::Accepted], "a#1: rejected: crypto_unavailable, Must be"),
    ] {
        let failures = failures(backend, outcomes);
        assert!(failures[0].starts_with(first), "{failures:?}");
    }
    // The verifier was unavailable, so it rejected nothing.
    assert!(!UNAVAILABLE.agrees(Expectation::Verdict(Expected::Reject)));
    assert!(INVALID.agrees(Expectation::Verdict(Expected::Reject)));
    assert!(!Report::with(Vec::new(), "set", "this").finish(1).failures.is_empty(), "a case was left out");
}
