//! Policies with ten thousand rules, in both forms of a configuration.

use serde_json::{Value, json};
use stand_in_okta::{Options, Server, StandIn, TokenSpec};
use test_support::backend::Backend;
use test_support::client::get;
use test_support::config::EnvoyConfig;
use test_support::envoy::Envoy;

use super::harness::reference_config;

const RULES: usize = 10_000;

/// Returns a rule for each service, with a scope that no token has. The first and the last rule are
/// public.
fn rules() -> Vec<Value> {
    let rule = |i: usize| match i {
        0 => json!({ "match": { "path": "/first" }, "public": true }),
        i if i == RULES - 1 => json!({ "match": { "path_template": "/service/{id}/last" }, "public": true }),
        i => json!({
            "match": { "path_separated_prefix": format!("/service/{i}"), "methods": ["GET", "HEAD"] },
            "requires": { "scopes": [format!("service-{i}:read")] }
        }),
    };
    (0..RULES).map(rule).collect()
}

/// Asserts that the first matching rule decides.
fn assert_decisions(name: &str, as_text: bool) {
    let (okta, backend) = (StandIn::start(Options::default()), Backend::start());
    let token = okta.mint(Server::Default, &TokenSpec::user());
    let mut config: EnvoyConfig = reference_config(name, &okta, &backend);
    config.plugin()["rules"] = rules().into();
    if as_text {
        let text = config.plugin().to_string();
        config = config.with_plugin_text(&text);
    }
    let envoy = Envoy::start(name, &config);
    for (path, status, scope) in [
        ("/first", 200, ""),
        ("/service/1", 403, "service-1:read"),
        ("/service/5000/x", 403, "service-5000:read"),
        ("/service/9998", 403, "service-9998:read"),
        // The rule of the service comes before the last rule, which also matches.
        ("/service/77/last", 403, "service-77:read"),
        ("/service/unknown/last", 200, ""),
        ("/service/unknown", 403, ""),
    ] {
        let response = envoy.client().send(&get(path).bearer(&token));
        let challenge = response.header("www-authenticate").unwrap_or_default();
        assert_eq!(response.status, status, "{path}: {response:?}");
        assert!(challenge.contains(scope), "{path}: {challenge}");
    }
    assert!(!envoy.has_trapped(), "{}", envoy.log());
}

#[test]
fn ten_thousand_rules_as_struct_are_evaluated() {
    assert_decisions("rules-as-struct", false);
}

#[test]
fn ten_thousand_rules_as_text_are_evaluated() {
    assert_decisions("rules-as-text", true);
}
