//! The revoked access tokens.

use std::collections::HashMap;

use serde_json::{Value, json};

/// The `jti` of revoked tokens. Only introspection, userinfo and the denylist use them.
pub(crate) struct Revocations {
    /// Each `jti`, and the time in Unix milliseconds from which every such token has expired.
    expirations: HashMap<String, i64>,
    /// Further entries of the denylist.
    pub(crate) denied: Vec<Value>,
    /// The number of responses with status 304 for the denylist.
    pub(crate) denylist_confirmations: u64,
}

impl Revocations {
    /// Makes an empty set.
    pub(crate) fn new() -> Self {
        Self { expirations: HashMap::new(), denied: Vec::new(), denylist_confirmations: 0 }
    }

    /// Adds a token, and forgets those that have expired. At the capacity it drops the token that
    /// was revoked first.
    pub(crate) fn add(&mut self, jti: String, now_millis: i64) {
        self.expirations.retain(|_, expires| *expires > now_millis);
        if self.expirations.len() >= CAPACITY {
            let first = self.expirations.iter().min_by_key(|(_, expires)| **expires);
            if let Some(jti) = first.map(|(jti, _)| jti.clone()) {
                self.expirations.remove(&jti);
            }
        }
        self.expirations.insert(jti, now_millis.saturating_add(LIFETIME_MILLIS));
    }

    /// Returns whether the token is revoked.
    pub(crate) fn contains(&self, jti: &str) -> bool {
        self.expirations.contains_key(jti)
    }

    /// Returns the entries of the denylist.
    pub(crate) fn entries(&self) -> Vec<Value> {
        let mut ids: Vec<&String> = self.expirations.keys().collect();
        ids.sort();
        ids.into_iter().map(|jti| json!({ "jti": jti })).chain(self.denied.iter().cloned()).collect()
    }
}

/// Okta's maximum lifetime of an access token: 24 hours.
const LIFETIME_MILLIS: i64 = 24 * 3_600_000;

/// More than any test revokes.
const CAPACITY: usize = 100_000;
