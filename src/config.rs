//! The plugin configuration, checked: a value of type [`Config`] is one that the filter can run on.
//!
//! JSON becomes `raw` types that mirror it, and those become these, once. Every error names the path to what is
//! wrong: `rules[2].requires.scopes[0]: must not be empty`.

mod denylist;
mod deserializer;
mod duration;
mod error;
mod identity_headers;
mod issuer;
mod path_match;
mod path_pattern;
mod protected_resources;
mod protobuf_struct;
mod provider;
mod raw;
mod reading;
mod regex;
mod remote;
mod request_match;
mod requirement;
mod responses;
mod rules;
#[cfg(not(target_arch = "wasm32"))]
mod schema;
mod strictness;
mod token_sources;
mod unmatchable;

use std::collections::HashMap;
use std::time::Duration;

pub use error::ConfigError;
#[cfg(not(target_arch = "wasm32"))]
pub use schema::schema;

use crate::denylist::Denylist;
use crate::headers::{self, ClaimToHeader};
use crate::https_url::HttpsUrl;
use crate::json;
use crate::jwks::KeySet;
use crate::jwks::source::JwksUri;
use crate::policy::{Policy, RuleAction};
use crate::protected_resource::ProtectedResources;
use crate::refresh::RefreshSchedule;
use crate::reply::Responses;
use crate::request::TokenSources;
use crate::verify::TokenRequirements;
use error::Path;

/// Twice what Envoy takes in all request headers by default is 120 KiB; a token of 16 KiB has hundreds of groups.
const DEFAULT_MAX_TOKEN_BYTES: u32 = 16 * 1024;
const MAX_TOKEN_BYTES: std::ops::RangeInclusive<u32> = 1024..=64 * 1024;

/// Some ten thousand tokens.
const DEFAULT_TOKEN_CACHE_MAX_BYTES: u32 = 24 * 1024 * 1024;
/// Envoy's hosts give a module 1 GiB of memory at most, and it is needed for other things too.
const MAX_TOKEN_CACHE_MAX_BYTES: u32 = 256 * 1024 * 1024;

/// What the filter does.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where tokens may come from.
    pub providers: Vec<Provider>,
    /// Tokens that are refused, from the configuration.
    pub local_denylist: Denylist,
    /// Tokens that are refused, from a URL.
    pub remote_denylist: Option<RemoteDenylist>,
    /// Whether the filter allows every request, and only counts and logs what it would deny.
    pub shadow: bool,
    /// What a request needs.
    pub policy: Policy,
    /// What routes may ask for instead, by name.
    pub route_policies: HashMap<String, RuleAction>,
    /// Whether CORS preflight requests pass without a token, which browsers never send with them.
    pub bypass_cors_preflight: bool,
    /// Claims for the backend.
    pub claim_to_headers: Vec<ClaimToHeader>,
    /// The header in which the backend gets all claims.
    pub forward_payload_header: Option<String>,
    /// Whether Envoy is to choose the route again, by the headers that the filter has set.
    pub clear_route_cache: bool,
    /// Where tokens may be, besides `Authorization`.
    pub token_sources: TokenSources,
    /// Whether the backend gets the token.
    pub forward: bool,
    /// The longest token that is looked at.
    pub max_token_bytes: usize,
    /// How many bytes the tokens may occupy that have been seen before, on each worker.
    pub token_cache_max_bytes: usize,
    /// How denials are told.
    pub responses: Responses,
    /// What the filter says of the resources that it protects.
    pub protected_resources: ProtectedResources,
}

/// An authorization server, and how to get its keys.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name in the configuration.
    pub name: String,
    /// What its tokens must be like.
    pub expected: TokenRequirements,
    /// Keys from a URL.
    pub remote_jwks: Option<RemoteJwks>,
    /// Keys from the configuration.
    pub local_jwks: Option<KeySet>,
}

/// Where a key set is fetched from.
#[derive(Clone, Debug)]
pub struct RemoteJwks {
    /// How to get there, and when.
    pub remote: Remote,
    /// Where it is.
    pub jwks_uri: JwksUri,
    /// At least this long passes between two fetches that an unknown key id causes.
    pub unknown_kid_cooldown: Duration,
}

/// Where a denylist is fetched from.
#[derive(Clone, Debug)]
pub struct RemoteDenylist {
    /// How to get there, and when.
    pub remote: Remote,
    /// Where it is.
    pub uri: HttpsUrl,
}

/// What all that is fetched has in common.
#[derive(Clone, Debug)]
pub struct Remote {
    /// The Envoy cluster; its TLS settings decide whom it trusts.
    pub cluster: String,
    /// When.
    pub schedule: RefreshSchedule,
}

