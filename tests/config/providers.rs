//! `providers`: issuers, requirements of tokens, and keys.

use serde_json::{Value, json};
use test_support::common::{ISSUER, config, jwks, two_providers, with};

use super::assert_errors;

fn provider(changes: Value) -> Value {
    config(changes, json!({}))
}

fn remote(more: Value) -> Value {
    provider(json!({ "remote_jwks": with(json!({ "cluster": "c" }), more) }))
}

#[test]
fn invalid_issuer_is_rejected() {
    let issuer = |issuer: &str| provider(json!({ "issuer": issuer }));
    let https = "providers.okta.issuer: must begin with `https://`";
    let host = "providers.okta.issuer: must name a host, with an optional port and without user information";
    let url = "providers.okta.issuer: must be a URL without spaces and without a fragment";
    let placeholder = "providers.okta.issuer: still has a placeholder in it";
    let query = "providers.okta.issuer: must not have a query (RFC 8414 section 2)";
    let slash = "providers.okta.issuer: must not end with `/`: no issuer of Okta does, and the filter compares issuers exactly";
    let admin = "providers.okta.issuer: must not be the address of the Admin Console: remove `-admin`";
    let com = "providers.okta.issuer: must not end with `.com.com`";
    let org = "providers.okta.issuer: must be the issuer of a custom authorization server, `https://{domain}/oauth2/{id}`: access tokens of the org authorization server are only for Okta's own APIs";
    let either = "providers.okta: must have either `issuer` or `issuers`";
    let list = |list: Value| provider(json!({ "issuer": null, "issuers": list }));
    assert_errors([
        (provider(json!({ "issuer": null })), either),
        (provider(json!({ "issuers": [ISSUER] })), either),
        (provider(json!({ "issuer": 1 })), "providers.okta.issuer: must be a string, not the number `1`"),
        (issuer(""), https),
        (issuer("http://acme.okta.com/oauth2/default"), https),
        (issuer("HTTPS://acme.okta.com/oauth2/default"), https),
        (issuer(" https://acme.okta.com/oauth2/default"), https),
        (issuer("https://"), host),
        (issuer("https://u:p@acme.okta.com/oauth2/default"), host),
        (issuer("https://acme okta.com/oauth2/default"), host),
        (issuer("https://acme.okta.com/oauth2/de fault"), url),
        (issuer("https://acme.okta.com/oauth2/default#f"), url),
        (issuer("https://{yourOktaDomain}/oauth2/default"), placeholder),
        (issuer("https://yourOktaDomain/oauth2/default"), placeholder),
        (issuer("https://acme.okta.com/oauth2/<id>"), placeholder),
        (issuer("https://acme.okta.com/oauth2/default?x"), query),
        (issuer("https://acme.okta.com/oauth2/default/"), slash),
        (issuer("https://acme.okta.com/"), slash),
        (issuer("https://acme-admin.okta.com/oauth2/default"), admin),
        (issuer("https://acme-Admin.oktapreview.com/oauth2/default"), admin),
        (issuer("https://acme-admin.okta-emea.com/oauth2/default"), admin),
        (issuer("https://acme-admin.okta.com:443/oauth2/default"), admin),
        (issuer("https://acme-admin.okta-gov.com/oauth2/default"), admin),
        (issuer("https://acme-admin.okta.mil/oauth2/default"), admin),
        (issuer("https://acme.okta.com.com/oauth2/default"), com),
        (issuer("https://acme.okta.com.com:443/oauth2/default"), com),
        (issuer("https://acme.okta.com"), org),
        (issuer("https://acme.okta.com/oauth2"), org),
        (issuer("https://acme.okta.com/oauth2/default/v1/keys"), org),
        (issuer("https://acme.okta.com/x/oauth2/default"), org),
        (provider(json!({ "issuer": "https://acme.okta.com", "token_profile": "any" })), org),
        (provider(json!({ "issuer": "https://acme.okta.com", "token_profile": "rfc9068" })), org),
        (provider(json!({ "issuer": "https://acme.oktapreview.com/oauth2", "token_profile": "any" })), org),
        (provider(json!({ "issuer": "https://ACME.okta-gov.com:443", "token_profile": "any" })), org),
        (list(json!([])), "providers.okta.issuers: must not be empty"),
        (list(json!([ISSUER, ""])), "providers.okta.issuers[1]: must not be empty"),
        (list(json!([ISSUER, "http://x/oauth2/a"])), "providers.okta.issuers[1]: must begin with `https://`"),
        (
            list(json!([ISSUER, ISSUER])),
            "providers.okta: must not have the issuer of provider `okta`: https://acme.okta.com/oauth2/default",
        ),
        (
            list(json!(ISSUER)),
            "providers.okta.issuers: must be a list, not the string \"https://acme.okta.com/oauth2/default\"",
        ),
        (
            with(
                provider(json!({})),
                json!({ "providers": { "a": provider(json!({}))["providers"]["okta"], "b": provider(json!({}))["providers"]["okta"] } }),
            ),
            "providers.b: must not have the issuer of provider `a`: https://acme.okta.com/oauth2/default",
        ),
        (
            with(
                two_providers(json!({})),
                json!({ "providers": { "": provider(json!({}))["providers"]["okta"] } }),
            ),
            "providers.: must have a name that is not empty",
        ),
        (
            with(
                two_providers(json!({})),
                json!({ "providers": { "a\nb": provider(json!({}))["providers"]["okta"] } }),
            ),
            "providers.a\\nb: must have a name without control characters and line separators",
        ),
        (
            with(
                two_providers(json!({})),
                json!({ "providers": { "a\u{2028}b": provider(json!({}))["providers"]["okta"] } }),
            ),
            "providers.a\\u{2028}b: must have a name without control characters and line separators",
        ),
    ]);
}

