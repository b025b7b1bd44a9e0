//! Counters: one for every code, defined once, so that no request makes a new one.

use std::collections::HashMap;

use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

use crate::filter::{PermitReason, SourceId};
use crate::protected_resource;
use crate::rejection::Rejection;
use crate::token_cache::Counts;

/// Everything is below this name; Envoy shows it as `wasmcustom.okta_authz.…`.
const PREFIX: &str = "okta_authz";
/// Codes of fetches: of each kind, those that have brought something, and those that have not.
const JWKS_FETCHES: [&str; 2] = ["jwks_fetch_success", "jwks_fetch_failed"];
const DENYLIST_FETCHES: [&str; 2] = ["denylist_fetch_success", "denylist_fetch_failed"];
const TOKEN_CACHE: [&str; 3] = ["token_cache_hit", "token_cache_miss", "token_cache_eviction"];

/// The host's numbers for our counters.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    ids: HashMap<&'static str, u32>,
    shadow: HashMap<&'static str, u32>,
    /// What has been counted of the token cache.
    counted: Counts,
}

impl Metrics {
    /// Defines all counters. One that cannot be defined is not counted: no request fails for it.
    pub(super) fn define() -> Self {
        let decisions = Rejection::ALL.iter().map(|rejection| rejection.code());
        let decisions = decisions.chain(PermitReason::ALL.into_iter().map(PermitReason::code));
        let decisions = decisions.chain([protected_resource::CODE]);
        let named = decisions.map(|code| (code, format!("{PREFIX}.decision.{code}")));
        let others = JWKS_FETCHES.into_iter().chain(DENYLIST_FETCHES).chain(TOKEN_CACHE);
        let others = others.map(|code| (code, format!("{PREFIX}.{code}")));
        let define = |(code, name): (&'static str, String)| {
            Some((code, hostcalls::define_metric(MetricType::Counter, &name).ok()?))
        };
        let shadow = Rejection::ALL.iter().map(|rejection| rejection.code());
        let shadow = shadow.map(|code| (code, format!("{PREFIX}.shadow.{code}")));
        Self {
            ids: named.chain(others).filter_map(define).collect(),
            shadow: shadow.filter_map(define).collect(),
            counted: Counts::default(),
        }
    }

    /// Adds one to the requests that would have been denied.
    pub(super) fn count_shadow(&self, rejection: Rejection) {
        if let Some(id) = self.shadow.get(rejection.code()) {
            let _ = hostcalls::increment_metric(*id, 1);
        }
    }

    /// Counts a fetch that has ended.
    pub(super) fn count_fetch(&self, source: SourceId, succeeded: bool) {
        let [success, failed] = match source {
            SourceId::Keys(_) => JWKS_FETCHES,
            SourceId::Denylist => DENYLIST_FETCHES,
        };
        self.count(if succeeded { success } else { failed });
    }

    /// Counts how the token cache has fared since the last time: at each tick, so that no request makes a call for it.
    pub(super) fn count_token_cache(&mut self, counts: Counts) {
        for (name, count) in counts.since(self.counted) {
            if let Some(id) = self.ids.get(name)
                && count > 0
            {
                let _ = hostcalls::increment_metric(*id, i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
        self.counted = counts;
    }

    /// Adds one.
    pub(super) fn count(&self, code: &str) {
        if let Some(id) = self.ids.get(code) {
            let _ = hostcalls::increment_metric(*id, 1);
        }
    }
}
