//! The checks of DPoP proofs: `dpop`, and the requirements of bound tokens.

use okta_authz_filter::config::Config;
use serde_json::{Value, json};
use test_support::common::{config, with};

use super::assert_errors;

fn dpop(dpop: Value) -> Value {
    config(json!({}), json!({ "dpop": dpop }))
}

#[test]
fn invalid_dpop_settings_are_rejected() {
    let url = |url: &str| dpop(json!({ "external_urls": [{ "url": url }] }));
    let hosts =
        |hosts: Value| dpop(json!({ "external_urls": [{ "url": "https://a.example", "hosts": hosts }] }));
    let replay = |replay: Value| dpop(json!({ "replay": replay }));
    let nonce = |nonce: Value| dpop(json!({ "nonce": nonce }));
    let and = |settings: Value, rest: Value| with(dpop(settings), rest);
    let name = "dpop.nonce.keys_env: must be the name of an environment variable";
    let no_url = "dpop.external_urls[0].url: must be an http or https URL without user information, \
                  whose path has no dot segments and no ambiguous characters";
    let no_host = "dpop.external_urls[0].hosts: must have host names or IP addresses without ports";
    let plain = "dpop.external_urls[0].url: must begin with `https://`, unless the host is `localhost`";
    let reserved = "is reserved: HTTP or Envoy uses it to frame, route or authenticate requests";
    assert_errors([
        (dpop(json!([])), "dpop: must be an object, not a list"),
        (dpop(json!({ "algorithms": [] })), "dpop.algorithms: must not be empty"),
        (
            dpop(json!({ "algorithms": ["ES256", "HS256"] })),
            "dpop.algorithms[1]: must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA; the filter never accepts HS* and none",
        ),
        (dpop(json!({ "max_age": "0s" })), "dpop.max_age: must be from 1s to 5m"),
        (dpop(json!({ "max_age": "301s" })), "dpop.max_age: must be from 1s to 5m"),
        (dpop(json!({ "max_age": "1500ms" })), "dpop.max_age: must be a whole number of seconds"),
        (dpop(json!({ "clock_skew": "61s" })), "dpop.clock_skew: must be from 0s to 1m"),
        (dpop(json!({ "max_proof_bytes": 511 })), "dpop.max_proof_bytes: must be from 512 to 16384"),
        (dpop(json!({ "max_proof_bytes": 16385 })), "dpop.max_proof_bytes: must be from 512 to 16384"),
        (
            dpop(json!({ "scheme": "ftp" })),
            "dpop.scheme: must be one of `https`, `http`, `forwarded`, not the string \"ftp\"",
        ),
        (
            dpop(json!({ "forward_as": "dpop" })),
            "dpop.forward_as: must be one of `sent`, `bearer`, not the string \"dpop\"",
        ),
        (
            dpop(json!({ "scheme": "https", "external_urls": [{ "url": "https://a.example" }] })),
            "dpop: must not have both `external_urls` and `scheme`",
        ),
        (dpop(json!({ "external_urls": [] })), "dpop.external_urls: must not be empty"),
        (url("http://a.example"), plain),
        (url("a.example"), no_url),
        (url("https://user@a.example"), no_url),
        (url("https://a.example/../b"), no_url),
        (url("https://a.example/?b"), "dpop.external_urls[0].url: must not have a query or a fragment"),
        (hosts(json!([])), no_host),
        (hosts(json!(["a.example:8443"])), no_host),
        (
            dpop(json!({ "external_urls": [
                { "url": "https://a.example", "hosts": ["A.internal", "b.internal"] },
                { "url": "https://c.example", "hosts": ["c.internal", "a.internal."] },
            ] })),
            "dpop.external_urls[1]: must not have the host of another entry: a.internal",
        ),
        (
            dpop(
                json!({ "external_urls": [{ "url": "https://a.example" }, { "url": "https://A.example/b" }] }),
            ),
            "dpop.external_urls[1]: must not have the host of another entry: a.example",
        ),
        (replay(json!(false)), "dpop.replay: must not be `false` without `nonce`"),
        (replay(json!(true)), "dpop.replay: must be `false`, or the size of the memory"),
        (replay(json!({ "slots": 0 })), "dpop.replay.slots: must be from 1 to 65536"),
        (replay(json!({ "slots": 65537 })), "dpop.replay.slots: must be from 1 to 65536"),
        (replay(json!({ "entries_per_slot": 3 })), "dpop.replay.entries_per_slot: must be from 4 to 1024"),
        (replay(json!({ "entries_per_slot": 1025 })), "dpop.replay.entries_per_slot: must be from 4 to 1024"),
        (nonce(json!({ "lifetime": "29s" })), "dpop.nonce.lifetime: must be from 30s to 1h"),
        (nonce(json!({ "lifetime": "61m" })), "dpop.nonce.lifetime: must be from 30s to 1h"),
        (nonce(json!({ "keys_env": "" })), name),
        (nonce(json!({ "keys_env": "1A" })), name),
        (nonce(json!({ "keys_env": "A=B" })), name),
        (
            and(json!({ "forward_as": "bearer" }), json!({ "forward": false })),
            "dpop.forward_as: must not be `bearer` with `forward: false`",
        ),
        (
            and(
                json!({}),
                json!({ "rules": [{ "match": { "headers": [{ "name": "dpop", "present_match": true }] }, "requires": {} }] }),
            ),
            "rules[0].match.headers[0].name: must not be a header with credentials",
        ),
        (
            config(
                json!({}),
                json!({ "claim_to_headers": [{ "header_name": "DPoP", "claim_name": "sub" }] }),
            ),
            &*format!("claim_to_headers[0].header_name: {reserved}").leak(),
        ),
    ]);
}

