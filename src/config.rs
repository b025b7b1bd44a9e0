//! The configuration of the filter. The filter can run with every value of type [`Config`].
//!
//! The `raw` types mirror the JSON of the operator. [`Config::from_bytes`] parses JSON into these
//! types, checks them, and converts them into the types of this module. An error names the path of
//! the field, the problem, and what is allowed: `rules[2].requires.scopes[0]: must not be empty`.

mod agents;
mod denylist;
mod dpop;
mod duration;
mod error;
mod field_path;
mod filter_state;
mod identity_headers;
mod introspection;
mod issuer;
mod mtls;
mod normalization;
mod parse;
mod path_match;
mod path_pattern;
mod protected_resources;
mod protobuf_struct;
mod provider;
mod raw;
mod reader;
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

pub use duration::parse_duration;
pub use error::ConfigError;
#[cfg(not(target_arch = "wasm32"))]
pub use schema::schema;

use crate::client_certificate::CertificateSource;
use crate::denylist::Denylist;
use crate::dpop::DpopSettings;
use crate::filter_state::FilterStateName;
use crate::headers::{self, ClaimToHeader, ReservedNames};
use crate::https_url::HttpsUrl;
use crate::introspection::IntrospectionSettings;
use crate::jwks::KeySet;
use crate::jwks::source::JwksUri;
use crate::policy::{Policy, RuleAction};
use crate::protected_resource::ProtectedResources;
use crate::refresh::RefreshSchedule;
use crate::reply::Responses;
use crate::request::{AuthScheme, RequestHead, TokenSources};
use crate::verify::TokenRequirements;

/// The configuration of the filter.
#[derive(Clone, Debug)]
pub struct Config {
    /// The authorization servers whose tokens the filter accepts. At least one; their issuers are
    /// distinct.
    pub providers: Vec<Provider>,
    /// The denylist entries in the configuration.
    pub local_denylist: Denylist,
    /// The source of further denylist entries.
    pub remote_denylist: Option<RemoteDenylist>,
    /// Whether the filter allows every request, and only counts and logs what it would deny.
    pub shadow: bool,
    /// The authorization policy.
    pub policy: Policy,
    /// Policies by name. A route that names one replaces the rules by it.
    pub route_policies: HashMap<String, RuleAction>,
    /// Whether the filter allows CORS preflight requests, which browsers send without a token.
    pub bypass_cors_preflight: bool,
    /// The identity headers that the filter sets from claims.
    pub claim_to_headers: Vec<ClaimToHeader>,
    /// The identity header with the payload of the token, in lower case.
    pub forward_payload_header: Option<String>,
    /// The values that the filter writes to filter state for allowed requests, without duplicates.
    pub filter_state: Vec<FilterStateName>,
    /// Whether Envoy selects the route again after the filter has set the identity headers.
    pub clear_route_cache: bool,
    /// The token sources besides the `Authorization` header.
    pub token_sources: TokenSources,
    /// Whether the filter closes a stream whose token is no longer valid. False with `mode: shadow`,
    /// which enforces nothing.
    pub close_streams: bool,
    /// Whether the filter forwards the token to the upstream.
    pub forward: bool,
    /// The source of client certificates; `None` to reject certificate-bound tokens.
    pub client_certificate: Option<CertificateSource>,
    /// The checks of DPoP proofs; `None` to reject tokens that are bound to a key.
    pub dpop: Option<DpopSettings>,
    /// The maximum length of a token, in bytes. The filter rejects a longer token before it parses
    /// it.
    pub max_token_bytes: usize,
    /// The maximum size of the token cache of a worker, in bytes. Zero disables the cache.
    pub token_cache_max_bytes: usize,
    /// The form of the responses to denied requests.
    pub responses: Responses,
    /// The protected resource metadata that the filter serves (RFC 9728).
    pub protected_resources: ProtectedResources,
    /// The names that [`Config::must_strip`] compares.
    reserved_names: ReservedNames,
}

/// An authorization server, and the source of its keys. It has `remote_jwks`, `local_jwks`, both, or
/// neither if its tokens are opaque.
#[derive(Clone, Debug)]
pub struct Provider {
    /// The name in the configuration.
    pub name: String,
    /// The requirements for the tokens of this provider.
    pub requirements: TokenRequirements,
    /// Whether each token must be bound to a key or a certificate of its client.
    pub requires_sender_constraint: bool,
    /// The source of the key set that the filter fetches.
    pub remote_jwks: Option<RemoteJwks>,
    /// The key set in the configuration.
    pub local_jwks: Option<KeySet>,
    /// The introspection endpoint.
    pub introspection: Option<IntrospectionSettings>,
}

/// The source of a JWK Set.
#[derive(Clone, Debug)]
pub struct RemoteJwks {
    /// The cluster and the schedule of the fetches.
    pub remote: Remote,
    /// The URL of the key set, or the metadata that names it.
    pub jwks_uri: JwksUri,
    /// The minimum time between two fetches for unknown key IDs.
    pub unknown_kid_cooldown: Duration,
}

