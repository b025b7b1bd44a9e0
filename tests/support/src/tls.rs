//! Mutual TLS: a certificate authority, certificates of clients, and a client.

use std::io::{Result, Write as _};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use ring::digest::{SHA256, digest};
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::ring as provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned, SupportedProtocolVersion,
};

use serde_json::{Value, json};

use crate::client::{self, Client, Request, Response};
use crate::http2;

pub use rustls::version::{TLS12, TLS13};

/// A certificate authority for proxies and clients.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
pub struct Identity {
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key: KeyPair,
}

/// A client that keeps its TLS sessions.
pub struct TlsClient(Arc<ClientConfig>);

/// A response, and how the TLS connection began.
pub struct TlsResponse {
    pub response: Response,
    /// Whether the connection resumed a session, without sending the certificate again.
    pub resumed: bool,
}

impl Authority {
    /// Makes a certificate authority.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    /// Returns the certificate of the authority in PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Issues a certificate for a common name, which is also valid for a server on this machine.
    pub fn issue(&self, common_name: &str) -> Identity {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).expect("names");
        params.distinguished_name.push(DnType::CommonName, common_name);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Identity { certificate: certificate.der().clone(), certificate_pem: certificate.pem(), key }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Identity {
    /// Returns the SHA-256 digest of the certificate, as tokens have it (`x5t#S256`).
    pub fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, &self.certificate))
    }

    /// Returns the digest in hexadecimal, as Envoy reports it.
    pub fn hex(&self) -> String {
        digest(&SHA256, &self.certificate).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Returns Envoy's `TlsCertificate`.
    pub fn to_envoy(&self) -> Value {
        json!({
            "certificate_chain": { "inline_string": self.certificate_pem },
            "private_key": { "inline_string": self.key.serialize_pem() },
        })
    }
}

impl TlsClient {
    /// Makes a client that speaks one version of TLS. Without an identity it sends no certificate.
    pub fn new(
        authority: &Authority,
        version: &'static SupportedProtocolVersion,
        identity: Option<&Identity>,
    ) -> Self {
        let provider = Arc::new(provider::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(authority.0.der().clone()).expect("a root");
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_webpki_verifier(verifier.build().expect("a verifier"));
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(Identity { certificate, key, .. }) => {
                let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
                builder.with_client_auth_cert(vec![certificate.clone()], key).expect("a client certificate")
            }
        };
        Self(Arc::new(config))
    }

    /// Sends a request over HTTP/1.1, on a new connection.
    ///
    /// # Panics
    ///
    /// If there is no response.
    pub fn send(&self, client: Client, request: &Request) -> TlsResponse {
        self.exchange(client, b"http/1.1", |stream| client::exchange(stream, request))
    }

    /// Sends a request over HTTP/2, on a new connection.
    ///
    /// # Panics
    ///
    /// If there is no response.
    pub fn send_http2(&self, client: Client, request: &Request) -> TlsResponse {
        self.exchange(client, b"h2", |stream| http2::exchange_request(stream, request))
    }

    fn exchange(
        &self,
        client: Client,
        protocol: &[u8],
        exchange: impl FnOnce(&mut StreamOwned<ClientConnection, std::net::TcpStream>) -> Result<Response>,
    ) -> TlsResponse {
        // The clone has the sessions of the original.
        let mut config = (*self.0).clone();
        config.alpn_protocols = vec![protocol.to_vec()];
        let name = ServerName::try_from("localhost").expect("a name");
        let connection = ClientConnection::new(Arc::new(config), name).expect("a connection");
        let mut stream = StreamOwned::new(connection, client.connect().expect("a connection"));
        let response = exchange(&mut stream).expect("a response over TLS");
        assert_eq!(stream.conn.alpn_protocol(), Some(protocol));
        let resumed = stream.conn.handshake_kind() == Some(HandshakeKind::Resumed);
        stream.conn.send_close_notify();
        let _ = stream.flush();
        TlsResponse { response, resumed }
    }
}
