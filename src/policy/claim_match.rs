//! Conditions on claims.

use regex_lite::Regex;

use super::path::PathVariables;
use crate::claims::Claims;
use crate::json::{Value, ValueRef};

/// A condition on one claim.
#[derive(Clone, Debug)]
pub struct ClaimMatch {
    /// The names of the members that lead to the claim.
    pub path: Vec<String>,
    /// The condition.
    pub test: ClaimTest,
}

/// A condition on the value of a claim. An array meets it if one of its elements does.
#[derive(Clone, Debug)]
pub enum ClaimTest {
    /// The value is one of these.
    AnyOf(Vec<Value>),
    /// The value is a string, and this anchored pattern matches it. Takes time linear in its
    /// length.
    Matches(Regex),
    /// The value equals this variable of the rule's path template.
    PathVariable(String),
    /// Whether the claim exists. A claim with the value null does not.
    Exists(bool),
}

impl ClaimMatch {
    /// Returns whether the claims meet the condition.
    pub fn matches(&self, claims: &Claims, variables: &PathVariables<'_>) -> bool {
        let claim = claims.at(&self.path);
        if let ClaimTest::Exists(expected) = self.test {
            return expected == claim.is_some_and(|claim| !matches!(claim, ValueRef::Null));
        }
        let Some(claim) = claim else { return false };
        let any_element = |test: &dyn Fn(&ValueRef<'_>) -> bool| {
            test(&claim) || claim.as_array().is_some_and(|mut items| items.any(|item| test(&item)))
        };
        match &self.test {
            ClaimTest::Exists(_) => false,
            ClaimTest::AnyOf(accepted) => {
                any_element(&|claim| accepted.iter().any(|value| equals(claim, value)))
            }
            ClaimTest::Matches(pattern) => {
                any_element(&|claim| claim.as_str().is_some_and(|text| pattern.is_match(text)))
            }
            ClaimTest::PathVariable(name) => variables
                .get(name)
                .is_some_and(|segment| any_element(&|claim| equals_segment(claim, &segment))),
        }
    }
}

/// Returns whether a claim equals a path segment: as a string, or as a whole number without a
/// decimal point and an exponent.
fn equals_segment(claim: &ValueRef<'_>, segment: &str) -> bool {
    match claim {
        ValueRef::String(text) => *text == segment,
        ValueRef::Number(number) => number.to_string() == segment,
        _ => false,
    }
}

/// Returns whether two JSON values are equal. Numbers compare by value, so 1 equals 1.0. Whole
/// numbers compare exactly, others as the nearest doubles.
fn equals(claim: &ValueRef<'_>, value: &Value) -> bool {
    match (claim, value) {
        (ValueRef::Null, Value::Null) => true,
        (ValueRef::Bool(a), Value::Bool(b)) => a == b,
        (ValueRef::String(a), Value::String(b)) => a == b,
        (ValueRef::Number(a), Value::Number(b)) => a == b,
        (ValueRef::Decimal(_), Value::Number(b)) => b.is_f64() && claim.as_f64() == b.as_f64(),
        (ValueRef::Array(a), Value::Array(b)) => {
            a.clone().count() == b.len() && a.clone().zip(b).all(|(a, b)| equals(&a, b))
        }
        (ValueRef::Object(a), Value::Object(b)) => {
            a.clone().count() == b.len()
                && a.clone().all(|(name, a)| b.get(name).is_some_and(|b| equals(&a, b)))
        }
        _ => false,
    }
}
