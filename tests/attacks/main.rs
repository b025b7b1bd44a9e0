//! Tokens that an attacker can send. The filter must not allow them; most cases name the code. Some
//! cases are valid tokens, for comparison.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "test code"
)]

mod claims;
mod forgeries;
mod json;
mod mutations;
mod token_kinds;

use std::collections::BTreeSet;

use okta_authz_filter::filter::Filter;
use okta_authz_filter::rejection::Rejection;
use test_support::common::{Outcome, present};

/// Sends a request with each token, and reports all tokens with another outcome.
fn assert_outcomes(filter: &Filter, cases: impl IntoIterator<Item = (String, String, Outcome)>) {
    let mut names = BTreeSet::new();
    let mut wrong = Vec::new();
    for (name, token, expected) in cases {
        let outcome = present(filter, &token);
        if outcome != expected {
            wrong.push(format!("{name}: expected {expected:?}, got {outcome:?}"));
        }
        assert!(names.insert(name.clone()), "two cases are named {name}");
    }
    assert!(!names.is_empty());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), names.len(), wrong.join("\n"));
}

/// Sends a request with each token, and reports all that are not denied with this code.
fn assert_denied<N: Into<String>>(
    filter: &Filter,
    rejection: Rejection,
    cases: impl IntoIterator<Item = (N, String)>,
) {
    let cases = cases.into_iter().map(|(name, token)| (name.into(), token, Outcome::Deny(rejection)));
    assert_outcomes(filter, cases);
}

/// Sends a request with each token, asserts that none is allowed, and returns their number.
fn assert_none_allowed(filter: &Filter, tokens: impl IntoIterator<Item = Vec<u8>>) -> usize {
    let mut count = 0;
    for token in tokens {
        let outcome = present(filter, &token);
        let allowed = matches!(outcome, Outcome::Allow | Outcome::Public);
        assert!(!allowed, "allowed: {}", String::from_utf8_lossy(&token));
        count += 1;
    }
    count
}
