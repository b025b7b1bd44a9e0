//! Keys and lists from where the configuration says that they are, over TLS and nothing else.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use okta_authz_filter::refresh::response::{ACCEPT_ENCODING, ResponseHead};
use okta_authz_filter::refresh::source::{FetchError, Response};
use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use super::{Problem, documents};

/// For the whole of one request.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Somebody who fetches.
pub(crate) struct Https(Agent);

impl Https {
    /// Trusts Mozilla's certificate authorities, or those in a PEM file instead.
    pub(crate) fn new(ca: Option<&Path>) -> Result<Self, Problem> {
        let roots = match ca {
            None => RootCerts::WebPki,
            Some(file) => roots(file)?,
        };
        let config = Agent::config_builder()
            .https_only(true)
            // Envoy follows none either.
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .user_agent(concat!("okta-authz/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .build();
        Ok(Self(config.new_agent()))
    }

    /// What a GET brings; where nothing, with what is to be told about it.
    pub(crate) fn get(&self, url: &str, max_bytes: usize) -> Result<Response, (FetchError, String)> {
        let failed = |error: ureq::Error| (FetchError::NoResponse, format!("{url}: {error}"));
        let response = self.0.get(url).header("accept-encoding", ACCEPT_ENCODING).call().map_err(failed)?;
        let headers = response.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let head = ResponseHead::read(response.status().as_u16(), &headers.collect::<Vec<_>>());
        let head = head.map_err(|error| (error.clone(), format!("{url}: {error}")))?;
        // One byte more than is accepted: the core refuses it.
        let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
        let mut body = Vec::new();
        let read = response.into_body().into_reader().take(limit).read_to_end(&mut body);
        read.map_err(|error| (FetchError::NoResponse, format!("{url}: {error}")))?;
        Ok(head.with_body(body))
    }
}

fn roots(file: &Path) -> Result<RootCerts, Problem> {
    let pem = documents::read(file)?;
    let certificates = parse_pem(&pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let certificates: Vec<_> = certificates.collect();
    if certificates.is_empty() {
        return Err(Problem(format!("{}: no certificate in PEM is in it", file.display())));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}
