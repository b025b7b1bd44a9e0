//! The listeners, with limits for connections and for the time of headers, and the shutdown.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::logs;
use super::state::Receiver;

/// The time for the headers of a request. It also ends an idle connection, so a proxy should keep
/// idle connections for a shorter time.
const HEADER_TIMEOUT: Duration = Duration::from_secs(60);
/// The maximum size of the headers of a request in bytes: a token of 16 KiB, and more.
const MAX_HEADER_BYTES: usize = 32 * 1024;
/// The time for requests in flight after a signal.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(15);
/// The pause after a failed accept, such as one without a free file descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves both addresses until SIGTERM or SIGINT, and completes the requests in flight.
pub(super) async fn serve(receiver: &Arc<Receiver>, public: Router, internal: Router) -> Result<(), String> {
    let settings = &receiver.settings;
    let stopped = |error| format!("cannot handle signals: {error}");
    let mut terminated = signal(SignalKind::terminate()).map_err(stopped)?;
    let mut interrupted = signal(SignalKind::interrupt()).map_err(stopped)?;
    let shutdown = GracefulShutdown::new();
    let public_listener = bind("listen", settings.listen).await?;
    let internal_listener = bind("internal_listen", settings.internal_listen).await?;
    let address = |listener: &TcpListener| listener.local_addr().map(|at| at.to_string()).unwrap_or_default();
    let addresses = [
        ("listen", address(&public_listener).into()),
        ("internal_listen", address(&internal_listener).into()),
    ];
    logs::info("started", &addresses);
    let connections = settings.max_connections;
    tokio::select! {
        () = accept(public_listener, public, connections, &shutdown) => {}
        () = accept(internal_listener, internal, connections, &shutdown) => {}
        () = receiver.expire_periodically() => {}
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    logs::info("stopping", &[]);
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, shutdown.shutdown()).await.is_err() {
        logs::warn("stopped_with_open_requests", &[]);
    }
    Ok(())
}

async fn bind(field: &str, address: std::net::SocketAddr) -> Result<TcpListener, String> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|error| format!("{field}: cannot listen on {address}: {error}"))
}

/// Accepts connections, at most `limit` at once. Further ones wait in the queue of the kernel.
async fn accept(listener: TcpListener, router: Router, limit: usize, shutdown: &GracefulShutdown) {
    let permits = Arc::new(Semaphore::new(limit));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(connection(stream, router.clone(), shutdown.watcher(), permit));
            }
            Err(error) => {
                logs::error("accept_failed", &[("problem", error.to_string().into())]);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, router: Router, watcher: Watcher, _permit: OwnedSemaphorePermit) {
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(MAX_HEADER_BYTES);
    let connection = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    // An error concerns this client alone, such as a request that is not HTTP.
    let _ = watcher.watch(connection).await;
}
