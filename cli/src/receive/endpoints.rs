//! The HTTP endpoints.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use okta_authz_filter::revocation::{OrgJwtError, SubjectError};
use serde_json::json;

use super::logs;
use super::requests::{EventError, EventResult, LogoutError, bearer};
use super::state::{Outcome, Receiver};
use crate::clock::now;

/// The maximum length of a body in bytes. Okta's have 1 to 2 KiB.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Returns the endpoints for Okta.
pub(super) fn public(receiver: &Arc<Receiver>) -> Router {
    let router = Router::new().route("/events", post(events)).route("/logout", post(logout));
    with_limits(router, receiver)
}

/// Returns the endpoints for the filters and for operators.
pub(super) fn internal(receiver: &Arc<Receiver>) -> Router {
    let router = Router::new()
        .route("/denylist", get(denylist))
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready));
    with_limits(router, receiver)
}

fn with_limits(router: Router<Arc<Receiver>>, receiver: &Arc<Receiver>) -> Router {
    router
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(Arc::clone(receiver), timeout))
        .with_state(Arc::clone(receiver))
}

/// Bounds the time of a request, with its body.
async fn timeout(State(receiver): State<Arc<Receiver>>, request: Request, next: Next) -> Response {
    let response = tokio::time::timeout(receiver.settings.request_timeout, next.run(request)).await;
    response.unwrap_or_else(|_| StatusCode::REQUEST_TIMEOUT.into_response())
}

async fn events(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> Response {
    let result = receiver.on_event(&headers, &body).await;
    let name = match result {
        Ok(EventResult::Stored(outcome)) | Err(EventError::NotStored(outcome)) => outcome.name(),
        Ok(EventResult::Ignored) => "ignored",
        Err(EventError::ContentType) => "content_type_not_allowed",
        Err(EventError::Authorization) => "authorization_invalid",
        Err(EventError::Token(error)) => error.name(),
    };
    report(&receiver, "events", name, result.is_ok());
    match result {
        Ok(_) => StatusCode::ACCEPTED.into_response(),
        Err(EventError::ContentType) => {
            set_error("invalid_request", "the content type must be application/secevent+jwt")
        }
        Err(EventError::Authorization) => {
            set_error("authentication_failed", "the authorization header is not that of the stream")
        }
        Err(EventError::Token(OrgJwtError::KeysUnavailable)) => unavailable(),
        Err(EventError::Token(error)) => set_error(set_error_code(error), &error.to_string()),
        Err(EventError::NotStored(_)) => unavailable(),
    }
}

/// Returns the error code of RFC 8935 section 2.4.
const fn set_error_code(error: OrgJwtError) -> &'static str {
    match error {
        OrgJwtError::IssuerUnknown => "invalid_issuer",
        OrgJwtError::AudienceNotAllowed => "invalid_audience",
        OrgJwtError::AlgorithmNotAllowed | OrgJwtError::KeyUnknown => "invalid_key",
        OrgJwtError::SignatureInvalid => "authentication_failed",
        _ => "invalid_request",
    }
}

/// Returns an error of RFC 8935 section 2.3.
fn set_error(code: &str, description: &str) -> Response {
    let body = json!({ "err": code, "description": description }).to_string();
    let headers = [(CONTENT_TYPE, "application/json"), (CONTENT_LANGUAGE, "en")];
    (StatusCode::BAD_REQUEST, headers, body).into_response()
}

/// Returns 503, after which the sender retries.
fn unavailable() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")]).into_response()
}

