//! An HTTPS client that fetches key sets and denylists, and introspects tokens.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use okta_authz_filter::introspection::{CallRequest, MAX_BODY_BYTES};
use okta_authz_filter::refresh::response::{ACCEPT_ENCODING, ResponseHead};
use okta_authz_filter::refresh::source::{FetchError, Response};
use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use super::{CliError, documents};

/// The timeout of one request, with its body.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An HTTPS client.
pub(crate) struct Https(Agent);

/// The response to an introspection.
pub(crate) struct HttpResponse {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Https {
    /// Returns a client that trusts Mozilla's certificate authorities, or only those in a PEM file.
    pub(crate) fn new(ca: Option<&Path>) -> Result<Self, CliError> {
        let roots = match ca {
            None => RootCerts::WebPki,
            Some(file) => read_roots(file)?,
        };
        let config = Agent::config_builder()
            .https_only(true)
            // Envoy does not follow redirects of these fetches either.
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .user_agent(concat!("okta-authz/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .build();
        Ok(Self(config.new_agent()))
    }

    /// Sends a GET request.
    ///
    /// Returns at most `max_bytes` and one byte: the core rejects a body that is too long.
    ///
    /// # Errors
    ///
    /// The error for the filter, and a message for the user.
    pub(crate) fn get(&self, url: &str, max_bytes: usize) -> Result<Response, (FetchError, String)> {
        let failed = |error: ureq::Error| (FetchError::NoResponse, format!("{url}: {error}"));
        let response = self.0.get(url).header("accept-encoding", ACCEPT_ENCODING).call().map_err(failed)?;
        let headers = response.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let head = ResponseHead::read(response.status().as_u16(), &headers.collect::<Vec<_>>());
        let head = head.map_err(|error| (error.clone(), format!("{url}: {error}")))?;
        let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
        let mut body = Vec::new();
        let read = response.into_body().into_reader().take(limit).read_to_end(&mut body);
        read.map_err(|error| (FetchError::NoResponse, format!("{url}: {error}")))?;
        Ok(head.with_body(body))
    }
}

impl Https {
    /// Sends an introspection. The body of the response has at most one byte more than the core
    /// accepts.
    ///
    /// # Errors
    ///
    /// A message for the user. It contains no part of the request except its URL.
    pub(crate) fn post(&self, request: &CallRequest) -> Result<HttpResponse, String> {
        let value = |wanted: &str| {
            let header = request.headers.iter().find(|(name, _)| *name == wanted);
            header.map_or("", |(_, value)| value.as_str())
        };
        let url = format!("https://{}{}", value(":authority"), value(":path"));
        let mut post = self.0.post(&url);
        for (name, value) in request.headers.iter().filter(|(name, _)| !name.starts_with(':')) {
            post = post.header(*name, value);
        }
        let response = post.send(&request.body[..]).map_err(|error| format!("{url}: {error}"))?;
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
        let (status, headers) = (response.status().as_u16(), headers.collect());
        let limit = u64::try_from(MAX_BODY_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        let mut body = Vec::new();
        let read = response.into_body().into_reader().take(limit).read_to_end(&mut body);
        read.map_err(|error| format!("{url}: {error}"))?;
        Ok(HttpResponse { status, headers, body })
    }
}

fn read_roots(file: &Path) -> Result<RootCerts, CliError> {
    let pem = documents::read(file)?;
    let certificates = parse_pem(&pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let certificates: Vec<_> = certificates.collect();
    if certificates.is_empty() {
        return Err(CliError(format!("{}: contains no PEM certificate", file.display())));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}
