//! Keys: cold start, rotation, and failures of the issuer.

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use serde_json::json;
use stand_in_okta::{Fault, Options, Rotation, Server, StandIn, TokenSpec};
use test_support::backend::Backend;
use test_support::client::get;
use test_support::config::EnvoyConfig;
use test_support::envoy::Envoy;

use super::harness::{CONNECTIONS_FOR_BOTH_WORKERS, Harness, reference_config, response_faults};

/// Sets a cache duration of 1 s.
fn with_short_cache(mut config: EnvoyConfig) -> EnvoyConfig {
    config.plugin()["providers"]["okta"]["remote_jwks"] = json!({
        "cluster": "okta", "timeout": "1s", "cache_duration": "1s", "max_stale": "1h", "unknown_kid_cooldown": "1s"
    });
    config
}

#[test]
fn keys_for_four_workers_are_fetched_once() {
    let (okta, backend) = (StandIn::start(Options::default()), Backend::start());
    let config = with_short_cache(reference_config("four-workers", &okta, &backend));
    let envoy = match Envoy::try_start("four-workers", &config, 4) {
        Ok(envoy) => envoy,
        Err(error) => panic!("{}", error.log),
    };
    let harness = Harness { okta, backend, envoy };
    let (first, mut token) = (harness.okta.key_fetches(Server::Default), harness.user_token());
    assert!(first <= 1, "{first} fetches at start-up");
    // Ten seconds with a cache duration of 1 s, two rotations, and requests on all workers.
    for second in 0..10 {
        if second == 3 || second == 6 {
            harness.okta.rotate(Server::Default, Rotation::Manual);
            token = harness.user_token();
        }
        for _ in 0..2 * CONNECTIONS_FOR_BOTH_WORKERS {
            assert_eq!(harness.get_me(&token).status, 200, "second {second}\n{}", harness.envoy.log());
        }
        std::thread::sleep(Duration::from_millis(900));
    }
    let fetches = harness.okta.key_fetches(Server::Default);
    // One fetch per second, up to 10 % early, and one per rotation. Five independent VMs would need
    // fifty fetches.
    assert!((8..=20).contains(&fetches), "{fetches} fetches\n{}", harness.envoy.log());
}

#[test]
fn first_requests_wait_for_a_slow_issuer() {
    let okta = StandIn::start(Options::default());
    okta.set_fault(Server::Default, Fault::Slow { millis: 1_500 });
    let harness = Harness::with_okta("cold-start", okta, |config| config);
    let token = harness.user_token();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let send = || harness.get_me(&token).status;
        let threads: Vec<_> = (0..CONNECTIONS_FOR_BOTH_WORKERS).map(|_| scope.spawn(send)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses, [200; CONNECTIONS_FOR_BOTH_WORKERS], "{}", harness.envoy.log());
}

#[test]
#[allow(clippy::disallowed_methods, reason = "measures how long a client waits")]
fn issuer_unreachable_gives_503_within_the_wait_limit() {
    // The listener is dropped at once, so the port is closed.
    let closed_port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let (okta, backend) = (StandIn::start(Options::default()), Backend::start());
    let ca = test_support::scratch("no-issuer").join("ca.pem");
    let config = reference_config("no-issuer", &okta, &backend).okta(closed_port, &ca);
    let harness = Harness { envoy: Envoy::start("no-issuer", &config), okta, backend };
    let token = harness.user_token();
    for _ in 0..4 {
        let begin = Instant::now();
        let response = harness.get_me(&token);
        assert!(begin.elapsed() < Duration::from_secs(7), "{:?}", begin.elapsed());
        assert_eq!((response.status, response.code().as_str()), (503, "keys_unavailable"));
        assert_eq!(response.header("retry-after"), Some("5"));
        assert_eq!(response.header("www-authenticate"), None);
    }
    assert_eq!(harness.send(&get("/")).status, 200, "a public path needs no keys");
    assert_eq!(harness.send(&get("/me")).code(), "token_missing", "a request without a token needs no keys");
    assert_eq!(harness.backend.requests(), 1);
    assert!(harness.envoy.count("jwks_fetch_failed") > 0);
    assert!(
        harness.envoy.log().contains("provider okta: JWKS fetch failed: status 503"),
        "{}",
        harness.envoy.log()
    );
    assert!(!harness.envoy.has_trapped());
}

#[test]
fn cluster_missing_fails_the_fetch() {
    let harness = Harness::new("no-cluster", |mut config| {
        config.plugin()["providers"]["okta"]["remote_jwks"]["cluster"] = json!("missing");
        config
    });
    assert_eq!(harness.get_me(&harness.user_token()).code(), "keys_unavailable");
    assert!(harness.envoy.log().contains("the cluster does not exist"), "{}", harness.envoy.log());
    assert!(!harness.envoy.has_trapped());
}

