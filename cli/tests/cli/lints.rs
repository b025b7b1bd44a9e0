//! `okta-authz check`: likely mistakes in a valid configuration.

use serde_json::{Value, json};

use super::findings::findings;

fn provider(issuer: &str) -> Value {
    json!({ "issuer": issuer, "audiences": ["api://default"], "remote_jwks": { "cluster": "okta" } })
}

fn warnings(name: &str, config: &Value) -> Vec<String> {
    let found = findings(&format!("lint-{name}"), &config.to_string());
    assert_eq!(found.errors, [""; 0], "{name}");
    assert_eq!(found.notes, [""; 0], "{name}");
    found.warnings
}

fn assert_one(name: &str, warnings: &[String], problem: &str) {
    assert!(warnings.len() == 1 && warnings[0].contains(problem), "{name}: {warnings:?}");
}

#[test]
fn check_issuer_of_no_token_is_a_warning() {
    for (number, (issuer, profile, problem)) in [
        ("https://acme.okta.com/oauth2/v1", "okta", "`/oauth2/v1` is a path of the org authorization server"),
        ("https://login.example.com/oauth2/v1", "okta", "`/oauth2/v1` is a path"),
        ("https://acme.okta.com/oauth2/v1", "any", "`/oauth2/v1` is a path"),
        ("https://ACME.okta.com/oauth2/default", "okta", "\"https://acme.okta.com/oauth2/default\""),
        ("https://acme.Okta.com/oauth2/default", "any", "in lower case"),
        ("https://Login.example.com/oauth2/default", "okta", "in lower case"),
        ("https://acme.okta.com:443/oauth2/default", "okta", "have no port"),
        ("https://acme.okta.com/oauth2/Default", "okta", "is `default`, in lower case"),
        ("https://idp.example.com/.well-known/openid-configuration", "any", "metadata document"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut provider = provider(issuer);
        provider["token_profile"] = json!(profile);
        let found = warnings(&format!("issuer-{number}"), &json!({ "providers": { "p": provider } }));
        assert_one(issuer, &found, problem);
        assert!(found[0].starts_with("providers.p.issuer: "), "{found:?}");
    }
    for (number, (issuer, profile)) in [
        ("https://acme.okta.com/oauth2/default", "okta"),
        ("https://acme.okta.com/oauth2/ausA1b2", "okta"),
        ("https://login.example.com:8443/oauth2/v1beta", "okta"),
        ("https://IDP.example.com/Realm/", "any"),
        ("https://idp.example.com/v1", "rfc9068"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut provider = provider(issuer);
        provider["token_profile"] = json!(profile);
        let found = warnings(&format!("good-issuer-{number}"), &json!({ "providers": { "p": provider } }));
        assert_eq!(found, [""; 0], "{issuer}");
    }
    let several = json!({ "providers": { "p": { "issuers": ["https://acme.okta.com/oauth2/default", "https://ACME.okta.com/oauth2/default"],
        "audiences": ["a"], "remote_jwks": { "cluster": "okta" } } } });
    assert!(warnings("issuers", &several)[0].starts_with("providers.p.issuers[1]: "));
}

#[test]
fn check_uri_of_no_key_set_is_a_warning() {
    for (number, (uri, problem)) in [
        ("https://acme.okta.com/oauth2/default/.well-known/openid-configuration", "set `discovery: true`"),
        (
            "https://acme.okta.com/oauth2/default/.well-known/oauth-authorization-server",
            "set `discovery: true`",
        ),
        (
            "https://acme.okta.com/.well-known/oauth-authorization-server/oauth2/default",
            "set `discovery: true`",
        ),
        (
            "https://acme.okta.com/oauth2/default/.well-known/openid-configuration?client_id=a",
            "set `discovery: true`",
        ),
        ("https://acme.okta.com/oauth2/default", "is the issuer"),
        ("https://acme.okta.com/oauth2/default/", "is the issuer"),
        ("https://acme.okta.com/oauth2/default/v1/token", "is the endpoint `token`"),
        ("https://acme.okta.com/oauth2/v1/keys", "another authorization server"),
        ("https://acme.okta.com/oauth2/aus1/v1/keys", "another authorization server"),
        ("https://other.okta.com/oauth2/default/v1/keys", "another org"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut provider = provider("https://acme.okta.com/oauth2/default");
        provider["remote_jwks"]["uri"] = json!(uri);
        let found = warnings(&format!("uri-{number}"), &json!({ "providers": { "p": provider } }));
        assert_one(uri, &found, problem);
        assert!(found[0].starts_with("providers.p.remote_jwks.uri: "), "{found:?}");
    }
    for (number, (issuer, uri)) in [
        ("https://acme.okta.com/oauth2/default", "https://acme.okta.com/oauth2/default/v1/keys"),
        ("https://acme.okta.com/oauth2/default", "https://ACME.okta.com:443/oauth2/default/v1/keys"),
        ("https://login.example.com/oauth2/default", "https://acme.okta.com/oauth2/default/v1/keys"),
        ("https://acme.okta.com/oauth2/default", "https://keys.internal/jwks.json"),
        ("https://acme.okta.com/oauth2/default", "https://keys.internal/.well-known/jwks.json"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut provider = provider(issuer);
        provider["remote_jwks"]["uri"] = json!(uri);
        let found = warnings(&format!("good-uri-{number}"), &json!({ "providers": { "p": provider } }));
        assert_eq!(found, [""; 0], "{uri}");
    }
}

#[test]
fn check_rule_for_several_providers_without_providers_is_a_warning() {
    let config = |requires: Value, count: usize| {
        let names = ["one", "two"].into_iter().take(count);
        let providers: serde_json::Map<String, Value> = names
            .map(|name| (name.to_owned(), provider(&format!("https://{name}.okta.com/oauth2/default"))))
            .collect();
        json!({ "providers": providers, "rules": [{ "match": { "prefix": "/" }, "requires": requires }] })
    };
    let groups = json!({ "groups": ["Admins"] });
    let one = json!({ "providers": ["one"] });
    for (number, (requires, field)) in [
        (groups.clone(), "`groups`"),
        (json!({ "subjects": ["a"] }), "`subjects`"),
        (json!({ "scopes": ["a"] }), "`scopes`"),
        (json!({ "any_scopes": ["a"] }), "`any_scopes`"),
        (json!({ "client_ids": ["a"] }), "`client_ids`"),
        (json!({ "acr_values": ["a"] }), "`acr_values`"),
        (json!({ "claims": [{ "name": "a", "equals": 1 }] }), "`claims`"),
        (json!({ "claims": [{ "name": "iss", "exists": true }] }), "`claims`"),
        (json!({ "groups": ["a"], "scopes": ["b"] }), "`groups`, `scopes` without"),
        (json!({ "all_of": [groups, { "user": true }] }), "`groups`"),
        (json!({ "any_of": [groups, { "providers": ["one"], "scopes": ["a"] }] }), "`groups`"),
        (json!({ "all_of": [{ "any_of": [one, groups] }] }), "`groups`"),
        (json!({ "groups": ["a"], "not": { "providers": ["two"] } }), "`groups`"),
    ]
    .into_iter()
    .enumerate()
    {
        let found = warnings(&format!("trust-{number}"), &config(requires.clone(), 2));
        assert_one(&requires.to_string(), &found, field);
        assert!(found[0].starts_with("rules[0].requires: "), "{found:?}");
        if !requires.to_string().contains("providers") {
            assert_eq!(warnings(&format!("trust-{number}-alone"), &config(requires, 1)), [""; 0]);
        }
    }
    for (number, requires) in [
        json!({}),
        json!({ "user": true }),
        json!({ "providers": ["one", "two"], "groups": ["a"] }),
        json!({ "providers": ["one"], "any_of": [groups, { "scopes": ["a"] }] }),
        json!({ "all_of": [one, groups] }),
        json!({ "any_of": [{ "providers": ["one"], "groups": ["a"] }, { "providers": ["two"], "groups": ["b"] }] }),
        json!({ "claims": [{ "name": "iss", "equals": "https://one.okta.com/oauth2/default" }], "groups": ["a"] }),
        json!({ "not": groups }),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(warnings(&format!("trust-good-{number}"), &config(requires.clone(), 2)), [""; 0], "{requires}");
    }
    let mut routes = config(json!({}), 2);
    routes["route_policies"] = json!({ "admin": { "requires": { "groups": ["Admins"] } } });
    assert!(warnings("trust-route", &routes)[0].starts_with("route_policies.admin.requires: "));
}

#[test]
fn check_denylist_entry_that_matches_no_token_is_a_warning() {
    let issuer = "https://acme.okta.com/oauth2/default";
    let config = |entries: Value| json!({ "providers": { "p": provider(issuer) }, "denylist": { "entries": entries } });
    for (number, (entry, at, problem)) in [
        (
            json!({ "issuer": format!("{issuer}/") }),
            ".issuer",
            "use \"https://acme.okta.com/oauth2/default\"",
        ),
        (json!({ "issuer": "https://ACME.okta.com/oauth2/default" }), ".issuer", "are compared exactly"),
        (
            json!({ "issuer": "https://other.okta.com/oauth2/default", "sub": "a" }),
            ".issuer",
            "is the issuer of no provider",
        ),
        (json!({ "uid": "00u*" }), ".uid", "looks like a pattern"),
        (json!({ "sub": "*@example.com" }), ".sub", "looks like a pattern"),
        (json!({ "jti": " AT.x " }), ".jti", "white space"),
        (json!({ "jti": "AT.x\n" }), ".jti", "white space"),
        (json!({ "cid": "<client id>" }), ".cid", "placeholder"),
        (json!({ "uid": "0oa1m2mSvcClnt9A5d07" }), ".uid", "use `cid`"),
        (json!({ "cid": "00u1m2mSvcClnt9A5d07" }), ".cid", "use `uid`"),
        (json!({ "uid": "user@example.com" }), ".uid", "use `sub`"),
        (json!({ "jti": "AT.x,AT.y" }), ".jti", "no Okta ID"),
        (json!({ "uid": "00u1 00u2" }), ".uid", "no Okta ID"),
        (json!({ "jti": "\"AT.x\"" }), ".jti", "no Okta ID"),
        (json!({ "jti": "AT.x\u{200b}" }), ".jti", "invisible"),
        (json!({ "jti": "ID.x" }), ".jti", "of an ID token"),
        (json!({ "jti": "eyJhbGciOiJSUzI1NiJ9.eyJqdGkiOiJBVC54In0.c2ln" }), ".jti", "use the claim `jti`"),
        (json!({ "sub": "a", "issued_before": 0 }), ".issued_before", "is before the `iat` of every token"),
        (json!({ "issuer": issuer, "issued_before": 2_100_000_000 }), ".issued_before", "is in the future"),
        (
            json!({ "uid": "a", "authenticated_before": 0 }),
            ".authenticated_before",
            "is before the `auth_time`",
        ),
        (
            json!({ "uid": "a", "authenticated_before": 2_100_000_000 }),
            ".authenticated_before",
            "is in the future",
        ),
        (json!({ "uid": "a", "until": 1_700_000_000 }), ".until", "the entry has ended"),
        (json!({ "email": "joe" }), ".email", "is not an e-mail address"),
    ]
    .into_iter()
    .enumerate()
    {
        let found = warnings(&format!("denylist-{number}"), &config(json!([entry])));
        assert_one(&entry.to_string(), &found, problem);
        assert!(found[0].starts_with(&format!("denylist.entries[0]{at}: ")), "{found:?}");
    }
    let twice =
        warnings("denylist-twice", &config(json!([{ "jti": "a", "sub": "b" }, { "sub": "b", "jti": "a" }])));
    assert_one("twice", &twice, "denylist.entries[1]: is equal to denylist.entries[0]");
    let good = json!([
        { "jti": "AT.a-_B" }, { "sub": "user+a@example.com" }, { "uid": "00u1m2mSvcClnt9A5d07" },
        { "cid": "0oa1m2mSvcClnt9A5d07" }, { "issuer": issuer, "issued_before": 1_750_000_000 }, { "sub": "a b" },
        { "email": "Joe@example.com", "authenticated_before": 1_750_000_000, "until": 2_100_000_000 },
    ]);
    assert_eq!(warnings("denylist-good", &config(good)), [""; 0]);
}