#[test]
fn invalid_token_requirement_of_provider_is_rejected() {
    let algorithm = "providers.okta.algorithms[0]: must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA; the filter never accepts HS* and none";
    let duration = |name: &str, written: Value| provider(json!({ name: written }));
    let mut cases = vec![
        (provider(json!({ "audiences": null })), "providers.okta: missing field `audiences`"),
        (
            provider(json!({ "audiences": "api://default" })),
            "providers.okta.audiences: must be a list, not the string \"api://default\"",
        ),
        (provider(json!({ "audiences": [] })), "providers.okta.audiences: must not be empty"),
        (provider(json!({ "audiences": [""] })), "providers.okta.audiences[0]: must not be empty"),
        (
            provider(json!({ "audiences": ["a", 1] })),
            "providers.okta.audiences[1]: must be a string, not the number `1`",
        ),
        (provider(json!({ "client_ids": [] })), "providers.okta.client_ids: must not be empty"),
        (provider(json!({ "client_ids": ["a", ""] })), "providers.okta.client_ids[1]: must not be empty"),
        (provider(json!({ "algorithms": [] })), "providers.okta.algorithms: must not be empty"),
        (
            provider(json!({ "algorithms": "RS256" })),
            "providers.okta.algorithms: must be a list, not the string \"RS256\"",
        ),
        (
            provider(json!({ "token_profile": "Okta" })),
            "providers.okta.token_profile: must be one of `okta`, `rfc9068`, `any`, not the string \"Okta\"",
        ),
        (
            provider(json!({ "token_profile": 1 })),
            "providers.okta.token_profile: must be one of `okta`, `rfc9068`, `any`, not the number `1`",
        ),
        (duration("clock_skew", json!("301s")), "providers.okta.clock_skew: must be from 0s to 5m"),
        (duration("clock_skew", json!("5.001m")), "providers.okta.clock_skew: must be from 0s to 5m"),
        (
            duration("clock_skew", json!("500ms")),
            "providers.okta.clock_skew: must be a whole number of seconds",
        ),
        (
            duration("clock_skew", json!(60)),
            "providers.okta.clock_skew: must be a string, not the number `60`",
        ),
        (duration("max_token_age", json!("0s")), "providers.okta.max_token_age: must be from 1s to 366d"),
        (duration("max_token_age", json!("999ms")), "providers.okta.max_token_age: must be from 1s to 366d"),
        (
            duration("max_token_age", json!("1001ms")),
            "providers.okta.max_token_age: must be a whole number of seconds",
        ),
        (duration("max_token_age", json!("367d")), "providers.okta.max_token_age: must be from 1s to 366d"),
    ];
    for written in ["", "60", "s", "-1s", "1 s", "1S", "1h30m", "1e3s", "+1s", "1w", "99999999999999999999d"]
    {
        cases.push((
            duration("clock_skew", json!(written)),
            "providers.okta.clock_skew: must be a number and a unit, such as 500ms, 5s, 10m, 1h or 1d",
        ));
    }
    for name in ["HS256", "none", "rs256", "", "RS256 ", "ES256K"] {
        let expected =
            if name.is_empty() { "providers.okta.algorithms[0]: must not be empty" } else { algorithm };
        cases.push((provider(json!({ "algorithms": [name] })), expected));
    }
    assert_errors(cases);
}

