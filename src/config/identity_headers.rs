//! `claim_to_headers` and `forward_payload_header`.

use super::error::ConfigError;
use super::field_path::FieldPath;
use super::requirement::{self, RequirementContext};
use super::{Provider, raw};
use crate::headers::{self, ClaimToHeader, HeaderSource, Template};

/// Headers that frame, route or authenticate the request, or that Envoy reads or writes. The filter
/// must neither set them from a token nor remove them from every request.
const RESERVED: &[&str] = &[
    "authorization",
    "connection",
    "cookie",
    "dpop",
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

/// The prefixes of further reserved names.
const RESERVED_PREFIXES: &[&str] = &["access-control-", "content-", "grpc-", "proxy-", "sec-", "x-envoy-"];

pub(super) fn claim_to_headers(
    at: &FieldPath<'_>,
    raw: Vec<raw::ClaimToHeader>,
    providers: &[Provider],
) -> Result<Vec<ClaimToHeader>, ConfigError> {
    let mut headers: Vec<ClaimToHeader> = Vec::new();
    for (index, raw) in raw.into_iter().enumerate() {
        let at = at.index(index);
        let header_name = header_name(&at.field("header_name"), &raw.header_name)?;
        let context = RequirementContext { providers, variables: &[] };
        let names = requirement::providers(&at.field("providers"), raw.providers, context)?;
        let source = match (raw.claim_name, raw.template) {
            (Some(name), None) => {
                HeaderSource::Claim(requirement::claim_path(&at.field("claim_name"), name)?)
            }
            (None, Some(text)) => {
                let template = Template::parse(&text);
                let at = at.field("template");
                HeaderSource::Template(template.map_err(|problem| at.error(problem.to_string()))?)
            }
            _ => return Err(at.error("must have either `claim_name` or `template`")),
        };
        let header = ClaimToHeader { header_name, providers: names, source };
        for other in headers.iter().filter(|other| other.header_name == header.header_name) {
            let is_for_both =
                |provider: &&Provider| header.applies_to(&provider.name) && other.applies_to(&provider.name);
            if let Some(provider) = providers.iter().find(is_for_both) {
                let problem = format!("duplicate header for provider `{}`", provider.name);
                return Err(at.field("header_name").error(problem));
            }
        }
        headers.push(header);
    }
    Ok(headers)
}

pub(super) fn forward_payload_header(
    at: &FieldPath<'_>,
    name: Option<String>,
    claims: &[ClaimToHeader],
) -> Result<Option<String>, ConfigError> {
    let Some(name) = name else { return Ok(None) };
    let name = header_name(at, &name)?;
    if claims.iter().any(|header| headers::is_lookalike(&name, &header.header_name)) {
        return Err(at.error("must not be in `claim_to_headers`, too"));
    }
    Ok(Some(name))
}

/// Checks the name of a header that only this filter sets or reads, and returns it in lower case.
pub(super) fn header_name(at: &FieldPath<'_>, name: &str) -> Result<String, ConfigError> {
    let name = name.to_ascii_lowercase();
    if !headers::is_name(&name) {
        return Err(at.error("must be a header name"));
    }
    if !name.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return Err(at.error(
            "must begin with a letter or a digit: some backends read `-path` as the pseudo-header `:path`",
        ));
    }
    if is_reserved(&name) {
        return Err(at.error("is reserved: HTTP or Envoy uses it to frame, route or authenticate requests"));
    }
    // Some upstreams read `x_okta_sub` and `x-okta-sub` as one header, and so would accept the
    // header of the client.
    if name.contains('_') {
        return Err(at.error("must not have an underscore: some backends read it as a hyphen"));
    }
    Ok(name)
}

/// Returns whether an upstream could read a header with this name as a reserved header.
fn is_reserved(name: &str) -> bool {
    let has_prefix =
        |prefix: &&str| name.get(..prefix.len()).is_some_and(|start| headers::is_lookalike(start, prefix));
    RESERVED.iter().any(|reserved| headers::is_lookalike(name, reserved))
        || RESERVED_PREFIXES.iter().any(has_prefix)
}
