//! `okta-authz explain`.

use serde_json::{Value, json};
use stand_in_okta::{Options, Server, StandIn, TokenSpec};
use test_support::common::{NOW, Signer, Token, jwks, rules};

use super::{assert_golden, okta_authz, scratch};

/// Writes a configuration, a key set and a token.
fn files(name: &str, token: &Token) -> [String; 3] {
    let config = rules(json!([
        { "match": { "path": "/healthz" }, "public": true },
        { "match": { "path_separated_prefix": "/items", "hosts": ["*.example.com"], "methods": ["GET"] },
          "requires": { "scopes": ["items:read"], "any_of": [
              { "groups": ["Admins"] },
              { "all_of": [{ "claims": [{ "name": "tier", "equals": 1 }] }, { "not": { "user": true } }] },
          ] } },
        { "match": { "path_separated_prefix": "/items" }, "requires": { "groups": ["Everyone"] } },
    ]));
    let file = |kind: &str, contents: &str| {
        scratch(&format!("{name}-{kind}"), contents).to_str().unwrap().to_owned()
    };
    let mut config = config;
    config["claim_to_headers"] = json!([{ "header_name": "x-okta-sub", "claim_name": "sub" }]);
    let token = file("token", &format!("{}\n", token.compact()));
    [
        file("config.json", &config.to_string()),
        file("keys.json", &jwks("okta").to_string()),
        format!("@{token}"),
    ]
}

#[test]
fn explain_request_prints_steps() {
    let [config, keys, token] = files("steps", &Token::user());
    let at = NOW.to_string();
    let common = ["explain", "--config", &config, "--jwks", &keys, "--token", &token, "--at", &at, "--host"];
    let explain =
        |name: &str, more: &[&str], status: i32| assert_golden(name, &[&common[..], more].concat(), status);
    explain("explain-denied.txt", &["api.example.com", "--path", "/items/1?a=b"], 1);
    explain("explain-allowed.txt", &["api.example.org", "--path", "/items/1"], 0);
    explain("explain-claims.txt", &["api.example.org", "--path", "/items/1", "--show-claims"], 0);
    explain("explain-public.txt", &["h", "--path", "/healthz"], 0);
    explain("explain-no-rule.txt", &["h", "--path", "/"], 1);
    explain("explain-ambiguous.txt", &["h", "--path", "/items/../admin"], 1);
    explain("explain.json", &["api.example.com", "--path", "/items/1", "--json"], 1);
}

#[test]
fn explain_agent_prints_each_condition() {
    let mut config = rules(json!([{ "match": {}, "requires": {
        "scopes": ["items:read"],
        "authorization_details": [
            { "type": "payment", "actions": ["initiate"], "identifier": "a1" },
            { "type": "account", "other_fields": "ignore" },
        ],
        "actor": { "present": true, "subjects": ["wlp1"], "max_depth": 2 },
    } }]));
    config["providers"]["okta"]["audiences"] = json!(["api://default", "https://h"]);
    config["protected_resources"] = json!([{ "resource": "https://h", "require_audience": true }]);
    let token = Token::user().claims(json!({
        "aud": "https://h", "act": { "sub": "wlp2" }, "authorization_details": [{ "type": "account", "limit": 1 }],
    }));
    let file = |kind: &str, contents: &str| {
        scratch(&format!("agents-{kind}"), contents).to_str().unwrap().to_owned()
    };
    let [config, keys, token] = [
        file("config.json", &config.to_string()),
        file("keys.json", &jwks("okta").to_string()),
        format!("@{}", file("token", &token.compact())),
    ];
    let at = NOW.to_string();
    let common = ["explain", "--config", &config, "--jwks", &keys, "--at", &at, "--path", "/"];
    let run = okta_authz([&common[..], &["--token", &token]].concat());
    assert_eq!(run.status, 1, "{}", run.stderr);
    for line in [
        "ok  resource_audience",
        "ok  scopes: items:read",
        "NO  authorization_details: type: payment, identifier: a1, actions: [\"initiate\"]",
        "ok  authorization_details: type: account, other_fields: ignore",
        "NO  actor: present: true, subjects: [\"wlp1\"], max_depth: 2",
        "deny: requirement_not_met, 403",
    ] {
        assert!(run.stdout.contains(line), "{line} is not in:\n{}", run.stdout);
    }
    let missing = okta_authz(common);
    let challenge =
        "scope=\"items:read\",resource_metadata=\"https://h/.well-known/oauth-protected-resource\"";
    assert!(missing.stdout.contains(challenge), "{}", missing.stdout);
}

