//! DPoP (RFC 9449): the keys of clients, their proofs, and access tokens that are bound to them.
//!
//! ```ignore
//! let key = DpopKey::new(Algorithm::ES256);
//! let token = Token::user().bound_to_key(&key).compact();
//! let proof = Proof::new(&key, "GET", "https://api.example.com/items/1", NOW).of_token(&token);
//! let right = proof.compact();
//! let wrong = proof.clone().claim("htm", "POST").compact();
//! ```

mod keys;
mod proofs;

pub use keys::DpopKey;
pub use proofs::Proof;

use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};

use crate::common::{Token, b64};

/// Returns `ath` of a token: its SHA-256 hash as base64url text (RFC 9449 section 4.2).
pub fn token_hash(token: &str) -> String {
    b64(digest(&SHA256, token.as_bytes()))
}

/// Returns `x5t#S256` of a certificate in DER: its SHA-256 hash as base64url text (RFC 8705 section
/// 3.1).
pub fn certificate_hash(der: &[u8]) -> String {
    b64(digest(&SHA256, der))
}

impl Token {
    /// Binds the token to a key: sets `cnf.jkt` and keeps the other members of `cnf`.
    pub fn bound_to_key(self, key: &DpopKey) -> Self {
        self.confirmation("jkt", &key.thumbprint())
    }

    /// Binds the token to a certificate in DER: sets `cnf["x5t#S256"]` and keeps the other members
    /// of `cnf`.
    pub fn bound_to_certificate(self, der: &[u8]) -> Self {
        self.confirmation("x5t#S256", &certificate_hash(der))
    }

    /// Sets a member of `cnf` and keeps the others.
    pub fn confirmation(self, name: &str, value: &str) -> Self {
        let claims: Value = serde_json::from_str(&self.payload).unwrap();
        let mut members: Map<String, Value> = claims["cnf"].as_object().cloned().unwrap_or_default();
        members.insert(name.to_owned(), Value::from(value));
        self.claims(serde_json::json!({ "cnf": members }))
    }
}
