//! A stand-in for Okta: an org with three authorization servers, close enough that neither Envoy nor a client
//! can tell, and obedient where Okta is not: keys rotate on command, and every way for a key endpoint to break is
//! one call away.
//!
//! Tests and demos hold it in their own process; it serves until it is dropped:
//!
//! ```text
//! let okta = StandIn::start(Options::default());
//! let token = okta.mint(Server::Default, &TokenSpec::user().scopes(&["items:read"]));
//! okta.rotate(Server::Default, Rotation::Manual);
//! okta.set_fault(Server::Default, Fault::Status(429));
//! assert_eq!(okta.key_fetches(Server::Default), 0);
//! ```
//!
//! People with curl use the control API under `/stand-in/`, which `control.rs` describes.
//!
//! What it does is what Okta documents or what real tokens show: two issuers' worth of quirks (the org server's
//! issuer has no path, its tokens carry a `typ`), the member order of headers and payloads, the two dialects of error
//! bodies. What it leaves out: anything with a browser, DPoP at the token endpoint, client assertions.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

mod certificates;
mod control;
mod denylist;
mod endpoints;
mod faults;
mod gzip;
mod keys;
mod lines;
mod members;
mod metadata;
mod oauth;
mod org;
mod tokens;

pub use faults::Fault;
pub use keys::{Rotation, Stage};
pub use org::{Endpoint, Server};
pub use tokens::{Kind, TokenSpec};

/// The client that may ask any custom authorization server for tokens with `client_credentials`.
pub const DEMO_CLIENT_ID: &str = "0oademo00000000000001";

/// Its secret. Public: it opens nothing but this program.
pub const DEMO_CLIENT_SECRET: &str = "demo-secret";

/// Where and as whom the stand-in serves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Plain HTTP, with the control API. Port 0: any free one.
    pub http: SocketAddr,
    /// HTTPS, as Envoy wants to see Okta. Port 0: any free one.
    pub https: SocketAddr,
    /// The org's domain: the host of every issuer, and the main name of the certificate.
    pub domain: String,
}

impl Default for Options {
    fn default() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { http: any, https: any, domain: "acme.okta.example".to_owned() }
    }
}

