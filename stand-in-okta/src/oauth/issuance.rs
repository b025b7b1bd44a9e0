//! The tokens of the single-page app.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::sha2::{Digest as _, Sha256};
use serde_json::{Value, json};

use crate::BROWSER_CLIENT_ID;
use crate::endpoints::ServerRef;
use crate::grants::Grant;
use crate::keys::random_text;
use crate::kinds::{IDP_ID, Kind};
use crate::members::Members;
use crate::servers::Server;
use crate::tokens::TokenSpec;

/// The content of a token response.
pub(super) struct Issue<'a> {
    /// The key of the grant.
    pub key: &'a str,
    /// The grant.
    pub grant: &'a Grant,
    /// The scopes of the access token: those of the grant, or fewer.
    pub scopes: &'a [String],
    /// The thumbprint of the key to which the access token is bound.
    pub jkt: Option<&'a str>,
    /// Whether these are the first tokens of the grant. Later ID tokens have no `nonce` (OpenID
    /// Connect Core section 12.2).
    pub first: bool,
}

/// Issues an access token, a refresh token for the scope `offline_access`, and an ID token for the
/// scope `openid`. Returns the body of the response.
pub(super) fn issue(server_ref: &ServerRef, content: &Issue<'_>) -> Value {
    let (org, now) = (&server_ref.org, server_ref.org.now_millis());
    let scope = content.scopes.join(" ");
    let has = |name: &str| content.scopes.iter().any(|scope| scope == name);
    let mut response = json!({
        "token_type": token_type(content.jkt), "expires_in": LIFETIME_SECONDS, "scope": scope,
    });
    let mut add = |name: &str, value: String| {
        if let Some(members) = response.as_object_mut() {
            members.insert(name.to_owned(), Value::from(value));
        }
    };
    // A refreshed grant keeps its refresh token, even if the client requests fewer scopes.
    let offline = content.grant.scopes.iter().any(|scope| scope == "offline_access");
    let jti = access_token_id(offline);
    org.grants().record(content.key, jti.clone(), now);
    if offline {
        add("refresh_token", org.grants().rotate(content.key, now));
    }
    let access_token = access_token(server_ref, content, &jti);
    if has("openid") {
        add("id_token", id_token(server_ref, content, &access_token, now.div_euclid(1000)));
    }
    add("access_token", access_token);
    response
}

/// Returns the `token_type` of a token that is bound to the key with this thumbprint, or to none.
pub(super) const fn token_type(jkt: Option<&str>) -> &'static str {
    if jkt.is_some() { "DPoP" } else { "Bearer" }
}

/// Returns a `jti`. Okta adds the ID of the refresh token, if there is one.
fn access_token_id(offline: bool) -> String {
    let suffix = if offline { format!(".oar{}", random_text(12)) } else { String::new() };
    format!("AT.{}{suffix}", random_text(32))
}

fn access_token(server_ref: &ServerRef, content: &Issue<'_>, jti: &str) -> String {
    let authentication = &content.grant.authentication;
    let user = authentication.user;
    let server = server_ref.server;
    let kind = if server == Server::Org { Kind::OrgAccess } else { Kind::User };
    // The org server adds groups only to ID tokens.
    let groups = if server == Server::Org { Value::Null } else { json!(user.groups) };
    let spec = TokenSpec::new(kind)
        .claim("jti", jti)
        .claim("cid", BROWSER_CLIENT_ID)
        .claim("uid", user.id)
        .claim("scp", json!(content.scopes))
        .claim("auth_time", authentication.at)
        .claim("sub", user.login)
        .claim("groups", groups)
        .claim("acr", content.grant.acr.map_or(Value::Null, Value::from))
        .lifetime(LIFETIME_SECONDS);
    let spec = content.jkt.iter().fold(spec, |spec, jkt| spec.bound_to_key(jkt));
    server_ref.org.mint(server, &spec)
}

/// Returns an ID token with Okta's members in Okta's order.
fn id_token(server_ref: &ServerRef, content: &Issue<'_>, access_token: &str, now: i64) -> String {
    let Grant { authentication, acr, nonce, .. } = content.grant;
    let user = authentication.user;
    let scopes: Vec<&str> = content.scopes.iter().map(String::as_str).collect();
    let claims = user.claims(&scopes);
    let claim = |name: &str| claims.get(name).cloned().unwrap_or_default();
    // The left half of the hash (OpenID Connect Core section 3.1.3.6).
    let hash = Sha256::digest(access_token);
    let at_hash = hash.get(..16).map(|half| URL_SAFE_NO_PAD.encode(half));
    let payload = Members::of([
        ("sub", json!(user.id)),
        ("name", claim("name")),
        ("email", claim("email")),
        ("ver", json!(1)),
        ("iss", json!(server_ref.issuer())),
        ("aud", json!(BROWSER_CLIENT_ID)),
        ("iat", json!(now)),
        ("exp", json!(now.saturating_add(LIFETIME_SECONDS))),
        ("jti", json!(format!("ID.{}", random_text(32)))),
        ("amr", json!(authentication.methods())),
        ("acr", json!(acr)),
        ("idp", json!(IDP_ID)),
        ("nonce", json!(nonce.as_deref().filter(|_| content.first))),
        ("preferred_username", claim("preferred_username")),
        ("auth_time", json!(authentication.at)),
        ("at_hash", json!(at_hash)),
    ]);
    let ring = server_ref.state().ring();
    let header = Members::of([("kid", json!(ring.active().kid())), ("alg", json!("RS256"))]);
    ring.active().sign(&header.to_string(), &payload.to_string())
}

/// The lifetime of access tokens and ID tokens: Okta's default of 60 minutes.
const LIFETIME_SECONDS: i64 = 3600;
