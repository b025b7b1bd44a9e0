//! Key sets and denylists as servers really send them: compressed, with keys listed twice, with headers on several lines.

use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::{Endpoint, Fault, Options, Server, StandIn, TokenSpec};
use test_support::config::EnvoyConfig;

use super::setup::{BOTH_WORKERS, Setup};

/// Fetched every second, so that a test sees many fetches.
fn restless(mut config: EnvoyConfig) -> EnvoyConfig {
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
fn server_that_compresses_by_default_is_asked_not_to() {
    let okta = StandIn::start(Options::default());
    okta.set_fault(Server::Default, Fault::GzipUnlessIdentity);
    okta.set_fault_at(Server::Default, Endpoint::Denylist, Fault::GzipUnlessIdentity);
    let setup = Setup::with_okta("gzip-by-default", okta, |mut config| {
        config.plugin()["providers"]["okta"]["remote_jwks"]["discovery"] = json!(true);
        config.plugin()["denylist"] = json!({
            "remote": { "cluster": "okta", "uri": "https://acme.okta.example/stand-in/denylist" }
        });
        config
    });
    setup.warm_up();
    assert_eq!(setup.envoy.count("jwks_fetch_failed"), 0, "{}", setup.envoy.log());
    assert_eq!(setup.okta.discovery_fetches(Server::Default), 1);
}

#[test]
fn compressed_documents_fail_with_an_error_that_names_the_encoding() {
    for (name, marked, expected) in [
        ("gzip-marked", true, "the response has content-encoding gzip, and the request asked for identity"),
        ("gzip-unmarked", false, "(arrived: content-type application/json;charset=UTF-8, "),
    ] {
        let okta = StandIn::start(Options::default());
        okta.set_fault_at(Server::Default, Endpoint::Keys, Fault::Gzip { marked });
        okta.set_fault_at(Server::Default, Endpoint::Denylist, Fault::Gzip { marked });
        let setup = Setup::with_okta(name, okta, |config| {
            let mut config = restless(config);
            config.plugin()["denylist"] = json!({ "remote": {
                "cluster": "okta", "uri": "https://acme.okta.example/stand-in/denylist", "cache_duration": "1s"
            } });
            config
        });
        let token = setup.user();
        assert_eq!(setup.me(&token).code(), "keys_unavailable");
        setup.okta.set_fault_at(Server::Default, Endpoint::Keys, Fault::None);
        setup.wait_for("jwks_fetch_success", 1);
        setup.eventually(&token, 503, Duration::from_secs(10));
        assert_eq!(setup.me(&token).code(), "denylist_unavailable");
        setup.okta.set_fault_at(Server::Default, Endpoint::Denylist, Fault::None);
        setup.eventually(&token, 200, Duration::from_secs(10));
        // The fetched document stays when compression begins later.
        let failed = setup.envoy.count("jwks_fetch_failed");
        setup.okta.set_fault_at(Server::Default, Endpoint::Keys, Fault::Gzip { marked });
        setup.wait_for("jwks_fetch_failed", failed + 1);
        setup.warm_up();
        let log = setup.envoy.log();
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
        setup.assert_alive();
    }
}

#[test]
fn html_page_is_told_with_its_content_type() {
    let okta = StandIn::start(Options::default());
    okta.set_fault(Server::Default, Fault::Html);
    let setup = Setup::with_okta("html-told", okta, restless);
    assert_eq!(setup.me(&setup.user()).code(), "keys_unavailable");
    let log = setup.envoy.log();
    assert!(
        log.contains("the document is not a JWK Set (arrived: content-type text/html;charset=utf-8, "),
        "{log}"
    );
    assert!(!log.contains("read-only mode"), "{log}");
}

#[test]
fn key_that_is_listed_twice_is_one_key() {
    let setup = Setup::new("duplicate-keys", restless);
    setup.warm_up();
    let (token, other, key) = (setup.user(), setup.mint(&TokenSpec::machine()), active(&setup.okta));
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
        let fetched = setup.envoy.count("jwks_fetch_success");
        setup.okta.set_fault_at(Server::Default, Endpoint::Keys, entries(&keys));
        setup.wait_for("jwks_fetch_success", fetched + 2);
        setup.eventually(&token, 200, Duration::from_secs(5));
        let signature = other.rsplit_once('.').unwrap().1;
        let forged = format!("{}.{signature}", token.rsplit_once('.').unwrap().0);
        assert_eq!(setup.me(&forged).status, 401, "{name}");
    }
    assert_eq!(setup.envoy.count("decision.key_mismatch"), 0, "{}", setup.envoy.log());
    setup.assert_alive();
}

