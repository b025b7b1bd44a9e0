//! A denylist of the revoked tokens, for clients that verify tokens themselves. Okta publishes no
//! denylist and reports revocations only by introspection. An operator's own service would publish
//! such a list.

use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

use super::connections::ResetHandle;
use super::faults::Document;
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
    let entries: Vec<Value> = org.revoked().into_iter().map(|jti| json!({ "jti": jti })).collect();
    let body = json!({ "entries": entries }).to_string();
    fault
        .apply(Document { body, content_type: "application/json", cache_control: None }, &reset, &request)
        .await
}
