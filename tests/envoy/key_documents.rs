//! Responses of key and denylist servers: compression, HTML pages, duplicate keys, repeated
//! headers.

use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::{Endpoint, Fault, Options, Server, StandIn, TokenSpec};
use test_support::config::EnvoyConfig;

use super::harness::{CONNECTIONS_FOR_BOTH_WORKERS, Harness};

/// Sets a cache duration of 1 s.
fn with_short_cache(mut config: EnvoyConfig) -> EnvoyConfig {
    config.plugin()["providers"]["okta"]["remote_jwks"] =
        json!({ "cluster": "okta", "timeout": "1s", "cache_duration": "1s", "unknown_kid_cooldown": "1s" });
    config
}

/// Returns a fault that responds with a JWK Set of these keys.
fn jwk_set(keys: &[Value]) -> Fault {
    Fault::Body(json!({ "keys": keys }).to_string())
}

/// Returns the JWK of the key that signs.
fn signing_key(okta: &StandIn) -> Value {
    let keys: Value = serde_json::from_str(&okta.jwks(Server::Default)).unwrap();
    let kid = okta.kid(Server::Default);
    keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == *kid).cloned().unwrap()
}

fn without(mut key: Value, members: &[&str]) -> Value {
    members.iter().for_each(|name| drop(key.as_object_mut().unwrap().remove(*name)));
    key
}

fn with(mut key: Value, member: &str, value: Value) -> Value {
    key[member] = value;
    key
}

#[test]
fn fetch_requests_identity_encoding() {
    let okta = StandIn::start(Options::default());
    okta.set_fault(Server::Default, Fault::GzipUnlessIdentity);
    okta.set_fault_at(Server::Default, Endpoint::Denylist, Fault::GzipUnlessIdentity);
    let harness = Harness::with_okta("gzip-by-default", okta, |mut config| {
        config.plugin()["providers"]["okta"]["remote_jwks"]["discovery"] = json!(true);
        config.plugin()["denylist"] = json!({
            "remote": { "cluster": "okta", "uri": "https://acme.okta.example/stand-in/denylist" }
        });
        config
    });
    harness.warm_up();
    assert_eq!(harness.envoy.count("jwks_fetch_failed"), 0, "{}", harness.envoy.log());
    assert_eq!(harness.okta.discovery_fetches(Server::Default), 1);
}

#[test]
fn compressed_document_fails_and_the_error_names_the_encoding() {
    for (name, marked, expected) in [
        ("gzip-marked", true, "the response has content-encoding gzip; the filter accepts only identity"),
        ("gzip-unmarked", false, "(received: content-type application/json;charset=UTF-8, "),
    ] {
        let okta = StandIn::start(Options::default());
        okta.set_fault_at(Server::Default, Endpoint::Keys, Fault::Gzip { marked });
        okta.set_fault_at(Server::Default, Endpoint::Denylist, Fault::Gzip { marked });
        let harness = Harness::with_okta(name, okta, |config| {
            let mut config = with_short_cache(config);
            config.plugin()["denylist"] = json!({ "remote": {
                "cluster": "okta", "uri": "https://acme.okta.example/stand-in/denylist", "cache_duration": "1s"
            } });
            config
        });
        let token = harness.user_token();
        assert_eq!(harness.get_me(&token).code(), "keys_unavailable");
        harness.okta.set_fault_at(Server::Default, Endpoint::Keys, Fault::None);
        harness.wait_for_counter("jwks_fetch_success", 1);
        harness.wait_for_status(&token, 503, Duration::from_secs(10));
        assert_eq!(harness.get_me(&token).code(), "denylist_unavailable");
        harness.okta.set_fault_at(Server::Default, Endpoint::Denylist, Fault::None);
        harness.wait_for_status(&token, 200, Duration::from_secs(10));
        // The cached document stays valid when the server starts to compress.
        let failed = harness.envoy.count("jwks_fetch_failed");
        harness.okta.set_fault_at(Server::Default, Endpoint::Keys, Fault::Gzip { marked });
        harness.wait_for_counter("jwks_fetch_failed", failed + 1);
        harness.warm_up();
        let log = harness.envoy.log();
        for prefix in ["provider okta: JWKS fetch failed: ", "denylist fetch failed: "] {
            let line = log.lines().find(|line| line.contains(prefix)).unwrap_or_default();
            let names_cause =
                line.contains(expected) || line.contains("(received: content-type application/json, ");
            assert!(names_cause, "{line}\n{log}");
            assert!(marked || line.contains("compressed with gzip without content-encoding"), "{line}");
        }
        assert!(!log.contains("\"kty\""), "the log has a part of the document");
        harness.assert_alive();
    }
}

