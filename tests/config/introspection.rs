//! `introspection` of providers, and `introspect` of rules.

use serde_json::{Value, json};
use test_support::common::{ISSUER, OTHER_ISSUER, config, two_providers, with};

use super::assert_errors;

fn introspection(fields: Value) -> Value {
    let base = json!({ "cluster": "okta", "auth": { "none": {} } });
    config(json!({ "introspection": with(base, fields) }), json!({}))
}

fn rule(rule: Value) -> Value {
    let mut config = introspection(json!({}));
    config["rules"] = json!([with(json!({ "match": {}, "introspect": true }), rule)]);
    config
}

#[test]
fn invalid_introspection_is_rejected() {
    let at = |rest: &str| &*format!("providers.okta.introspection{rest}").leak();
    let one =
        "must have exactly one of `client_secret_basic`, `client_secret_post`, `private_key_jwt`, `none`";
    let name = "must be the name of an environment variable: letters, digits and `_`";
    let basic = |variable: &str| json!({ "auth": { "client_secret_basic": { "secret_env": variable } } });
    assert_errors([
        (introspection(json!({ "cluster": "" })), at(".cluster: must not be empty")),
        (introspection(json!({ "cluster": null })), at(": missing field `cluster`")),
        (introspection(json!({ "auth": null })), at(": missing field `auth`")),
        (introspection(json!({ "auth": {} })), at(&format!(".auth: {one}"))),
        (
            introspection(json!({ "auth": { "none": {}, "client_secret_post": { "secret_env": "S" } } })),
            at(&format!(".auth: {one}")),
        ),
        (introspection(basic("S")), at(".client_id: must be set with this `auth`")),
        (introspection(json!({ "client_id": "" })), at(".client_id: must not be empty")),
        (introspection(basic("")), at(&format!(".auth.client_secret_basic.secret_env: {name}"))),
        (introspection(basic("$S")), at(&format!(".auth.client_secret_basic.secret_env: {name}"))),
        (
            introspection(json!({ "auth": { "client_secret_basic": { "secret": "s3cret" } } })),
            at(".auth.client_secret_basic.secret: unknown field `secret`, expected `secret_env`"),
        ),
        (
            introspection(json!({ "auth": { "private_key_jwt": { "key_env": "K", "alg": "RS256" } } })),
            at(".auth.private_key_jwt.alg: must be ES256"),
        ),
        (
            introspection(json!({ "auth": { "private_key_jwt": { "key_env": "K", "kid": "" } } })),
            at(".auth.private_key_jwt.kid: must not be empty"),
        ),
        (introspection(json!({ "uri": "http://h/introspect" })), at(".uri: must begin with `https://`")),
        (introspection(json!({ "timeout": "6s" })), at(".timeout: must be from 100ms to 5s")),
        (introspection(json!({ "cache_duration": "0s" })), at(".cache_duration: must be from 1s to 1h")),
        (
            introspection(json!({ "inactive_cache_duration": "2h" })),
            at(".inactive_cache_duration: must be from 1s to 1h"),
        ),
        (introspection(json!({ "max_stale": "2h" })), at(".max_stale: must be from 0s to 1h")),
        (introspection(json!({ "max_in_flight": 0 })), at(".max_in_flight: must be from 1 to 1024")),
        (introspection(json!({ "max_per_second": 0 })), at(".max_per_second: must be from 1 to 10000")),
    ]);
}

#[test]
fn two_providers_with_opaque_tokens_are_rejected() {
    let introspection = json!({ "cluster": "okta", "auth": { "none": {} } });
    let mut both = two_providers(json!({}));
    for (name, issuer) in [("okta", ISSUER), ("other", OTHER_ISSUER)] {
        assert_eq!(both["providers"][name]["issuer"], issuer);
        both["providers"][name]["introspection"] = introspection.clone();
    }
    let error = "providers.other.introspection.tokens: must not be `opaque` for two providers: `okta` has it";
    assert_errors([(both, error)]);
}

#[test]
fn provider_without_keys_needs_opaque_tokens() {
    let introspection = |tokens: &str| {
        let introspection = json!({ "cluster": "okta", "auth": { "none": {} }, "tokens": tokens });
        config(json!({ "remote_jwks": null, "introspection": introspection }), json!({}))
    };
    let error = "providers.okta: must have `remote_jwks`, `local_jwks`, or both";
    assert_errors([(introspection("all"), error), (introspection("rules"), error)]);
}

#[test]
fn rule_that_cannot_introspect_is_rejected() {
    let mut other = two_providers(json!({
        "rules": [{ "match": {}, "requires": {}, "introspect": true }],
    }));
    other["providers"]["okta"]["introspection"] = json!({ "cluster": "okta", "auth": { "none": {} } });
    assert_errors([
        (rule(json!({ "public": true })), "rules[0].introspect: must not be `true` without `requires`"),
        (rule(json!({ "deny": true })), "rules[0].introspect: must not be `true` without `requires`"),
        (
            rule(json!({ "requires": {}, "mode": "shadow" })),
            "rules[0].introspect: must not be `true` with `mode: shadow`",
        ),
        (
            other,
            "rules[0].introspect: must not be `true`: provider `other` has no `introspection`; \
             `requires.providers` can exclude it",
        ),
    ]);
}