async fn logout(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> Response {
    let result = receiver.on_logout(&headers, &body).await;
    let (status, name) = match result {
        Ok(()) => (StatusCode::NO_CONTENT, Outcome::Accepted.name()),
        Err(LogoutError::TokenMissing) => (StatusCode::UNAUTHORIZED, "token_missing"),
        Err(LogoutError::Replayed) => (StatusCode::UNAUTHORIZED, "token_replayed"),
        Err(LogoutError::Token(error @ OrgJwtError::KeysUnavailable)) => {
            (StatusCode::SERVICE_UNAVAILABLE, error.name())
        }
        Err(LogoutError::Token(error @ OrgJwtError::ClientNotAllowed)) => {
            (StatusCode::FORBIDDEN, error.name())
        }
        Err(LogoutError::Token(error)) => (StatusCode::UNAUTHORIZED, error.name()),
        Err(LogoutError::Body(SubjectError::Malformed)) => (StatusCode::BAD_REQUEST, "body_malformed"),
        Err(LogoutError::Body(SubjectError::UnknownFormat)) => {
            (StatusCode::BAD_REQUEST, "subject_format_unknown")
        }
        Err(LogoutError::Body(SubjectError::Unusable)) => {
            (StatusCode::UNPROCESSABLE_ENTITY, "subject_unusable")
        }
        Err(LogoutError::OtherOrg) => (StatusCode::FORBIDDEN, "subject_of_another_org"),
        Err(LogoutError::UnknownOrg) => (StatusCode::NOT_FOUND, "subject_of_an_unknown_org"),
        Err(LogoutError::NotStored(outcome)) => (StatusCode::SERVICE_UNAVAILABLE, outcome.name()),
    };
    report(&receiver, "logout", name, result.is_ok());
    match status {
        StatusCode::SERVICE_UNAVAILABLE => unavailable(),
        StatusCode::UNAUTHORIZED => (status, [(WWW_AUTHENTICATE, "Bearer")]).into_response(),
        status => status.into_response(),
    }
}

fn report(receiver: &Receiver, endpoint: &'static str, result: &'static str, is_accepted: bool) {
    receiver.metrics.count(endpoint, result);
    let fields = [("endpoint", endpoint.into()), ("result", result.into())];
    if is_accepted { logs::info("received", &fields) } else { logs::warn("rejected", &fields) }
}

async fn denylist(State(receiver): State<Arc<Receiver>>, headers: HeaderMap) -> Response {
    let (response, result) = denylist_response(&receiver, &headers).await;
    receiver.metrics.count("denylist", result);
    response
}

async fn denylist_response(receiver: &Receiver, headers: &HeaderMap) -> (Response, &'static str) {
    if let Some(secret) = &receiver.settings.denylist_secret
        && !Receiver::is_secret(secret, bearer(headers))
    {
        let response = (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")]).into_response();
        return (response, "unauthorized");
    }
    let served = match receiver.store.denylist(now()).await {
        Ok(served) => served,
        Err(problem) => {
            receiver.store_failed(&problem);
            return (unavailable(), Outcome::StoreFailed.name());
        }
    };
    // A cache may store the list, but must ask each time: an entry must not wait for its age.
    let validators = [(ETAG, served.etag.clone()), (CACHE_CONTROL, "no-cache".to_owned())];
    if is_match(headers, &served.etag) {
        return ((StatusCode::NOT_MODIFIED, validators).into_response(), "not_modified");
    }
    let response = (validators, [(CONTENT_TYPE, "application/json")], served.body.clone()).into_response();
    (response, "sent")
}

/// Returns whether `If-None-Match` has the tag (RFC 9110 section 13.1.2, weak comparison).
fn is_match(headers: &HeaderMap, etag: &str) -> bool {
    let lines = headers.get_all(IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    // The tags of this server contain no comma.
    let mut tags = lines.flat_map(|line| line.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

async fn metrics(State(receiver): State<Arc<Receiver>>) -> Response {
    let text = receiver.metrics_text().await;
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

/// Responds 200 if the denylist can be served. It does not depend on Okta: during an outage of Okta,
/// the filters still need the list.
async fn ready(State(receiver): State<Arc<Receiver>>) -> Response {
    match receiver.store.denylist(now()).await {
        Ok(_) => "ok\n".into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database is unavailable\n").into_response(),
    }
}
