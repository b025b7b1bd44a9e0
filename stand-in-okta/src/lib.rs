//! A stand-in for Okta: an org with three authorization servers. Envoy and clients use it like
//! Okta. It also rotates keys on command and produces every fault that a key endpoint can have.
//!
//! Tests and the demo run it in their own process. It serves until it is dropped:
//!
//! ```text
//! let okta = StandIn::start(Options::default());
//! let token = okta.mint(Server::Default, &TokenSpec::user().scopes(&["items:read"]));
//! okta.rotate(Server::Default, Rotation::Manual);
//! okta.set_fault(Server::Default, Fault::Status(429));
//! assert_eq!(okta.key_fetches(Server::Default), 0);
//! ```
//!
//! The control API under `/stand-in/` does the same over HTTP. `control.rs` describes it.
//!
//! It follows Okta's documentation and the tokens of real orgs: the issuer of the org server has no
//! path and its tokens have a `typ`, headers and payloads have Okta's order of members, and error
//! bodies have two formats. Browsers sign in at a single-page app by the authorization code flow
//! with PKCE. It has no other browser flows. It binds tokens to a DPoP key, but not codes
//! (`dpop_jkt`).

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

mod browser;
mod certificates;
mod connections;
mod control;
mod controls;
mod cors;
mod denylist;
mod endpoints;
mod faults;
mod grants;
mod gzip;
mod jws;
mod key_controls;
mod keys;
mod kinds;
mod members;
mod metadata;
mod oauth;
mod org;
mod params;
mod revocations;
mod servers;
pub mod signals;
mod store;
mod tokens;

pub use browser::{
    BROWSER_CLIENT_ID, BrowserApp, DOCS_CALLBACK, PAGE_CALLBACK, USER_CODE, USER_PASSWORD, USERS, User,
    origin_of,
};
pub use faults::{Fault, FaultResponse};
pub use keys::{Rotation, Stage};
pub use kinds::Kind;
pub use oauth::Introspection;
pub use servers::{Endpoint, Server};
pub use tokens::TokenSpec;

/// The client ID for `client_credentials` at every custom authorization server.
pub const DEMO_CLIENT_ID: &str = "0oademo00000000000001";

/// The secret of that client. It is public, because only this program accepts it.
pub const DEMO_CLIENT_SECRET: &str = "demo-secret";

/// The client ID of a service that gets tokens only with a DPoP proof.
pub const DPOP_CLIENT_ID: &str = "0oadpop00000000000001";

/// The secret of that client.
pub const DPOP_CLIENT_SECRET: &str = "dpop-secret";

/// The client ID of the API, which introspects tokens. In Okta, an API has a separate app for it.
pub const RESOURCE_SERVER_ID: &str = "0oarserver00000000001";

/// The secret of that client.
pub const RESOURCE_SERVER_SECRET: &str = "resource-server-secret";

/// The addresses and the domain of a stand-in.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address of the plain HTTP listener, which also serves the control API. Port 0 selects a
    /// free port.
    pub http: SocketAddr,
    /// The address of the HTTPS listener, which Envoy uses. Port 0 selects a free port.
    pub https: SocketAddr,
    /// The org's domain: the host of every issuer, and the first name of the certificate.
    pub domain: String,
    /// The addresses of the single-page app with the ID [`BROWSER_CLIENT_ID`].
    pub app: BrowserApp,
}

impl Default for Options {
    fn default() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { http: any, https: any, domain: "acme.okta.example".to_owned(), app: BrowserApp::default() }
    }
}

