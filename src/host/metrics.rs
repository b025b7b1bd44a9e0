//! Counters: one for every code, defined once, so that no request makes a new one.

use std::collections::HashMap;

use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

use crate::filter::PermitReason;
use crate::protected_resource;
use crate::rejection::Rejection;

/// Everything is below this name; Envoy shows it as `wasmcustom.okta_authz.…`.
const PREFIX: &str = "okta_authz";
/// Codes of key fetches.
pub(super) const FETCH_SUCCEEDED: &str = "jwks_fetch_success";
pub(super) const FETCH_FAILED: &str = "jwks_fetch_failed";

/// The host's numbers for our counters.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    ids: HashMap<&'static str, u32>,
    shadow: HashMap<&'static str, u32>,
}

impl Metrics {
    /// Defines all counters. One that cannot be defined is not counted: no request fails for it.
    pub(super) fn define() -> Self {
        let decisions = Rejection::ALL.iter().map(|rejection| rejection.code());
        let decisions = decisions.chain(PermitReason::ALL.into_iter().map(PermitReason::code));
        let decisions = decisions.chain([protected_resource::CODE]);
        let named = decisions.map(|code| (code, format!("{PREFIX}.decision.{code}")));
        let fetches =
            [FETCH_SUCCEEDED, FETCH_FAILED].into_iter().map(|code| (code, format!("{PREFIX}.{code}")));
        let define = |(code, name): (&'static str, String)| {
            Some((code, hostcalls::define_metric(MetricType::Counter, &name).ok()?))
        };
        let shadow = Rejection::ALL.iter().map(|rejection| rejection.code());
        let shadow = shadow.map(|code| (code, format!("{PREFIX}.shadow.{code}")));
        Self {
            ids: named.chain(fetches).filter_map(define).collect(),
            shadow: shadow.filter_map(define).collect(),
        }
    }

    /// Adds one to the requests that would have been denied.
    pub(super) fn count_shadow(&self, rejection: Rejection) {
        if let Some(id) = self.shadow.get(rejection.code()) {
            let _ = hostcalls::increment_metric(*id, 1);
        }
    }

    /// Adds one.
    pub(super) fn count(&self, code: &str) {
        if let Some(id) = self.ids.get(code) {
            let _ = hostcalls::increment_metric(*id, 1);
        }
    }
}