const HIDDEN: [char; 9] =
    ['\u{1b}', '\u{7}', '\u{202e}', '\u{e0041}', '\u{180e}', '\u{3164}', '\u{fe0f}', '\u{2066}', '\u{200b}'];

#[test]
fn explain_token_with_control_characters_prints_escapes() {
    let token = Token::user()
        .head(json!({ "kid": "\u{1b}[31mkid\u{202e}" }))
        .claims(json!({ "sub": "\u{1b}]0;title\u{7}\u{e0041}\u{180e}\u{3164}\u{fe0f}\u{2066}\u{200b}" }))
        .signed_by(Signer::Fixed(b"an invalid signature".to_vec()));
    let [config, keys, at_token] = files("terminal", &token);
    let at = NOW.to_string();
    for more in [&[][..], &["--json"]] {
        let args = ["explain", "--config", &config, "--jwks", &keys, "--token", &at_token, "--at", &at];
        let args = [&args[..], &["--path", "/items", "--show-claims"], more].concat();
        let run = okta_authz(&args);
        assert_eq!(run.status, 1);
        assert!(run.stdout.contains("title") && run.stdout.contains("31mkid"), "{}", run.stdout);
        assert!(!run.stdout.contains(HIDDEN), "{}", run.stdout);
        let signature = token.compact().rsplit_once('.').unwrap().1.to_owned();
        assert!(!run.stdout.contains(&signature), "{}", run.stdout);
    }
}

#[test]
fn explain_without_show_claims_prints_no_claims() {
    let [config, keys, token] = files("no-claims", &Token::user());
    let at = NOW.to_string();
    for more in [&[][..], &["--json"]] {
        let args = ["explain", "--config", &config, "--jwks", &keys, "--token", &token, "--at", &at];
        let run = okta_authz([&args[..], &["--path", "/items"], more].concat());
        assert!(run.status == 0 && run.stdout.contains("x-okta-sub"), "{}", run.stdout);
        for claim in ["joe.user", "00ujmkLgagxeRrAg20g3", "IT, EMEA", "0oa1m2mSvcClnt9A5d07"] {
            assert!(!run.stdout.contains(claim), "{}", run.stdout);
        }
    }
}

#[test]
fn explain_batch_number_is_exact() {
    let config =
        rules(json!([{ "match": {}, "requires": { "claims": [{ "name": "tier", "equals": "@" }] } }]));
    let line = |claim: &str, expected_claim: &str| {
        let payload = Token::user().payload.replace(r#""tier":1"#, &format!(r#""tier":{claim}"#));
        let token = Token::user().raw_payload(&payload).compact();
        let line = json!({
            "config": config, "request": { "path": "/", "host": "h" }, "token": token,
            "jwks": { "okta": jwks("okta") }, "at": NOW,
        });
        line.to_string().replace("\"@\"", expected_claim)
    };
    for (claim, expected_claim, code) in [
        ("9007199254740991", "9007199254740991.0", "allowed"),
        ("9007199254740991.0", "9007199254740991.0", "allowed"),
        ("9007199254740990", "9007199254740991.0", "requirement_not_met"),
        ("2.2250738585072011e-308", "2.2250738585072011e-308", "allowed"),
        ("2.2250738585072014e-308", "2.2250738585072011e-308", "requirement_not_met"),
    ] {
        let file = scratch("batch-numbers.jsonl", &line(claim, expected_claim));
        let output = okta_authz(["explain", "--batch", file.to_str().unwrap()]).stdout;
        let explanation: Value = serde_json::from_str(&output).unwrap();
        assert_eq!(explanation["code"], code, "{claim} {expected_claim}: {explanation}");
    }
    let twice = line("1", "1").replace("\"at\"", "\"at\":1,\"at\"");
    let file = scratch("batch-twice.jsonl", &twice);
    let output = okta_authz(["explain", "--batch", file.to_str().unwrap()]).stdout;
    assert!(output.contains("has the same member twice"), "{output}");
}

#[test]
fn explain_offline_without_keys_waits() {
    let [config, _, token] = files("offline", &Token::user());
    let at = NOW.to_string();
    let run = okta_authz([
        "explain",
        "--config",
        &config,
        "--offline",
        "--token",
        &token,
        "--at",
        &at,
        "--path",
        "/items",
        "--json",
    ]);
    let explanation: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        (run.status, &explanation["decision"], &explanation["code"]),
        (1, &json!("wait"), &json!("keys_unavailable"))
    );
}

