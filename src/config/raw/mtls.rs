//! Certificate-bound tokens (RFC 8705).

use crate::config::reader::{names, object};

/// # Client certificate
///
/// Where the filter reads the certificate of the client, for tokens that are bound to a certificate
/// (RFC 8705 section 3). Exactly one of `from` and `header` is set.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct Mtls {
    /// The connection whose certificate the filter reads. With `connection`, Envoy ends the TLS
    /// connection of the client.
    ///
    /// - Default: none
    /// - Example: `connection`
    pub(in crate::config) from: Option<CertificateOrigin>,
    /// The header in which a proxy in front of Envoy passes the certificate. That proxy must remove
    /// the header of the client. The filter removes it from every request.
    ///
    /// - Default: none
    /// - Example: `{ name: x-forwarded-client-cert, format: xfcc, hop: 0 }`
    pub(in crate::config) header: Option<CertificateHeader>,
}

object!(Mtls { from, header });

/// # Certificate origin
///
/// The connection whose certificate the filter reads.
#[derive(Clone, Copy)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename_all = "lowercase"))]
pub(in crate::config) enum CertificateOrigin {
    /// The connection on which Envoy received the request.
    Connection,
}

names!(CertificateOrigin { Connection: "connection" });

/// # Certificate header
///
/// A header with the certificate of the client.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct CertificateHeader {
    /// The name of the header.
    ///
    /// - Range: `x-forwarded-client-cert`, or a header name that is not reserved, without an
    ///   underscore
    /// - Example: `x-forwarded-client-cert`
    pub(in crate::config) name: String,
    /// The form of the value.
    ///
    /// - Example: `xfcc`
    pub(in crate::config) format: CertificateFormat,
    /// The number of elements of `x-forwarded-client-cert` after the one with the certificate of
    /// the client. It is the number of proxies between Envoy and the proxy that ends the TLS
    /// connection of the client, if each appends its element. Only for `format: xfcc`.
    ///
    /// - Range: `0` to `16`
    /// - Default: `0`
    /// - Example: `1`
    pub(in crate::config) hop: Option<u32>,
}

object!(CertificateHeader { name: required, format: required, hop });

/// # Certificate format
///
/// The form of a header with a certificate.
#[derive(Clone, Copy)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename_all = "snake_case"))]
pub(in crate::config) enum CertificateFormat {
    /// The element `Hash` of Envoy's `x-forwarded-client-cert`.
    Xfcc,
    /// The SHA-256 digest of the certificate, or the certificate in DER, in hexadecimal.
    Hex,
    /// The SHA-256 digest of the certificate, or the certificate in DER, in base64; also between
    /// colons, as in `Client-Cert` (RFC 9440).
    Base64,
    /// The SHA-256 digest of the certificate, or the certificate in DER, in base64url.
    Base64url,
    /// The certificate in PEM, percent-encoded, as `$ssl_client_escaped_cert` of nginx.
    PemUrlencoded,
}

names!(CertificateFormat {
    Xfcc: "xfcc",
    Hex: "hex",
    Base64: "base64",
    Base64url: "base64url",
    PemUrlencoded: "pem_urlencoded"
});
