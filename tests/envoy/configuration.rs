//! A broken configuration is refused when Envoy loads it, and the log says what is wrong and where.

use serde_json::{Value, json};
use stand_in_okta::{Options, Server, StandIn, TokenSpec};
use test_support::backend::Backend;
use test_support::client::get;
use test_support::config::EnvoyConfig;
use test_support::envoy::{Envoy, StartError, WORKERS};

use super::setup::config;

fn refused(name: &str, config: &EnvoyConfig) -> StartError {
    match Envoy::try_start(name, config, WORKERS) {
        Ok(_) => panic!("{name}: Envoy has started"),
        Err(error) => error,
    }
}

#[test]
fn envoy_does_not_start_and_the_log_has_the_path_and_the_reason() {
    let (okta, backend) = (StandIn::start(Options::default()), Backend::start());
    let reference = config("configuration", &okta, &backend);
    let changed = |path: &str, value: Value| {
        let mut config = reference.clone();
        *config.plugin().pointer_mut(path).unwrap() = value;
        config
    };
    let long: Value = vec![json!("x"); 100_000].into();
    for (name, config, says) in [
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
        ("a list that is long and wrong", changed("/rules/4/requires", long), "rules[4].requires"),
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
        let error = refused("configuration", &config);
        assert!(!error.status.success(), "{name}");
        assert!(
            error.log.contains("configuration refused: ") && error.log.contains(says),
            "{name}: {says} in:\n{}",
            error.log
        );
        assert!(!error.log.contains("panicked"), "{name}:\n{}", error.log);
    }
}

#[test]
fn a_filter_that_serves_without_a_configuration_answers_503() {
    let (okta, backend) = (StandIn::start(Options::default()), Backend::start());
    let token = okta.mint(Server::Default, &TokenSpec::user());
    let config = config("no-configuration", &okta, &backend)
        .module(&test_support::wasm("serves_regardless"))
        .with_plugin(json!({ "providers": {} }));
    let envoy = Envoy::start("no-configuration", &config);
    assert!(envoy.log().contains("configuration refused: providers: must not be empty"), "{}", envoy.log());
    for path in ["/", "/me"] {
        let response = envoy.client().send(&get(path).bearer(&token));
        assert_eq!((response.status, response.code().as_str()), (503, "misconfigured"), "{path}");
        assert_eq!(response.header("www-authenticate"), None);
    }
    assert_eq!(backend.requests(), 0);
}

#[test]
fn a_configuration_as_text_works_as_well() {
    let (okta, backend) = (StandIn::start(Options::default()), Backend::start());
    let mut reference = config("configuration-text", &okta, &backend);
    let text = reference.plugin().to_string();
    let envoy = Envoy::start("configuration-text", &reference.with_plugin_text(&text));
    assert_eq!(envoy.client().get("/me").code(), "token_missing");
}