#[test]
fn html_document_fails_and_the_error_names_the_content_type() {
    let okta = StandIn::start(Options::default());
    okta.set_fault(Server::Default, Fault::Html);
    let harness = Harness::with_okta("html-document", okta, with_short_cache);
    assert_eq!(harness.get_me(&harness.user_token()).code(), "keys_unavailable");
    let log = harness.envoy.log();
    assert!(
        log.contains("the document is not a JWK Set (received: content-type text/html;charset=utf-8, "),
        "{log}"
    );
    assert!(!log.contains("read-only mode"), "{log}");
}

#[test]
fn key_listed_twice_counts_once() {
    let harness = Harness::new("duplicate-keys", with_short_cache);
    harness.warm_up();
    let (token, other, key) =
        (harness.user_token(), harness.mint(&TokenSpec::machine()), signing_key(&harness.okta));
    for (name, keys) in [
        ("twice", vec![key.clone(), key.clone()]),
        ("without alg", vec![key.clone(), without(key.clone(), &["alg"])]),
        ("without use, first", vec![without(key.clone(), &["use"]), key.clone()]),
        ("without alg and use, first", vec![without(key.clone(), &["alg", "use"]), key.clone()]),
        ("with key_ops", vec![with(key.clone(), "key_ops", json!(["verify"])), key.clone()]),
        ("with a certificate", vec![with(key.clone(), "x5c", json!(["AA=="])), key.clone()]),
        ("also for encryption", vec![with(key.clone(), "use", json!("enc")), key.clone()]),
        ("also for another algorithm", vec![with(key.clone(), "alg", json!("PS256")), key.clone()]),
        ("six times", vec![key.clone(); 6]),
    ] {
        let fetched = harness.envoy.count("jwks_fetch_success");
        harness.okta.set_fault_at(Server::Default, Endpoint::Keys, jwk_set(&keys));
        harness.wait_for_counter("jwks_fetch_success", fetched + 2);
        harness.wait_for_status(&token, 200, Duration::from_secs(5));
        let signature = other.rsplit_once('.').unwrap().1;
        let forged = format!("{}.{signature}", token.rsplit_once('.').unwrap().0);
        assert_eq!(harness.get_me(&forged).status, 401, "{name}");
    }
    assert_eq!(harness.envoy.count("decision.key_mismatch"), 0, "{}", harness.envoy.log());
    harness.assert_alive();
}

