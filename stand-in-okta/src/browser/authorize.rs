//! The authorization endpoint.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::request::{AuthorizationRequest, Rejection};
use super::responses::{authorization, error_page};
use super::sign_in;
use crate::endpoints::ServerRef;
use crate::servers::Endpoint;

/// Returns the sign-in page, or an authorization response if no page is necessary.
pub(crate) async fn authorize(
    State(server_ref): State<ServerRef>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    server_ref.state().record_request(Endpoint::Authorize);
    let query = query.unwrap_or_default();
    match AuthorizationRequest::read(server_ref.server, server_ref.org.app(), &query) {
        Ok(request) => sign_in::start(&server_ref.org, &headers, request),
        Err(Rejection::Page(description)) => error_page(StatusCode::BAD_REQUEST, &description),
        Err(Rejection::Client(target, error, description)) => {
            authorization(&target, &[("error", error), ("error_description", &description)])
        }
    }
}
