//! The server's own verification of its tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::endpoints::ServerRef;
use crate::jws::text;

/// Returns the claims if this server signed the token and the token is valid now.
pub(crate) fn valid_claims(server_ref: &ServerRef, token: &str) -> Option<Map<String, Value>> {
    let claims = signed_claims(server_ref, token)?;
    let exp = claims.get("exp").and_then(Value::as_i64)?;
    let valid = text(&claims, "iss") == Some(&server_ref.issuer())
        && exp.saturating_mul(1000) > server_ref.org.now_millis()
        && !server_ref.org.is_revoked(text(&claims, "jti").unwrap_or_default());
    valid.then_some(claims)
}

/// Returns the claims of a JWT or an opaque token that is valid now. An opaque token may have no
/// `exp`, for tests of clients that require it.
pub(super) fn introspected_claims(server_ref: &ServerRef, token: &str) -> Option<Map<String, Value>> {
    let Some(claims) = server_ref.org.opaque_claims(server_ref.server, token) else {
        return valid_claims(server_ref, token);
    };
    let expired = claims
        .get("exp")
        .and_then(Value::as_i64)
        .is_some_and(|exp| exp.saturating_mul(1000) <= server_ref.org.now_millis());
    let revoked = server_ref.org.is_revoked(text(&claims, "jti").unwrap_or_default());
    (!expired && !revoked).then_some(claims)
}

/// Returns the claims if this server signed the token, which may have expired.
pub(crate) fn signed_claims(server_ref: &ServerRef, token: &str) -> Option<Map<String, Value>> {
    let (message, signature) = token.rsplit_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    if !server_ref.state().ring().all().any(|key| key.verifies(message, &signature)) {
        return None;
    }
    let payload = URL_SAFE_NO_PAD.decode(message.split_once('.')?.1).ok()?;
    serde_json::from_slice(&payload).ok()
}

/// Returns the introspection response, which has other names than the token for some claims. A token
/// that a test minted with claims like `active` or `token_type` keeps them.
///
/// Okta documents `token_type` as always `Bearer`, and does not document `cnf`. The stand-in returns
/// `DPoP` and `cnf` for a token that is bound to a key, as RFC 9449 section 6.2 requires.
pub(super) fn introspection(claims: &Map<String, Value>) -> Value {
    let mut members = claims.clone();
    let bound = claims.get("cnf").is_some_and(|confirmation| confirmation.get("jkt").is_some());
    let token_type = if bound { "DPoP" } else { "Bearer" };
    members.entry("active").or_insert(json!(true));
    members.entry("token_type").or_insert(json!(token_type));
    if let Some(Value::Array(scopes)) = members.remove("scp") {
        let scopes: Vec<&str> = scopes.iter().filter_map(Value::as_str).collect();
        members.insert("scope".to_owned(), json!(scopes.join(" ")));
    }
    if let Some(client) = members.remove("cid") {
        members.insert("client_id".to_owned(), client);
    }
    if let Some(subject) = claims.get("sub") {
        members.entry("username").or_insert(subject.clone());
    }
    Value::Object(members)
}
