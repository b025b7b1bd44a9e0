//! The endpoints for clients: token, introspection, revocation. Errors have the format of RFC 6749
//! section 5.2.

use std::collections::HashMap;

use axum::extract::rejection::FormRejection;
use axum::extract::{ConnectInfo, Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use super::connections::ResetHandle;
use super::endpoints::ServerRef;
use super::faults::Document;
use super::org::{Endpoint, unix_millis};
use super::tokens::TokenSpec;
use super::{DEMO_CLIENT_ID, DEMO_CLIENT_SECRET};

type Fields = HashMap<String, String>;

/// Issues a token for `client_credentials`, and rejects every other grant type.
pub(crate) async fn token(
    State(server_ref): State<ServerRef>,
    headers: HeaderMap,
    form: Result<Form<Fields>, FormRejection>,
) -> Response {
    server_ref.state().record_request(Endpoint::Token);
    let fields = fields(form);
    match issue(&server_ref, &headers, &fields) {
        Ok(body) => uncached(StatusCode::OK, &body),
        Err(error) => error.into_response(),
    }
}

/// Returns the claims of a valid token, and only `active: false` for every other token (RFC 7662).
pub(crate) async fn introspect(
    State(server_ref): State<ServerRef>,
    ConnectInfo(reset): ConnectInfo<ResetHandle>,
    headers: HeaderMap,
    form: Result<Form<Fields>, FormRejection>,
) -> Response {
    let fault = server_ref.state().record_request(Endpoint::Introspect);
    let fields = fields(form);
    let token = authenticate(&headers, &fields).and_then(|()| required(&fields, "token"));
    match token {
        Ok(token) => {
            let body = valid_claims(&server_ref, token)
                .map_or_else(|| json!({ "active": false }), |claims| introspection(&claims));
            let cache_control = Some("no-cache, no-store".to_owned());
            let document =
                Document { body: body.to_string(), content_type: "application/json", cache_control };
            fault.apply(document, &reset, &headers).await
        }
        Err(error) => error.into_response(),
    }
}

/// Revokes a token. The status is 200 also for an unknown token (RFC 7009 section 2.2).
pub(crate) async fn revoke(
    State(server_ref): State<ServerRef>,
    headers: HeaderMap,
    form: Result<Form<Fields>, FormRejection>,
) -> Response {
    server_ref.state().record_request(Endpoint::Revoke);
    let fields = fields(form);
    match authenticate(&headers, &fields).and_then(|()| required(&fields, "token")) {
        Ok(token) => {
            if let Some(jti) =
                valid_claims(&server_ref, token).as_ref().and_then(|claims| text(claims, "jti"))
            {
                server_ref.org.revoke(jti.to_owned());
            }
            StatusCode::OK.into_response()
        }
        Err(error) => error.into_response(),
    }
}

/// An OAuth error: the status, `error` and `error_description`.
struct OAuthError(StatusCode, &'static str, &'static str);

impl OAuthError {
    fn into_response(self) -> Response {
        let Self(status, error, description) = self;
        let body = json!({ "error": error, "error_description": description });
        let mut response = uncached(status, &body);
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, axum::http::HeaderValue::from_static("Basic"));
        }
        response
    }
}

fn issue(server_ref: &ServerRef, headers: &HeaderMap, fields: &Fields) -> Result<Value, OAuthError> {
    let bad_request = |error, description| Err(OAuthError(StatusCode::BAD_REQUEST, error, description));
    authenticate(headers, fields)?;
    match fields.get("grant_type").map(String::as_str) {
        Some("client_credentials") => {}
        // The stand-in issues no authorization codes, so every code is invalid.
        Some("authorization_code") => {
            return bad_request("invalid_grant", "The authorization code is invalid or has expired.");
        }
        Some(_) | None => {
            return bad_request("unsupported_grant_type", "The grant type in the request isn't supported.");
        }
    }
    let scope = fields.get("scope").map(String::as_str).unwrap_or_default();
    let scopes: Vec<&str> = scope.split_ascii_whitespace().collect();
    if scopes.is_empty() {
        return bad_request("invalid_scope", "No scopes were requested.");
    }
    if scopes.iter().any(|scope| OPENID_SCOPES.contains(scope)) {
        return bad_request("invalid_scope", "Cannot request 'openid' scopes using client credentials.");
    }
    // Okta rejects the request if one scope is invalid. It does not grant the others.
    if scopes.iter().any(|scope| !server_ref.server.scopes().contains(scope)) {
        return bad_request(
            "invalid_scope",
            "One or more scopes are not configured for the authorization server resource.",
        );
    }
    let token = server_ref.org.mint(server_ref.server, &TokenSpec::machine().scopes(&scopes));
    Ok(
        json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": scopes.join(" ") }),
    )
}

