//! Parses and checks a plugin configuration.

use std::ops::RangeInclusive;

use super::error::ConfigError;
use super::field_path::FieldPath;
use super::protected_resources::Announced;
use super::{
    Config, denylist, dpop, filter_state, identity_headers, mtls, normalization, protected_resources,
    protobuf_struct, provider, raw, reader, responses, rules, strictness, token_sources,
};
use crate::client_certificate::CertificateSource;
use crate::headers::ReservedNames;
use crate::json;

/// The default of `max_token_bytes`. A token of 16 KiB can contain hundreds of groups. Envoy's
/// default limit for all request headers is 60 KiB.
const DEFAULT_MAX_TOKEN_BYTES: u32 = 16 * 1024;
const MAX_TOKEN_BYTES: RangeInclusive<u32> = 1024..=64 * 1024;

/// The default of `token_cache_max_bytes`: about ten thousand tokens.
const DEFAULT_TOKEN_CACHE_MAX_BYTES: u32 = 24 * 1024 * 1024;
/// The upper limit of `token_cache_max_bytes`. Envoy limits the memory of a module to 1 GiB, and
/// the filter needs memory for other data, too.
const TOKEN_CACHE_MAX_BYTES: RangeInclusive<u32> = 0..=256 * 1024 * 1024;

/// The problem with a header that the filter removes before the upstream reads it.
const IS_IDENTITY_HEADER: &str = "is an identity header, which the filter removes from requests";

