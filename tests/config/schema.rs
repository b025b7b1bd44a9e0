//! The published JSON Schema is that of the code, and lets through what the filter accepts.

use std::fs;
use std::path::Path;

use regex_lite::Regex;
use serde_json::{Value, json};

use super::common::{config, rules};
use super::good;
use okta_authz_filter::config::schema;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn is_published() {
    let published: Value = serde_json::from_str(&read("schema/okta-authz-filter.schema.json")).unwrap();
    assert_eq!(published, schema(), "the configuration has changed: `make schema` writes its schema anew");
}

#[test]
fn good_configurations_pass() {
    let schema = schema();
    let envoy: Value = serde_saphyr::from_str(&read("envoy.yaml")).unwrap();
    let manager =
        &envoy["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let reference = &manager["http_filters"][0]["typed_config"]["config"]["configuration"]["value"];
    for config in good::configs().iter().chain([reference]) {
        assert_eq!(problem(&schema, &schema, config), None, "{config}");
    }
}

#[test]
fn bad_ones_do_not() {
    let schema = schema();
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
        rest(json!({ "claim_to_headers": [{ "header_name": "x-okta-sub" }] })),
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
        assert!(problem(&schema, &schema, &config).is_some(), "{config}");
        assert_ne!(super::problem(config.to_string().as_bytes()), "accepted", "{config}");
    }
}

/// Where an editor would show a null that the filter refuses, it must not offer it.
#[test]
fn null_is_nowhere() {
    assert!(!schema().to_string().contains("null\""));
}

#[test]
fn everything_is_described() {
    let schema = schema();
    let types = schema["$defs"].as_object().unwrap().values().chain([&schema]);
    for (name, member) in types.filter_map(|kind| kind["properties"].as_object()).flatten() {
        assert!(member["description"].is_string(), "{name}");
    }
}

/// What is wrong with a value: as much of draft 2020-12 as the schema has in it, and a panic for the rest.
fn problem(root: &Value, schema: &Value, value: &Value) -> Option<String> {
    let Value::Object(keywords) = schema else {
        return (*schema == false).then(|| "is not allowed".to_owned());
    };
    keywords.iter().find_map(|(keyword, expected)| {
        let check = |schema: &Value, value: &Value| problem(root, schema, value);
        let passing = |list: &Value| {
            list.as_array().unwrap().iter().filter(|schema| check(schema, value).is_none()).count()
        };
        let holds = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "default" | "format" => true,
            "$ref" => {
                let target = root.pointer(expected.as_str()?.strip_prefix('#')?).expect("a definition");
                return check(target, value);
            }
            "type" => match expected.as_str().expect("one type") {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_u64() || value.is_i64(),
                other => panic!("type {other}"),
            },
            "const" => value == expected,
            "enum" => expected.as_array().unwrap().contains(value),
            "pattern" => value
                .as_str()
                .is_none_or(|text| Regex::new(expected.as_str().unwrap()).unwrap().is_match(text)),
            "minimum" => value.as_f64().is_none_or(|number| number >= expected.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= expected.as_f64().unwrap()),
            "minItems" => {
                value.as_array().is_none_or(|items| items.len() as u64 >= expected.as_u64().unwrap())
            }
            "anyOf" => passing(expected) > 0,
            "oneOf" => passing(expected) == 1,
            "required" => {
                let has = |name: &Value| value.get(name.as_str().unwrap()).is_some();
                !value.is_object() || expected.as_array().unwrap().iter().all(has)
            }
            "items" => return value.as_array()?.iter().find_map(|item| check(expected, item)),
            "properties" => {
                let members = value.as_object()?.iter();
                return members
                    .filter_map(|(name, member)| Some((name, expected.get(name)?, member)))
                    .find_map(|(name, schema, member)| Some(format!("{name}: {}", check(schema, member)?)));
            }
            "additionalProperties" => {
                let known = |name: &String| schema["properties"].get(name).is_some();
                let mut others = value.as_object()?.iter().filter(|(name, _)| !known(name));
                return others
                    .find_map(|(name, member)| Some(format!("{name}: {}", check(expected, member)?)));
            }
            other => panic!("the schema has a keyword that this test does not know: {other}"),
        };
        (!holds).then(|| format!("{keyword}: {expected}"))
    })
}
