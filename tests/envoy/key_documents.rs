//! Key sets and denylists as servers really send them: compressed, with keys listed twice, with headers on several lines.

use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::{Endpoint, Fault, Options, Server, StandIn, TokenSpec};
use test_support::config::EnvoyConfig;

use super::harness::{CONNECTIONS_FOR_BOTH_WORKERS, Harness};

/// Fetched every second, so that a test sees many fetches.
fn with_short_cache(mut config: EnvoyConfig) -> EnvoyConfig {
    config.plugin()["providers"]["okta"]["remote_jwks"] =
        json!({ "cluster": "okta", "timeout": "1s", "cache_duration": "1s", "unknown_kid_cooldown": "1s" });
    config
}

/// A key set of these entries.
fn entries(keys: &[Value]) -> Fault {
    Fault::Body(json!({ "keys": keys }).to_string())
}

/// The entry of the key that signs.
fn active(okta: &StandIn) -> Value {
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
    okta.set_fault(Server::Default, Fault::GzipUnlessRefused);
    okta.set_fault_at(Server::Default, Endpoint::Denylist, Fault::GzipUnlessRefused);
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
        ("gzip-marked", true, "the response has content-encoding gzip, and the request asked for identity"),
        ("gzip-unmarked", false, "(arrived: content-type application/json;charset=UTF-8, "),
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
        // The fetched document stays when compression begins later.
        let failed = harness.envoy.count("jwks_fetch_failed");
        harness.okta.set_fault_at(Server::Default, Endpoint::Keys, Fault::Gzip { marked });
        harness.wait_for_counter("jwks_fetch_failed", failed + 1);
        harness.warm_up();
        let log = harness.envoy.log();
        for whose in ["provider okta: keys not fetched: ", "denylist: entries not fetched: "] {
            let told = log.lines().find(|line| line.contains(whose)).unwrap_or_default();
            let names_json =
                told.contains(expected) || told.contains("(arrived: content-type application/json, ");
            assert!(names_json, "{told}\n{log}");
            assert!(
                marked || told.contains("compressed with gzip although no content-encoding says so"),
                "{told}"
            );
        }
        assert!(!log.contains("\"kty\""), "nothing of the document is in the log");
        harness.assert_alive();
    }
}

#[test]
fn html_document_fails_and_the_error_names_the_content_type() {
    let okta = StandIn::start(Options::default());
    okta.set_fault(Server::Default, Fault::Html);
    let harness = Harness::with_okta("html-told", okta, with_short_cache);
    assert_eq!(harness.get_me(&harness.user_token()).code(), "keys_unavailable");
    let log = harness.envoy.log();
    assert!(
        log.contains("the document is not a JWK Set (arrived: content-type text/html;charset=utf-8, "),
        "{log}"
    );
    assert!(!log.contains("read-only mode"), "{log}");
}

