//! Keys: cold start, rotation, and every way in which an issuer can fail.

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use serde_json::json;
use stand_in_okta::{Fault, Options, Rotation, Server, StandIn, TokenSpec};
use test_support::backend::Backend;
use test_support::client::get;
use test_support::config::EnvoyConfig;
use test_support::envoy::Envoy;

use super::setup::{BOTH_WORKERS, Setup, config, failures};

/// Keys that are refetched at once, so that a test sees many fetches.
fn restless(mut config: EnvoyConfig) -> EnvoyConfig {
    config.plugin()["providers"]["okta"]["remote_jwks"] = json!({
        "cluster": "okta", "timeout": "1s", "cache_duration": "1s", "max_stale": "1h", "unknown_kid_cooldown": "1s"
    });
    config
}

#[test]
fn four_workers_fetch_as_one_and_share_what_comes() {
    let (okta, backend) = (StandIn::start(Options::default()), Backend::start());
    let config = restless(config("four-workers", &okta, &backend));
    let envoy = match Envoy::try_start("four-workers", &config, 4) {
        Ok(envoy) => envoy,
        Err(error) => panic!("{}", error.log),
    };
    let setup = Setup { okta, backend, envoy };
    let (first, mut token) = (setup.okta.key_fetches(Server::Default), setup.user());
    assert!(first <= 1, "{first} fetches at the start");
    // Ten seconds of one-second keys, two rotations, and requests on all workers.
    for second in 0..10 {
        if second == 3 || second == 6 {
            setup.okta.rotate(Server::Default, Rotation::Manual);
            token = setup.user();
        }
        for _ in 0..2 * BOTH_WORKERS {
            assert_eq!(setup.me(&token).status, 200, "second {second}\n{}", setup.envoy.log());
        }
        std::thread::sleep(Duration::from_millis(900));
    }
    let fetches = setup.okta.key_fetches(Server::Default);
    // One a second (with up to a tenth of jitter), and one for each rotation. Five VMs of their own would need fifty.
    assert!((8..=20).contains(&fetches), "{fetches} fetches\n{}", setup.envoy.log());
}

#[test]
fn the_first_requests_wait_for_a_slow_issuer() {
    let okta = StandIn::start(Options::default());
    okta.set_fault(Server::Default, Fault::Slow { millis: 1_500 });
    let setup = Setup::with_okta("cold-start", okta, |config| config);
    let token = setup.user();
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let ask = || setup.me(&token).status;
        let threads: Vec<_> = (0..BOTH_WORKERS).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(answers, [200; BOTH_WORKERS], "{}", setup.envoy.log());
}

#[test]
#[allow(clippy::disallowed_methods, reason = "measures how long a client waits")]
fn without_an_issuer_requests_end_in_503_within_the_bound() {
    // A port where nothing listens: bound once, and free again.
    let nowhere = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let (okta, backend) = (StandIn::start(Options::default()), Backend::start());
    let ca = test_support::scratch("no-issuer").join("ca.pem");
    let config = config("no-issuer", &okta, &backend).okta(nowhere, &ca);
    let setup = Setup { envoy: Envoy::start("no-issuer", &config), okta, backend };
    let token = setup.user();
    for _ in 0..4 {
        let begin = Instant::now();
        let response = setup.me(&token);
        assert!(begin.elapsed() < Duration::from_secs(7), "{:?}", begin.elapsed());
        assert_eq!((response.status, response.code().as_str()), (503, "keys_unavailable"));
        assert_eq!(response.header("retry-after"), Some("5"));
        assert_eq!(response.header("www-authenticate"), None);
    }
    assert_eq!(setup.send(&get("/")).status, 200, "what is public needs no keys");
    assert_eq!(setup.send(&get("/me")).code(), "token_missing", "and no token needs none");
    assert_eq!(setup.backend.requests(), 1);
    assert!(setup.envoy.count("jwks_fetch_failed") > 0);
    assert!(
        setup.envoy.log().contains("provider okta: JWKS fetch failed: status 503"),
        "{}",
        setup.envoy.log()
    );
    assert!(!setup.envoy.has_trapped());
}

#[test]
fn a_missing_cluster_is_a_failed_fetch() {
    let setup = Setup::new("no-cluster", |mut config| {
        config.plugin()["providers"]["okta"]["remote_jwks"]["cluster"] = json!("nobody");
        config
    });
    assert_eq!(setup.me(&setup.user()).code(), "keys_unavailable");
    assert!(setup.envoy.log().contains("the cluster does not exist"), "{}", setup.envoy.log());
    assert!(!setup.envoy.has_trapped());
}

#[test]
fn an_issuer_that_cannot_prove_its_name_gives_no_keys() {
    let (okta, impostor, backend) =
        (StandIn::start(Options::default()), StandIn::start(Options::default()), Backend::start());
    // The right name, and a certificate authority that nobody trusts here.
    let ca = test_support::scratch("impostor").join("ca.pem");
    let config = config("impostor", &okta, &backend).okta(impostor.https_port(), &ca);
    let setup = Setup { envoy: Envoy::start("impostor", &config), okta, backend };
    let forged = impostor.mint(Server::Default, &TokenSpec::user());
    assert_eq!(setup.me(&forged).code(), "keys_unavailable");
    assert_eq!(impostor.key_fetches(Server::Default), 0);
}

