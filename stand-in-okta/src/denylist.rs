//! A denylist of the revoked tokens, for clients that verify tokens themselves. Okta publishes no
//! denylist and reports revocations only by introspection. An operator's own service would publish
//! such a list, with an ETag.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::header::{ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::json;

use super::connections::ResetHandle;
use super::faults::{Document, Fault};
use super::org::Org;
use super::servers::{Endpoint, Server};

/// Returns a router for the denylist of all servers. Its requests and faults belong to the server
/// `default`.
pub(crate) fn router(org: Arc<Org>) -> Router {
    Router::new().route("/stand-in/denylist", get(denylist)).with_state(org)
}

async fn denylist(
    State(org): State<Arc<Org>>,
    ConnectInfo(reset): ConnectInfo<ResetHandle>,
    request: HeaderMap,
) -> Response {
    let fault = org.state(Server::Default).record_request(Endpoint::Denylist);
    let body = json!({ "entries": org.revocations().entries() }).to_string();
    let etag = etag(&body);
    // A fault concerns the whole response.
    if matches!(fault, Fault::None) && request.get(IF_NONE_MATCH).is_some_and(|tag| *tag == etag) {
        let mut revocations = org.revocations();
        revocations.denylist_confirmations = revocations.denylist_confirmations.saturating_add(1);
        return (StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response();
    }
    let document = Document { body, content_type: "application/json", cache_control: None };
    let mut response = fault.apply(document, &reset, &request).await;
    if response.status() == StatusCode::OK
        && let Ok(etag) = etag.parse()
    {
        response.headers_mut().insert(ETAG, etag);
    }
    response
}

/// Returns an entity tag for a document.
fn etag(body: &str) -> String {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}
