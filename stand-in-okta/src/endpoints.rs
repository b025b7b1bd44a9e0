//! Okta's endpoints: keys and metadata here, the ones for clients in `oauth`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde_json::json;

use super::DEMO_CLIENT_ID;
use super::faults::Document;
use super::keys::random_text;
use super::lines::Cut;
use super::org::{Authority, Endpoint, Org, Server};
use super::{metadata, oauth};

/// The authorization server that an endpoint belongs to, and its org.
#[derive(Clone)]
pub(crate) struct Place {
    /// All of them.
    pub org: Arc<Org>,
    /// This one.
    pub server: Server,
}

impl Place {
    /// The server's state.
    pub(crate) fn authority(&self) -> &Authority {
        self.org.authority(self.server)
    }

    /// The server's issuer.
    pub(crate) fn issuer(&self) -> String {
        self.server.issuer(self.org.domain())
    }
}

/// Everything that Okta answers.
pub(crate) fn router(org: &Arc<Org>) -> Router {
    let servers = Server::ALL.map(|server| {
        let base = server.base_path();
        // The org server's metadata are at the root, not where its endpoints are; a custom server's OAuth metadata
        // are in two places, that of OpenID Connect and that of RFC 8414 section 3.1.
        let (own, rfc8414) = match server {
            Server::Org => (String::new(), None),
            Server::Default | Server::Custom => {
                (base.clone(), Some(format!("/.well-known/oauth-authorization-server{base}")))
            }
        };
        let mut router = Router::new()
            .route(&format!("{own}/.well-known/openid-configuration"), get(openid_metadata))
            .route(&format!("{own}/.well-known/oauth-authorization-server"), get(oauth_metadata))
            .route(&format!("{base}/v1/keys"), get(keys))
            .route(&format!("{base}/v1/token"), post(oauth::token))
            .route(&format!("{base}/v1/introspect"), post(oauth::introspect))
            .route(&format!("{base}/v1/revoke"), post(oauth::revoke));
        if let Some(path) = rfc8414 {
            router = router.route(&path, get(oauth_metadata));
        }
        router.with_state(Place { org: Arc::clone(org), server })
    });
    servers.into_iter().fold(Router::new(), Router::merge).fallback(unknown)
}

/// An error in the dialect of Okta's own APIs, which its OAuth endpoints for keys and metadata share.
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
    State(place): State<Place>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: HeaderMap,
) -> Response {
    let authority = place.authority();
    let fault = authority.asked(Endpoint::Keys);
    let document = Document {
        body: authority.published_keys(),
        content_type: "application/json;charset=UTF-8",
        cache_control: authority.cache_control(),
    };
    fault.spoil(document, &cut, &request).await
}

async fn openid_metadata(
    state: State<Place>,
    cut: ConnectInfo<Cut>,
    query: RawQuery,
    request: HeaderMap,
) -> Response {
    let body = metadata::openid(state.server, state.org.domain());
    discovery(state, cut, query, request, body).await
}

async fn oauth_metadata(
    state: State<Place>,
    cut: ConnectInfo<Cut>,
    query: RawQuery,
    request: HeaderMap,
) -> Response {
    let body = metadata::oauth(state.server, state.org.domain());
    discovery(state, cut, query, request, body).await
}

async fn discovery(
    State(place): State<Place>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    RawQuery(query): RawQuery,
    request: HeaderMap,
    body: String,
) -> Response {
    let fault = place.authority().asked(Endpoint::Discovery);
    let client = query.as_deref().and_then(|query| query.strip_prefix("client_id="));
    if client.is_some_and(|client| client != DEMO_CLIENT_ID) {
        let summary = "Invalid value for `client_id` parameter";
        return okta_error(StatusCode::BAD_REQUEST, "invalid_client", summary);
    }
    fault.spoil(Document { body, content_type: JSON, cache_control: None }, &cut, &request).await
}

/// Okta's answer for a server that is not there; everything else that is not there is answered alike.
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
