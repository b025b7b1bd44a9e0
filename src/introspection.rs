//! Token introspection (RFC 7662): the filter asks the authorization server whether a token is
//! active.
//!
//! The module has no clock and no network. [`Introspector`] is the state of one provider on one
//! worker: results, calls in flight, and limits. The host sends the calls that it returns, and
//! passes it the responses.

mod call;
mod client_assertion;
mod client_auth;
mod digest;
mod introspector;
mod limits;
mod outcome;
mod result_table;
mod shared_results;

use std::time::Duration;

use crate::https_url::HttpsUrl;
use crate::verify::TokenRequirements;

pub use call::{CallError, CallRequest, CallResponse, MAX_BODY_BYTES};
pub use client_auth::{ClientAuth, EnvSecret, SecretError};
pub use digest::TokenDigest;
pub(crate) use introspector::Introspector;
pub(crate) use outcome::{Accepted, Answer, Cached};
pub use outcome::{CallOutcome, IntrospectionCounts};

/// The introspection endpoint of a provider, and how the filter uses it.
#[derive(Clone, Debug)]
pub struct IntrospectionSettings {
    /// The name of the Envoy cluster. Its TLS settings authenticate the server.
    pub cluster: String,
    /// The URL of the endpoint.
    pub uri: HttpsUrl,
    /// The tokens that the filter introspects.
    pub tokens: IntrospectedTokens,
    /// The ID of the filter at the authorization server; `None` without client authentication.
    pub client_id: Option<String>,
    /// The authentication of the filter at the endpoint.
    pub auth: ClientAuth,
    /// The timeout of a call.
    pub timeout: Duration,
    /// The time for which the filter uses the result of an active token.
    pub cache_duration: Duration,
    /// The time for which the filter uses the result of any other token.
    pub inactive_cache_duration: Duration,
    /// The time after `cache_duration` for which the filter uses the result of an active token if a
    /// new call fails.
    pub max_stale: Duration,
    /// The maximum number of calls in flight on a worker.
    pub max_in_flight: usize,
    /// The maximum number of calls per second of all workers.
    pub max_per_second: u32,
    /// The requirements for the response: those of the provider, in the form of a response.
    pub requirements: TokenRequirements,
}

/// The tokens of a provider that the filter introspects. Rules with `introspect: true` add all JWTs
/// of their requests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IntrospectedTokens {
    /// Tokens that are not JWTs.
    Opaque,
    /// Every JWT of the provider, after the filter has verified it.
    All,
    /// Only the JWTs of rules with `introspect: true`.
    Rules,
}
