//! The control API. Only the plain HTTP listener serves it, without authentication.
//!
//! ```text
//! curl -d '{"server":"default","kind":"user","claims":{"groups":["Admins"]}}' localhost:9080/stand-in/token
//! curl -d '{"server":"default","rotation":"manual"}'           localhost:9080/stand-in/rotate
//! curl -d '{"server":"default","fault":{"status":429}}'        localhost:9080/stand-in/fault
//! curl -d '{"server":"default","stage":"active","lag_millis":5000,"cache_control":"no-cache"}' \
//!                                                              localhost:9080/stand-in/keys
//! curl -d '{"client_id":"0oarserver00000000001","secret":"a new secret"}' localhost:9080/stand-in/client
//! curl localhost:9080/stand-in/requests
//! curl 'localhost:9080/stand-in/introspections?server=default'
//! curl localhost:9080/stand-in/denylist
//! ```
//!
//! - `server`: `org`, `default` (the default) or `aus9o8wzkhckw9TLa0h7z`.
//! - token: `kind` is `user`, `machine`, `refreshed`, `on-behalf-of`, `agent`, `dpop-bound`,
//!   `org-access`, `id-token`, `id-jag` or `encrypted`. `claims` and `header` replace or add
//!   members; null removes one. `lifetime` is in seconds, `issued_at` in Unix seconds. With
//!   `"opaque":true` only introspection returns the claims. The response is the token.
//! - rotate: `rotation` is `automatic`, `manual` or `emergency-double`. The response is the key ID
//!   of the ACTIVE key.
//! - fault: `"none"`, `"empty"`, `"extra-keys"`, `"gzip-unless-identity"`, `"html"`, `"huge"`,
//!   `"reset"`, `"truncated-json"`, `"truncated-transfer"`, `{"gzip":{"marked":true}}`,
//!   `{"headers":[["age","5"]]}`, `{"status":500}`, `{"slow":{"millis":3000}}`,
//!   `{"body":"{\"keys\":[]}"}` or `{"response":{"status":429,"headers":[["retry-after","5"]],
//!   "body":"","content_type":"text/html","delay_millis":100,"close":true}}`, with any of its
//!   members. It affects the endpoints `keys` and `discovery`. With `endpoint` it affects one of
//!   `keys`, `discovery`, `introspect` and `denylist`.
//! - keys: `stage` is `active`, `active-next` or `active-next-expired`. `lag_millis` delays the
//!   publication of later rotations. `cache_control` is a header value, or null for no header. The
//!   response is the key set.
//! - client: sets the `secret` of a client, its public `keys` for `private_key_jwt`, or
//!   `dpop_bound_access_tokens`.
//! - introspections: the latest introspection requests of a server and their peak of concurrency.
//! - requests: the number of requests to each endpoint of each server.
//! - denylist: the tokens that were revoked at `/v1/revoke`. The HTTPS listener serves it too, for
//!   Envoy to poll.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::faults::Fault;
use super::keys::{Rotation, Stage};
use super::oauth::{Client, Method};
use super::org::Org;
use super::servers::{Endpoint, Server};
use super::tokens::TokenSpec;

type ControlResult = Result<String, (StatusCode, String)>;

/// Returns a router for the control API.
pub(crate) fn router(org: Arc<Org>) -> Router {
    Router::new()
        .route("/stand-in/token", post(token))
        .route("/stand-in/rotate", post(rotate))
        .route("/stand-in/fault", post(fault))
        .route("/stand-in/keys", post(keys))
        .route("/stand-in/client", post(client))
        .route("/stand-in/introspections", get(introspections))
        .route("/stand-in/requests", get(requests))
        .with_state(org)
}

