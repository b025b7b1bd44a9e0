//! The certificate of the client, to which a token can be bound (RFC 8705 section 3).
//!
//! The certificate is that of the TLS connection of the client. Envoy reports it if it ends that
//! connection. Otherwise a proxy in front does, and passes the certificate in a header.

mod encoding;
pub mod xfcc;

use crate::filter::Connection;
use crate::headers;
use crate::rejection::Rejection;
use crate::request::RequestHead;

/// A SHA-256 digest of a certificate in DER.
pub type CertificateDigest = [u8; 32];

/// Where the filter reads the certificate of the client.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CertificateSource {
    /// The TLS connection that Envoy ends.
    Connection,
    /// A header of the proxy in front of Envoy, which ends the TLS connection of the client.
    Header(CertificateHeader),
}

/// A header with the certificate of the client. The filter removes it from requests.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateHeader {
    /// The name, in lower case.
    pub name: String,
    /// The form of the value.
    pub format: CertificateFormat,
}

/// The form of a header with a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CertificateFormat {
    /// Envoy's `x-forwarded-client-cert`, which can have an element for each proxy.
    Xfcc {
        /// The number of elements after the one with the certificate of the client.
        hop: usize,
    },
    /// The digest, or the certificate in DER, in hexadecimal.
    Hex,
    /// The digest, or the certificate in DER, in base64. The value can be a byte sequence of
    /// structured fields, as in `Client-Cert` (RFC 9440).
    Base64,
    /// The digest, or the certificate in DER, in base64url.
    Base64Url,
    /// The certificate in PEM, percent-encoded.
    PemUrlencoded,
}

impl CertificateSource {
    /// Checks that the certificate of the client is the one with this digest.
    ///
    /// # Errors
    /// [`Rejection::CertificateMissing`] without a certificate, [`Rejection::CertificateUnreadable`]
    /// for a value in another form, and [`Rejection::CertificateMismatch`] for another certificate.
    #[inline(never)]
    pub fn check(
        &self,
        expected: &CertificateDigest,
        head: &RequestHead<'_>,
        connection: &dyn Connection,
    ) -> Result<(), Rejection> {
        let digest = match self {
            Self::Connection => {
                let text = connection.client_certificate_sha256().ok_or(Rejection::CertificateMissing)?;
                encoding::hex_digest(&text)
            }
            Self::Header(header) => header.read(head)?,
        };
        let digest = digest.ok_or(Rejection::CertificateUnreadable)?;
        if digest == *expected { Ok(()) } else { Err(Rejection::CertificateMismatch) }
    }

    /// Returns whether the filter removes a header from requests: the source, and every header that
    /// an upstream may read as the source.
    pub(crate) fn must_strip(&self, name: &str) -> bool {
        matches!(self, Self::Header(header) if headers::is_lookalike(name, &header.name))
    }
}

impl CertificateHeader {
    /// Reads the digest. Returns `None` for a value in another form.
    ///
    /// # Errors
    /// [`Rejection::CertificateMissing`] without the header, or with an empty one.
    /// [`Rejection::CertificateUnreadable`] for a header that occurs twice.
    fn read(&self, head: &RequestHead<'_>) -> Result<Option<CertificateDigest>, Rejection> {
        let mut values = head.header_values(&self.name);
        let value = values.next().map(<[u8]>::trim_ascii).unwrap_or_default();
        if values.next().is_some() {
            return Err(Rejection::CertificateUnreadable);
        }
        if value.is_empty() {
            return Err(Rejection::CertificateMissing);
        }
        Ok(match self.format {
            CertificateFormat::Xfcc { hop } => xfcc::digest(value, hop),
            CertificateFormat::Hex => encoding::hex(value),
            CertificateFormat::Base64 => encoding::base64(value),
            CertificateFormat::Base64Url => encoding::base64_url(value),
            CertificateFormat::PemUrlencoded => encoding::pem_urlencoded(value),
        })
    }
}
