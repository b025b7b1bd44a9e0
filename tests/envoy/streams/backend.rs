//! A backend with streams: WebSocket, event stream, download, upload, slow response, and gRPC over
//! HTTP/2. Each stream sends a message every 100 ms, and none ends by itself. Two paths begin an event
//! stream after a redirect and after a retry.

use std::convert::Infallible;
use std::net::{Ipv4Addr, TcpListener};
use std::pin::Pin;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get, post};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::oneshot;
use tonic::server::{Grpc, StreamingService};
use tonic::{Status, Streaming};
use tonic_prost::ProstCodec;

/// The length that the response of `/download` announces.
pub const DOWNLOAD_BYTES: &str = "1000000000";
const INTERVAL: Duration = Duration::from_millis(100);

/// A running backend. Dropping it stops it.
pub struct StreamBackend {
    port: u16,
    running: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl StreamBackend {
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (running, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    _ = stopped => {}
                    _ = axum::serve(listener, app()) => {}
                }
            });
            runtime.shutdown_background();
        });
        Self { port, running: Some(running), thread: Some(thread) }
    }

    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for StreamBackend {
    fn drop(&mut self) {
        drop(self.running.take());
        let _ = self.thread.take().unwrap().join();
    }
}

fn app() -> Router {
    let websocket = |upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(echo_and_send) };
    let events = || async { ([("content-type", "text/event-stream")], endless("data: event\n\n")) };
    let redirected = || async { (StatusCode::FOUND, [("location", "http://api.example.com/events")]) };
    let retried = move |headers: HeaderMap| async move {
        match headers.get("x-envoy-attempt-count").map(HeaderValue::as_bytes) {
            Some(b"1") => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            _ => events().await.into_response(),
        }
    };
    let quiet = || async {
        let first = stream::iter([Ok::<_, Infallible>("data: first\n\n")]);
        ([("content-type", "text/event-stream")], Body::from_stream(first.chain(stream::pending())))
    };
    let download = || async { ([("content-length", DOWNLOAD_BYTES)], endless("0123456789")) };
    let upload = |body: Bytes| async move { body.len().to_string() };
    let slow = |Path(millis): Path<u64>| async move {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        "slow"
    };
    Router::new()
        .route("/websocket", get(websocket))
        .route("/events", get(events))
        .route("/public/events", get(events))
        .route("/redirected", get(redirected))
        .route("/retried", get(retried))
        .route("/quiet", get(quiet))
        .route("/download", get(download))
        .route("/upload", post(upload))
        .route("/slow/{millis}", any(slow))
        .route("/test.Streams/{method}", post(grpc))
        .fallback(|| async { "ok" })
}

/// Sends a message at each interval, and returns the messages of the client.
async fn echo_and_send(mut socket: WebSocket) {
    let mut interval = tokio::time::interval(INTERVAL);
    loop {
        let message = tokio::select! {
            _ = interval.tick() => Message::text("tick"),
            received = socket.recv() => match received {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => message,
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return,
            },
        };
        if socket.send(message).await.is_err() {
            return;
        }
    }
}

/// Returns a body that repeats a text without end.
fn endless(text: &'static str) -> Body {
    let interval = tokio::time::interval(INTERVAL);
    Body::from_stream(stream::unfold(interval, move |mut interval| async move {
        interval.tick().await;
        Some((Ok::<_, Infallible>(text), interval))
    }))
}

/// Serves `Watch`, which sends messages; `Chat`, which returns the messages of the client; and
/// `Silent`, which sends response headers and no message.
async fn grpc(Path(method): Path<String>, request: Request) -> Response {
    let mut server = Grpc::new(ProstCodec::<String, String>::default());
    server.streaming(Method(method), request).await.map(Body::new).into_response()
}

struct Method(String);

type Messages = Pin<Box<dyn Stream<Item = Result<String, Status>> + Send>>;

impl StreamingService<String> for Method {
    type Response = String;
    type ResponseStream = Messages;
    type Future = std::future::Ready<Result<tonic::Response<Messages>, Status>>;

    fn call(&mut self, request: tonic::Request<Streaming<String>>) -> Self::Future {
        let messages: Messages = match self.0.as_str() {
            "Watch" => {
                let interval = tokio::time::interval(INTERVAL);
                stream::unfold(interval, |mut interval| async move {
                    interval.tick().await;
                    Some((Ok("message".to_owned()), interval))
                })
                .boxed()
            }
            "Chat" => request.into_inner().boxed(),
            "Silent" => stream::pending().boxed(),
            _ => return std::future::ready(Err(Status::unimplemented("no such method"))),
        };
        std::future::ready(Ok(tonic::Response::new(messages)))
    }
}
