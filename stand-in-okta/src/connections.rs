//! Plain and TLS listeners, whose connections a request handler can reset.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::{Connected, IntoMakeServiceWithConnectInfo};
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A handle with which a request handler resets its connection.
#[derive(Clone, Default)]
pub struct ResetHandle(Arc<AtomicBool>);

impl ResetHandle {
    /// Makes the next write to the connection fail and reset the connection.
    pub fn reset(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Returns the router as a service whose handlers can extract the [`ResetHandle`] of their
/// connection.
pub(crate) fn with_reset_handle(router: Router) -> IntoMakeServiceWithConnectInfo<Router, ResetHandle> {
    router.into_make_service_with_connect_info()
}

/// A listener for plain connections.
pub struct PlainListener(TcpListener);

impl PlainListener {
    /// Takes over a bound listener. Needs a tokio runtime.
    pub fn new(listener: std::net::TcpListener) -> io::Result<Self> {
        TcpListener::from_std(listener).map(Self)
    }
}

impl Listener for PlainListener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, peer) = Listener::accept(&mut self.0).await;
        (Connection { stream, reset: ResetHandle::default() }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A listener for TLS connections.
pub struct TlsListener {
    accepted: mpsc::Receiver<(TlsStream<Connection>, SocketAddr)>,
    address: SocketAddr,
}

impl TlsListener {
    /// Takes over a bound listener. Needs a tokio runtime.
    pub fn new(listener: std::net::TcpListener, tls: TlsAcceptor) -> io::Result<Self> {
        let mut listener = PlainListener::new(listener)?;
        let address = listener.local_addr()?;
        let (sender, accepted) = mpsc::channel(1);
        tokio::spawn(async move {
            while !sender.is_closed() {
                let (connection, peer) = listener.accept().await;
                let (tls, sender) = (tls.clone(), sender.clone());
                // Each handshake has its own task, so a silent client does not delay other clients.
                tokio::spawn(async move {
                    if let Ok(Ok(stream)) = timeout(HANDSHAKE_TIMEOUT, tls.accept(connection)).await {
                        let _ = sender.send((stream, peer)).await;
                    }
                });
            }
        });
        Ok(Self { accepted, address })
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<Connection>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        match self.accepted.recv().await {
            Some(accepted) => accepted,
            // The accepting task ends only when the runtime shuts down.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Connected<IncomingStream<'_, PlainListener>> for ResetHandle {
    fn connect_info(stream: IncomingStream<'_, PlainListener>) -> Self {
        stream.io().reset.clone()
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for ResetHandle {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        stream.io().get_ref().0.reset.clone()
    }
}

/// A TCP connection that its [`ResetHandle`] resets.
pub struct Connection {
    stream: TcpStream,
    reset: ResetHandle,
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.reset.0.load(Ordering::Relaxed) {
            // With a linger time of zero, closing sends a reset. Without the option, it closes
            // only.
            let _ = self.stream.set_zero_linger();
            return Poll::Ready(Err(io::Error::from(io::ErrorKind::ConnectionReset)));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The time limit of a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
