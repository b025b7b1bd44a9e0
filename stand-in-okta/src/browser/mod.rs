//! What Okta's authorization servers have for browsers: authorization endpoint, sign-in page,
//! userinfo and logout.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::routing::{get, post};

use crate::endpoints::ServerRef;
use crate::org::Org;

mod app;
mod assurance;
mod authorize;
mod forms;
mod logout;
mod request;
mod responses;
mod sign_in;
mod userinfo;
mod users;

pub use app::{BROWSER_CLIENT_ID, BrowserApp, DOCS_CALLBACK, PAGE_CALLBACK, origin_of};
pub(crate) use assurance::Authentication;
pub(crate) use request::OPENID_SCOPES;
pub(crate) use sign_in::SignIns;
pub(crate) use userinfo::userinfo;
pub use users::{USER_CODE, USER_PASSWORD, USERS, User};

/// Returns a router for the endpoints of one server that browsers navigate to.
pub(crate) fn router(base: &str) -> Router<ServerRef> {
    Router::new()
        .route(&format!("{base}/v1/authorize"), get(authorize::authorize))
        .route(&format!("{base}/v1/logout"), get(logout::by_query).post(logout::by_form))
}

/// Returns a router for the sign-in page, which all servers share.
pub(crate) fn sign_in_router(org: &Arc<Org>) -> Router {
    let style = || async { ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], responses::STYLE) };
    Router::new()
        .route("/signin", post(sign_in::submit))
        .route("/signin/style.css", get(style))
        .with_state(Arc::clone(org))
}