#[test]
fn issuer_with_untrusted_certificate_yields_no_keys() {
    let (okta, impostor, backend) =
        (StandIn::start(Options::default()), StandIn::start(Options::default()), Backend::start());
    // The impostor has the right host name, and a certificate authority that Envoy does not trust.
    let ca = test_support::scratch("impostor").join("ca.pem");
    let config = reference_config("impostor", &okta, &backend).okta(impostor.https_port(), &ca);
    let harness = Harness { envoy: Envoy::start("impostor", &config), okta, backend };
    let forged = impostor.mint(Server::Default, &TokenSpec::user());
    assert_eq!(harness.get_me(&forged).code(), "keys_unavailable");
    assert_eq!(impostor.key_fetches(Server::Default), 0);
}

#[test]
fn cached_keys_survive_every_fetch_failure() {
    let harness = Harness::new("failing-issuer", with_short_cache);
    harness.warm_up();
    let token = harness.user_token();
    let fetches = || harness.okta.key_fetches(Server::Default);
    let documents = [
        Fault::Body(r#"{"keys":[]}"#.into()),
        Fault::Body(r#"{"keys":{"kty":1}}"#.into()),
        Fault::Body(r#"{"keys":[{"kty":"oct","k":"AA","kid":"a"},null,7,[]]}"#.into()),
        Fault::ExtraKeys,
    ];
    for fault in response_faults().into_iter().chain(documents) {
        let name = format!("{fault:?}").chars().take(60).collect::<String>();
        harness.okta.set_fault(Server::Default, fault);
        let before = fetches();
        let mut sent = 0;
        while fetches() < before + 2 {
            let response = harness.get_me(&token);
            assert_eq!(response.status, 200, "{name}: {response:?}\n{}", harness.envoy.log());
            sent += 1;
            assert!(sent < 2_000, "{name}: no fetch");
            std::thread::sleep(Duration::from_millis(10));
        }
        harness.okta.set_fault(Server::Default, Fault::None);
        // A successful fetch resets the pause after failures, which grows with each failure.
        harness.wait_for_counter("jwks_fetch_success", harness.envoy.count("jwks_fetch_success") + 1);
    }
    assert!(!harness.envoy.has_trapped(), "{}", harness.envoy.log());
    // The filter still installs new keys.
    harness.okta.rotate(Server::Default, Rotation::EmergencyDouble);
    harness.wait_for_status(&harness.user_token(), 200, Duration::from_secs(20));
    harness.wait_for_status(&token, 401, Duration::from_secs(20));
    harness.assert_alive();
}

#[test]
#[allow(clippy::disallowed_methods, reason = "counts cooldowns")]
fn new_key_is_accepted_at_once_and_invented_key_ids_are_rate_limited() {
    let harness = Harness::new("unknown-kid", |mut config| {
        config.plugin()["providers"]["okta"]["remote_jwks"]["unknown_kid_cooldown"] = json!("2s");
        config
    });
    harness.warm_up();
    let old = harness.user_token();
    harness.okta.rotate(Server::Default, Rotation::Manual);
    let new = harness.user_token();
    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        assert_eq!(harness.get_me(&new).status, 200, "the first use of a new key");
        assert_eq!(harness.get_me(&old).status, 200, "the previous key is still published");
    }
    std::thread::sleep(Duration::from_millis(2_100));
    let (before, begin) = (harness.okta.key_fetches(Server::Default), Instant::now());
    for number in 0..200 {
        let invented = harness.mint(&TokenSpec::user().header("kid", format!("invented-{number}")));
        assert_eq!(harness.get_me(&invented).code(), "key_unknown");
    }
    let fetches = harness.okta.key_fetches(Server::Default) - before;
    assert!(fetches >= 1, "an unknown key ID causes a fetch");
    let cooldowns = begin.elapsed().as_secs() / 2 + 1;
    assert!(fetches <= cooldowns, "200 invented key IDs caused {fetches} fetches in {cooldowns} cooldowns");
    assert_eq!(harness.get_me(&new).status, 200);
}

#[test]
fn pinned_keys_are_used_without_a_fetch() {
    let okta = StandIn::start(Options::default());
    let jwks: serde_json::Value = serde_json::from_str(&okta.jwks(Server::Default)).unwrap();
    let harness = Harness::with_okta("pinned", okta, |mut config| {
        let provider = &mut config.plugin()["providers"]["okta"];
        provider.as_object_mut().unwrap().remove("remote_jwks");
        provider["local_jwks"] = jwks;
        config
    });
    harness.warm_up();
    assert_eq!(harness.okta.key_fetches(Server::Default), 0);
    harness.okta.rotate(Server::Default, Rotation::EmergencyDouble);
    assert_eq!(harness.get_me(&harness.user_token()).code(), "key_unknown");
}

#[test]
fn waiting_client_disconnects_without_effect_on_others() {
    use std::io::Write as _;
    let okta = StandIn::start(Options::default());
    okta.set_fault(Server::Default, Fault::Slow { millis: 2_000 });
    let harness = Harness::with_okta("disconnected", okta, |config| config);
    let token = harness.user_token();
    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        let mut stream = harness.client().connect().unwrap();
        write!(stream, "GET /me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n").unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
    harness.warm_up();
    assert!(!harness.envoy.has_trapped(), "{}", harness.envoy.log());
    assert_eq!(harness.okta.key_fetches(Server::Default), 1, "one fetch for all workers");
}
