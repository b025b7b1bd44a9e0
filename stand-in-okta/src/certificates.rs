//! The certificate of the HTTPS listener, and the authority that vouches for it: made at every start.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// What the HTTPS listener and its clients need.
pub(crate) struct Certificates {
    /// For the clients. The key that belongs to it is gone: it can vouch for nothing else.
    pub ca_pem: String,
    /// For the listener.
    pub tls: TlsAcceptor,
}

/// Makes an authority and a certificate for the domain and for this machine.
pub(crate) fn issue(domain: &str) -> io::Result<Certificates> {
    let authority = authority().map_err(io::Error::other)?;
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let certificate =
        server(domain).and_then(|params| params.signed_by(&key, &authority)).map_err(io::Error::other)?;
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Certificates { ca_pem: authority.pem(), tls: TlsAcceptor::from(Arc::new(config)) })
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Stand-in Okta test authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn server(domain: &str) -> Result<CertificateParams, rcgen::Error> {
    // A domain like localhost:9443 makes issuers that a client without a resolver of its own can follow.
    let domain = domain.split(':').next().unwrap_or(domain);
    let names = [domain, "localhost", "127.0.0.1"];
    let mut params = CertificateParams::new(names.map(str::to_owned))?;
    params.distinguished_name.push(DnType::CommonName, domain);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Strict verifiers (Python 3.13 is one) want to see who vouches.
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}