#[test]
fn key_listed_twice_counts_once() {
    let harness = Harness::new("duplicate-keys", with_short_cache);
    harness.warm_up();
    let (token, other, key) =
        (harness.user_token(), harness.mint(&TokenSpec::machine()), active(&harness.okta));
    for (name, keys) in [
        ("twice", vec![key.clone(), key.clone()]),
        ("without alg", vec![key.clone(), without(key.clone(), &["alg"])]),
        ("without use, first", vec![without(key.clone(), &["use"]), key.clone()]),
        ("bare", vec![without(key.clone(), &["alg", "use"]), key.clone()]),
        ("with key_ops", vec![with(key.clone(), "key_ops", json!(["verify"])), key.clone()]),
        ("with a certificate", vec![with(key.clone(), "x5c", json!(["AA=="])), key.clone()]),
        ("for encryption, too", vec![with(key.clone(), "use", json!("enc")), key.clone()]),
        ("for another algorithm, too", vec![with(key.clone(), "alg", json!("PS256")), key.clone()]),
        ("six times", vec![key.clone(); 6]),
    ] {
        let fetched = harness.envoy.count("jwks_fetch_success");
        harness.okta.set_fault_at(Server::Default, Endpoint::Keys, entries(&keys));
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
    let (token, key) = (harness.user_token(), active(&harness.okta));
    let forger = StandIn::start(Options::default());
    let forged =
        forger.mint(Server::Default, &TokenSpec::user().header("kid", harness.okta.kid(Server::Default)));
    // Moduli that differ in their last octets: they pass the checks of a key, and have no private key.
    let modulus = key["n"].as_str().unwrap().to_owned();
    let other = |number: usize| {
        with(
            key.clone(),
            "n",
            json!(format!("{}{}w", &modulus[..modulus.len() - 2], ["A", "B", "C", "D", "E"][number])),
        )
    };
    for (before, status, code) in
        [(0, 200, ""), (1, 200, ""), (3, 200, ""), (4, 401, "signature_invalid"), (0, 200, "")]
    {
        let keys: Vec<Value> = (0..before).map(other).chain([key.clone()]).collect();
        let fetched = harness.envoy.count("jwks_fetch_success");
        harness.okta.set_fault_at(Server::Default, Endpoint::Keys, entries(&keys));
        harness.wait_for_counter("jwks_fetch_success", fetched + 2);
        harness.wait_for_status(&token, status, Duration::from_secs(5));
        assert_eq!(
            if status == 200 { String::new() } else { harness.get_me(&token).code() },
            code,
            "{before}"
        );
        let checks = |harness: &Harness| {
            harness.envoy.count("signature.host.invalid") + harness.envoy.count("signature.software.invalid")
        };
        std::thread::sleep(Duration::from_millis(300));
        let counted = checks(&harness);
        assert_eq!(harness.get_me(&forged).code(), "signature_invalid");
        std::thread::sleep(Duration::from_millis(300));
        let expected = u64::try_from(before + 1).unwrap().min(4);
        assert_eq!(checks(&harness) - counted, expected, "what a forged token costs");
    }
    let log = harness.envoy.log();
    let kid = harness.okta.kid(Server::Default);
    let skipped = format!("keys[4] (kid {kid}) is skipped: four other keys with this `kid` come before it");
    assert_eq!(log.matches(&skipped).count(), 1, "once, and not with every fetch:\n{log}");
    harness.assert_alive();
}

#[test]
fn skipped_key_is_logged_once_by_one_worker() {
    let okta = StandIn::start(Options::default());
    let key = active(&okta);
    let bad = with(with(key.clone(), "use", json!("enc")), "kid", json!("for encryption"));
    okta.set_fault_at(Server::Default, Endpoint::Keys, entries(&[bad.clone(), key.clone()]));
    let harness = Harness::with_okta("skipped-entries", okta, with_short_cache);
    harness.warm_up();
    harness.wait_for_counter("jwks_fetch_success", 4);
    let told = |what: &str| harness.envoy.log().matches(what).count();
    let skipped = "provider okta: keys[0] (kid for%20encryption) is skipped: `use` is not `sig`";
    assert_eq!(told(skipped), 1, "{}", harness.envoy.log());
    // Another document, another line; an entry that has gone and come back is logged again.
    let fetched = harness.envoy.count("jwks_fetch_success");
    harness.okta.set_fault_at(Server::Default, Endpoint::Keys, entries(&[with(bad, "kid", json!(7)), key]));
    harness.wait_for_counter("jwks_fetch_success", fetched + 4);
    assert_eq!(told("provider okta: keys[0] is skipped: `kid` is not a string of 1 to 256 bytes"), 1);
    assert_eq!(told(skipped), 1);
    assert_eq!(told(" is skipped: "), 2, "{}", harness.envoy.log());
    assert!(harness.okta.key_fetches(Server::Default) >= 8);
    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        assert_eq!(harness.get_me(&harness.user_token()).status, 200);
    }
}

/// The floor of thirty seconds makes this a slow test: the second line alone asks for a fetch before ten minutes are over.
#[test]
fn cache_control_in_second_line_is_honored() {
    let okta = StandIn::start(Options::default());
    okta.set_cache_control(Server::Default, Some("public"));
    let more =
        [("cache-control", "private=\"a, max-age=3600\""), ("cache-control", "max-age=40"), ("age", "8")];
    let more = more.map(|(name, value)| (name.to_owned(), value.to_owned()));
    okta.set_fault_at(Server::Default, Endpoint::Keys, Fault::Headers(more.to_vec()));
    let harness = Harness::with_okta("cache-control-lines", okta, |config| config);
    harness.warm_up();
    assert_eq!(harness.okta.key_fetches(Server::Default), 1);
    // 40 s less 8, up to a tenth early, but not before.
    std::thread::sleep(Duration::from_secs(25));
    assert_eq!(harness.okta.key_fetches(Server::Default), 1);
    std::thread::sleep(Duration::from_secs(10));
    assert_eq!(harness.okta.key_fetches(Server::Default), 2, "{}", harness.envoy.log());
}
