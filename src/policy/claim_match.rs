//! Conditions on claims.

use regex_lite::Regex;

use super::path::PathVariables;
use crate::claims::Claims;
use crate::json::{Value, ValueRef};

/// A condition on one claim.
#[derive(Clone, Debug)]
pub struct ClaimMatch {
    /// Where the claim is.
    pub path: Vec<String>,
    /// What must be true of it.
    pub test: ClaimTest,
}

/// What must be true of a claim. A claim that is a list passes if one of its elements does.
#[derive(Clone, Debug)]
pub enum ClaimTest {
    /// It is one of these.
    AnyOf(Vec<Value>),
    /// It is a string that this pattern matches as a whole, in time linear in its length.
    Matches(Regex),
    /// It is what stands in the path where the rule's template has this variable.
    PathVariable(String),
    /// Whether it is there at all. A claim that is null is not.
    Exists(bool),
}

impl ClaimMatch {
    /// Whether the claims meet it.
    pub fn holds(&self, claims: &Claims, variables: &PathVariables<'_>) -> bool {
        let claim = claims.at(&self.path);
        if let ClaimTest::Exists(wanted) = self.test {
            return wanted == claim.is_some_and(|claim| !matches!(claim, ValueRef::Null));
        }
        let Some(claim) = claim else { return false };
        let one_of = |test: &dyn Fn(&ValueRef<'_>) -> bool| {
            test(&claim) || claim.as_array().is_some_and(|mut items| items.any(|item| test(&item)))
        };
        match &self.test {
            ClaimTest::Exists(_) => false,
            ClaimTest::AnyOf(accepted) => one_of(&|claim| accepted.iter().any(|value| same(claim, value))),
            ClaimTest::Matches(pattern) => {
                one_of(&|claim| claim.as_str().is_some_and(|text| pattern.is_match(text)))
            }
            ClaimTest::PathVariable(name) => {
                variables.get(name).is_some_and(|segment| one_of(&|claim| is_written(claim, &segment)))
            }
        }
    }
}

/// Returns whether a path segment is this claim: the string itself, or a whole number without a point or an exponent.
fn is_written(claim: &ValueRef<'_>, segment: &str) -> bool {
    match claim {
        ValueRef::String(text) => *text == segment,
        ValueRef::Number(number) => number.to_string() == segment,
        _ => false,
    }
}

/// Returns whether two values are equal JSON. Numbers compare by value, 1 and 1.0 alike: whole ones to the last digit,
/// others as the nearest doubles.
fn same(claim: &ValueRef<'_>, value: &Value) -> bool {
    match (claim, value) {
        (ValueRef::Null, Value::Null) => true,
        (ValueRef::Bool(a), Value::Bool(b)) => a == b,
        (ValueRef::String(a), Value::String(b)) => a == b,
        (ValueRef::Number(a), Value::Number(b)) => a == b,
        (ValueRef::Decimal(_), Value::Number(b)) => b.is_f64() && claim.as_f64() == b.as_f64(),
        (ValueRef::Array(a), Value::Array(b)) => {
            a.clone().count() == b.len() && a.clone().zip(b).all(|(a, b)| same(&a, b))
        }
        (ValueRef::Object(a), Value::Object(b)) => {
            a.clone().count() == b.len()
                && a.clone().all(|(name, a)| b.get(name).is_some_and(|b| same(&a, b)))
        }
        _ => false,
    }
}
