//! `mtls`: the source of client certificates, for certificate-bound tokens (RFC 8705).

use super::error::ConfigError;
use super::field_path::FieldPath;
use super::parse::size;
use super::{identity_headers, raw};
use crate::client_certificate::{CertificateFormat, CertificateHeader, CertificateSource};

/// Envoy's header with the certificates of clients. Only this filter may configure it.
const XFCC: &str = "x-forwarded-client-cert";
/// The maximum of `hop`.
const MAX_HOP: u32 = 16;

/// Converts the source of client certificates.
pub(super) fn certificate_source(
    at: &FieldPath<'_>,
    raw: Option<raw::Mtls>,
) -> Result<Option<CertificateSource>, ConfigError> {
    let Some(raw::Mtls { from, header }) = raw else { return Ok(None) };
    match (from, header) {
        (Some(raw::CertificateOrigin::Connection), None) => Ok(Some(CertificateSource::Connection)),
        (None, Some(header)) => {
            certificate_header(&at.field("header"), header).map(CertificateSource::Header).map(Some)
        }
        _ => Err(at.error("must have either `from` or `header`")),
    }
}

fn certificate_header(
    at: &FieldPath<'_>,
    raw::CertificateHeader { name, format, hop }: raw::CertificateHeader,
) -> Result<CertificateHeader, ConfigError> {
    let name = if name.eq_ignore_ascii_case(XFCC) {
        XFCC.to_owned()
    } else {
        identity_headers::header_name(&at.field("name"), &name)?
    };
    let hop_at = at.field("hop");
    let format = match format {
        raw::CertificateFormat::Xfcc => {
            CertificateFormat::Xfcc { hop: size(&hop_at, hop.unwrap_or(0), 0..=MAX_HOP)? }
        }
        _ if hop.is_some() => return Err(hop_at.error("is only allowed with `format: xfcc`")),
        raw::CertificateFormat::Hex => CertificateFormat::Hex,
        raw::CertificateFormat::Base64 => CertificateFormat::Base64,
        raw::CertificateFormat::Base64url => CertificateFormat::Base64Url,
        raw::CertificateFormat::PemUrlencoded => CertificateFormat::PemUrlencoded,
    };
    Ok(CertificateHeader { name, format })
}
