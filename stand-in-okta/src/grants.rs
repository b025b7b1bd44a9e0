//! Authorization codes and refresh tokens, and the access tokens that were issued for them.

use super::browser::Authentication;
use super::servers::Server;
use super::store::Store;

/// What a user granted to the single-page app by signing in.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    /// The server that issues the tokens.
    pub server: Server,
    /// The authentication of the user. A refresh does not change it.
    pub authentication: Authentication,
    /// The requested authentication context class.
    pub acr: Option<&'static str>,
    /// The granted scopes.
    pub scopes: Vec<String>,
    /// The `nonce` of the request, for the first ID token.
    pub nonce: Option<String>,
}

/// The part of an authorization request that the token request must match.
#[derive(Clone, Debug)]
pub(crate) struct CodeBinding {
    /// The redirect URI to which the code was sent.
    pub redirect_uri: String,
    /// The PKCE challenge, of method `S256`.
    pub challenge: String,
}

/// A failed use of a code or a refresh token, and the `jti` of all access tokens that it revokes.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The `error_description`.
    pub description: &'static str,
    /// The `jti` of the access tokens that are no longer valid.
    pub revoked: Vec<String>,
}

impl Failure {
    const fn of(description: &'static str) -> Self {
        Self { description, revoked: Vec::new() }
    }
}

/// All grants, with their codes and refresh tokens.
pub(crate) struct Grants {
    codes: Store<Code>,
    /// Each refresh token with the key of its grant. A token stays here after its rotation, so its
    /// reuse is recognized.
    refresh: Store<String>,
    grants: Store<State>,
}

struct Code {
    grant: Grant,
    binding: CodeBinding,
    used: bool,
    /// The key of the grant, after a successful use.
    key: Option<String>,
}

struct State {
    grant: Grant,
    /// The refresh token that is valid now.
    refresh: Option<String>,
    /// The thumbprint of the key to which the refresh token is bound.
    jkt: Option<String>,
    /// The `jti` of the access tokens.
    issued: Vec<String>,
}

impl Grants {
    /// Makes an empty set.
    pub(crate) fn new() -> Self {
        Self { codes: Store::new(), refresh: Store::new(), grants: Store::new() }
    }

    /// Issues a code, which is valid once and for 60 seconds.
    pub(crate) fn add_code(&mut self, grant: Grant, binding: CodeBinding, now: i64) -> String {
        self.codes.add(Code { grant, binding, used: false, key: None }, CODE_SECONDS, now)
    }

    /// Uses a code, and returns the key of the new grant and the grant. `challenge` is that of the
    /// verifier in the request. A failed request uses the code too. A second use revokes the tokens
    /// of the first (RFC 6749 section 4.1.2).
    pub(crate) fn use_code(
        &mut self,
        server: Server,
        code: &str,
        given: &CodeBinding,
        now: i64,
    ) -> Result<(String, Grant), Failure> {
        let known = self.codes.get_mut(code, now).filter(|known| known.grant.server == server);
        let Some(known) = known else { return Err(Failure::of(CODE_INVALID)) };
        if known.used {
            let key = known.key.clone().unwrap_or_default();
            return Err(Failure { description: CODE_INVALID, revoked: self.revoke(&key) });
        }
        known.used = true;
        if known.binding.redirect_uri != given.redirect_uri {
            return Err(Failure::of(REDIRECT_URI_DIFFERS));
        }
        if known.binding.challenge != given.challenge {
            return Err(Failure::of(PKCE_FAILED));
        }
        let grant = known.grant.clone();
        let state = State { grant: grant.clone(), refresh: None, jkt: None, issued: Vec::new() };
        let key = self.grants.add(state, GRANT_SECONDS, now);
        known.key = Some(key.clone());
        Ok((key, grant))
    }

    /// Uses a refresh token, and returns the key of its grant and the grant. The use of a token that
    /// was already rotated revokes the grant.
    pub(crate) fn use_refresh(
        &mut self,
        server: Server,
        token: &str,
        now: i64,
    ) -> Result<(String, Grant), Failure> {
        let Some(key) = self.refresh.get(token, now).cloned() else {
            return Err(Failure::of(REFRESH_INVALID));
        };
        match self.grants.get(&key, now) {
            Some(state) if state.grant.server != server => Err(Failure::of(REFRESH_INVALID)),
            Some(state) if state.refresh.as_deref() == Some(token) => Ok((key, state.grant.clone())),
            Some(_) | None => Err(Failure { description: REFRESH_INVALID, revoked: self.revoke(&key) }),
        }
    }

    /// Issues a refresh token, and makes the former one of this grant invalid.
    pub(crate) fn rotate(&mut self, key: &str, now: i64) -> String {
        let token = self.refresh.add(key.to_owned(), GRANT_SECONDS, now);
        self.grants.extend(key, GRANT_SECONDS, now);
        if let Some(state) = self.grants.get_mut(key, now) {
            state.refresh = Some(token.clone());
        }
        token
    }

    /// Binds the refresh tokens of a grant to the key with this thumbprint.
    pub(crate) fn bind(&mut self, key: &str, jkt: Option<String>, now: i64) {
        if let Some(state) = self.grants.get_mut(key, now) {
            state.jkt = jkt;
        }
    }

    /// Returns the thumbprint of the key to which the refresh tokens of a grant are bound.
    pub(crate) fn bound_key(&self, key: &str, now: i64) -> Option<String> {
        self.grants.get(key, now).and_then(|state| state.jkt.clone())
    }

    /// Records an access token of this grant.
    pub(crate) fn record(&mut self, key: &str, jti: String, now: i64) {
        if let Some(state) = self.grants.get_mut(key, now) {
            if state.issued.len() >= ISSUED_CAPACITY {
                state.issued.remove(0);
            }
            state.issued.push(jti);
        }
    }

    /// Revokes the grant of a refresh token, and returns the `jti` of its access tokens. Okta
    /// revokes the access tokens with the refresh token.
    pub(crate) fn revoke_refresh(&mut self, server: Server, token: &str, now: i64) -> Vec<String> {
        match self.refresh.get(token, now).cloned() {
            Some(key) if self.grants.get(&key, now).is_some_and(|state| state.grant.server == server) => {
                self.revoke(&key)
            }
            Some(_) | None => Vec::new(),
        }
    }

    fn revoke(&mut self, key: &str) -> Vec<String> {
        self.grants.remove(key).map(|state| state.issued).unwrap_or_default()
    }
}

/// The lifetime of a code. Okta's is 60 seconds.
const CODE_SECONDS: i64 = 60;

/// The time in which a refresh token must be used. Okta's default is 7 days.
const GRANT_SECONDS: i64 = 7 * 24 * 3600;

/// The access tokens of a grant that its revocation covers: the latest 100.
const ISSUED_CAPACITY: usize = 100;

const CODE_INVALID: &str = "The authorization code is invalid or has expired.";
const REDIRECT_URI_DIFFERS: &str =
    "The 'redirect_uri' does not match the redirection URI used in the authorization request.";
const PKCE_FAILED: &str = "PKCE verification failed.";
const REFRESH_INVALID: &str = "The refresh token is invalid or expired.";
