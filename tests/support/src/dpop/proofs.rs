//! Proofs of possession (RFC 9449 section 4.2), correct by default, with any change.

use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::Value;

use super::{DpopKey, token_hash};
use crate::common::{b64, with};

/// A proof to sign. Each proof has its own `jti`; a clone keeps it.
#[derive(Clone)]
pub struct Proof {
    key: DpopKey,
    header: Members,
    payload: Members,
    form: Form,
    segments: [Option<String>; 3],
}

/// The form of the signature.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Form {
    Jws,
    Der,
    Flipped,
}

impl Proof {
    /// Makes a proof for a request without an access token, as for the token endpoint. `now` is in
    /// Unix seconds.
    pub fn new(key: &DpopKey, method: &str, url: &str, now: u64) -> Self {
        let header = Members::default()
            .with("typ", "dpop+jwt")
            .with("alg", key.algorithm().name())
            .with("jwk", key.jwk());
        let payload =
            Members::default().with("jti", unique_id()).with("htm", method).with("htu", url).with("iat", now);
        Self { key: key.clone(), header, payload, form: Form::Jws, segments: [const { None }; 3] }
    }

    /// Sets `ath` for this access token.
    pub fn of_token(self, token: &str) -> Self {
        self.claim("ath", token_hash(token))
    }

    /// Sets the nonce of a server.
    pub fn nonce(self, nonce: &str) -> Self {
        self.claim("nonce", nonce)
    }

    /// Gives the proof another unique `jti`.
    pub fn renewed(self) -> Self {
        self.claim("jti", unique_id())
    }

