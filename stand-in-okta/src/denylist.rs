//! A denylist of the tokens that were revoked, for those who verify tokens by themselves. Okta publishes none, and tells of
//! revocations by introspection alone: this is what a service beside it would make of them.

use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

use super::faults::Document;
use super::lines::Cut;
use super::org::{Endpoint, Org, Server};

/// The list, of all servers; counted and broken as an endpoint of the default one.
pub(crate) fn router(org: Arc<Org>) -> Router {
    Router::new().route("/stand-in/denylist", get(denylist)).with_state(org)
}

async fn denylist(
    State(org): State<Arc<Org>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: HeaderMap,
) -> Response {
    let fault = org.authority(Server::Default).asked(Endpoint::Denylist);
    let entries: Vec<Value> = org.revoked().into_iter().map(|jti| json!({ "jti": jti })).collect();
    let body = json!({ "entries": entries }).to_string();
    fault
        .spoil(Document { body, content_type: "application/json", cache_control: None }, &cut, &request)
        .await
}
