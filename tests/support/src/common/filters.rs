//! Configurations, and filters that fetched their documents.

use okta_authz_filter::config::Config;
use okta_authz_filter::filter::{Filter, SourceId};
use okta_authz_filter::refresh::refresher::FetchProgress;
use okta_authz_filter::refresh::source::{FetchError, Response};
use okta_authz_filter::refresh::state::WorkerId;
use okta_authz_filter::time::UnixTime;
use serde_json::{Value, json};

use super::{ISSUER, NOW, OTHER_ISSUER, Store, jwks, with};

/// Returns a configuration with one provider, which has the members of `provider`, and the members
/// of `rest`.
pub fn config(provider: Value, rest: Value) -> Value {
    let base = json!({
        "issuer": ISSUER, "audiences": ["api://default"], "remote_jwks": { "cluster": "okta" },
    });
    with(json!({ "providers": { "okta": with(base, provider) } }), rest)
}

/// Returns a configuration with one provider and these rules.
pub fn rules(rules: Value) -> Value {
    config(json!({}), json!({ "rules": rules }))
}

/// Returns a configuration with the providers `okta` and `other`.
pub fn two_providers(rest: Value) -> Value {
    let mut both = config(json!({}), rest);
    both["providers"]["other"] = json!({
        "issuer": OTHER_ISSUER, "audiences": ["api://default"], "remote_jwks": { "cluster": "okta" },
    });
    both
}

/// Returns a filter that has fetched no keys.
pub fn cold(config: &Value) -> Filter {
    let config =
        Config::from_bytes(config.to_string().as_bytes()).unwrap_or_else(|e| panic!("{e}: {config}"));
    Filter::new(config, WorkerId(1))
}

/// Returns a filter that fetched all its keys and an empty denylist at `NOW`.
pub fn filter(config: &Value) -> Filter {
    filter_with_denylist(config, Some(&json!({ "entries": [] })))
}

/// Returns a filter that fetched its keys at `NOW`. With `None`, it has no denylist.
pub fn filter_with_denylist(config: &Value, denylist: Option<&Value>) -> Filter {
    let mut filter = cold(config);
    deliver(&mut filter, NOW, &Store::default(), |filter, source| match source {
        SourceId::Keys(provider) => Some(jwks(&filter.provider(provider).unwrap().name)),
        SourceId::Denylist => denylist.cloned(),
    });
    filter
}

/// Responds to every fetch that is due at a time. A fetch fails where `document` returns `None`.
pub fn deliver(
    filter: &mut Filter,
    at: u64,
    shared: &Store,
    document: impl Fn(&Filter, SourceId) -> Option<Value>,
) {
    let now = UnixTime::from_seconds(at);
    for (source, tick) in filter.on_tick(now, shared) {
        let fetch = tick.fetch.expect("a fetch is due");
        let document = document(filter, source);
        let body = document.map(|document| document.to_string().into_bytes());
        let arrives = body.is_some();
        let response =
            body.map(|body| Response { body, ..Response::default() }).ok_or(FetchError::NoResponse);
        let progress = filter.on_response(source, now, fetch, shared, response);
        assert!(matches!(progress, FetchProgress::Done(outcome) if outcome.is_ok() == arrives), "{source:?}");
    }
    // The filter installs published documents at the next tick.
    filter.on_tick(now, shared);
}
