//! `protected_resources`: protected resource metadata (RFC 9728 section 2).

use super::dpop::is_dpop_required;
use super::error::ConfigError;
use super::field_path::FieldPath;
use super::requirement::scopes;
use super::{Provider, raw};
use crate::dpop::DpopSettings;
use crate::https_url::HttpsUrl;
use crate::json::{Object, Value};
use crate::policy::NormalizationOptions;
use crate::protected_resource::{ProtectedResource, ProtectedResources};
use crate::request::TokenSources;

/// The methods of RFC 6750 to send a token.
const BEARER_METHODS: &[&str] = &["header", "body", "query"];

/// The parts of the configuration that metadata announces.
#[derive(Clone, Copy)]
pub(super) struct Announced<'a> {
    pub(super) providers: &'a [Provider],
    pub(super) sources: &'a TokenSources,
    pub(super) has_client_certificates: bool,
    pub(super) dpop: Option<&'a DpopSettings>,
}

pub(super) fn protected_resources(
    at: &FieldPath<'_>,
    raw: Vec<raw::ProtectedResource>,
    announced: Announced<'_>,
    normalization: NormalizationOptions,
) -> Result<ProtectedResources, ConfigError> {
    let mut resources: Vec<ProtectedResource> = Vec::new();
    for (index, raw) in raw.into_iter().enumerate() {
        let at = at.index(index);
        let resource = protected_resource(&at, raw, announced, normalization)?;
        if resources.iter().any(|other| other.has_same_path(&resource)) {
            return Err(at.field("resource").error("must not have the path of an earlier resource"));
        }
        resources.push(resource);
    }
    Ok(ProtectedResources::new(resources, normalization))
}

fn protected_resource(
    at: &FieldPath<'_>,
    raw: raw::ProtectedResource,
    Announced { providers, sources, has_client_certificates, dpop }: Announced<'_>,
    normalization: NormalizationOptions,
) -> Result<ProtectedResource, ConfigError> {
    let url = plain_url(&at.field("resource"), &raw.resource)?;
    let all_issuers =
        || providers.iter().flat_map(|provider| provider.requirements.issuers.clone()).collect();
    let servers = match raw.authorization_servers {
        None => all_issuers(),
        Some(servers) => {
            let at = at.field("authorization_servers");
            let servers = at.non_empty_list(servers)?;
            for (index, server) in servers.iter().enumerate() {
                plain_url(&at.index(index), server)?;
            }
            servers
        }
    };
    let mut metadata = Object::new();
    let mut list = |name: &str, values: Vec<String>| {
        // The metadata omits parameters without values (section 3.2).
        if !values.is_empty() {
            metadata.insert(name.to_owned(), values.into());
        }
    };
    list("authorization_servers", servers);
    list("scopes_supported", scopes(&at.field("scopes_supported"), raw.scopes_supported)?);
    let methods =
        bearer_methods(&at.field("bearer_methods_supported"), raw.bearer_methods_supported, sources)?;
    list("bearer_methods_supported", methods);
    let types = at.field("authorization_details_types_supported");
    list(
        "authorization_details_types_supported",
        types.optional_list(raw.authorization_details_types_supported)?,
    );
    let requires_audience = raw.require_audience.unwrap_or(false);
    let is_accepted = |provider: &Provider| provider.requirements.audiences.contains(&raw.resource);
    if requires_audience && !providers.iter().any(is_accepted) {
        return Err(at.field("require_audience").error(
            "must not be `true`: `resource` is not one of the `audiences` of the providers, which would reject every token",
        ));
    }
    let audience = requires_audience.then(|| raw.resource.clone());
    if let Some(name) = raw.resource_name {
        if name.is_empty() {
            return Err(at.field("resource_name").error("must not be empty"));
        }
        metadata.insert("resource_name".to_owned(), name.into());
    }
    for (name, page) in [
        ("resource_documentation", raw.resource_documentation),
        ("resource_policy_uri", raw.resource_policy_uri),
        ("resource_tos_uri", raw.resource_tos_uri),
    ] {
        let Some(page) = page else { continue };
        let without_fragment = page.split('#').next().unwrap_or_default();
        HttpsUrl::parse(without_fragment).map_err(|problem| at.field(name).error(problem))?;
        metadata.insert(name.to_owned(), page.into());
    }
    if let Some(dpop) = dpop {
        let algorithms: Vec<_> =
            dpop.requirements.algorithms.iter().map(|algorithm| algorithm.name()).collect();
        metadata.insert("dpop_signing_alg_values_supported".to_owned(), algorithms.into());
        if is_dpop_required(providers, has_client_certificates) {
            metadata.insert("dpop_bound_access_tokens_required".to_owned(), true.into());
        }
    }
    if has_client_certificates {
        metadata.insert("tls_client_certificate_bound_access_tokens".to_owned(), true.into());
    }
    metadata.insert("resource".to_owned(), raw.resource.into());
    let resource = ProtectedResource::new(&url.authority, &url.path, normalization, &Value::Object(metadata))
        .ok_or_else(|| {
            at.field("resource").error(
                "must not have an ambiguous path: no empty or dot segments, `;`, `\\` and encoded separators",
            )
        })?;
    Ok(resource.with_required_audience(audience))
}

fn bearer_methods(
    at: &FieldPath<'_>,
    methods: Option<Vec<String>>,
    sources: &TokenSources,
) -> Result<Vec<String>, ConfigError> {
    let Some(methods) = methods else {
        let query = (!sources.params.is_empty()).then_some("query");
        return Ok(["header"].into_iter().chain(query).map(str::to_owned).collect());
    };
    let methods = at.non_empty_list(methods)?;
    match methods.iter().position(|method| !BEARER_METHODS.contains(&method.as_str())) {
        Some(index) => Err(at.index(index).error("must be `header`, `body` or `query`")),
        None => Ok(methods),
    }
}

/// Parses an https URL without query and fragment. A challenge can quote it without escapes.
fn plain_url(at: &FieldPath<'_>, text: &str) -> Result<HttpsUrl, ConfigError> {
    let url = HttpsUrl::parse(text).map_err(|problem| at.error(problem))?;
    if text.contains(['?', '"', '\\']) {
        return Err(at.error("must not have a query, a quote or a backslash"));
    }
    Ok(url)
}