#[test]
fn invalid_key_source_is_rejected() {
    let local = |jwks: Value| provider(json!({ "remote_jwks": null, "local_jwks": jwks }));
    let set = jwks("okta");
    let many = vec![json!({}); 101];
    assert_errors([
        (
            provider(json!({ "remote_jwks": null })),
            "providers.okta: must have `remote_jwks`, `local_jwks`, or both",
        ),
        (
            provider(json!({ "remote_jwks": "okta" })),
            "providers.okta.remote_jwks: must be an object, not the string \"okta\"",
        ),
        (provider(json!({ "remote_jwks": {} })), "providers.okta.remote_jwks: missing field `cluster`"),
        (local(json!("x")), "providers.okta.local_jwks: must be an object, not the string \"x\""),
        (local(json!({})), "providers.okta.local_jwks: the document is not a JWK Set"),
        (local(json!({ "keys": {} })), "providers.okta.local_jwks: the document is not a JWK Set"),
        (local(json!({ "keys": [] })), "providers.okta.local_jwks: the document has no usable signing key"),
        (
            local(json!({ "keys": [{ "kty": "oct", "k": "AA" }] })),
            "providers.okta.local_jwks: the document has no usable signing key",
        ),
        (local(json!({ "keys": many })), "providers.okta.local_jwks: the document has more than 100 keys"),
        (local(json!({ "keys": set })), "providers.okta.local_jwks: the document is not a JWK Set"),
        (remote(json!({ "cluster": "" })), "providers.okta.remote_jwks.cluster: must not be empty"),
        (
            remote(json!({ "uri": "http://h/keys" })),
            "providers.okta.remote_jwks.uri: must begin with `https://`",
        ),
        (
            remote(json!({ "uri": "https://u@h/keys" })),
            "providers.okta.remote_jwks.uri: must name a host, with an optional port and without user information",
        ),
        (
            remote(json!({ "uri": "https://h/k\r\nx: y" })),
            "providers.okta.remote_jwks.uri: must be a URL without spaces and without a fragment",
        ),
        (
            remote(json!({ "uri": "https://{domain}/keys" })),
            "providers.okta.remote_jwks.uri: still has a placeholder in it",
        ),
        (
            remote(json!({ "uri": "https://h/k", "discovery": true })),
            "providers.okta.remote_jwks: must not have both `uri` and `discovery: true`",
        ),
        (
            remote(json!({ "jwks_hosts": ["h"] })),
            "providers.okta.remote_jwks.jwks_hosts: must not be set without `discovery: true`",
        ),
        (
            remote(json!({ "discovery": true, "jwks_hosts": [] })),
            "providers.okta.remote_jwks.jwks_hosts: must not be empty",
        ),
        (
            remote(json!({ "discovery": true, "jwks_hosts": ["https://h"] })),
            "providers.okta.remote_jwks.jwks_hosts[0]: must be a host, with a port unless it is 443",
        ),
        (
            remote(json!({ "discovery": "yes" })),
            "providers.okta.remote_jwks.discovery: must be `true` or `false`, not the string \"yes\"",
        ),
        (
            remote(json!({ "timeout": "99ms" })),
            "providers.okta.remote_jwks.timeout: must be from 100ms to 1m",
        ),
        (remote(json!({ "timeout": "61s" })), "providers.okta.remote_jwks.timeout: must be from 100ms to 1m"),
        (
            remote(json!({ "timeout": 5 })),
            "providers.okta.remote_jwks.timeout: must be a string, not the number `5`",
        ),
        (
            remote(json!({ "cache_duration": "999ms" })),
            "providers.okta.remote_jwks.cache_duration: must be from 1s to 1d",
        ),
        (
            remote(json!({ "cache_duration": "86401s" })),
            "providers.okta.remote_jwks.cache_duration: must be from 1s to 1d",
        ),
        (
            remote(json!({ "max_stale": "31d" })),
            "providers.okta.remote_jwks.max_stale: must be from 1s to 30d",
        ),
        (
            remote(json!({ "max_stale": "599s" })),
            "providers.okta.remote_jwks.max_stale: must not be shorter than `cache_duration`",
        ),
        (
            remote(json!({ "unknown_kid_cooldown": "0s" })),
            "providers.okta.remote_jwks.unknown_kid_cooldown: must be from 1s to 1h",
        ),
        (
            remote(json!({ "unknown_kid_cooldown": "61m" })),
            "providers.okta.remote_jwks.unknown_kid_cooldown: must be from 1s to 1h",
        ),
    ]);
}
