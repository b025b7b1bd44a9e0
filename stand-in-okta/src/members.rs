//! JSON objects that keep the order of their members.
//!
//! Okta's tokens have an order of members, and tests compare with real tokens. The feature
//! `preserve_order` of `serde_json` would keep it too, but cargo would enable the feature for the
//! filter's tests as well, and the filter does not have it.

use std::fmt;

use serde_json::{Map, Value};

/// The members of a JSON object in their order.
pub(crate) struct Members(Vec<(String, Value)>);

impl Members {
    /// Makes an object of these members, without those that are null.
    pub(crate) fn of<const N: usize>(members: [(&str, Value); N]) -> Self {
        let present = members.into_iter().filter(|(_, value)| !value.is_null());
        Self(present.map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// Adds a member.
    pub(crate) fn and(mut self, name: &str, value: Value) -> Self {
        self.set(name, value);
        self
    }

    /// Sets a member at its position in Okta's order. Null removes the member.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        if value.is_null() {
            self.0.retain(|(other, _)| other != name);
        } else if let Some((_, old)) = self.0.iter_mut().find(|(other, _)| other == name) {
            *old = value;
        } else {
            let follower = self.0.iter().position(|(other, _)| rank(other) > rank(name));
            self.0.insert(follower.unwrap_or(self.0.len()), (name.to_owned(), value));
        }
    }

    /// Returns the members without their order.
    pub(crate) fn into_map(self) -> Map<String, Value> {
        self.0.into_iter().collect()
    }

    /// Sets all of these members.
    pub(crate) fn set_all(&mut self, changes: &Map<String, Value>) {
        for (name, value) in changes {
            self.set(name, value.clone());
        }
    }
}

/// Writes the object without white space.
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

/// Returns the position of a claim in Okta's access tokens. Custom claims come last.
fn rank(name: &str) -> usize {
    ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len())
}

const ORDER: [&str; 13] =
    ["ver", "jti", "iss", "aud", "iat", "exp", "cnf", "acr", "cid", "uid", "scp", "auth_time", "sub"];