/// A running stand-in. Dropping it stops it.
pub struct StandIn {
    org: Arc<org::Org>,
    ca_pem: String,
    http: SocketAddr,
    https: SocketAddr,
    /// Never sends. When it is dropped, the server thread ends.
    running: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl StandIn {
    /// Starts a stand-in on its own thread.
    ///
    /// # Panics
    ///
    /// If it cannot start.
    #[allow(clippy::expect_used, reason = "only at start-up, and for tests")]
    pub fn start(options: Options) -> Self {
        Self::try_start(options).expect("the stand-in Okta should start")
    }

    /// Starts a stand-in on its own thread. Both listeners accept connections when it returns.
    ///
    /// # Errors
    ///
    /// If a listener cannot bind its address, or if the certificate or the thread cannot be made.
    pub fn try_start(options: Options) -> io::Result<Self> {
        let http = listener(options.http)?;
        let https = listener(options.https)?;
        let (http_address, https_address) = (http.local_addr()?, https.local_addr()?);
        let certificates = certificates::issue(&options.domain)?;
        let org = Arc::new(org::Org::new(options.domain, options.app));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (running, stopped) = oneshot::channel::<()>();
        let serving = serve(http, https, certificates.tls, Arc::clone(&org));
        let thread = std::thread::Builder::new().name("stand-in-okta".to_owned()).spawn(move || {
            runtime.block_on(async {
                if let Err(error) = serving.await {
                    eprintln!("stand-in-okta: {error}");
                }
                // Returns an error when the sender is dropped.
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

    /// Returns the port of the plain HTTP listener.
    pub fn http_port(&self) -> u16 {
        self.http.port()
    }

    /// Returns the port of the HTTPS listener.
    pub fn https_port(&self) -> u16 {
        self.https.port()
    }

    /// Returns the certificate of the authority that signed the listener's certificate, in PEM. It
    /// is made at start, and its key is not kept.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Returns the server's issuer, the value of `iss`.
    pub fn issuer(&self, server: Server) -> String {
        server.issuer(self.org.domain())
    }

    /// Returns the audience of the server's access tokens.
    pub fn audience(&self, server: Server) -> String {
        server.audience(self.org.domain())
    }

    /// Mints a token as the server would issue it now, with the changes of `spec`.
    pub fn mint(&self, server: Server, spec: &TokenSpec) -> String {
        self.org.mint(server, spec)
    }

    /// Signs exactly these bytes with the server's ACTIVE key by RS256, for tokens that Okta would
    /// never issue.
    pub fn sign(&self, server: Server, header_json: &str, payload_json: &str) -> String {
        self.org.state(server).ring().active().sign(header_json, payload_json)
    }

    /// Returns the key ID of the ACTIVE key.
    pub fn kid(&self, server: Server) -> String {
        self.org.state(server).ring().active().kid().to_owned()
    }

    /// Returns the key set that the server publishes now. This does not count as a request.
    pub fn jwks(&self, server: Server) -> String {
        self.org.state(server).published_keys()
    }

    /// Revokes the token with this `jti`.
    pub fn revoke(&self, jti: &str) {
        self.org.revoke(jti.to_owned());
    }

    /// Replaces the entries of the denylist, beside those of [`StandIn::revoke`].
    pub fn deny(&self, entries: &[serde_json::Value]) {
        self.org.revocations().denied = entries.to_vec();
    }

    /// Returns the number of responses with status 304 for the denylist.
    pub fn denylist_confirmations(&self) -> u64 {
        self.org.revocations().denylist_confirmations
    }

    /// Moves the clock of the org forward, for tests of expiry: that of tokens, codes and sessions.
    pub fn advance_clock(&self, time: Duration) {
        self.org.advance(time);
    }

    /// Sets the fault of the server's key and discovery endpoints. `Fault::None` removes it.
    pub fn set_fault(&self, server: Server, fault: Fault) {
        self.set_fault_at(server, Endpoint::Keys, fault.clone());
        self.set_fault_at(server, Endpoint::Discovery, fault);
    }

    /// Sets the fault of one endpoint.
    pub fn set_fault_at(&self, server: Server, endpoint: Endpoint, fault: Fault) {
        self.org.state(server).set_fault(endpoint, fault);
    }

    /// Returns the number of requests for the server's keys, failed ones included.
    pub fn key_fetches(&self, server: Server) -> u64 {
        self.requests(server, Endpoint::Keys)
    }

    /// Returns the number of requests for the server's metadata, at all of its paths.
    pub fn discovery_fetches(&self, server: Server) -> u64 {
        self.requests(server, Endpoint::Discovery)
    }

    /// Returns the number of requests to this endpoint.
    pub fn requests(&self, server: Server, endpoint: Endpoint) -> u64 {
        self.org.state(server).requests(endpoint)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        drop(self.running.take());
        if let Some(thread) = self.thread.take() {
            // The panic message of that thread is already printed.
            let _ = thread.join();
        }
    }
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Starts both listeners. They run until the runtime shuts down.
async fn serve(
    http: TcpListener,
    https: TcpListener,
    tls: TlsAcceptor,
    org: Arc<org::Org>,
) -> io::Result<()> {
    let okta = endpoints::router(&org).merge(denylist::router(Arc::clone(&org)));
    let with_control = okta.clone().merge(control::router(org));
    let plain = connections::PlainListener::new(http)?;
    let tls = connections::TlsListener::new(https, tls)?;
    tokio::spawn(async { axum::serve(plain, connections::with_reset_handle(with_control)).await });
    tokio::spawn(async { axum::serve(tls, connections::with_reset_handle(okta)).await });
    Ok(())
}
