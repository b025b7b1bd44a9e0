//! The control API, for people with curl. On the plain HTTP listener only, and not protected: it is a toy.
//!
//! ```text
//! curl -d '{"server":"default","kind":"user","claims":{"groups":["Admins"]}}' localhost:9080/stand-in/token
//! curl -d '{"server":"default","rotation":"manual"}'           localhost:9080/stand-in/rotate
//! curl -d '{"server":"default","fault":{"status":429}}'        localhost:9080/stand-in/fault
//! curl -d '{"server":"default","stage":"active","lag_millis":5000,"cache_control":"no-cache"}' \
//!                                                              localhost:9080/stand-in/keys
//! curl localhost:9080/stand-in/requests
//! curl localhost:9080/stand-in/denylist
//! ```
//!
//! - `server`: `org`, `default` (also if left out) or `aus9o8wzkhckw9TLa0h7z`.
//! - token: `kind` is `user`, `machine`, `refreshed`, `on-behalf-of`, `agent`, `dpop-bound`, `org-access`, `id-token`,
//!   `id-jag` or `encrypted`; `claims` and `header` replace or add members, or with null remove them; `lifetime` and
//!   `issued_at` are in seconds. The answer is the token.
//! - rotate: `automatic`, `manual` or `emergency-double`. The answer is the id of the key that signs now.
//! - fault: `"none"`, `"empty"`, `"extra-keys"`, `"gzip-unless-refused"`, `"html"`, `"huge"`, `"reset"`, `"truncated-json"`,
//!   `"truncated-transfer"`, `{"gzip":{"marked":true}}`, `{"headers":[["age","5"]]}`, `{"status":500}`,
//!   `{"slow":{"millis":3000}}` or `{"body":"{\"keys\":[]}"}`; for keys and metadata, or with `endpoint` for one of `keys`, `discovery`, `introspect`, `denylist`.
//! - keys: what the key set is like. `stage` is `active`, `active-next` or `active-next-expired`; `lag_millis` delays
//!   what rotations show; `cache_control` is a header value, or null for none.
//! - denylist: what was revoked at `/v1/revoke`. Served over HTTPS as well, for Envoy to poll.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::faults::Fault;
use super::keys::{Rotation, Stage};
use super::org::{Endpoint, Org, Server};
use super::tokens::TokenSpec;

type Answer = Result<String, (StatusCode, String)>;

/// The control API.
pub(crate) fn router(org: Arc<Org>) -> Router {
    Router::new()
        .route("/stand-in/token", post(token))
        .route("/stand-in/rotate", post(rotate))
        .route("/stand-in/fault", post(fault))
        .route("/stand-in/keys", post(keys))
        .route("/stand-in/requests", get(requests))
        .with_state(org)
}

async fn token(State(org): State<Arc<Org>>, body: Bytes) -> Answer {
    // Whatever type curl says the body has: it is JSON.
    let mut wanted: Map<String, Value> = parse(&body)?;
    let server = match wanted.remove("server") {
        Some(server) => serde_json::from_value(server).map_err(bad_request)?,
        None => Server::Default,
    };
    let spec: TokenSpec = serde_json::from_value(Value::Object(wanted)).map_err(bad_request)?;
    Ok(line(&org.mint(server, &spec)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RotateRequest {
    #[serde(default = "default_server")]
    server: Server,
    rotation: Rotation,
}

async fn rotate(State(org): State<Arc<Org>>, body: Bytes) -> Answer {
    let RotateRequest { server, rotation } = parse(&body)?;
    beside(move || {
        org.authority(server).rotate(rotation);
        line(org.authority(server).ring().active().kid())
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

async fn fault(State(org): State<Arc<Org>>, body: Bytes) -> Answer {
    let FaultRequest { server, endpoint, fault } = parse(&body)?;
    let authority = org.authority(server);
    match endpoint {
        Some(endpoint) => authority.set_fault(endpoint, fault),
        None => {
            authority.set_fault(Endpoint::Keys, fault.clone());
            authority.set_fault(Endpoint::Discovery, fault);
        }
    }
    Ok(line("ok"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysRequest {
    #[serde(default = "default_server")]
    server: Server,
    stage: Option<Stage>,
    lag_millis: Option<u64>,
    /// Absent: stays as it is. Null: no header.
    #[serde(default, deserialize_with = "present")]
    cache_control: Option<Option<String>>,
}

async fn keys(State(org): State<Arc<Org>>, body: Bytes) -> Answer {
    let KeysRequest { server, stage, lag_millis, cache_control } = parse(&body)?;
    beside(move || {
        let authority = org.authority(server);
        if let Some(millis) = lag_millis {
            authority.ring().set_lag(Duration::from_millis(millis));
        }
        if let Some(value) = cache_control {
            authority.set_cache_control(value);
        }
        if let Some(stage) = stage {
            authority.set_stage(stage);
        }
        line(&authority.published_keys())
    })
    .await
}

async fn requests(State(org): State<Arc<Org>>) -> String {
    let counts: Map<String, Value> = Server::ALL
        .into_iter()
        .map(|server| {
            let authority = org.authority(server);
            let counts: Map<String, Value> = Endpoint::ALL
                .into_iter()
                .map(|(name, endpoint)| (name.to_owned(), authority.requests(endpoint).into()))
                .collect();
            (server.id().to_owned(), Value::Object(counts))
        })
        .collect();
    line(&Value::Object(counts).to_string())
}

/// Away from the thread that serves: making RSA keys takes a while.
async fn beside(work: impl FnOnce() -> String + Send + 'static) -> Answer {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, line(&error.to_string())))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, (StatusCode, String)> {
    serde_json::from_slice(body).map_err(bad_request)
}

#[allow(clippy::needless_pass_by_value, reason = "the shape map_err wants")]
fn bad_request(error: serde_json::Error) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, line(&error.to_string()))
}

fn line(text: &str) -> String {
    format!("{text}\n")
}

const fn default_server() -> Server {
    Server::Default
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
