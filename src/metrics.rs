//! The names and labels of all metrics.
//!
//! The filter defines all metrics when Envoy loads a configuration. The labels are codes of the
//! filter and names in the configuration, so no request can define a metric. Each label is between
//! dots in the name, so that Envoy's `stats_tags` can extract it.

pub mod shared_gauges;

use crate::filter::PermitReason;
use crate::percent_encoding::encode_metric_label;
use crate::protected_resource;
use crate::rejection::Rejection;

/// The prefix of all names. Envoy adds `wasmcustom.` before it.
const PREFIX: &str = "okta_authz";

/// The type of a metric in the proxy-wasm ABI.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A value that only increases.
    Counter,
    /// A value that increases and decreases.
    Gauge,
    /// A distribution of values.
    Histogram,
}

/// A family of metrics, whose names differ only in the values of their labels.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Family {
    /// The type of the metrics.
    pub kind: Kind,
    /// The name, with `{label}` in place of the value of a label.
    pub pattern: &'static str,
}

/// Declares the families, and the list of all families.
macro_rules! families {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ident = $pattern:literal,)+) => {
        $($(#[doc = $doc])+ pub const $name: Family = Family { kind: Kind::$kind, pattern: $pattern };)+
        /// All families.
        pub const FAMILIES: &[Family] = &[$($name),+];
    };
}

families! {
    /// Requests, by outcome.
    DECISION: Counter = "decision.{code}",
    /// Denials that shadow mode did not enforce.
    SHADOW: Counter = "shadow.{code}",
    /// Requests whose token has an issuer of this provider, by outcome.
    PROVIDER_DECISION: Counter = "provider.{provider}.decision.{code}",
    /// Keys of the provider, pinned keys included.
    PROVIDER_KEYS: Gauge = "provider.{provider}.keys",
    /// The time of the last successful fetch of the keys, in seconds since the epoch; 0 before it.
    PROVIDER_KEYS_FETCHED: Gauge = "provider.{provider}.keys_fetched_at",
    /// The latest time at which the refresh of the keys is due, in seconds since the epoch.
    PROVIDER_KEYS_DUE: Gauge = "provider.{provider}.keys_due_at",
    /// The time at which the keys expire, in seconds since the epoch.
    PROVIDER_KEYS_STALE: Gauge = "provider.{provider}.keys_stale_at",
    /// Completed JWKS fetches.
    PROVIDER_FETCH: Counter = "provider.{provider}.jwks_fetch.{result}",
    /// The duration of the requests of a JWKS fetch, in milliseconds.
    PROVIDER_FETCH_MS: Histogram = "provider.{provider}.jwks_fetch_ms",
    /// Completed JWKS fetches of all providers.
    JWKS_FETCH: Counter = "jwks_fetch_{result}",
    /// Completed fetches of the denylist.
    DENYLIST_FETCH: Counter = "denylist_fetch_{result}",
    /// The duration of the requests of a denylist fetch, in milliseconds.
    DENYLIST_FETCH_MS: Histogram = "denylist_fetch_ms",
    /// Entries of the fetched denylist.
    DENYLIST_ENTRIES: Gauge = "denylist_entries",
    /// The time of the last successful fetch of the denylist, in seconds since the epoch; 0 before
    /// it.
    DENYLIST_FETCHED: Gauge = "denylist_fetched_at",
    /// The latest time at which the refresh of the denylist is due, in seconds since the epoch.
    DENYLIST_DUE: Gauge = "denylist_due_at",
    /// The time at which the denylist expires, in seconds since the epoch.
    DENYLIST_STALE: Gauge = "denylist_stale_at",
    /// Signature verifications, by backend and result.
    SIGNATURE: Counter = "signature.{backend}.{result}",
    /// The duration of sampled signature verifications, in microseconds.
    SIGNATURE_US: Histogram = "signature_us.{backend}",
    /// Lookups of a token in the token cache that found it.
    CACHE_HIT: Counter = "token_cache_hit",
    /// Lookups of a token in the token cache that did not find it.
    CACHE_MISS: Counter = "token_cache_miss",
    /// Tokens that the token cache evicted.
    CACHE_EVICTION: Counter = "token_cache_eviction",
    /// Tokens in the token caches of all workers.
    CACHE_TOKENS: Gauge = "token_cache_tokens",
    /// The size of the token caches of all workers, in bytes.
    CACHE_BYTES: Gauge = "token_cache_bytes",
    /// Introspection calls, by result.
    INTROSPECTION: Counter = "introspection.{result}",
    /// The duration of introspection calls, in milliseconds.
    INTROSPECTION_MS: Histogram = "introspection_ms",
    /// Requests whose introspection had a cached result.
    INTROSPECTION_CACHE_HIT: Counter = "introspection_cache_hit",
    /// Requests that were denied because a limit allowed no introspection call.
    INTROSPECTION_OVER_LIMIT: Counter = "introspection_over_limit",
    /// Requests that wait for a fetch or an introspection call.
    WAITING: Gauge = "waiting_requests",
    /// Streams that the filter checks again, with `close_streams`.
    TRACKED_STREAMS: Gauge = "tracked_streams",
    /// Streams that the filter closed, by code.
    STREAM_CLOSED: Counter = "stream_closed.{code}",
}

/// The reasons for which the filter closes a stream.
pub const STREAM_REJECTIONS: [Rejection; 5] = [
    Rejection::TokenExpired,
    Rejection::TokenTooOld,
    Rejection::KeyUnknown,
    Rejection::TokenRevoked,
    Rejection::TooManyStreams,
];
/// The outcome code of requests that only shadow mode allows.
const SHADOW_CODE: &str = "shadow";
/// The values of the label `result` of a fetch.
pub const FETCH_RESULTS: [&str; 2] = ["success", "failed"];
/// The values of the label `result` of an introspection call: `rejected` is an inactive or an
/// unacceptable token, `unauthorized` rejected credentials of the filter, `limited` status 429.
pub const INTROSPECTION_RESULTS: [&str; 5] = ["active", "rejected", "unauthorized", "limited", "failed"];
/// The values of the label `backend`: Envoy's cryptography, and the module's own.
pub const BACKENDS: [&str; 2] = ["host", "software"];
/// The values of the label `result` of a signature verification.
pub const SIGNATURE_RESULTS: [&str; 3] = ["valid", "invalid", "unavailable"];

impl Family {
    /// Returns the name of the metric with these values of its labels, in the order of the pattern.
    pub fn name(self, labels: &[&str]) -> String {
        let mut name = format!("{PREFIX}.");
        let mut labels = labels.iter();
        for (index, piece) in self.pattern.split(['{', '}']).enumerate() {
            name.push_str(if index % 2 == 0 { piece } else { labels.next().copied().unwrap_or_default() });
        }
        name
    }

    /// Yields the names of the labels, in the order of the pattern.
    pub fn labels(self) -> impl Iterator<Item = &'static str> {
        self.pattern.split(['{', '}']).skip(1).step_by(2)
    }
}