#[test]
fn good_keys_survive_every_way_of_failing() {
    let setup = Setup::new("failing-issuer", restless);
    setup.warm_up();
    let token = setup.user();
    let fetches = || setup.okta.key_fetches(Server::Default);
    let documents = [
        Fault::Body(r#"{"keys":[]}"#.into()),
        Fault::Body(r#"{"keys":{"kty":1}}"#.into()),
        Fault::Body(r#"{"keys":[{"kty":"oct","k":"AA","kid":"a"},null,7,[]]}"#.into()),
        Fault::ExtraKeys,
    ];
    for fault in failures().into_iter().chain(documents) {
        let name = format!("{fault:?}").chars().take(60).collect::<String>();
        setup.okta.set_fault(Server::Default, fault);
        let before = fetches();
        let mut asked = 0;
        while fetches() < before + 2 {
            let response = setup.me(&token);
            assert_eq!(response.status, 200, "{name}: {response:?}\n{}", setup.envoy.log());
            asked += 1;
            assert!(asked < 2_000, "{name}: no fetch");
            std::thread::sleep(Duration::from_millis(10));
        }
        setup.okta.set_fault(Server::Default, Fault::None);
        // A success, or the pauses after failures would grow from one fault to the next.
        setup.wait_for("jwks_fetch_success", setup.envoy.count("jwks_fetch_success") + 1);
    }
    assert!(!setup.envoy.has_trapped(), "{}", setup.envoy.log());
    // And the keys that come after all this are taken.
    setup.okta.rotate(Server::Default, Rotation::EmergencyDouble);
    setup.eventually(&setup.user(), 200, Duration::from_secs(20));
    setup.eventually(&token, 401, Duration::from_secs(20));
    setup.assert_alive();
}

#[test]
#[allow(clippy::disallowed_methods, reason = "counts cooldowns")]
fn a_key_that_was_made_just_now_works_at_once_and_a_made_up_one_never() {
    let setup = Setup::new("unknown-kid", |mut config| {
        config.plugin()["providers"]["okta"]["remote_jwks"]["unknown_kid_cooldown"] = json!("2s");
        config
    });
    setup.warm_up();
    let old = setup.user();
    setup.okta.rotate(Server::Default, Rotation::Manual);
    let new = setup.user();
    for _ in 0..BOTH_WORKERS {
        assert_eq!(setup.me(&new).status, 200, "the first use of a new key");
        assert_eq!(setup.me(&old).status, 200, "its predecessor is still published");
    }
    std::thread::sleep(Duration::from_millis(2_100));
    let (before, begin) = (setup.okta.key_fetches(Server::Default), Instant::now());
    for number in 0..200 {
        let made_up = setup.mint(&TokenSpec::user().header("kid", format!("made-up-{number}")));
        assert_eq!(setup.me(&made_up).code(), "key_unknown");
    }
    let fetches = setup.okta.key_fetches(Server::Default) - before;
    assert!(fetches >= 1, "an unknown key is asked for");
    let cooldowns = begin.elapsed().as_secs() / 2 + 1;
    assert!(fetches <= cooldowns, "200 made-up keys cost {fetches} fetches in {cooldowns} cooldowns");
    assert_eq!(setup.me(&new).status, 200);
}

#[test]
fn pinned_keys_need_no_issuer() {
    let okta = StandIn::start(Options::default());
    let jwks: serde_json::Value = serde_json::from_str(&okta.jwks(Server::Default)).unwrap();
    let setup = Setup::with_okta("pinned", okta, |mut config| {
        let provider = &mut config.plugin()["providers"]["okta"];
        provider.as_object_mut().unwrap().remove("remote_jwks");
        provider["local_jwks"] = jwks;
        config
    });
    setup.warm_up();
    assert_eq!(setup.okta.key_fetches(Server::Default), 0);
    setup.okta.rotate(Server::Default, Rotation::EmergencyDouble);
    assert_eq!(setup.me(&setup.user()).code(), "key_unknown");
}

#[test]
fn clients_that_go_away_while_they_wait_take_nothing_with_them() {
    use std::io::Write as _;
    let okta = StandIn::start(Options::default());
    okta.set_fault(Server::Default, Fault::Slow { millis: 2_000 });
    let setup = Setup::with_okta("gone", okta, |config| config);
    let token = setup.user();
    for _ in 0..BOTH_WORKERS {
        let mut stream = setup.client().connect().unwrap();
        write!(stream, "GET /me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n").unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
    setup.warm_up();
    assert!(!setup.envoy.has_trapped(), "{}", setup.envoy.log());
    assert_eq!(setup.okta.key_fetches(Server::Default), 1, "one for the whole process");
}
