//! Configurations that the filter rejects when Envoy loads them.

use serde_json::{Value, json};
use stand_in_okta::{Options, Server, StandIn, TokenSpec};
use test_support::backend::Backend;
use test_support::client::get;
use test_support::config::EnvoyConfig;
use test_support::envoy::{Envoy, StartError, WORKERS};

use super::harness::reference_config;

/// Starts an Envoy that must fail, and returns the error.
fn start_error(name: &str, config: &EnvoyConfig) -> StartError {
    match Envoy::try_start(name, config, WORKERS) {
        Ok(_) => panic!("{name}: Envoy started"),
        Err(error) => error,
    }
}

#[test]
fn configuration_invalid_stops_envoy_and_logs_path_and_reason() {
    let (okta, backend) = (StandIn::start(Options::default()), Backend::start());
    let reference = reference_config("configuration", &okta, &backend);
    let changed = |path: &str, value: Value| {
        let mut config = reference.clone();
        *config.plugin().pointer_mut(path).unwrap() = value;
        config
    };
    let long: Value = vec![json!("x"); 100_000].into();
    for (name, config, message) in [
        ("empty", reference.clone().with_plugin_text(""), "the configuration must not be empty"),
        ("no JSON", reference.clone().with_plugin_text("providers:"), "the configuration is not JSON"),
        ("duplicate", reference.clone().with_plugin_text(r#"{"a":1,"a":2}"#), "the same member twice"),
        ("an empty Struct", reference.clone().with_plugin(json!({})), "the configuration must not be empty"),
        ("no providers", reference.clone().with_plugin(json!({ "rules": [] })), "missing field `providers`"),
        (
            "an empty scope",
            changed("/rules/4/requires/scopes/0", json!("")),
            "rules[4].requires.scopes[0]: must not be empty",
        ),
        ("a long list of a wrong type", changed("/rules/4/requires", long), "rules[4].requires"),
        (
            "a typo",
            changed("/rules/4", json!({ "match": {}, "require": {} })),
            "rules[4].require: unknown field `require`",
        ),
        (
            "the org server",
            changed("/providers/okta/issuer", json!("https://acme.okta.example")),
            "providers.okta.issuer: must be the issuer of a custom authorization server",
        ),
        (
            "HS256",
            changed(
                "/providers/okta",
                json!({
                    "issuer": "https://acme.okta.example/oauth2/default", "audiences": ["api://default"],
                    "remote_jwks": { "cluster": "okta" }, "algorithms": ["HS256"]
                }),
            ),
            "providers.okta.algorithms[0]: must be one of",
        ),
    ] {
        let error = start_error("configuration", &config);
        assert!(!error.status.success(), "{name}");
        assert!(
            error.log.contains("configuration rejected: ") && error.log.contains(message),
            "{name}: {message} is not in:\n{}",
            error.log
        );
        assert!(!error.log.contains("panicked"), "{name}:\n{}", error.log);
    }
}

#[test]
fn configuration_missing_at_request_time_gives_503() {
    let (okta, backend) = (StandIn::start(Options::default()), Backend::start());
    let token = okta.mint(Server::Default, &TokenSpec::user());
    let config = reference_config("no-configuration", &okta, &backend)
        .module(&test_support::wasm("serves_regardless"))
        .with_plugin(json!({ "providers": {} }));
    let envoy = Envoy::start("no-configuration", &config);
    assert!(envoy.log().contains("configuration rejected: providers: must not be empty"), "{}", envoy.log());
    for path in ["/", "/me"] {
        let response = envoy.client().send(&get(path).bearer(&token));
        assert_eq!((response.status, response.code().as_str()), (503, "misconfigured"), "{path}");
        assert_eq!(response.header("www-authenticate"), None);
    }
    assert_eq!(backend.requests(), 0);
}

#[test]
fn configuration_as_text_is_accepted() {
    let (okta, backend) = (StandIn::start(Options::default()), Backend::start());
    let mut reference = reference_config("configuration-text", &okta, &backend);
    let text = reference.plugin().to_string();
    let envoy = Envoy::start("configuration-text", &reference.with_plugin_text(&text));
    assert_eq!(envoy.client().get("/me").code(), "token_missing");
}
