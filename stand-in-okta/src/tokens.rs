//! Tokens, serialized as Okta serializes them, of each kind that a verifier must distinguish.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::sha2::{Digest as _, Sha256};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::keys::Key;
use super::kinds::{Kind, encrypted};
use super::members::Members;
use super::servers::Server;

/// The content of a token to mint.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenSpec {
    kind: Kind,
    /// Claims that replace or extend those of the kind. Null removes a claim.
    claims: Map<String, Value>,
    /// Header members that replace or extend those of the kind. Null removes a member.
    header: Map<String, Value>,
    /// `exp - iat` in seconds. Default: 3600, or 300 for an ID-JAG.
    lifetime: Option<i64>,
    /// `iat` in Unix seconds. Default: the time of minting.
    issued_at: Option<i64>,
    /// Whether the token is a random text whose claims only introspection returns.
    opaque: bool,
}

impl TokenSpec {
    /// Makes a spec of this kind without changes.
    pub fn new(kind: Kind) -> Self {
        Self { kind, ..Self::default() }
    }

    /// Makes a spec of a user's access token with the scopes `openid profile items:read` and the
    /// groups `Everyone` and `IT`.
    pub fn user() -> Self {
        Self::new(Kind::User)
    }

    /// Makes a spec of a machine's access token with the scope `items:read`.
    pub fn machine() -> Self {
        Self::new(Kind::Machine)
    }

    /// Sets a claim. Null removes it.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a claim.
    #[must_use]
    pub fn without(self, name: &str) -> Self {
        self.claim(name, Value::Null)
    }

    /// Sets a header member. Null removes it.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Sets the scopes.
    #[must_use]
    pub fn scopes(self, scopes: &[&str]) -> Self {
        self.claim("scp", json!(scopes))
    }

    /// Sets the groups.
    #[must_use]
    pub fn groups(self, groups: &[&str]) -> Self {
        self.claim("groups", json!(groups))
    }

    /// Sets the authentication context class, which Okta includes if the client requested it.
    #[must_use]
    pub fn acr(self, acr: &str) -> Self {
        self.claim("acr", acr)
    }

    /// Binds the token to the key with this thumbprint: sets `cnf.jkt` (RFC 9449 section 6.1).
    #[must_use]
    pub fn bound_to_key(self, thumbprint: &str) -> Self {
        self.confirmation("jkt", thumbprint)
    }

    /// Binds the token to this certificate in DER: sets `cnf["x5t#S256"]` (RFC 8705 section 3.1).
    /// Okta issues no such tokens.
    #[must_use]
    pub fn bound_to_certificate(self, der: &[u8]) -> Self {
        self.confirmation("x5t#S256", &URL_SAFE_NO_PAD.encode(Sha256::digest(der)))
    }

    fn confirmation(mut self, name: &str, value: &str) -> Self {
        let mut members = self.claims.get("cnf").and_then(Value::as_object).cloned().unwrap_or_default();
        members.insert(name.to_owned(), value.into());
        self.claims.insert("cnf".to_owned(), Value::Object(members));
        self
    }

    /// Sets `exp` to this many seconds after `iat`. Okta's range is 300 to 86400.
    #[must_use]
    pub fn lifetime(mut self, seconds: i64) -> Self {
        self.lifetime = Some(seconds);
        self
    }

    /// Sets `iat`, in Unix seconds.
    #[must_use]
    pub fn issued_at(mut self, unix_seconds: i64) -> Self {
        self.issued_at = Some(unix_seconds);
        self
    }

    /// Makes the token opaque: 43 random characters. The server returns its claims only at the
    /// introspection endpoint. Okta's access tokens are JWTs; other servers issue opaque ones.
    #[must_use]
    pub fn opaque(mut self) -> Self {
        self.opaque = true;
        self
    }

    /// Returns the claims of the token if it is opaque.
    pub(crate) fn opaque_claims(&self, server: Server, domain: &str, now: i64) -> Option<Map<String, Value>> {
        self.opaque.then(|| self.payload(server, domain, now).into_map())
    }

    /// Mints the token: a compact JWS that the key signs with RS256.
    pub fn mint(&self, server: Server, domain: &str, now: i64, key: &Key) -> String {
        if self.kind == Kind::Encrypted {
            return encrypted();
        }
        let mut header = Members::of([("kid", json!(key.kid())), ("alg", json!("RS256"))]);
        if let Some(typ) = self.kind.typ() {
            header.set("typ", json!(typ));
        }
        header.set_all(&self.header);
        key.sign(&header.to_string(), &self.payload(server, domain, now).to_string())
    }

    fn payload(&self, server: Server, domain: &str, now: i64) -> Members {
        let iat = self.issued_at.unwrap_or(now);
        let lifetime = self.lifetime.unwrap_or(if self.kind == Kind::IdJag { 300 } else { 3600 });
        let mut payload = self.kind.payload(server, domain, iat, iat.saturating_add(lifetime));
        payload.set_all(&self.claims);
        payload
    }
}
