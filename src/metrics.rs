//! What is measured: the names of all metrics, and what each may say beside its name.
//!
//! All metrics exist from the moment a configuration is taken. Their names are made of codes of this program and of names in the
//! configuration, so no request can make a new one. Each part of a name that is a label stands between dots, where
//! Envoy's `stats_tags` find it.

pub mod shared_gauges;

use crate::filter::PermitReason;
use crate::percent_encoding::encode_metric_label;
use crate::protected_resource;
use crate::rejection::Rejection;

/// Everything is below this name; Envoy shows it as `wasmcustom.okta_authz.…`.
const PREFIX: &str = "okta_authz";

/// How a metric moves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Only up.
    Counter,
    /// Up and down.
    Gauge,
    /// A distribution.
    Histogram,
}

/// Metrics whose names differ in their labels alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Family {
    /// How they move.
    pub kind: Kind,
    /// The name; `{label}` stands for a value of that label.
    pub pattern: &'static str,
}

/// Declares the families, and a list that has them all.
macro_rules! families {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ident = $pattern:literal,)+) => {
        $($(#[doc = $doc])+ pub const $name: Family = Family { kind: Kind::$kind, pattern: $pattern };)+
        /// Every family there is.
        pub const FAMILIES: &[Family] = &[$($name),+];
    };
}

families! {
    /// Requests, by what became of them.
    DECISION: Counter = "decision.{code}",
    /// Denials that shadow mode has not enforced.
    SHADOW: Counter = "shadow.{code}",
    /// Requests with a token that names this provider as its issuer.
    PROVIDER_DECISION: Counter = "provider.{provider}.decision.{code}",
    /// Keys at hand, pinned ones included.
    PROVIDER_KEYS: Gauge = "provider.{provider}.keys",
    /// When they were fetched.
    PROVIDER_KEYS_FETCHED: Gauge = "provider.{provider}.keys_fetched_at",
    /// When newer ones should have come.
    PROVIDER_KEYS_DUE: Gauge = "provider.{provider}.keys_due_at",
    /// When they are too old to be used.
    PROVIDER_KEYS_STALE: Gauge = "provider.{provider}.keys_stale_at",
    /// Fetches that have ended.
    PROVIDER_FETCH: Counter = "provider.{provider}.jwks_fetch.{result}",
    /// How long their requests took.
    PROVIDER_FETCH_MS: Histogram = "provider.{provider}.jwks_fetch_ms",
    /// Fetches that have ended, of all providers.
    JWKS_FETCH: Counter = "jwks_fetch_{result}",
    /// Polls of the denylist that have ended.
    DENYLIST_FETCH: Counter = "denylist_fetch_{result}",
    /// How long their requests took.
    DENYLIST_FETCH_MS: Histogram = "denylist_fetch_ms",
    /// Entries of the fetched denylist.
    DENYLIST_ENTRIES: Gauge = "denylist_entries",
    /// When it was fetched.
    DENYLIST_FETCHED: Gauge = "denylist_fetched_at",
    /// When a newer one should have come.
    DENYLIST_DUE: Gauge = "denylist_due_at",
    /// When it is too old to be used.
    DENYLIST_STALE: Gauge = "denylist_stale_at",
    /// Signatures that were to be checked.
    SIGNATURE: Counter = "signature.{backend}.{result}",
    /// How long that took, of those that were timed.
    SIGNATURE_US: Histogram = "signature_us.{backend}",
    /// Tokens that had been seen before.
    CACHE_HIT: Counter = "token_cache_hit",
    /// Tokens that had not.
    CACHE_MISS: Counter = "token_cache_miss",
    /// Tokens that had to make room.
    CACHE_EVICTION: Counter = "token_cache_eviction",
    /// Tokens that are remembered.
    CACHE_TOKENS: Gauge = "token_cache_tokens",
    /// What they occupy.
    CACHE_BYTES: Gauge = "token_cache_bytes",
    /// Requests that are held back.
    WAITING: Gauge = "waiting_requests",
}

/// The code by which requests are counted that only shadow mode allows.
pub const SHADOW_CODE: &str = "shadow";
/// How a fetch has ended.
pub const FETCH_RESULTS: [&str; 2] = ["success", "failed"];
/// Who has checked a signature.
pub const BACKENDS: [&str; 2] = ["host", "software"];
/// What has come of it.
pub const SIGNATURE_RESULTS: [&str; 3] = ["valid", "invalid", "unavailable"];

impl Family {
    /// The name of the metric with these values of its labels, in their order.
    pub fn name(self, labels: &[&str]) -> String {
        let mut name = format!("{PREFIX}.");
        let mut labels = labels.iter();
        for (index, piece) in self.pattern.split(['{', '}']).enumerate() {
            name.push_str(if index % 2 == 0 { piece } else { labels.next().copied().unwrap_or_default() });
        }
        name
    }

    /// The names of its labels, in their order.
    pub fn labels(self) -> impl Iterator<Item = &'static str> {
        self.pattern.split(['{', '}']).skip(1).step_by(2)
    }
}