impl Config {
    /// Reads a plugin configuration, as Envoy hands it on: JSON text, or a serialized `google.protobuf.Struct`.
    ///
    /// # Errors
    /// The first thing that is wrong, with its path.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ConfigError> {
        let root = Path::root();
        if bytes.trim_ascii().is_empty() {
            return Err(root.error("is empty: the filter needs a configuration"));
        }
        let value = match (json::parse(bytes), protobuf_struct::decode(bytes)) {
            (Ok(value), _) | (Err(_), Some(value)) => value,
            (Err(error), None) => return Err(root.error(error.to_string())),
        };
        let raw: raw::Config = deserializer::read(&root, &value)?;
        strictness::check(&root, &value)?;
        let max_token_bytes = raw.max_token_bytes.unwrap_or(DEFAULT_MAX_TOKEN_BYTES);
        if !MAX_TOKEN_BYTES.contains(&max_token_bytes) {
            let (min, max) = MAX_TOKEN_BYTES.into_inner();
            return Err(root.field("max_token_bytes").error(format!("must be from {min} to {max}")));
        }
        let token_cache_max_bytes = raw.token_cache_max_bytes.unwrap_or(DEFAULT_TOKEN_CACHE_MAX_BYTES);
        if token_cache_max_bytes > MAX_TOKEN_CACHE_MAX_BYTES {
            let problem = format!("must be at most {MAX_TOKEN_CACHE_MAX_BYTES}");
            return Err(root.field("token_cache_max_bytes").error(problem));
        }
        let reading = reading::reading(&root, raw.allow_in_paths, raw.max_match_bytes)?;
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
        let token_sources = token_sources::token_sources(
            &root,
            raw.from_headers,
            raw.from_cookies,
            raw.from_params,
            raw.from_websocket_protocol,
        )?;
        let protected_resources = protected_resources::protected_resources(
            &root.field("protected_resources"),
            raw.protected_resources,
            &providers,
            &token_sources,
            reading,
        )?;
        let policy = rules::policy(&root.field("rules"), raw.rules, &providers, reading)?
            .with_ignore_port(raw.ignore_port_in_host_matching.unwrap_or(false));
        let route_policies =
            rules::route_policies(&root.field("route_policies"), raw.route_policies, &providers)?;
        let config = Self {
            providers,
            local_denylist,
            remote_denylist,
            shadow: matches!(raw.mode, Some(raw::PolicyMode::Shadow)),
            policy,
            route_policies,
            bypass_cors_preflight: raw.bypass_cors_preflight.unwrap_or(false),
            claim_to_headers,
            forward_payload_header,
            clear_route_cache: raw.clear_route_cache.unwrap_or(false),
            token_sources,
            forward: raw.forward.unwrap_or(true),
            max_token_bytes: usize::try_from(max_token_bytes).unwrap_or(usize::MAX),
            token_cache_max_bytes: usize::try_from(token_cache_max_bytes).unwrap_or(usize::MAX),
            responses: responses::responses(&root, raw.responses, raw.realm)?,
            protected_resources,
        };
        config.check_rules(&root.field("rules"))?;
        config.check_together(&root)?;
        Ok(config)
    }

    /// The filter sets identity headers after the rule has been chosen, so a rule would see what clients say of themselves.
    fn check_rules(&self, at: &Path) -> Result<(), ConfigError> {
        for (index, rule) in self.policy.rules().iter().enumerate() {
            for (header, condition) in rule.matches.headers.iter().enumerate() {
                let at = at.index(index).field("match").field("headers").index(header).field("name");
                if self.is_identity_header(&condition.name) {
                    return Err(at.error("is a header that only this filter sets, and removes from requests"));
                }
                if self.token_sources.is_token_header(&condition.name) {
                    return Err(at.error("carries credentials: a rule must not depend on them"));
                }
            }
        }
        Ok(())
    }

    /// What cannot be had at once: a header that is believed and taken away, a policy by the route and a route by the policy.
    fn check_together(&self, root: &Path) -> Result<(), ConfigError> {
        for (index, source) in self.token_sources.headers.iter().enumerate() {
            if self.is_identity_header(&source.name) {
                let at = root.field("from_headers").index(index).field("name");
                return Err(at.error("is a header that only this filter sets, and removes from requests"));
            }
        }
        // The policy would be that of a route which the request does not take in the end.
        if self.clear_route_cache && !self.route_policies.is_empty() {
            return Err(root.field("clear_route_cache").error("must not be `true` with `route_policies`"));
        }
        Ok(())
    }

    /// Whether a backend could read this header as one that only the filter may set.
    pub fn is_identity_header(&self, name: &str) -> bool {
        let claims = self.claim_to_headers.iter().map(|header| &header.header_name);
        claims.chain(&self.forward_payload_header).any(|ours| headers::is_cgi_equivalent(name, ours))
    }

    /// Returns whether the backend must not get what the client sent under this name. Credentials are withheld only where
    /// the filter has examined a token (`examined`): elsewhere they may be those of another scheme, for the backend itself.
    pub fn must_strip(&self, name: &str, examined: bool) -> bool {
        let sources = &self.token_sources;
        self.is_identity_header(name)
            || (examined && (sources.is_lookalike(name) || (!self.forward && sources.is_token_header(name))))
    }

    /// Returns whether the backend must not get a trailer of this name. The filter verifies no token in trailers.
    pub fn must_strip_trailer(&self, name: &str, examined: bool) -> bool {
        self.is_identity_header(name) || (examined && self.token_sources.is_token_header(name))
    }
}
