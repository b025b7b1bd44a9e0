//! The kinds of tokens that a verifier must distinguish, with Okta's claims.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::DEMO_CLIENT_ID;
use super::keys::random_text;
use super::members::Members;
use super::servers::Server;

/// A kind of token. The server signs all kinds with one key, so only the content distinguishes
/// them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An access token for a user of an app.
    #[default]
    User,
    /// An access token for a machine (`client_credentials`): no `uid`, `sub` is `cid`.
    Machine,
    /// A user's access token from a refresh token. Its `jti` has a suffix.
    Refreshed,
    /// An access token that a service obtained by token exchange: the user's `uid`, the service's
    /// `cid`.
    OnBehalfOf,
    /// An access token of an AI agent, as documented: `scope` is a string, `act` nests, `scp`,
    /// `cid` and `jti` are absent.
    Agent,
    /// An access token bound to a key by DPoP (RFC 9449). It must be rejected as a bearer token.
    DpopBound,
    /// The org server's access token, marked by `typ`. It is for Okta's APIs, and opaque to other
    /// APIs.
    OrgAccess,
    /// An ID token. It authenticates a user and must not be accepted as an access token.
    IdToken,
    /// An identity assertion for another authorization server (ID-JAG). It must not be accepted as
    /// an access token.
    IdJag,
    /// Five random parts in the form of a compact JWE (RFC 7516).
    Encrypted,
}

impl Kind {
    /// Returns the `typ` of the header. Okta's custom servers set none, on access tokens or ID
    /// tokens.
    pub(crate) const fn typ(self) -> Option<&'static str> {
        match self {
            Self::OrgAccess => Some("application/okta-internal-at+jwt"),
            Self::IdJag => Some("oauth-id-jag+jwt"),
            _ => None,
        }
    }

    /// Returns the claims of an unchanged token with these times.
    pub(crate) fn payload(self, server: Server, domain: &str, iat: i64, exp: i64) -> Members {
        let times = Times { iat, exp };
        let (iss, aud) = (server.issuer(domain), server.audience(domain));
        match self {
            Self::User | Self::Encrypted => user(&iss, &aud, APP_ID, times),
            Self::Machine => access(&iss, &aud, DEMO_CLIENT_ID, times)
                .and("scp", json!(["items:read"]))
                .and("sub", json!(DEMO_CLIENT_ID)),
            Self::Refreshed => user(&iss, &aud, APP_ID, times)
                .and("jti", json!(format!("AT.{}.oar{}", random_text(32), "1a2b3c4d5e6f7g8h9"))),
            // In Okta's examples, exchanged tokens have no `act`, and `auth_time` is the time of
            // the exchange.
            Self::OnBehalfOf => user(&iss, &aud, SERVICE_ID, times).and("auth_time", json!(iat)),
            Self::DpopBound => user(&iss, &aud, APP_ID, times).and("cnf", json!({ "jkt": random_text(32) })),
            // The org server has only its own scopes, and it adds groups only to ID tokens.
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
    /// Returns `auth_time`, some seconds before `iat`.
    const fn login(self) -> i64 {
        self.iat.saturating_sub(21)
    }
}

/// Returns the claims with which every access token begins.
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
        ("idp", json!(IDP_ID)),
        ("nonce", json!("YsG76jo")),
        ("preferred_username", json!(LOGIN)),
        ("auth_time", json!(times.login())),
        ("at_hash", json!(random_text(16))),
    ])
}

/// Returns the claims of an ID-JAG. Its audience is the issuer of the other authorization server.
fn id_jag(iss: &str, other_issuer: &str, times: Times) -> Members {
    Members::of([
        ("iss", json!(iss)),
        ("sub", json!(USER_ID)),
        ("aud", json!(other_issuer)),
        ("iat", json!(times.iat)),
        ("exp", json!(times.exp)),
        ("jti", json!(format!("IDAAG.{}", random_text(32)))),
        ("scope", json!("items:read")),
        ("sub_profile", json!("user")),
        ("act", json!({ "sub": AGENT_ID, "sub_profile": "ai_agent" })),
    ])
}

/// Returns header, encrypted key, initialization vector, ciphertext and tag, with the lengths of
/// Okta's.
pub(crate) fn encrypted() -> String {
    let header = json!({ "alg": "RSA-OAEP-256", "enc": "A256GCM", "cty": "JWT", "kid": random_text(32) });
    let header = URL_SAFE_NO_PAD.encode(header.to_string());
    [header, random_text(256), random_text(12), random_text(900), random_text(16)].join(".")
}

/// The identity provider of the claim `idp`: the org.
pub(crate) const IDP_ID: &str = "00o47ijbqfgnq5gj00g7";

const LOGIN: &str = "joe.user@example.com";
const USER_ID: &str = "00ujmkLgagxeRrAg20g3";
const APP_ID: &str = "0oa48e74ox4t7mQJX0g7";
const SERVICE_ID: &str = "0oa9jh6hizeR7uMag0g7";
const AGENT_ID: &str = "wlp3kq8vZt5pLmXy90g7";