async fn token(State(org): State<Arc<Org>>, body: Bytes) -> ControlResult {
    // The body is JSON. Its `Content-Type` is ignored, because curl's default is that of a form.
    let mut members: Map<String, Value> = parse(&body)?;
    let server = match members.remove("server") {
        Some(server) => serde_json::from_value(server).map_err(bad_request)?,
        None => Server::Default,
    };
    let spec: TokenSpec = serde_json::from_value(Value::Object(members)).map_err(bad_request)?;
    Ok(with_newline(&org.mint(server, &spec)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RotateRequest {
    #[serde(default = "default_server")]
    server: Server,
    rotation: Rotation,
}

async fn rotate(State(org): State<Arc<Org>>, body: Bytes) -> ControlResult {
    let RotateRequest { server, rotation } = parse(&body)?;
    run_blocking(move || {
        org.state(server).rotate(rotation);
        with_newline(org.state(server).ring().active().kid())
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultRequest {
    #[serde(default = "default_server")]
    server: Server,
    endpoint: Option<Endpoint>,
    fault: Fault,
}

async fn fault(State(org): State<Arc<Org>>, body: Bytes) -> ControlResult {
    let FaultRequest { server, endpoint, fault } = parse(&body)?;
    let state = org.state(server);
    match endpoint {
        Some(endpoint) => state.set_fault(endpoint, fault),
        None => {
            state.set_fault(Endpoint::Keys, fault.clone());
            state.set_fault(Endpoint::Discovery, fault);
        }
    }
    Ok(with_newline("ok"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysRequest {
    #[serde(default = "default_server")]
    server: Server,
    stage: Option<Stage>,
    lag_millis: Option<u64>,
    /// Absent: no change. Null: no header.
    #[serde(default, deserialize_with = "present")]
    cache_control: Option<Option<String>>,
}

async fn keys(State(org): State<Arc<Org>>, body: Bytes) -> ControlResult {
    let KeysRequest { server, stage, lag_millis, cache_control } = parse(&body)?;
    run_blocking(move || {
        let state = org.state(server);
        if let Some(millis) = lag_millis {
            state.ring().set_lag(Duration::from_millis(millis));
        }
        if let Some(value) = cache_control {
            state.set_cache_control(value);
        }
        if let Some(stage) = stage {
            state.set_stage(stage);
        }
        with_newline(&state.published_keys())
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientRequest {
    client_id: String,
    secret: Option<String>,
    keys: Option<Vec<Map<String, Value>>>,
    dpop_bound_access_tokens: Option<bool>,
}

async fn client(State(org): State<Arc<Org>>, body: Bytes) -> ControlResult {
    let ClientRequest { client_id, secret, keys, dpop_bound_access_tokens } = parse(&body)?;
    let invalid = |problem: &str| (StatusCode::BAD_REQUEST, with_newline(problem));
    let client = Client::with_id(&client_id).ok_or_else(|| invalid("client_id: unknown client"))?;
    let method = match (secret, keys) {
        (Some(secret), None) => Some(Method::Secret(secret)),
        (None, Some(keys)) => Some(Method::PrivateKey(keys)),
        (None, None) if dpop_bound_access_tokens.is_some() => None,
        _ => return Err(invalid("give either `secret` or `keys`, or `dpop_bound_access_tokens`")),
    };
    let mut clients = org.clients();
    if let Some(method) = method {
        clients.set_method(client, method);
    }
    if let Some(required) = dpop_bound_access_tokens {
        clients.set_dpop_required(client, required);
    }
    Ok(with_newline("ok"))
}

async fn introspections(State(org): State<Arc<Org>>, RawQuery(query): RawQuery) -> ControlResult {
    let id = query.as_deref().and_then(|query| query.strip_prefix("server=")).unwrap_or("default");
    let server: Server = serde_json::from_value(id.into()).map_err(bad_request)?;
    let record = org.state(server).introspections();
    Ok(with_newline(&json!({ "latest": record.latest(), "peak": record.peak() }).to_string()))
}

async fn requests(State(org): State<Arc<Org>>) -> String {
    let counts: Map<String, Value> = Server::ALL
        .into_iter()
        .map(|server| {
            let state = org.state(server);
            let counts: Map<String, Value> = Endpoint::ALL
                .into_iter()
                .map(|(name, endpoint)| (name.to_owned(), state.requests(endpoint).into()))
                .collect();
            (server.id().to_owned(), Value::Object(counts))
        })
        .collect();
    with_newline(&Value::Object(counts).to_string())
}

/// Runs work that generates RSA keys on another thread, so that other requests are not delayed.
async fn run_blocking(work: impl FnOnce() -> String + Send + 'static) -> ControlResult {
    let result = tokio::task::spawn_blocking(work).await;
    result.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, with_newline(&error.to_string())))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, (StatusCode, String)> {
    serde_json::from_slice(body).map_err(bad_request)
}

#[allow(clippy::needless_pass_by_value, reason = "`map_err` passes the error by value")]
fn bad_request(error: serde_json::Error) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, with_newline(&error.to_string()))
}

fn with_newline(text: &str) -> String {
    format!("{text}\n")
}

const fn default_server() -> Server {
    Server::Default
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
