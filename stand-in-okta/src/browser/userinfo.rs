//! The userinfo endpoint (OpenID Connect Core section 5.3).

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::responses::add_header;
use super::users::User;
use crate::endpoints::ServerRef;
use crate::oauth::valid_claims;
use crate::servers::Endpoint;

/// Returns the claims of the user that the scopes of the access token permit.
pub(crate) async fn userinfo(State(server_ref): State<ServerRef>, headers: HeaderMap) -> Response {
    server_ref.state().record_request(Endpoint::Userinfo);
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = authorization
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, token)) = token else { return challenge(StatusCode::UNAUTHORIZED, "Bearer") };
    // An ID token has no scopes. A bound token needs a proof, which this endpoint does not verify.
    let claims = valid_claims(&server_ref, token)
        .filter(|claims| claims.contains_key("scp") && !claims.contains_key("cnf"));
    let user = claims.as_ref().and_then(|claims| claims.get("uid")?.as_str()).and_then(User::with_id);
    let (Some(claims), Some(user)) = (claims, user) else {
        let invalid = r#"Bearer error="invalid_token", error_description="The access token is invalid""#;
        return challenge(StatusCode::UNAUTHORIZED, invalid);
    };
    let scopes = claims.get("scp").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let scopes: Vec<&str> = scopes.iter().filter_map(Value::as_str).collect();
    if !scopes.contains(&"openid") {
        let insufficient = "Bearer error=\"insufficient_scope\", error_description=\"The access token must \
                            provide access to at least one of these scopes - openid\"";
        return challenge(StatusCode::FORBIDDEN, insufficient);
    }
    let mut members = user.claims(&scopes);
    members.insert("sub".to_owned(), json!(user.id));
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache, no-store")];
    (headers, Value::Object(members).to_string()).into_response()
}

fn challenge(status: StatusCode, challenge: &str) -> Response {
    let mut response = status.into_response();
    add_header(&mut response, header::WWW_AUTHENTICATE, challenge);
    response
}