impl Config {
    /// Parses a plugin configuration in the form in which Envoy passes it: JSON text, or a
    /// serialized `google.protobuf.Struct`.
    ///
    /// # Errors
    /// The first error in the configuration, with the path of the field.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ConfigError> {
        let root = FieldPath::Root;
        let raw = raw_config(&root, bytes)?;
        let max_token_bytes = size(
            &root.field("max_token_bytes"),
            raw.max_token_bytes.unwrap_or(DEFAULT_MAX_TOKEN_BYTES),
            MAX_TOKEN_BYTES,
        )?;
        let token_cache_max_bytes = size(
            &root.field("token_cache_max_bytes"),
            raw.token_cache_max_bytes.unwrap_or(DEFAULT_TOKEN_CACHE_MAX_BYTES),
            TOKEN_CACHE_MAX_BYTES,
        )?;
        let normalization = normalization::normalization(&root, raw.allow_in_paths, raw.max_match_bytes)?;
        let providers = provider::providers(&root.field("providers"), raw.providers)?;
        let (local_denylist, remote_denylist) = denylist::denylist(&root.field("denylist"), raw.denylist)?;
        let claim_to_headers = identity_headers::claim_to_headers(
            &root.field("claim_to_headers"),
            raw.claim_to_headers,
            &providers,
        )?;
        let forward_payload_header = identity_headers::forward_payload_header(
            &root.field("forward_payload_header"),
            raw.forward_payload_header,
            &claim_to_headers,
        )?;
        let mut token_sources = token_sources::token_sources(
            &root,
            raw.from_headers,
            raw.from_cookies,
            raw.from_params,
            raw.from_websocket_protocol,
        )?;
        let client_certificate = mtls::certificate_source(&root.field("mtls"), raw.mtls)?;
        let responses = responses::responses(&root, raw.responses, raw.realm)?;
        let dpop = dpop::dpop(&root.field("dpop"), raw.dpop, &responses.realm, normalization.allowed)?;
        token_sources.accepts_dpop = dpop.is_some();
        let protected_resources = protected_resources::protected_resources(
            &root.field("protected_resources"),
            raw.protected_resources,
            Announced {
                providers: &providers,
                sources: &token_sources,
                has_client_certificates: client_certificate.is_some(),
                dpop: dpop.as_ref(),
            },
            normalization,
        )?;
        let policy = rules::policy(&root.field("rules"), raw.rules, &providers, normalization)?
            .with_ignore_port(raw.ignore_port_in_host_matching.unwrap_or(false));
        let route_policies =
            rules::route_policies(&root.field("route_policies"), raw.route_policies, &providers)?;
        let shadow = matches!(raw.mode, Some(raw::PolicyMode::Shadow));
        let mut config = Self {
            providers,
            local_denylist,
            remote_denylist,
            shadow,
            policy,
            route_policies,
            bypass_cors_preflight: raw.bypass_cors_preflight.unwrap_or(false),
            claim_to_headers,
            forward_payload_header,
            filter_state: filter_state::filter_state(&root.field("filter_state"), raw.filter_state)?,
            clear_route_cache: raw.clear_route_cache.unwrap_or(false),
            token_sources,
            close_streams: raw.close_streams.unwrap_or(false) && !shadow,
            forward: raw.forward.unwrap_or(true),
            client_certificate,
            dpop,
            max_token_bytes,
            token_cache_max_bytes,
            responses,
            protected_resources,
            reserved_names: ReservedNames::default(),
        };
        config.reserved_names = config.reserved_names();
        config.check_rule_headers(&root.field("rules"))?;
        config.check_combinations(&root)?;
        config.check_sender_constraints(&root)?;
        Ok(config)
    }

    /// Checks that no rule matches an identity header or a header with credentials. The filter sets
    /// identity headers after it has selected the rule, so the rule would match values of the
    /// client.
    fn check_rule_headers(&self, at: &FieldPath<'_>) -> Result<(), ConfigError> {
        for (index, rule) in self.policy.rules().iter().enumerate() {
            for (header, condition) in rule.matches.headers.iter().enumerate() {
                let is_credential =
                    |name: &str| self.token_sources.is_token_header(name) || self.is_proof_header(name);
                let problem = match condition.name.as_str() {
                    name if self.is_identity_header(name) => IS_IDENTITY_HEADER,
                    name if is_credential(name) => "must not be a header with credentials",
                    _ => continue,
                };
                let at = at.index(index);
                return Err(at.field("match").field("headers").index(header).field("name").error(problem));
            }
        }
        Ok(())
    }

    /// Checks that no field excludes another. The filter cannot both read a token from a header and
    /// remove the header. A route cannot both name the policy and depend on its result.
    fn check_combinations(&self, root: &FieldPath<'_>) -> Result<(), ConfigError> {
        for (index, source) in self.token_sources.headers.iter().enumerate() {
            if self.is_identity_header(&source.name) {
                return Err(root.field("from_headers").index(index).field("name").error(IS_IDENTITY_HEADER));
            }
        }
        if let Some(CertificateSource::Header(header)) = &self.client_certificate {
            let error = |problem: &str| Err(root.field("mtls").field("header").field("name").error(problem));
            if self.is_identity_header(&header.name) {
                return error(IS_IDENTITY_HEADER);
            }
            if self.token_sources.is_token_header(&header.name) {
                return error("must not be a header with credentials");
            }
        }
        if self.clear_route_cache && !self.route_policies.is_empty() {
            return Err(root.field("clear_route_cache").error("must not be `true` with `route_policies`"));
        }
        Ok(())
    }
}

/// Parses the bytes of a configuration, without checks of the values.
fn raw_config(root: &FieldPath<'_>, bytes: &[u8]) -> Result<raw::Config, ConfigError> {
    if bytes.trim_ascii().is_empty() {
        return Err(root.error("must not be empty"));
    }
    let value = match (json::parse(bytes), protobuf_struct::decode(bytes)) {
        (Ok(value), _) | (Err(_), Some(value)) => value,
        (Err(error), None) => return Err(root.error(error.to_string())),
    };
    let raw = reader::read(&value)?;
    strictness::check(root, &value)?;
    Ok(raw)
}

/// Checks that a number is within its bounds.
pub(super) fn number(
    at: &FieldPath<'_>,
    value: u32,
    bounds: RangeInclusive<u32>,
) -> Result<u32, ConfigError> {
    if !bounds.contains(&value) {
        let (min, max) = bounds.into_inner();
        return Err(at.error(format!("must be from {min} to {max}")));
    }
    Ok(value)
}

/// Checks that a size is within its bounds.
pub(super) fn size(
    at: &FieldPath<'_>,
    value: u32,
    bounds: RangeInclusive<u32>,
) -> Result<usize, ConfigError> {
    number(at, value, bounds).map(|value| usize::try_from(value).unwrap_or(usize::MAX))
}
