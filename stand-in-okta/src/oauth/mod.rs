//! The endpoints for clients: token, introspection, revocation. Errors have the format of RFC 6749
//! section 5.2.

use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::connections::ResetHandle;
use super::endpoints::ServerRef;
use super::faults::Document;
use super::jws::text;
use super::params::Params;
use super::servers::Endpoint;

mod authentication;
mod clients;
mod dpop;
mod grant_types;
mod introspections;
mod issuance;
mod verification;

use authentication::authenticate;
pub(crate) use clients::{Client, Clients, Method};
pub(crate) use dpop::Dpop;
pub use introspections::Introspection;
pub(crate) use introspections::Introspections;
use verification::{introspected_claims, introspection};
pub(crate) use verification::{signed_claims, valid_claims};

/// Issues tokens, for the grant types of the client.
pub(crate) async fn token(State(server_ref): State<ServerRef>, headers: HeaderMap, body: Bytes) -> Response {
    server_ref.state().record_request(Endpoint::Token);
    let issued = params(&body).and_then(|params| grant_types::issue(&server_ref, &headers, &params));
    match issued {
        Ok(body) => uncached(StatusCode::OK, &body),
        Err(error) => error.into_response(),
    }
}

/// Returns the claims of a valid token, and only `active: false` for every other token (RFC 7662).
/// A fault changes only responses to clients with valid credentials.
pub(crate) async fn introspect(
    State(server_ref): State<ServerRef>,
    ConnectInfo(reset): ConnectInfo<ResetHandle>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fault = server_ref.state().record_request(Endpoint::Introspect);
    let requested =
        params(&body).and_then(|params| Ok((request(&server_ref, "introspect", &headers, &params)?, params)));
    match requested {
        Ok(((client, token), params)) => {
            let _running = server_ref.state().introspections().start(Introspection {
                client: client.id().to_owned(),
                method: authentication::method_of(&headers, &params),
                token: token.clone(),
                hint: params.get("token_type_hint").map(str::to_owned),
                accept: headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).map(str::to_owned),
            });
            let body = introspected_claims(&server_ref, &token)
                .map_or_else(|| json!({ "active": false }), |claims| introspection(&claims));
            let cache_control = Some(NO_STORE.to_owned());
            let document =
                Document { body: body.to_string(), content_type: "application/json", cache_control };
            fault.apply(document, &reset, &headers).await
        }
        Err(error) => error.into_response(),
    }
}

/// Revokes a token. The status is 200 also for an unknown token (RFC 7009 section 2.2). A refresh
/// token is revoked with its access tokens. The single-page app revokes only its own tokens.
pub(crate) async fn revoke(State(server_ref): State<ServerRef>, headers: HeaderMap, body: Bytes) -> Response {
    server_ref.state().record_request(Endpoint::Revoke);
    let (client, token) =
        match params(&body).and_then(|params| request(&server_ref, "revoke", &headers, &params)) {
            Ok(request) => request,
            Err(error) => return error.into_response(),
        };
    let org = &server_ref.org;
    if let Some(claims) = introspected_claims(&server_ref, &token) {
        let own = client != Client::Browser || text(&claims, "cid") == Some(client.id());
        if let Some(jti) = text(&claims, "jti").filter(|_| own) {
            org.revoke(jti.to_owned());
        }
    } else if client == Client::Browser {
        let revoked = org.grants().revoke_refresh(server_ref.server, &token, org.now_millis());
        revoked.into_iter().for_each(|jti| org.revoke(jti));
    }
    StatusCode::OK.into_response()
}

/// An OAuth error (RFC 6749 section 5.2).
struct OAuthError {
    status: StatusCode,
    error: &'static str,
    description: String,
    /// The nonce for the next DPoP proof.
    nonce: Option<String>,
}

impl OAuthError {
    /// Makes an error with the status 400.
    fn bad_request(error: &'static str, description: &str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error, description: description.to_owned(), nonce: None }
    }

    fn into_response(self) -> Response {
        let Self { status, error, description, nonce } = self;
        let body = json!({ "error": error, "error_description": description });
        let mut response = uncached(status, &body);
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
        }
        if let Some(Ok(nonce)) = nonce.map(HeaderValue::try_from) {
            response.headers_mut().insert("dpop-nonce", nonce);
        }
        response
    }
}

/// Reads the form. A body that is not a form has no known parameters, so the error names the missing
/// parameter.
fn params(body: &[u8]) -> Result<Params, OAuthError> {
    Params::parse(body).map_err(|name| {
        OAuthError::bad_request(
            "invalid_request",
            &format!("The `{name}` parameter must not occur more than once."),
        )
    })
}

/// Returns the client and the token of a request for introspection or revocation.
fn request(
    server_ref: &ServerRef,
    endpoint: &str,
    headers: &HeaderMap,
    params: &Params,
) -> Result<(Client, String), OAuthError> {
    let client = authenticate(server_ref, endpoint, headers, params)?;
    let token = params
        .get("token")
        .ok_or_else(|| OAuthError::bad_request("invalid_request", "The `token` parameter is required."))?;
    Ok((client, token.to_owned()))
}

fn uncached(status: StatusCode, body: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, NO_STORE)];
    (status, headers, body.to_string()).into_response()
}

const NO_STORE: &str = "no-cache, no-store";
