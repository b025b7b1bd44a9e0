//! A backend that returns the method, the path and the headers of each request, counts requests,
//! and redirects some paths.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

/// The header of a request that must not reach the backend. The backend counts requests that have
/// it.
pub const HOSTILE: &str = "x-hostile";

/// A running backend. Dropping it stops it.
pub struct Backend {
    port: u16,
    requests: Arc<AtomicU64>,
    hostile: Arc<AtomicU64>,
    running: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Backend {
    /// Starts a backend on a free port of this machine.
    pub fn start() -> Self {
        Self::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// Starts a backend on an address.
    pub fn start_on(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).expect("a free port");
        listener.set_nonblocking(true).expect("non-blocking");
        let port = listener.local_addr().expect("an address").port();
        let requests = Arc::new(AtomicU64::new(0));
        let hostile = Arc::new(AtomicU64::new(0));
        let (counter, hostile_counter) = (Arc::clone(&requests), Arc::clone(&hostile));
        let (running, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let app = axum::Router::new().fallback(move |request: Request| {
                    counter.fetch_add(1, Ordering::SeqCst);
                    if request.headers().contains_key(HOSTILE) {
                        hostile_counter.fetch_add(1, Ordering::SeqCst);
                    }
                    let response = respond(&request);
                    async move { response }
                });
                let stop = async {
                    // Returns an error when the sender is dropped.
                    let _ = stopped.await;
                };
                tokio::select! {
                    () = stop => {}
                    _ = axum::serve(listener, app) => {}
                }
            });
            runtime.shutdown_background();
        });
        Self { port, requests, hostile, running: Some(running), thread: Some(thread) }
    }

    /// Returns the port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Returns the number of requests that reached the backend.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }

    /// Returns the number of requests with the header [`HOSTILE`].
    pub fn hostile(&self) -> u64 {
        self.hostile.load(Ordering::SeqCst)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        drop(self.running.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The prefix of redirected paths. The backend redirects `/302/rest` to the value of [`LOCATION`],
/// or to `/rest` without that header.
const REDIRECT_PREFIX: &str = "/302/";
/// The request header with the `Location` of the redirect.
pub const LOCATION: &str = "x-location";

fn respond(request: &Request) -> Response {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let path = request.uri().to_string();
    let Some(rest) = path.strip_prefix(REDIRECT_PREFIX) else {
        return ([("content-type", "application/json")], describe(request).to_string()).into_response();
    };
    let same_host = || format!("http://{}/{rest}", header("host").unwrap_or_default());
    let location = header(LOCATION).map_or_else(same_host, str::to_owned);
    (axum::http::StatusCode::FOUND, [("location", location)]).into_response()
}

/// Returns the request as JSON. Each header has all its values, so a test sees a duplicate.
fn describe(request: &Request) -> Value {
    let mut headers = Map::new();
    for (name, value) in request.headers() {
        let values = headers.entry(name.as_str()).or_insert_with(|| json!([]));
        if let Some(values) = values.as_array_mut() {
            values.push(String::from_utf8_lossy(value.as_bytes()).into());
        }
    }
    json!({ "method": request.method().as_str(), "path": request.uri().to_string(), "headers": headers })
}
