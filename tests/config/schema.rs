//! The published JSON Schema is current, and accepts what the filter accepts.

use std::fs;
use std::path::Path;

use okta_authz_filter::config::schema;
use serde_json::{Value, json};
use test_support::common::{config, rules};

use super::accepted;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn published_schema_is_current() {
    let published: Value = serde_json::from_str(&read("schema/okta-authz-filter.schema.json")).unwrap();
    assert_eq!(published, schema(), "the configuration changed: run `make schema`");
}

#[test]
fn schema_accepts_valid_configuration() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let envoy: Value = serde_saphyr::from_str(&read("envoy.yaml")).unwrap();
    let manager =
        &envoy["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let reference = &manager["http_filters"][0]["typed_config"]["config"]["configuration"]["value"];
    for config in accepted::configs().iter().chain([reference]) {
        assert_eq!(schema.validate(config).map_err(|error| error.to_string()), Ok(()), "{config}");
    }
}

#[test]
fn schema_rejects_invalid_configuration() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let provider = |changes: Value| config(changes, json!({}));
    let rest = |rest: Value| config(json!({}), rest);
    let requires = |requires: Value| rules(json!([{ "match": {}, "requires": requires }]));
    for config in [
        json!({}),
        json!([]),
        rest(json!({ "rule": [] })),
        rest(json!({ "rules": {} })),
        rest(json!({ "forward": "yes" })),
        rest(json!({ "max_token_bytes": -1 })),
        rest(json!({ "max_token_bytes": 4096.5 })),
        rest(json!({ "claim_to_headers": [{ "claim_name": "sub" }] })),
        rest(json!({ "claim_to_headers": [{ "header_name": "x-a", "template": ["{sub}"] }] })),
        rest(json!({ "mode": "optional" })),
        provider(json!({ "audience": "api://default" })),
        provider(json!({ "audiences": "api://default" })),
        provider(json!({ "audiences": null })),
        provider(json!({ "algorithms": ["HS256"] })),
        provider(json!({ "algorithms": [] })),
        provider(json!({ "clock_skew": "60" })),
        provider(json!({ "clock_skew": 60 })),
        provider(json!({ "clock_skew": "1 minute" })),
        provider(json!({ "token_profile": "auth0" })),
        provider(json!({ "remote_jwks": {} })),
        rules(json!([{ "public": true }])),
        rules(json!([{ "match": { "path": ["/"] }, "public": true }])),
        rules(json!([{ "match": { "safe_regex": { "pattern": "/" } }, "public": true }])),
        rules(json!([{ "match": {}, "requires": {}, "mode": "monitor" }])),
        requires(json!({ "scopes": "a" })),
        requires(json!({ "any_of": [{ "scope": ["a"] }] })),
        requires(json!({ "not": [] })),
        requires(json!({ "claims": [{ "name": 1 }] })),
    ] {
        assert!(!schema.is_valid(&config), "{config}");
        assert_ne!(super::outcome(config.to_string().as_bytes()), "accepted", "{config}");
    }
}

/// The filter rejects null, so an editor must not suggest it.
#[test]
fn schema_has_no_null() {
    assert!(!schema().to_string().contains("null\""));
}

#[test]
fn schema_describes_every_field() {
    let schema = schema();
    let types = schema["$defs"].as_object().unwrap().values().chain([&schema]);
    for (name, member) in types.filter_map(|kind| kind["properties"].as_object()).flatten() {
        assert!(member["description"].is_string(), "{name}");
    }
}