/// Returns the label value for the name of a provider. It percent-encodes every byte that is not an
/// ASCII letter, a digit, `-` or `_`, so different names have different labels.
pub fn provider_label(name: &str) -> String {
    encode_metric_label(name)
}

/// The outcome of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RequestOutcome {
    /// The filter denied the request.
    Denied(Rejection),
    /// The filter allowed the request. All requests that only shadow mode allows have one code.
    Allowed(PermitReason),
    /// The filter sent protected resource metadata (RFC 9728).
    LocalResponse,
}

impl RequestOutcome {
    /// Yields all outcomes. One rejection represents all outcomes that only shadow mode allows.
    pub fn all() -> impl Iterator<Item = Self> {
        let denied = Rejection::ALL.iter().copied().map(Self::Denied);
        let shadow = Self::Allowed(PermitReason::Shadow(Rejection::Misconfigured));
        denied.chain(PermitReason::ALL.map(Self::Allowed)).chain([Self::LocalResponse, shadow])
    }

    /// Returns the code of the outcome, the value of the label `code`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Denied(rejection) => rejection.code(),
            Self::Allowed(PermitReason::Shadow(_)) => SHADOW_CODE,
            Self::Allowed(reason) => reason.code(),
            Self::LocalResponse => protected_resource::CODE,
        }
    }

    /// Returns the index of the outcome in [`RequestOutcome::all`].
    pub fn index(self) -> usize {
        let denials = Rejection::ALL.len();
        let permit = |index: usize| denials.saturating_add(index);
        match self {
            Self::Denied(rejection) => rejection as usize,
            Self::Allowed(PermitReason::Verified) => permit(0),
            Self::Allowed(PermitReason::Public) => permit(1),
            Self::Allowed(PermitReason::Anonymous) => permit(2),
            Self::Allowed(PermitReason::CorsPreflight) => permit(3),
            Self::LocalResponse => permit(PermitReason::ALL.len()),
            Self::Allowed(PermitReason::Shadow(_)) => permit(PermitReason::ALL.len().saturating_add(1)),
        }
    }

    /// Returns whether a request with this outcome can have a token whose provider is known.
    pub fn has_provider(self) -> bool {
        match self {
            // The filter checks the route policy after the token.
            Self::Denied(Rejection::RoutePolicyUnknown) => true,
            Self::Denied(rejection) => rejection >= Rejection::AlgorithmNotAllowed,
            Self::Allowed(reason) => matches!(reason, PermitReason::Verified | PermitReason::Shadow(_)),
            Self::LocalResponse => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn index_of_each_outcome_is_its_position() {
        for (index, outcome) in RequestOutcome::all().enumerate() {
            assert_eq!(outcome.index(), index, "{outcome:?}");
        }
        let shadow = |rejection| RequestOutcome::Allowed(PermitReason::Shadow(rejection));
        assert_eq!(shadow(Rejection::TokenExpired).index(), shadow(Rejection::Misconfigured).index());
        assert_eq!(shadow(Rejection::TokenExpired).code(), "shadow");
    }

    #[test]
    fn family_name_has_labels_at_their_placeholders() {
        assert_eq!(PROVIDER_DECISION.name(&["okta", "allowed"]), "okta_authz.provider.okta.decision.allowed");
        assert_eq!(WAITING.name(&[]), "okta_authz.waiting_requests");
        assert_eq!(SIGNATURE.labels().collect::<Vec<_>>(), ["backend", "result"]);
        let patterns: HashSet<_> = FAMILIES.iter().map(|family| family.pattern).collect();
        assert_eq!(patterns.len(), FAMILIES.len());
    }

    #[test]
    fn provider_label_of_each_name_is_distinct_and_one_segment() {
        let names =
            ["okta", "Okta-2_b", "a.b", "a_b", "a%2eb", "a b", "é", "x.decision.allowed", "a;b=c", "a\n"];
        let labels: HashSet<_> = names.iter().map(|name| provider_label(name)).collect();
        assert_eq!(labels.len(), names.len());
        for label in labels {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_%".contains(&byte);
            assert!(label.bytes().all(plain), "{label}");
        }
        assert_eq!(provider_label("a.b"), "a%2eb");
    }
}
