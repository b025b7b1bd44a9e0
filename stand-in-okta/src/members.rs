//! JSON objects whose members stay in order.
//!
//! Okta's tokens have an order, and tests that compare with real ones want it. `serde_json` would keep one too, with a
//! feature that would then hold for the filter's own tests and not for the filter: hence this.

use std::fmt;

use serde_json::{Map, Value};

/// The members of a JSON object, in order.
pub(crate) struct Members(Vec<(String, Value)>);

impl Members {
    /// These members.
    pub(crate) fn of<const N: usize>(members: [(&str, Value); N]) -> Self {
        Self(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// And this one.
    pub(crate) fn and(mut self, name: &str, value: Value) -> Self {
        self.set(name, value);
        self
    }

    /// Sets a member where Okta would have it; null removes it.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        if value.is_null() {
            self.0.retain(|(other, _)| other != name);
        } else if let Some((_, old)) = self.0.iter_mut().find(|(other, _)| other == name) {
            *old = value;
        } else {
            let follower = self.0.iter().position(|(other, _)| place(other) > place(name));
            self.0.insert(follower.unwrap_or(self.0.len()), (name.to_owned(), value));
        }
    }

    /// Sets all of these.
    pub(crate) fn change(&mut self, changes: &Map<String, Value>) {
        for (name, value) in changes {
            self.set(name, value.clone());
        }
    }
}

/// The object, without white space.
impl fmt::Display for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, (name, value)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}:{value}", Value::from(name.as_str()))?;
        }
        f.write_str("}")
    }
}

/// The rank of a claim in Okta's access tokens; custom claims come last.
fn place(name: &str) -> usize {
    ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len())
}

const ORDER: [&str; 13] =
    ["ver", "jti", "iss", "aud", "iat", "exp", "cnf", "acr", "cid", "uid", "scp", "auth_time", "sub"];
