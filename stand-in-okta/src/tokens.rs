//! Tokens, byte for byte as Okta serialises them, and the variations that a verifier must tell apart.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::DEMO_CLIENT_ID;
use super::keys::{Key, random_text};
use super::members::Members;
use super::org::Server;

/// What sort of token. All are signed with the same key of the server: only their content tells them apart.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An access token for a user of an app.
    #[default]
    User,
    /// An access token for a machine (`client_credentials`): no `uid`, `sub` is `cid`.
    Machine,
    /// A user's access token that came with a refresh token: its `jti` has a suffix.
    Refreshed,
    /// An access token exchanged by a service for its user's: the user's `uid`, the service's `cid`.
    OnBehalfOf,
    /// An agent's access token, as documented: `scope` is one string, `act` nests, no `scp`, `cid`, `jti`.
    Agent,
    /// An access token bound to a key (DPoP): as a bearer token it must be refused.
    DpopBound,
    /// The org server's access token, told by `typ`: for Okta itself, opaque to everyone else.
    OrgAccess,
    /// An ID token: says who logged in, and allows nothing.
    IdToken,
    /// An identity assertion for another authorization server (ID-JAG): allows nothing either.
    IdJag,
    /// Five parts, as an encrypted token has. They are random: nobody here could decrypt it.
    Encrypted,
}

/// A token to be minted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenSpec {
    kind: Kind,
    /// Replaces or adds claims; null removes one.
    claims: Map<String, Value>,
    /// The same for the header.
    header: Map<String, Value>,
    /// `exp - iat` in seconds. By default an hour, five minutes for an ID-JAG.
    lifetime: Option<i64>,
    /// `iat` in Unix seconds. By default the time of minting.
    issued_at: Option<i64>,
}

impl TokenSpec {
    /// A token of this kind, as Okta would issue it.
    pub fn new(kind: Kind) -> Self {
        Self { kind, ..Self::default() }
    }

    /// A user's access token: scopes `openid profile items:read`, groups `Everyone` and `IT`.
    pub fn user() -> Self {
        Self::new(Kind::User)
    }

    /// A machine's access token: scope `items:read`.
    pub fn machine() -> Self {
        Self::new(Kind::Machine)
    }

    /// With this claim, replacing what was there.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Without this claim.
    #[must_use]
    pub fn without(self, name: &str) -> Self {
        self.claim(name, Value::Null)
    }

    /// With this header member, replacing what was there; null removes it.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// With these scopes.
    #[must_use]
    pub fn scopes(self, scopes: &[&str]) -> Self {
        self.claim("scp", json!(scopes))
    }

    /// With these groups.
    #[must_use]
    pub fn groups(self, groups: &[&str]) -> Self {
        self.claim("groups", json!(groups))
    }

    /// With this authentication context, which Okta echoes when the app has asked for it.
    #[must_use]
    pub fn acr(self, acr: &str) -> Self {
        self.claim("acr", acr)
    }

    /// With `exp` this many seconds after `iat`. Okta's range: 300 to 86400.
    #[must_use]
    pub fn lifetime(mut self, seconds: i64) -> Self {
        self.lifetime = Some(seconds);
        self
    }

    /// Issued then, in Unix seconds.
    #[must_use]
    pub fn issued_at(mut self, unix_seconds: i64) -> Self {
        self.issued_at = Some(unix_seconds);
        self
    }

    /// The token, signed.
    pub fn mint(&self, server: Server, domain: &str, now: i64, key: &Key) -> String {
        if self.kind == Kind::Encrypted {
            return encrypted();
        }
        let mut header = Members::of([("kid", json!(key.kid())), ("alg", json!("RS256"))]);
        if let Some(typ) = self.kind.typ() {
            header.set("typ", json!(typ));
        }
        let iat = self.issued_at.unwrap_or(now);
        let lifetime = self.lifetime.unwrap_or(if self.kind == Kind::IdJag { 300 } else { 3600 });
        let mut payload = self.kind.payload(server, domain, iat, iat.saturating_add(lifetime));
        header.change(&self.header);
        payload.change(&self.claims);
        key.sign(&header.to_string(), &payload.to_string())
    }
}

