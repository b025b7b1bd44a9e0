//! The server's own verification of its tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::endpoints::ServerRef;

/// Returns the claims if this server signed the token and the token is valid now.
pub(crate) fn valid_claims(server_ref: &ServerRef, token: &str) -> Option<Map<String, Value>> {
    let claims = signed_claims(server_ref, token)?;
    let exp = claims.get("exp").and_then(Value::as_i64)?;
    let valid = text(&claims, "iss") == Some(&server_ref.issuer())
        && exp.saturating_mul(1000) > server_ref.org.now_millis()
        && !server_ref.org.revocations().contains(text(&claims, "jti").unwrap_or_default());
    valid.then_some(claims)
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

/// Returns the introspection response, which has other names than the token for some claims.
pub(super) fn introspection(claims: &Map<String, Value>) -> Value {
    let mut members = claims.clone();
    members.insert("active".to_owned(), json!(true));
    members.insert("token_type".to_owned(), json!("Bearer"));
    if let Some(Value::Array(scopes)) = members.remove("scp") {
        let scopes: Vec<&str> = scopes.iter().filter_map(Value::as_str).collect();
        members.insert("scope".to_owned(), json!(scopes.join(" ")));
    }
    if let Some(client) = members.remove("cid") {
        members.insert("client_id".to_owned(), client);
    }
    if let Some(subject) = claims.get("sub") {
        members.insert("username".to_owned(), subject.clone());
    }
    Value::Object(members)
}

/// Returns a claim that is a string.
pub(super) fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}