/// A running stand-in. Dropping it stops it.
pub struct StandIn {
    org: Arc<org::Org>,
    ca_pem: String,
    http: SocketAddr,
    https: SocketAddr,
    /// Never sent to: that it is dropped is the message.
    running: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl StandIn {
    /// Starts a stand-in on a thread of its own.
    ///
    /// # Panics
    ///
    /// If it cannot: a test has nothing better to do then.
    #[allow(clippy::expect_used, reason = "only at start-up, and for tests")]
    pub fn start(options: Options) -> Self {
        Self::try_start(options).expect("the stand-in Okta should start")
    }

    /// Starts a stand-in on a thread of its own, or says why it cannot. Both listeners accept from here on.
    pub fn try_start(options: Options) -> io::Result<Self> {
        let http = listener(options.http)?;
        let https = listener(options.https)?;
        let (http_address, https_address) = (http.local_addr()?, https.local_addr()?);
        let certificates = certificates::issue(&options.domain)?;
        let org = Arc::new(org::Org::new(options.domain));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (running, stopped) = oneshot::channel::<()>();
        let serving = serve(http, https, certificates.tls, Arc::clone(&org));
        let thread = std::thread::Builder::new().name("stand-in-okta".to_owned()).spawn(move || {
            runtime.block_on(async {
                if let Err(error) = serving.await {
                    eprintln!("stand-in-okta: {error}");
                }
                // Resolves, with an error, when the other end is dropped.
                let _ = stopped.await;
            });
            runtime.shutdown_background();
        })?;
        Ok(Self {
            org,
            ca_pem: certificates.ca_pem,
            http: http_address,
            https: https_address,
            running: Some(running),
            thread: Some(thread),
        })
    }

    /// The port of the plain HTTP listener.
    pub fn http_port(&self) -> u16 {
        self.http.port()
    }

    /// The port of the HTTPS listener.
    pub fn https_port(&self) -> u16 {
        self.https.port()
    }

    /// The certificate authority that vouches for the HTTPS listener: made at start, its key kept nowhere.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The server's issuer, as in `iss`.
    pub fn issuer(&self, server: Server) -> String {
        server.issuer(self.org.domain())
    }

    /// The audience of the server's access tokens.
    pub fn audience(&self, server: Server) -> String {
        server.audience(self.org.domain())
    }

    /// A token as the server would issue it now, but for what `spec` changes.
    pub fn mint(&self, server: Server, spec: &TokenSpec) -> String {
        self.org.mint(server, spec)
    }

    /// Exactly these bytes, signed RS256 with the server's active key: for tokens Okta would never issue.
    pub fn sign(&self, server: Server, header_json: &str, payload_json: &str) -> String {
        self.org.authority(server).ring().active().sign(header_json, payload_json)
    }

    /// The id of the key that signs now.
    pub fn kid(&self, server: Server) -> String {
        self.org.authority(server).ring().active().kid().to_owned()
    }

    /// The key set as the server would publish it now, without a request being counted.
    pub fn jwks(&self, server: Server) -> String {
        self.org.authority(server).published_keys()
    }

    /// Revokes the token with this `jti`, as a client would.
    pub fn revoke(&self, jti: &str) {
        self.org.revoke(jti.to_owned());
    }

    /// Rotates the server's keys. Takes a fraction of a second: RSA keys are made for it.
    pub fn rotate(&self, server: Server, rotation: Rotation) {
        self.org.authority(server).rotate(rotation);
    }

    /// Sets which keys the server publishes; the one that signs stays.
    pub fn set_stage(&self, server: Server, stage: Stage) {
        self.org.authority(server).set_stage(stage);
    }

    /// From the next rotation on, the server goes on publishing its former keys for this long.
    pub fn set_lag(&self, server: Server, lag: Duration) {
        self.org.authority(server).ring().set_lag(lag);
    }

    /// Sets the `Cache-Control` of the server's key set; `None` sends no such header.
    pub fn set_cache_control(&self, server: Server, value: Option<&str>) {
        self.org.authority(server).set_cache_control(value.map(str::to_owned));
    }

    /// Breaks the server's key and discovery endpoints, or with `Fault::None` mends them.
    pub fn set_fault(&self, server: Server, fault: Fault) {
        self.set_fault_at(server, Endpoint::Keys, fault.clone());
        self.set_fault_at(server, Endpoint::Discovery, fault);
    }

    /// Breaks or mends one endpoint.
    pub fn set_fault_at(&self, server: Server, endpoint: Endpoint, fault: Fault) {
        self.org.authority(server).set_fault(endpoint, fault);
    }

    /// How often the server's keys were asked for, successfully or not.
    pub fn key_fetches(&self, server: Server) -> u64 {
        self.requests(server, Endpoint::Keys)
    }

    /// How often the server's metadata were asked for, in any of their places.
    pub fn discovery_fetches(&self, server: Server) -> u64 {
        self.requests(server, Endpoint::Discovery)
    }

    /// How often this endpoint was asked.
    pub fn requests(&self, server: Server, endpoint: Endpoint) -> u64 {
        self.org.authority(server).requests(endpoint)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        drop(self.running.take());
        if let Some(thread) = self.thread.take() {
            // A panic of that thread has been printed; there is nothing to add.
            let _ = thread.join();
        }
    }
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)
        .map_err(|error| io::Error::new(error.kind(), format!("can't listen on {address}: {error}")))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Starts both listeners; they run as long as the runtime does.
async fn serve(
    http: TcpListener,
    https: TcpListener,
    tls: TlsAcceptor,
    org: Arc<org::Org>,
) -> io::Result<()> {
    let okta = endpoints::router(&org).merge(denylist::router(Arc::clone(&org)));
    let with_control = okta.clone().merge(control::router(org));
    let plain = lines::Plain::new(http)?;
    let encrypted = lines::Encrypted::new(https, tls)?;
    tokio::spawn(async { axum::serve(plain, lines::with_cut(with_control)).await });
    tokio::spawn(async { axum::serve(encrypted, lines::with_cut(okta)).await });
    Ok(())
}