#[test]
fn explain_fetches_keys_only_with_trusted_certificate() {
    let okta = StandIn::start(Options::default());
    let issuer = okta.issuer(Server::Default);
    let keys = format!("https://localhost:{}/oauth2/default/v1/keys", okta.https_port());
    let config = |uri: &str| {
        let remote = json!({ "cluster": "okta", "uri": uri });
        let provider =
            json!({ "issuer": issuer, "audiences": [okta.audience(Server::Default)], "remote_jwks": remote });
        json!({ "providers": { "okta": provider } }).to_string()
    };
    let config = scratch("https-config.json", &config(&keys));
    let ca = scratch("https-ca.pem", okta.ca_pem());
    let token = scratch("https-token", &okta.mint(Server::Default, &TokenSpec::user()));
    let token = format!("@{}", token.display());
    let args = ["explain", "--config", config.to_str().unwrap(), "--token", &token, "--path", "/", "--json"];
    let explain = |more: &[&str]| {
        let run = okta_authz([&args[..], more].concat());
        let explanation: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
        (run, explanation["code"].as_str().unwrap_or_default().to_owned())
    };
    let ca = ca.to_str().unwrap();
    let (run, code) = explain(&["--ca", ca]);
    assert_eq!((run.status, code.as_str()), (0, "allowed"), "{}", run.stdout);
    let (run, code) = explain(&[]);
    assert_eq!((run.status, code.as_str()), (1, "keys_unavailable"), "{}", run.stdout);
    assert!(run.stdout.contains(&keys), "names the URL that cannot be fetched: {}", run.stdout);
    let named = format!("okta={keys}");
    assert_eq!(explain(&["--ca", ca, "--jwks", &named]).1, "allowed");
    assert_eq!(explain(&["--jwks", &named]).0.status, 2);
}

#[test]
fn explain_opaque_token_asks_the_endpoint_or_reads_a_file() {
    let okta = StandIn::start(Options::default());
    let ca = scratch("introspection-ca.pem", okta.ca_pem());
    let token = okta.mint(Server::Default, &TokenSpec::user().opaque());
    let origin = format!("https://localhost:{}", okta.https_port());
    let config = |secret: &str| {
        let config = json!({ "providers": { "okta": {
            "issuer": okta.issuer(Server::Default), "audiences": [okta.audience(Server::Default)],
            "introspection": {
                "cluster": "okta", "uri": format!("{origin}/oauth2/default/v1/introspect"),
                "client_id": stand_in_okta::RESOURCE_SERVER_ID,
                "auth": { "client_secret_basic": { "secret_env": secret } },
            },
        } } });
        scratch(&format!("introspection-{secret}.json"), &config.to_string()).to_str().unwrap().to_owned()
    };
    let explain = |config: &str, token: &str, more: &[&str]| {
        let mut command = test_support::okta_authz();
        command.env("RS_SECRET", stand_in_okta::RESOURCE_SERVER_SECRET).env("WRONG_SECRET", "x");
        command.args(["explain", "--config", config, "--path", "/", "--token", token, "--json"]).args(more);
        let output = command.output().unwrap();
        let explanation: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        let step =
            explanation["steps"].as_array().unwrap().iter().find(|step| step["step"] == "introspection");
        (explanation["code"].as_str().unwrap().to_owned(), step.cloned().unwrap_or_default())
    };
    let ca = ["--ca", ca.to_str().unwrap()];
    let good = config("RS_SECRET");
    assert_eq!(explain(&good, &token, &ca).0, "allowed");
    assert_eq!(explain(&good, "a-token-that-the-server-does-not-know", &ca).0, "token_inactive");
    let (code, step) = explain(&config("WRONG_SECRET"), &token, &ca);
    assert_eq!(code, "introspection_unavailable");
    assert!(step["notes"][0].as_str().unwrap().contains("status 401"), "{step}");
    let (code, step) = explain(&config("MISSING_SECRET"), &token, &ca);
    assert_eq!(code, "introspection_unavailable");
    assert!(step["notes"][0].as_str().unwrap().contains("MISSING_SECRET"), "{step}");
    let (code, step) = explain(&good, &token, &["--offline"]);
    assert_eq!(
        (code.as_str(), &step["notes"][0]),
        ("introspection_unavailable", &json!("offline: not introspected"))
    );

    let inactive = scratch("introspection-inactive.json", r#"{"active":false}"#);
    let file = ["--introspection", inactive.to_str().unwrap(), "--offline"];
    assert_eq!(explain(&config("MISSING_SECRET"), &token, &file).0, "token_inactive");
}
