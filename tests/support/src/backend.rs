//! A backend that reports the requests that reach it: the method, the path and the headers of each request, and how many. And it
//! sends clients elsewhere, where the path asks for that.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

/// A header that marks a request which must never get here.
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
    pub fn start() -> Self {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
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
                    // Resolves, with an error, when the other end is dropped.
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

    pub const fn port(&self) -> u16 {
        self.port
    }

    /// How many requests have reached it.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }

    /// How many of them were marked as [`HOSTILE`].
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

/// Where a path of a request begins like this, it leads elsewhere: to what this header says, or `/302/rest` to `/rest`.
const ELSEWHERE: &str = "/302/";
pub const LOCATION: &str = "x-location";

fn respond(request: &Request) -> Response {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let path = request.uri().to_string();
    let Some(rest) = path.strip_prefix(ELSEWHERE) else {
        return ([("content-type", "application/json")], describe(request).to_string()).into_response();
    };
    let here = || format!("http://{}/{rest}", header("host").unwrap_or_default());
    let location = header(LOCATION).map_or_else(here, str::to_owned);
    (axum::http::StatusCode::FOUND, [("location", location)]).into_response()
}

/// Headers with all their values: a second value must not hide.
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