/// A provider's name as a part of a metric's: one word, whatever the configuration has. What is no letter, digit, `-` or `_` is
/// percent-encoded, so that two names stay two.
pub fn provider_label(name: &str) -> String {
    encode_metric_label(name)
}

/// What has become of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RequestOutcome {
    /// It was refused.
    Denied(Rejection),
    /// The filter allowed it. Requests that only shadow mode allows have one code of their own, whatever the rejection.
    Allowed(PermitReason),
    /// It asked for metadata of the filter's own (RFC 9728).
    LocalResponse,
}

impl RequestOutcome {
    /// Yields every decision. One rejection stands for all that shadow mode allows.
    pub fn all() -> impl Iterator<Item = Self> {
        let refused = Rejection::ALL.iter().copied().map(Self::Denied);
        let shadow = Self::Allowed(PermitReason::Shadow(Rejection::Misconfigured));
        refused.chain(PermitReason::ALL.map(Self::Allowed)).chain([Self::LocalResponse, shadow])
    }

    /// The code, by which it is counted.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Denied(rejection) => rejection.code(),
            Self::Allowed(PermitReason::Shadow(_)) => SHADOW_CODE,
            Self::Allowed(reason) => reason.code(),
            Self::LocalResponse => protected_resource::CODE,
        }
    }

    /// Returns the place of the decision in [`RequestOutcome::all`].
    pub fn index(self) -> usize {
        let reasons = Rejection::ALL.len();
        let permit = |place: usize| reasons.saturating_add(place);
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

    /// Whether it can be told of a token whose provider is known. The others are about requests without such a token.
    pub fn has_provider(self) -> bool {
        match self {
            // The route is looked at after the token.
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
    fn each_decision_has_the_place_that_its_index_says() {
        for (index, decision) in RequestOutcome::all().enumerate() {
            assert_eq!(decision.index(), index, "{decision:?}");
        }
        let shadow = |rejection| RequestOutcome::Allowed(PermitReason::Shadow(rejection));
        assert_eq!(shadow(Rejection::TokenExpired).index(), shadow(Rejection::Misconfigured).index());
        assert_eq!(shadow(Rejection::TokenExpired).code(), "shadow");
    }

    #[test]
    fn names_are_distinct_and_labels_stand_where_the_pattern_has_them() {
        assert_eq!(PROVIDER_DECISION.name(&["okta", "allowed"]), "okta_authz.provider.okta.decision.allowed");
        assert_eq!(WAITING.name(&[]), "okta_authz.waiting_requests");
        assert_eq!(SIGNATURE.labels().collect::<Vec<_>>(), ["backend", "result"]);
        let patterns: HashSet<_> = FAMILIES.iter().map(|family| family.pattern).collect();
        assert_eq!(patterns.len(), FAMILIES.len());
    }

    #[test]
    fn no_provider_can_be_taken_for_another_or_for_a_piece_of_a_name() {
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