    /// Sets a header member. Null becomes JSON's null.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header = self.header.with(name, value);
        self
    }

    /// Removes a header member.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// Adds a header member, also if the header has one with this name.
    pub fn repeated_header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.push(name, value.into());
        self
    }

    /// Sets a member of the public key in the header, for example `d` or `use`.
    pub fn jwk_member(self, name: &str, value: impl Into<Value>) -> Self {
        let mut jwk = self.header.get("jwk").cloned().expect("a jwk");
        jwk[name] = value.into();
        self.header("jwk", jwk)
    }

    /// Sets members of the header, as [`Token::claims`](crate::common::Token::claims) does: a null
    /// removes a member.
    pub fn headers(mut self, changes: Value) -> Self {
        self.header.change(changes);
        self
    }

    /// Sets members of the public key in the header. A null removes a member.
    pub fn jwk_members(self, changes: Value) -> Self {
        let jwk = self.header.get("jwk").cloned().expect("a jwk");
        self.header("jwk", with(jwk, changes))
    }

    /// Sets a claim. Null becomes JSON's null.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.payload = self.payload.with(name, value);
        self
    }

    /// Sets claims. A null removes a claim.
    pub fn claims(mut self, changes: Value) -> Self {
        self.payload.change(changes);
        self
    }

    /// Removes a claim.
    pub fn without(mut self, name: &str) -> Self {
        self.payload.remove(name);
        self
    }

    /// Adds a claim, also if the payload has one with this name.
    pub fn repeated(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.payload.push(name, value.into());
        self
    }

    /// Signs with another key. The header keeps the public key and the algorithm.
    pub fn signed_by(mut self, key: &DpopKey) -> Self {
        self.key = key.clone();
        self
    }

    /// Replaces the key: the public key and the algorithm in the header, and the signer.
    pub fn with_key(self, key: &DpopKey) -> Self {
        self.signed_by(key).header("alg", key.algorithm().name()).header("jwk", key.jwk())
    }

    /// Writes the ECDSA signature in DER.
    pub fn der_signature(mut self) -> Self {
        self.form = Form::Der;
        self
    }

    /// Flips one bit of the signature.
    pub fn flipped_signature(mut self) -> Self {
        self.form = Form::Flipped;
        self
    }

    /// Replaces the header by exactly this text, which is signed.
    pub fn raw_header(self, text: impl AsRef<[u8]>) -> Self {
        self.segment(0, b64(text))
    }

    /// Replaces the payload by exactly this text, which is signed.
    pub fn raw_payload(self, text: impl AsRef<[u8]>) -> Self {
        self.segment(1, b64(text))
    }

    /// Edits the text of the header, which is signed.
    pub fn edit_header(self, edit: impl FnOnce(String) -> String) -> Self {
        let text = edit(self.header.to_string());
        self.raw_header(text)
    }

    /// Edits the text of the payload, which is signed.
    pub fn edit_payload(self, edit: impl FnOnce(String) -> String) -> Self {
        let text = edit(self.payload.to_string());
        self.raw_payload(text)
    }

    /// Replaces a segment (0 to 2) by exactly this text. Header and payload are signed as replaced.
    pub fn segment(mut self, index: usize, text: impl Into<String>) -> Self {
        self.segments[index] = Some(text.into());
        self
    }

    /// Adds white space to the payload until the proof has this length. A length of 1 more than a
    /// multiple of 4 in a segment is impossible, so some lengths need another header or claim.
    ///
    /// # Panics
    ///
    /// If the proof is longer, or no padding gives this length.
    pub fn of_length(mut self, length: usize) -> Self {
        for _ in 0..3 {
            let base = self.compact().len();
            let payload = self.payload.to_string();
            for spaces in (length.saturating_sub(base) * 3 / 4).saturating_sub(3)..length {
                let padded = self.clone().raw_payload(format!("{payload}{}", " ".repeat(spaces)));
                match padded.compact().len() {
                    reached if reached == length => return padded,
                    reached if reached > length => break,
                    _ => {}
                }
            }
            // A longer `jti` shifts the possible lengths.
            let jti = self.payload.get("jti").and_then(Value::as_str).expect("a jti").to_owned();
            self = self.header("x", "x".repeat(jti.len() % 3 + 1)).claim("jti", format!("{jti}x"));
        }
        panic!("no padding gives {length} bytes");
    }

    /// Signs the proof and returns the compact JWS.
    pub fn compact(&self) -> String {
        let [header, payload, signature] = &self.segments;
        let header = header.clone().unwrap_or_else(|| b64(self.header.to_string()));
        let payload = payload.clone().unwrap_or_else(|| b64(self.payload.to_string()));
        let message = format!("{header}.{payload}");
        let signature = signature.clone().unwrap_or_else(|| b64(self.signature(message.as_bytes())));
        format!("{message}.{signature}")
    }

    /// Signs the proof, and pads each segment with `=`, which JWS does not allow.
    pub fn padded(&self) -> String {
        let compact = self.compact();
        let padded = compact.split('.').map(|segment| {
            let missing = segment.len().next_multiple_of(4) - segment.len();
            format!("{segment}{}", "=".repeat(missing))
        });
        padded.collect::<Vec<_>>().join(".")
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        match self.form {
            Form::Jws => self.key.signature(message),
            Form::Der => self.key.der_signature(message),
            Form::Flipped => {
                let mut signature = self.key.signature(message);
                signature[7] ^= 1;
                signature
            }
        }
    }
}

/// The members of a JSON object in their order. A name may occur several times.
#[derive(Clone, Default)]
struct Members(Vec<(String, Value)>);

impl Members {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        match self.0.iter_mut().find(|(other, _)| other == name) {
            Some((_, old)) => *old = value,
            None => self.push(name, value),
        }
        self
    }

    /// Sets members. A null removes a member.
    fn change(&mut self, changes: Value) {
        let Value::Object(changes) = changes else { panic!("{changes}: not an object") };
        for (name, value) in changes {
            if value.is_null() {
                self.remove(&name);
            } else {
                *self = std::mem::take(self).with(&name, value);
            }
        }
    }

    fn push(&mut self, name: &str, value: Value) {
        self.0.push((name.to_owned(), value));
    }

    fn remove(&mut self, name: &str) {
        self.0.retain(|(other, _)| other != name);
    }
}

impl std::fmt::Display for Members {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let members = self.0.iter().map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())));
        write!(f, "{{{}}}", members.collect::<Vec<_>>().join(","))
    }
}

fn unique_id() -> String {
    let mut random = [0; 16];
    SystemRandom::new().fill(&mut random).unwrap();
    b64(random)
}