impl Kind {
    /// Okta's custom servers set no `typ`, neither on access tokens nor on ID tokens.
    const fn typ(self) -> Option<&'static str> {
        match self {
            Self::OrgAccess => Some("application/okta-internal-at+jwt"),
            Self::IdJag => Some("oauth-id-jag+jwt"),
            _ => None,
        }
    }

    fn payload(self, server: Server, domain: &str, iat: i64, exp: i64) -> Members {
        let times = Times { iat, exp };
        let (iss, aud) = (server.issuer(domain), server.audience(domain));
        match self {
            Self::User | Self::Encrypted => user(&iss, &aud, APP_ID, times),
            Self::Machine => access(&iss, &aud, DEMO_CLIENT_ID, times)
                .and("scp", json!(["items:read"]))
                .and("sub", json!(DEMO_CLIENT_ID)),
            Self::Refreshed => user(&iss, &aud, APP_ID, times)
                .and("jti", json!(format!("AT.{}.oar{}", random_text(32), "1a2b3c4d5e6f7g8h9"))),
            // Okta's examples of exchanged tokens have no `act`, and the exchange's time as `auth_time`.
            Self::OnBehalfOf => user(&iss, &aud, SERVICE_ID, times).and("auth_time", json!(iat)),
            Self::DpopBound => user(&iss, &aud, APP_ID, times).and("cnf", json!({ "jkt": random_text(32) })),
            // The org server knows no scopes but its own, and puts groups into ID tokens only.
            Self::OrgAccess => user(&iss, &aud, APP_ID, times)
                .and("scp", json!(["openid", "profile"]))
                .and("groups", Value::Null),
            Self::Agent => agent(&iss, &aud, times),
            Self::IdToken => id_token(&iss, times),
            Self::IdJag => id_jag(&iss, &Server::Default.issuer(domain), times),
        }
    }
}

#[derive(Clone, Copy)]
struct Times {
    iat: i64,
    exp: i64,
}

impl Times {
    /// When the user logged in: some seconds before the app came for the token.
    const fn login(self) -> i64 {
        self.iat.saturating_sub(21)
    }
}

/// What every access token begins with.
fn access(iss: &str, aud: &str, cid: &str, times: Times) -> Members {
    Members::of([
        ("ver", json!(1)),
        ("jti", json!(format!("AT.{}", random_text(32)))),
        ("iss", json!(iss)),
        ("aud", json!(aud)),
        ("iat", json!(times.iat)),
        ("exp", json!(times.exp)),
        ("cid", json!(cid)),
    ])
}

fn user(iss: &str, aud: &str, cid: &str, times: Times) -> Members {
    access(iss, aud, cid, times)
        .and("uid", json!(USER_ID))
        .and("scp", json!(["openid", "profile", "items:read"]))
        .and("auth_time", json!(times.login()))
        .and("sub", json!(LOGIN))
        .and("groups", json!(["Everyone", "IT"]))
}

fn agent(iss: &str, aud: &str, times: Times) -> Members {
    let initiator = json!({ "sub": DEMO_CLIENT_ID, "sub_profile": "service" });
    Members::of([
        ("iss", json!(iss)),
        ("sub", json!(SERVICE_ID)),
        ("aud", json!(aud)),
        ("iat", json!(times.iat)),
        ("exp", json!(times.exp)),
        ("scope", json!("items:read items:write")),
        ("sub_profile", json!("service")),
        ("act", json!({ "sub": AGENT_ID, "sub_profile": "ai_agent", "act": initiator })),
    ])
}

fn id_token(iss: &str, times: Times) -> Members {
    Members::of([
        ("sub", json!(USER_ID)),
        ("ver", json!(1)),
        ("iss", json!(iss)),
        ("aud", json!(APP_ID)),
        ("iat", json!(times.iat)),
        ("exp", json!(times.exp)),
        ("jti", json!(format!("ID.{}", random_text(32)))),
        ("amr", json!(["pwd"])),
        ("idp", json!("00o47ijbqfgnq5gj00g7")),
        ("nonce", json!("YsG76jo")),
        ("preferred_username", json!(LOGIN)),
        ("auth_time", json!(times.login())),
        ("at_hash", json!(random_text(16))),
    ])
}

/// Its audience is the other authorization server, by issuer.
fn id_jag(iss: &str, redeemed_at: &str, times: Times) -> Members {
    Members::of([
        ("iss", json!(iss)),
        ("sub", json!(USER_ID)),
        ("aud", json!(redeemed_at)),
        ("iat", json!(times.iat)),
        ("exp", json!(times.exp)),
        ("jti", json!(format!("IDAAG.{}", random_text(32)))),
        ("scope", json!("items:read")),
        ("sub_profile", json!("user")),
        ("act", json!({ "sub": AGENT_ID, "sub_profile": "ai_agent" })),
    ])
}

/// Header, wrapped key, nonce, ciphertext, tag: as long as Okta's would be.
fn encrypted() -> String {
    let header = json!({ "alg": "RSA-OAEP-256", "enc": "A256GCM", "cty": "JWT", "kid": random_text(32) });
    let header = URL_SAFE_NO_PAD.encode(header.to_string());
    [header, random_text(256), random_text(12), random_text(900), random_text(16)].join(".")
}

const LOGIN: &str = "joe.user@example.com";
const USER_ID: &str = "00ujmkLgagxeRrAg20g3";
const APP_ID: &str = "0oa48e74ox4t7mQJX0g7";
const SERVICE_ID: &str = "0oa9jh6hizeR7uMag0g7";
const AGENT_ID: &str = "wlp3kq8vZt5pLmXy90g7";
