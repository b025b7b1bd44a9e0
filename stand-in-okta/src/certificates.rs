//! The certificate of the HTTPS listener and its certificate authority. Both are made at each
//! start.

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

/// The TLS material of the HTTPS listener and its clients.
pub(crate) struct Certificates {
    /// The certificate of the authority, in PEM, for the clients. Its key is discarded, so it signs
    /// no other certificate.
    pub ca_pem: String,
    /// The acceptor for the listener.
    pub tls: TlsAcceptor,
}

/// Makes a certificate authority, and a certificate for the domain and for this machine.
///
/// # Errors
///
/// If the domain is not a valid DNS name, or if a key cannot be generated.
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
    // The domain may have a port. With `localhost:9443`, a client needs no DNS entry to reach the
    // issuer.
    let domain = domain.split(':').next().unwrap_or(domain);
    let names = [domain, "localhost", "127.0.0.1"];
    let mut params = CertificateParams::new(names.map(str::to_owned))?;
    params.distinguished_name.push(DnType::CommonName, domain);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Strict verifiers, for example Python 3.13, require the authority key identifier.
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}
