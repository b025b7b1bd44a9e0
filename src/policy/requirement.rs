//! What a rule asks of a valid token.

use crate::json::Value;
use crate::verify::Identity;

/// Conditions on an identity; all that are given must hold. With none, any valid token will do.
#[derive(Clone, Debug, Default)]
pub struct Requirement {
    /// Scopes, all of them.
    pub scopes: Vec<String>,
    /// Scopes, at least one of them.
    pub any_scopes: Vec<String>,
    /// Groups, at least one of them.
    pub groups: Vec<String>,
    /// Clients, one of them.
    pub client_ids: Vec<String>,
    /// Conditions on claims, all of them.
    pub claims: Vec<ClaimMatch>,
    /// At least one of these.
    pub any_of: Vec<Self>,
    /// Every one of these.
    pub all_of: Vec<Self>,
    /// Not this.
    pub not: Option<Box<Self>>,
}

/// A condition on one claim.
#[derive(Clone, Debug)]
pub struct ClaimMatch {
    /// Where the claim is.
    pub path: Vec<String>,
    /// What must be true of it.
    pub test: ClaimTest,
}

/// What must be true of a claim.
#[derive(Clone, Debug)]
pub enum ClaimTest {
    /// It is one of these, or a list that contains one.
    AnyOf(Vec<Value>),
    /// Whether it is there at all.
    Exists(bool),
}

/// What an identity lacks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Unmet {
    /// These scopes would do.
    Scopes(Vec<String>),
    /// Something that no scope makes up for.
    Other,
}

impl Requirement {
    /// Whether the identity meets the requirement.
    ///
    /// # Errors
    /// What is missing. Scopes are named only where they alone would help: a client that fetches them and is refused
    /// again has been misled.
    pub fn check(&self, identity: &Identity<'_>) -> Result<(), Unmet> {
        let client =
            || identity.client_id().is_some_and(|id| self.client_ids.iter().any(|accepted| accepted == id));
        if !self.client_ids.is_empty() && !client() {
            return Err(Unmet::Other);
        }
        if !self.groups.is_empty() && !self.groups.iter().any(|group| in_group(identity, group)) {
            return Err(Unmet::Other);
        }
        if !self.claims.iter().all(|claim| claim.check(identity)) {
            return Err(Unmet::Other);
        }
        if self.not.as_ref().is_some_and(|not| not.check(identity).is_ok()) {
            return Err(Unmet::Other);
        }
        let mut scopes = Vec::new();
        if !self.scopes.iter().all(|scope| identity.has_scope(scope)) {
            scopes.extend_from_slice(&self.scopes);
        }
        if !self.any_scopes.is_empty() && !self.any_scopes.iter().any(|scope| identity.has_scope(scope)) {
            scopes.extend_from_slice(&self.any_scopes);
        }
        for part in &self.all_of {
            collect(part.check(identity), &mut scopes)?;
        }
        collect(self.check_any_of(identity), &mut scopes)?;
        if scopes.is_empty() { Ok(()) } else { Err(Unmet::Scopes(scopes)) }
    }

    /// Whether every valid token meets it.
    pub fn is_empty(&self) -> bool {
        let Self { scopes, any_scopes, groups, client_ids, claims, any_of, all_of, not } = self;
        [scopes, any_scopes, groups, client_ids].iter().all(|list| list.is_empty())
            && claims.is_empty()
            && (any_of.is_empty() || any_of.iter().any(Self::is_empty))
            && all_of.iter().all(Self::is_empty)
            && not.is_none()
    }

    fn check_any_of(&self, identity: &Identity<'_>) -> Result<(), Unmet> {
        let mut best = if self.any_of.is_empty() { Ok(()) } else { Err(Unmet::Other) };
        for alternative in &self.any_of {
            match alternative.check(identity) {
                Ok(()) => return Ok(()),
                Err(unmet) if best == Err(Unmet::Other) => best = Err(unmet),
                Err(_) => {}
            }
        }
        best
    }
}

/// Adds the missing scopes to the others; anything else that is missing ends the search.
fn collect(outcome: Result<(), Unmet>, scopes: &mut Vec<String>) -> Result<(), Unmet> {
    match outcome {
        Ok(()) => Ok(()),
        Err(Unmet::Other) => Err(Unmet::Other),
        Err(Unmet::Scopes(missing)) => {
            scopes.extend(missing);
            Ok(())
        }
    }
}

fn in_group(identity: &Identity<'_>, group: &str) -> bool {
    match identity.claims().get("groups") {
        Some(Value::Array(groups)) => groups.iter().any(|member| member == group),
        Some(Value::String(only)) => only == group,
        _ => false,
    }
}

impl ClaimMatch {
    fn check(&self, identity: &Identity<'_>) -> bool {
        let claim = identity.claims().at(&self.path);
        match (&self.test, claim) {
            (ClaimTest::Exists(wanted), claim) => *wanted == claim.is_some(),
            (ClaimTest::AnyOf(_), None) => false,
            (ClaimTest::AnyOf(accepted), Some(claim)) => accepted.iter().any(|value| {
                same(claim, value)
                    || claim.as_array().is_some_and(|items| items.iter().any(|item| same(item, value)))
            }),
        }
    }
}

/// Equal JSON. Numbers compare by value, 1 and 1.0 alike; whole ones to the last digit, for a double has not enough.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}