/// The source of a denylist.
#[derive(Clone, Debug)]
pub struct RemoteDenylist {
    /// The cluster and the schedule of the fetches.
    pub remote: Remote,
    /// The URL of the denylist.
    pub uri: HttpsUrl,
}

/// The cluster and the schedule with which the filter fetches a document.
#[derive(Clone, Debug)]
pub struct Remote {
    /// The name of the Envoy cluster. Its TLS settings authenticate the server.
    pub cluster: String,
    /// The schedule of the fetches.
    pub schedule: RefreshSchedule,
}

impl Provider {
    /// Returns whether the provider has a source of keys, and so accepts JWTs.
    pub const fn has_keys(&self) -> bool {
        self.remote_jwks.is_some() || self.local_jwks.is_some()
    }
}

impl Config {
    /// Reads the secrets that the configuration refers to. `variable` returns the value of an
    /// environment variable. The result depends on the environment of the process alone.
    ///
    /// # Errors
    /// The first variable that is missing or not valid, with the path of its field. The error
    /// contains no part of a secret.
    pub fn resolve_secrets(&mut self, variable: &dyn Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
        introspection::resolve_secrets(&mut self.providers, variable)
    }

    /// Returns whether an upstream could read a header with this name as one of the identity
    /// headers.
    pub fn is_identity_header(&self, name: &str) -> bool {
        let claims = self.claim_to_headers.iter().map(|header| &header.header_name);
        claims.chain(&self.forward_payload_header).any(|identity| headers::is_lookalike(name, identity))
    }

    /// Returns whether the filter removes the request headers with this name.
    ///
    /// The filter removes credentials only from a request whose token it has examined (`examined`).
    /// Other requests can carry credentials of another scheme for the upstream.
    pub fn must_strip(&self, name: &str, examined: bool) -> bool {
        self.reserved_names.may_contain(name) && self.is_reserved(name, examined)
    }

    /// Compares the name with each reserved name. Not inlined, because few names of a request need
    /// it.
    #[inline(never)]
    fn is_reserved(&self, name: &str, examined: bool) -> bool {
        let sources = &self.token_sources;
        self.is_identity_header(name)
            || self.is_certificate_header(name)
            || (examined && self.is_proof_header(name))
            || (examined && (sources.is_lookalike(name) || (!self.forward && sources.is_token_header(name))))
    }

    /// Returns whether the filter removes the request trailers with this name. The filter never
    /// reads a token from trailers.
    pub fn must_strip_trailer(&self, name: &str, examined: bool) -> bool {
        self.is_identity_header(name)
            || self.is_certificate_header(name)
            || (examined && self.is_proof_header(name))
            || (examined && self.token_sources.is_token_header(name))
    }

    /// Returns the check for all names that the filter strips.
    fn reserved_names(&self) -> ReservedNames {
        let claims = self.claim_to_headers.iter().map(|header| header.header_name.as_str());
        let sources = self.token_sources.headers.iter().map(|source| source.name.as_str());
        let certificate = match &self.client_certificate {
            Some(CertificateSource::Header(header)) => Some(header.name.as_str()),
            Some(CertificateSource::Connection) | None => None,
        };
        let others = [self.forward_payload_header.as_deref(), certificate].into_iter().flatten();
        ReservedNames::new(claims.chain(sources).chain(others).chain(["authorization", "dpop"]))
    }

    /// Returns whether a header has a DPoP proof, which is for the filter only.
    fn is_proof_header(&self, name: &str) -> bool {
        self.dpop.is_some() && headers::is_lookalike(name, "dpop")
    }

    /// Returns the value of `Authorization` for the upstream, if it differs from that of the request:
    /// the token with the scheme `Bearer` (`dpop.forward_as`). The token must be verified.
    pub fn upstream_authorization(&self, head: &RequestHead<'_>) -> Option<Vec<u8>> {
        if !self.dpop.as_ref().is_some_and(|dpop| dpop.forward_as_bearer) {
            return None;
        }
        match head.authorization(true) {
            Ok((AuthScheme::Dpop, token)) => Some([b"Bearer ", token].concat()),
            _ => None,
        }
    }

    /// Returns whether clients can use a bearer token without a binding for every request. If
    /// false, the filter offers only the scheme `DPoP`.
    pub(crate) fn offers_bearer(&self) -> bool {
        self.dpop.is_none() || !dpop::is_dpop_required(&self.providers, self.client_certificate.is_some())
    }

    /// Returns whether a header has the certificate of the client, or an upstream could read it as
    /// that header.
    fn is_certificate_header(&self, name: &str) -> bool {
        self.client_certificate.as_ref().is_some_and(|source| source.must_strip(name))
    }
}
