//! `claim_to_headers` and `forward_payload_header`.

use super::error::{ConfigError, Path};
use super::requirement::{self, RequirementScope};
use super::{Provider, raw};
use crate::headers::{self, ClaimToHeader, HeaderSource, Template};

/// Headers that steer the request itself: those that frame or route it, that Envoy reads or writes, or that carry other
/// credentials. The filter must neither set them from a token nor remove them from every request.
const RESERVED: &[&str] = &[
    "authorization",
    "connection",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "max-forwards",
    "origin",
    "proxy",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-request-id",
];

/// Prefixes of the names of whole families of such headers.
const RESERVED_PREFIXES: &[&str] = &["access-control-", "content-", "grpc-", "proxy-", "sec-", "x-envoy-"];

pub(super) fn claim_to_headers(
    at: &Path,
    raw: Vec<raw::ClaimToHeader>,
    providers: &[Provider],
) -> Result<Vec<ClaimToHeader>, ConfigError> {
    let mut headers: Vec<ClaimToHeader> = Vec::new();
    for (index, raw) in raw.into_iter().enumerate() {
        let at = at.index(index);
        let header_name = header_name(&at.field("header_name"), &raw.header_name)?;
        let known = RequirementScope { providers, variables: &[] };
        let names = requirement::providers(&at.field("providers"), raw.providers, known)?;
        let source = match (raw.claim_name, raw.template) {
            (Some(name), None) => {
                HeaderSource::Claim(requirement::claim_path(&at.field("claim_name"), name)?)
            }
            (None, Some(text)) => {
                let template = Template::parse(&text);
                let at = at.field("template");
                HeaderSource::Template(template.map_err(|problem| at.error(problem.to_string()))?)
            }
            _ => return Err(at.error("needs either `claim_name` or `template`")),
        };
        let header = ClaimToHeader { header_name, providers: names, source };
        for other in headers.iter().filter(|other| other.header_name == header.header_name) {
            let is_for_both =
                |provider: &&Provider| header.applies_to(&provider.name) && other.applies_to(&provider.name);
            if let Some(provider) = providers.iter().find(is_for_both) {
                let problem = format!("is set twice from tokens of `{}`", provider.name);
                return Err(at.field("header_name").error(problem));
            }
        }
        headers.push(header);
    }
    Ok(headers)
}

pub(super) fn forward_payload_header(
    at: &Path,
    name: Option<String>,
    claims: &[ClaimToHeader],
) -> Result<Option<String>, ConfigError> {
    let Some(name) = name else { return Ok(None) };
    let name = header_name(at, &name)?;
    if claims.iter().any(|header| headers::is_lookalike(&name, &header.header_name)) {
        return Err(at.error("is also in `claim_to_headers`"));
    }
    Ok(Some(name))
}

/// A name for a header that this filter and nobody else uses, in lower case.
pub(super) fn header_name(at: &Path, name: &str) -> Result<String, ConfigError> {
    let name = name.to_ascii_lowercase();
    if !headers::is_name(&name) {
        return Err(at.error("must be a header name"));
    }
    if !name.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return Err(
            at.error("must begin with a letter or a digit: `-path` reads like the pseudo-header `:path`")
        );
    }
    if is_reserved(&name) {
        return Err(at.error("is a header that steers the request itself"));
    }
    // Backends that read `x_okta_sub` and `x-okta-sub` as one header would read the client's as ours.
    if name.contains('_') {
        return Err(at.error("must not have an underscore: some backends confuse it with a hyphen"));
    }
    Ok(name)
}

/// Returns whether the filter would take a header that steers the request for the one with this name.
fn is_reserved(name: &str) -> bool {
    let begins =
        |prefix: &&str| name.get(..prefix.len()).is_some_and(|begin| headers::is_lookalike(begin, prefix));
    RESERVED.iter().any(|reserved| headers::is_lookalike(name, reserved))
        || RESERVED_PREFIXES.iter().any(begins)
}