#[test]
fn requirement_of_a_bound_token_without_a_method_is_rejected() {
    let rules = |requires: Value| json!({ "rules": [{ "match": {}, "requires": requires }] });
    let demanded = || json!({ "sender_constrained": true });
    let without = "must not have `sender_constrained` without `dpop` or `mtls`";
    let required = || json!({ "sender_constrained": "required" });
    assert_errors([
        (
            config(required(), json!({})),
            "providers.okta.sender_constrained: must not be `required` without `dpop` or `mtls`",
        ),
        (
            config(json!({ "sender_constrained": "always" }), json!({})),
            "providers.okta.sender_constrained: must be one of `optional`, `required`, not the string \"always\"",
        ),
        (config(json!({}), rules(demanded())), &*format!("rules[0].requires: {without}").leak()),
        (
            config(json!({}), rules(json!({ "all_of": [demanded()] }))),
            &*format!("rules[0].requires: {without}").leak(),
        ),
        (
            config(json!({}), json!({ "route_policies": { "a": { "requires": demanded() } } })),
            &*format!("route_policies.a.requires: {without}").leak(),
        ),
        (
            with(dpop(json!({})), rules(json!({ "sender_constrained": false }))),
            "rules[0].requires.sender_constrained: must be `true`",
        ),
        (
            with(dpop(json!({})), rules(json!({ "not": { "any_of": [{ "groups": ["a"] }, demanded()] } }))),
            "rules[0].requires.not: must not have `sender_constrained`: it would deny secured tokens",
        ),
    ]);
}

#[test]
fn nonce_keys_of_an_unusable_variable_are_rejected() {
    let config = dpop(json!({ "nonce": { "keys_env": "DPOP_NONCE_KEYS" } }));
    let config = Config::from_bytes(config.to_string().as_bytes()).unwrap();
    let keys = |value: Option<&str>| {
        let variable = |name: &str| value.filter(|_| name == "DPOP_NONCE_KEYS").map(str::to_owned);
        config.nonce_keys(variable).map_err(|error| error.to_string())
    };
    let key = "0a".repeat(32);
    assert_eq!(keys(Some(&key)), Ok(vec![[10; 32]]));
    assert_eq!(keys(Some(&format!("{},{key}", "0B".repeat(32)))), Ok(vec![[11; 32], [10; 32]]));
    let absent = "dpop.nonce.keys_env: must name an environment variable of the VM, which is set";
    assert_eq!(keys(None), Err(absent.to_owned()));
    for value in ["", "secret", &key[2..], &[key.as_str(); 5].join(",")] {
        let error = keys(Some(value)).unwrap_err();
        assert!(
            error.starts_with("dpop.nonce.keys_env: must name an environment variable with one to four keys"),
            "{error}"
        );
        assert!(value.is_empty() || !error.contains(value), "the error shows the value");
    }
    for settings in [json!({}), json!({ "nonce": {} })] {
        let config = Config::from_bytes(dpop(settings).to_string().as_bytes()).unwrap();
        assert_eq!(config.nonce_keys(|_| panic!("no variable is named")), Ok(Vec::new()));
    }
}
