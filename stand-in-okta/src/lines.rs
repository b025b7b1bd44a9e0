//! Listeners: plain and encrypted lines, each of which a request's handler can cut.

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

/// A handler's way to cut the line its request came over.
#[derive(Clone, Default)]
pub struct Cut(Arc<AtomicBool>);

impl Cut {
    /// From here on nothing gets through: the next byte to be sent becomes a reset.
    pub fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The router as a service whose handlers are given the [`Cut`] of their line.
pub(crate) fn with_cut(router: Router) -> IntoMakeServiceWithConnectInfo<Router, Cut> {
    router.into_make_service_with_connect_info()
}

/// Accepts plain lines.
pub struct Plain(TcpListener);

impl Plain {
    /// On this listener, from within a runtime.
    pub fn new(listener: std::net::TcpListener) -> io::Result<Self> {
        TcpListener::from_std(listener).map(Self)
    }
}

impl Listener for Plain {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        let (stream, peer) = Listener::accept(&mut self.0).await;
        (Line { stream, cut: Cut::default() }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Accepts encrypted lines.
pub struct Encrypted {
    arrived: mpsc::Receiver<(TlsStream<Line>, SocketAddr)>,
    address: SocketAddr,
}

impl Encrypted {
    /// On this listener, from within a runtime.
    pub fn new(listener: std::net::TcpListener, tls: TlsAcceptor) -> io::Result<Self> {
        let mut listener = Plain::new(listener)?;
        let address = listener.local_addr()?;
        let (sender, arrived) = mpsc::channel(1);
        tokio::spawn(async move {
            while !sender.is_closed() {
                let (line, peer) = listener.accept().await;
                let (tls, sender) = (tls.clone(), sender.clone());
                // A task each: whoever connects and says nothing keeps nobody waiting.
                tokio::spawn(async move {
                    if let Ok(Ok(stream)) = timeout(HANDSHAKE, tls.accept(line)).await {
                        let _ = sender.send((stream, peer)).await;
                    }
                });
            }
        });
        Ok(Self { arrived, address })
    }
}

impl Listener for Encrypted {
    type Io = TlsStream<Line>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        match self.arrived.recv().await {
            Some(arrived) => arrived,
            // The accepting task has ended, and with it the runtime soon.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Connected<IncomingStream<'_, Plain>> for Cut {
    fn connect_info(stream: IncomingStream<'_, Plain>) -> Self {
        stream.io().cut.clone()
    }
}

impl Connected<IncomingStream<'_, Encrypted>> for Cut {
    fn connect_info(stream: IncomingStream<'_, Encrypted>) -> Self {
        stream.io().get_ref().0.cut.clone()
    }
}

/// A TCP connection that can be cut.
pub struct Line {
    stream: TcpStream,
    cut: Cut,
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.cut.0.load(Ordering::Relaxed) {
            // With no time to linger, closing is a reset. If that can't be set, closing alone must do.
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

/// For a TLS handshake: generous, but an end.
const HANDSHAKE: Duration = Duration::from_secs(10);