#[test]
fn different_keys_with_one_kid_are_tried_up_to_four() {
    let setup = Setup::new("keys-of-one-kid", restless);
    setup.warm_up();
    let (token, key) = (setup.user(), active(&setup.okta));
    let forger = StandIn::start(Options::default());
    let forged =
        forger.mint(Server::Default, &TokenSpec::user().header("kid", setup.okta.kid(Server::Default)));
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
        let fetched = setup.envoy.count("jwks_fetch_success");
        setup.okta.set_fault_at(Server::Default, Endpoint::Keys, entries(&keys));
        setup.wait_for("jwks_fetch_success", fetched + 2);
        setup.eventually(&token, status, Duration::from_secs(5));
        assert_eq!(if status == 200 { String::new() } else { setup.me(&token).code() }, code, "{before}");
        let checks = |setup: &Setup| {
            setup.envoy.count("signature.host.invalid") + setup.envoy.count("signature.software.invalid")
        };
        std::thread::sleep(Duration::from_millis(300));
        let counted = checks(&setup);
        assert_eq!(setup.me(&forged).code(), "signature_invalid");
        std::thread::sleep(Duration::from_millis(300));
        let expected = u64::try_from(before + 1).unwrap().min(4);
        assert_eq!(checks(&setup) - counted, expected, "what a forged token costs");
    }
    let log = setup.envoy.log();
    let kid = setup.okta.kid(Server::Default);
    let skipped = format!("keys[4] (kid {kid}) is skipped: four other keys with this `kid` come before it");
    assert_eq!(log.matches(&skipped).count(), 1, "once, and not with every fetch:\n{log}");
    setup.assert_alive();
}

#[test]
fn skipped_entries_are_logged_once_by_one_worker() {
    let okta = StandIn::start(Options::default());
    let key = active(&okta);
    let bad = with(with(key.clone(), "use", json!("enc")), "kid", json!("for encryption"));
    okta.set_fault_at(Server::Default, Endpoint::Keys, entries(&[bad.clone(), key.clone()]));
    let setup = Setup::with_okta("skipped-entries", okta, restless);
    setup.warm_up();
    setup.wait_for("jwks_fetch_success", 4);
    let told = |what: &str| setup.envoy.log().matches(what).count();
    let skipped = "provider okta: keys[0] (kid for%20encryption) is skipped: `use` is not `sig`";
    assert_eq!(told(skipped), 1, "{}", setup.envoy.log());
    // Another document, another line; an entry that has gone and come back is logged again.
    let fetched = setup.envoy.count("jwks_fetch_success");
    setup.okta.set_fault_at(Server::Default, Endpoint::Keys, entries(&[with(bad, "kid", json!(7)), key]));
    setup.wait_for("jwks_fetch_success", fetched + 4);
    assert_eq!(told("provider okta: keys[0] is skipped: `kid` is not a string of 1 to 256 bytes"), 1);
    assert_eq!(told(skipped), 1);
    assert_eq!(told(" is skipped: "), 2, "{}", setup.envoy.log());
    assert!(setup.okta.key_fetches(Server::Default) >= 8);
    for _ in 0..BOTH_WORKERS {
        assert_eq!(setup.me(&setup.user()).status, 200);
    }
}

/// The floor of thirty seconds makes this a slow test: the second line alone asks for a fetch before ten minutes are over.
#[test]
fn second_line_of_cache_control_counts() {
    let okta = StandIn::start(Options::default());
    okta.set_cache_control(Server::Default, Some("public"));
    let more =
        [("cache-control", "private=\"a, max-age=3600\""), ("cache-control", "max-age=40"), ("age", "8")];
    let more = more.map(|(name, value)| (name.to_owned(), value.to_owned()));
    okta.set_fault_at(Server::Default, Endpoint::Keys, Fault::Headers(more.to_vec()));
    let setup = Setup::with_okta("cache-control-lines", okta, |config| config);
    setup.warm_up();
    assert_eq!(setup.okta.key_fetches(Server::Default), 1);
    // 40 s less 8, up to a tenth early, but not before.
    std::thread::sleep(Duration::from_secs(25));
    assert_eq!(setup.okta.key_fetches(Server::Default), 1);
    std::thread::sleep(Duration::from_secs(10));
    assert_eq!(setup.okta.key_fetches(Server::Default), 2, "{}", setup.envoy.log());
}
