//! Okta's policy for scripts of other origins (CORS).

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::CorsLayer;

use super::browser::BrowserApp;

/// Returns a layer that responds to preflight requests, and that permits scripts of the trusted origins
/// to read responses. A response to another origin has no CORS headers, so the browser withholds it
/// from the script. Credentials are not allowed: these endpoints read no cookies.
pub(crate) fn layer(app: &BrowserApp) -> CorsLayer {
    let origins = app.trusted_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    CorsLayer::new()
        .allow_origin(origins.collect::<Vec<_>>())
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::ACCEPT,
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("dpop"),
            // The user agent of @okta/okta-auth-js.
            HeaderName::from_static("x-okta-user-agent-extended"),
            // Swagger UI sends it.
            HeaderName::from_static("x-requested-with"),
        ])
        .expose_headers([HeaderName::from_static("dpop-nonce"), header::WWW_AUTHENTICATE])
        .max_age(Duration::from_secs(600))
}
