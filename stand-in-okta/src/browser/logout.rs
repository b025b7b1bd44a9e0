//! The logout endpoint (OpenID Connect RP-Initiated Logout).

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use maud::html;

use super::app::BROWSER_CLIENT_ID;
use super::responses::{error_page, page, redirect, with_query};
use super::sign_in::{SESSION, cookie, remove_session_cookie};
use crate::endpoints::ServerRef;
use crate::oauth::signed_claims;
use crate::params::Params;
use crate::servers::Endpoint;

/// Handles a request by GET.
pub(crate) async fn by_query(
    State(server_ref): State<ServerRef>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    logout(&server_ref, &headers, query.unwrap_or_default().as_bytes())
}

/// Handles a request by POST.
pub(crate) async fn by_form(
    State(server_ref): State<ServerRef>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    logout(&server_ref, &headers, &body)
}

/// Ends the session of the user whom the ID token names, and redirects to the client. An expired ID
/// token is valid here, because a user may sign out later.
fn logout(server_ref: &ServerRef, headers: &HeaderMap, params: &[u8]) -> Response {
    server_ref.state().record_request(Endpoint::Logout);
    let reject = |description: &str| error_page(StatusCode::BAD_REQUEST, description);
    let params = match Params::parse(params) {
        Ok(params) => params,
        Err(name) => return reject(&format!("The '{name}' parameter must not occur more than once.")),
    };
    let Some(hint) = params.get("id_token_hint") else {
        return reject("The 'id_token_hint' parameter is required.");
    };
    // Without the right to end a session, any site could sign the user out.
    let subject = signed_claims(server_ref, hint).and_then(|claims| {
        let text = |name| claims.get(name).and_then(serde_json::Value::as_str);
        let ours = text("iss") == Some(&server_ref.issuer()) && text("aud") == Some(BROWSER_CLIENT_ID);
        text("sub").filter(|_| ours).map(str::to_owned)
    });
    let Some(subject) = subject else {
        return reject("The 'id_token_hint' parameter is invalid.");
    };
    let registered = &server_ref.org.app().post_logout_redirect_uris;
    let destination = params.get("post_logout_redirect_uri");
    if destination.is_some_and(|uri| !registered.iter().any(|known| known == uri)) {
        return reject(
            "The 'post_logout_redirect_uri' parameter must be a Logout redirect URI in the client app settings.",
        );
    }
    let mut response = match destination {
        Some(uri) => match params.get("state") {
            Some(state) => redirect(&with_query(uri, std::iter::once(("state", state)))),
            None => redirect(uri),
        },
        None => page(StatusCode::OK, "Signed out", None, &html! { p { "You have signed out." } }),
    };
    if let Some(session) = cookie(headers, SESSION) {
        let now = server_ref.org.now_millis();
        let mut sign_ins = server_ref.org.sign_ins();
        if sign_ins.sessions.get(session, now).is_some_and(|known| known.user.id == subject) {
            sign_ins.sessions.remove(session);
            remove_session_cookie(&mut response);
        }
    }
    response
}