/// Authenticates the client by its secret, which is in the header or in the body, but not in both.
fn authenticate(headers: &HeaderMap, fields: &Fields) -> Result<(), OAuthError> {
    let basic = headers.get(header::AUTHORIZATION).and_then(|value| basic(value.as_bytes()));
    let posted = fields
        .get("client_secret")
        .map(|secret| (fields.get("client_id").cloned().unwrap_or_default(), secret.clone()));
    let (id, secret) = match (basic, posted) {
        (Some(_), Some(_)) => {
            let description =
                "Can't supply multiple client credentials. Provide either Basic or body credentials.";
            return Err(OAuthError(StatusCode::BAD_REQUEST, "invalid_request", description));
        }
        (Some(credentials), None) | (None, Some(credentials)) => credentials,
        (None, None) => return Err(invalid_client("No client credentials found")),
    };
    if id != DEMO_CLIENT_ID {
        return Err(invalid_client("Invalid value for the `client_id` parameter"));
    }
    if secret != DEMO_CLIENT_SECRET {
        let description =
            "Client authentication failed. Either the client or the client credentials are invalid.";
        return Err(invalid_client(description));
    }
    Ok(())
}

const fn invalid_client(description: &'static str) -> OAuthError {
    OAuthError(StatusCode::UNAUTHORIZED, "invalid_client", description)
}

fn basic(header: &[u8]) -> Option<(String, String)> {
    let (scheme, encoded) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    let decoded = STANDARD.decode(encoded).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

fn required<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, OAuthError> {
    let missing =
        OAuthError(StatusCode::BAD_REQUEST, "invalid_request", "The `token` parameter is required.");
    fields.get(name).map(String::as_str).filter(|value| !value.is_empty()).ok_or(missing)
}

/// Returns the fields of the form. A body that is not a form counts as an empty form, so the error
/// names the missing parameter.
fn fields(form: Result<Form<Fields>, FormRejection>) -> Fields {
    form.map(|Form(fields)| fields).unwrap_or_default()
}

/// Returns the claims if this server signed the token and the token is valid now.
fn valid_claims(server_ref: &ServerRef, token: &str) -> Option<Map<String, Value>> {
    let (message, signature) = token.rsplit_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    if !server_ref.state().ring().all().any(|key| key.verifies(message, &signature)) {
        return None;
    }
    let payload = URL_SAFE_NO_PAD.decode(message.split_once('.')?.1).ok()?;
    let claims: Map<String, Value> = serde_json::from_slice(&payload).ok()?;
    let exp = claims.get("exp").and_then(Value::as_i64)?;
    let valid = text(&claims, "iss") == Some(&server_ref.issuer())
        && exp.saturating_mul(1000) > unix_millis()
        && !server_ref.org.is_revoked(text(&claims, "jti").unwrap_or_default());
    valid.then_some(claims)
}

/// Returns the introspection response, which has other names than the token for some claims.
fn introspection(claims: &Map<String, Value>) -> Value {
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

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

fn uncached(status: StatusCode, body: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache, no-store")];
    (status, headers, body.to_string()).into_response()
}

const OPENID_SCOPES: [&str; 6] = ["openid", "profile", "email", "address", "phone", "offline_access"];