#[test]
fn keys_with_one_kid_are_tried_up_to_four() {
    let harness = Harness::new("keys-of-one-kid", with_short_cache);
    harness.warm_up();
    let (token, key) = (harness.user_token(), signing_key(&harness.okta));
    let forger = StandIn::start(Options::default());
    let forged =
        forger.mint(Server::Default, &TokenSpec::user().header("kid", harness.okta.kid(Server::Default)));
    // Keys that pass all checks of a key. Their moduli differ in the last bytes.
    let modulus = key["n"].as_str().unwrap().to_owned();
    let other_key = |number: usize| {
        with(
            key.clone(),
            "n",
            json!(format!("{}{}w", &modulus[..modulus.len() - 2], ["A", "B", "C", "D", "E"][number])),
        )
    };
    for (other_keys, status, code) in
        [(0, 200, ""), (1, 200, ""), (3, 200, ""), (4, 401, "signature_invalid"), (0, 200, "")]
    {
        let keys: Vec<Value> = (0..other_keys).map(other_key).chain([key.clone()]).collect();
        let fetched = harness.envoy.count("jwks_fetch_success");
        harness.okta.set_fault_at(Server::Default, Endpoint::Keys, jwk_set(&keys));
        harness.wait_for_counter("jwks_fetch_success", fetched + 2);
        harness.wait_for_status(&token, status, Duration::from_secs(5));
        assert_eq!(
            if status == 200 { String::new() } else { harness.get_me(&token).code() },
            code,
            "{other_keys}"
        );
        let checks = |harness: &Harness| {
            harness.envoy.count("signature.host.invalid") + harness.envoy.count("signature.software.invalid")
        };
        std::thread::sleep(Duration::from_millis(300));
        let checks_before = checks(&harness);
        assert_eq!(harness.get_me(&forged).code(), "signature_invalid");
        std::thread::sleep(Duration::from_millis(300));
        let expected = u64::try_from(other_keys + 1).unwrap().min(4);
        assert_eq!(checks(&harness) - checks_before, expected, "signature checks for a forged token");
    }
    let log = harness.envoy.log();
    let kid = harness.okta.kid(Server::Default);
    let skipped = format!("keys[4] (kid {kid}) is skipped: four other keys with this `kid` come before it");
    assert_eq!(log.matches(&skipped).count(), 1, "one line, and not one per fetch:\n{log}");
    harness.assert_alive();
}

#[test]
fn skipped_key_is_logged_once_by_one_worker() {
    let okta = StandIn::start(Options::default());
    let key = signing_key(&okta);
    let encryption_key = with(with(key.clone(), "use", json!("enc")), "kid", json!("for encryption"));
    okta.set_fault_at(Server::Default, Endpoint::Keys, jwk_set(&[encryption_key.clone(), key.clone()]));
    let harness = Harness::with_okta("skipped-entries", okta, with_short_cache);
    harness.warm_up();
    harness.wait_for_counter("jwks_fetch_success", 4);
    let count = |text: &str| harness.envoy.log().matches(text).count();
    let skipped = "provider okta: keys[0] (kid for%20encryption) is skipped: `use` is not `sig`";
    assert_eq!(count(skipped), 1, "{}", harness.envoy.log());
    // A document with another invalid key gets another line.
    let fetched = harness.envoy.count("jwks_fetch_success");
    harness.okta.set_fault_at(
        Server::Default,
        Endpoint::Keys,
        jwk_set(&[with(encryption_key, "kid", json!(7)), key]),
    );
    harness.wait_for_counter("jwks_fetch_success", fetched + 4);
    assert_eq!(count("provider okta: keys[0] is skipped: `kid` is not a string of 1 to 256 bytes"), 1);
    assert_eq!(count(skipped), 1);
    assert_eq!(count(" is skipped: "), 2, "{}", harness.envoy.log());
    assert!(harness.okta.key_fetches(Server::Default) >= 8);
    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        assert_eq!(harness.get_me(&harness.user_token()).status, 200);
    }
}

/// Only the second `Cache-Control` line has a `max-age` below the default of 10 minutes. The
/// minimum of 30 s makes this test slow.
#[test]
fn cache_control_in_second_line_is_honored() {
    let okta = StandIn::start(Options::default());
    okta.set_cache_control(Server::Default, Some("public"));
    let headers =
        [("cache-control", "private=\"a, max-age=3600\""), ("cache-control", "max-age=40"), ("age", "8")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    okta.set_fault_at(Server::Default, Endpoint::Keys, Fault::Headers(headers.to_vec()));
    let harness = Harness::with_okta("cache-control-lines", okta, |config| config);
    harness.warm_up();
    assert_eq!(harness.okta.key_fetches(Server::Default), 1);
    // `max-age` minus `Age` is 32 s. The filter fetches up to 10 % early.
    std::thread::sleep(Duration::from_secs(25));
    assert_eq!(harness.okta.key_fetches(Server::Default), 1);
    std::thread::sleep(Duration::from_secs(10));
    assert_eq!(harness.okta.key_fetches(Server::Default), 2, "{}", harness.envoy.log());
}
