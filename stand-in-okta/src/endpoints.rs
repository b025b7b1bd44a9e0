//! Okta's endpoints for keys and metadata. `oauth` has the endpoints for clients.

use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde_json::json;

use super::connections::ResetHandle;
use super::faults::Document;
use super::keys::random_text;
use super::oauth::Client;
use super::org::{Org, ServerState};
use super::servers::{Endpoint, Server};
use super::{browser, cors, metadata, oauth};

/// The authorization server that an endpoint belongs to, and its org.
#[derive(Clone)]
pub(crate) struct ServerRef {
    /// The org, with the state of all its servers.
    pub org: Arc<Org>,
    /// The server whose endpoint this is.
    pub server: Server,
}

impl ServerRef {
    /// Returns the server's state.
    pub(crate) fn state(&self) -> &ServerState {
        self.org.state(self.server)
    }

    /// Returns the URL of the endpoint `/v1/{name}`, as in the metadata.
    pub(crate) fn endpoint(&self, name: &str) -> String {
        format!("https://{}{}/v1/{name}", self.org.domain(), self.server.base_path())
    }

    /// Returns the URLs by which a request reached the endpoint `/v1/{name}`: that of the metadata,
    /// and those with the host of the request, because tests and the demo use a loopback address.
    pub(crate) fn urls(&self, name: &str, headers: &HeaderMap) -> Vec<String> {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let own = |scheme| format!("{scheme}://{host}{}/v1/{name}", self.server.base_path());
        vec![self.endpoint(name), own("https"), own("http")]
    }

    /// Returns the server's issuer.
    pub(crate) fn issuer(&self) -> String {
        self.server.issuer(self.org.domain())
    }
}

/// Returns a router with every endpoint of Okta.
pub(crate) fn router(org: &Arc<Org>) -> Router {
    let servers = Server::ALL.map(|server| {
        let base = server.base_path();
        // The org server's metadata are at the root, and its endpoints are below `/oauth2`. A
        // custom server publishes its OAuth metadata at two paths: that of OpenID Connect Discovery
        // and that of RFC 8414 section 3.1.
        let (own, rfc8414) = match server {
            Server::Org => (String::new(), None),
            Server::Default | Server::Custom => {
                (base.clone(), Some(format!("/.well-known/oauth-authorization-server{base}")))
            }
        };
        let mut readable = Router::new()
            .route(&format!("{own}/.well-known/openid-configuration"), get(openid_metadata))
            .route(&format!("{own}/.well-known/oauth-authorization-server"), get(oauth_metadata))
            .route(&format!("{base}/v1/keys"), get(keys))
            .route(&format!("{base}/v1/token"), post(oauth::token))
            .route(&format!("{base}/v1/userinfo"), get(browser::userinfo).post(browser::userinfo))
            .route(&format!("{base}/v1/introspect"), post(oauth::introspect))
            .route(&format!("{base}/v1/revoke"), post(oauth::revoke));
        if let Some(path) = rfc8414 {
            readable = readable.route(&path, get(oauth_metadata));
        }
        // Browsers navigate to the other endpoints. Their responses are for the user and not for
        // the scripts of a page.
        let router = readable.layer(cors::layer(org.app())).merge(browser::router(&base));
        router.with_state(ServerRef { org: Arc::clone(org), server })
    });
    servers.into_iter().fold(browser::sign_in_router(org), Router::merge).fallback(unknown)
}

/// Returns an error in the format of Okta's own APIs. Its endpoints for keys and metadata use the
/// same format.
pub(crate) fn okta_error(status: StatusCode, code: &str, summary: &str) -> Response {
    let body = json!({
        "errorCode": code,
        "errorSummary": summary,
        "errorLink": code,
        "errorId": format!("oae{}", random_text(16)),
        "errorCauses": [],
    });
    (status, [(header::CONTENT_TYPE, JSON)], body.to_string()).into_response()
}

async fn keys(
    State(server_ref): State<ServerRef>,
    ConnectInfo(reset): ConnectInfo<ResetHandle>,
    request: HeaderMap,
) -> Response {
    let state = server_ref.state();
    let fault = state.record_request(Endpoint::Keys);
    let document = Document {
        body: state.published_keys(),
        content_type: "application/json;charset=UTF-8",
        cache_control: state.cache_control(),
    };
    fault.apply(document, &reset, &request).await
}

async fn openid_metadata(
    state: State<ServerRef>,
    reset: ConnectInfo<ResetHandle>,
    query: RawQuery,
    request: HeaderMap,
) -> Response {
    let body = metadata::openid(state.server, state.org.domain());
    discovery(state, reset, query, request, body).await
}

async fn oauth_metadata(
    state: State<ServerRef>,
    reset: ConnectInfo<ResetHandle>,
    query: RawQuery,
    request: HeaderMap,
) -> Response {
    let body = metadata::oauth(state.server, state.org.domain());
    discovery(state, reset, query, request, body).await
}

async fn discovery(
    State(server_ref): State<ServerRef>,
    ConnectInfo(reset): ConnectInfo<ResetHandle>,
    RawQuery(query): RawQuery,
    request: HeaderMap,
    body: String,
) -> Response {
    let fault = server_ref.state().record_request(Endpoint::Discovery);
    let client = query.as_deref().and_then(|query| query.strip_prefix("client_id="));
    if client.is_some_and(|id| Client::with_id(id).is_none()) {
        let summary = "Invalid value for `client_id` parameter";
        return okta_error(StatusCode::BAD_REQUEST, "invalid_client", summary);
    }
    fault.apply(Document { body, content_type: JSON, cache_control: None }, &reset, &request).await
}

/// Returns Okta's response for an unknown authorization server, for every unknown path.
async fn unknown(uri: Uri) -> Response {
    let path = uri.path();
    let id = path.split("/oauth2/").nth(1).and_then(|rest| rest.split('/').next());
    let summary = match id {
        Some(id) => format!("Not found: Resource not found: {id} (AuthorizationServer)"),
        None => format!("Not found: Resource not found: {path} (Path)"),
    };
    okta_error(StatusCode::NOT_FOUND, "E0000007", &summary)
}

const JSON: &str = "application/json";
