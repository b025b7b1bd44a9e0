//! Tokens that have been seen before, on the workers of a real Envoy: the table is `tests/requests/token_cache.rs`.

use std::time::Duration;

use serde_json::json;
use stand_in_okta::{Rotation, Server, TokenSpec};
use test_support::client::request;

use super::setup::{BOTH_WORKERS, Setup};

#[test]
fn a_token_is_verified_once_on_each_worker() {
    let setup = Setup::new("seen-before", |config| config);
    setup.warm_up();
    let count = |what: &str| setup.envoy.count(&format!("token_cache_{what}"));
    setup.wait_for("token_cache_hit", 1);
    std::thread::sleep(Duration::from_millis(500));
    let (hits, misses) = (count("hit"), count("miss"));
    let (token, requests) = (setup.user(), BOTH_WORKERS as u64);
    for _ in 0..requests {
        assert_eq!(setup.me(&token).status, 200);
    }
    setup.wait_for("token_cache_hit", hits + requests - 2);
    setup.wait_for("token_cache_miss", misses + 1);
    assert!(count("miss") - misses <= 2, "{} for two workers", count("miss") - misses);
    // Another policy, for the same token.
    let refused = setup.send(&request("DELETE", "/items").bearer(&token));
    assert_eq!((refused.status, refused.code().as_str()), (403, "insufficient_scope"));
}

#[test]
fn a_token_goes_with_its_key_and_with_its_time() {
    let setup = Setup::new("seen-before-key", |mut config| {
        config.plugin()["providers"]["okta"]["clock_skew"] = json!("0s");
        config
    });
    setup.warm_up();
    let short = setup.mint(&TokenSpec::user().lifetime(4));
    let long = setup.user();
    for token in [&short, &long] {
        for _ in 0..BOTH_WORKERS {
            assert_eq!(setup.me(token).status, 200);
        }
    }
    setup.eventually(&short, 401, Duration::from_secs(10));
    assert_eq!(setup.me(&short).code(), "token_expired");
    setup.okta.rotate(Server::Default, Rotation::EmergencyDouble);
    // A token of a new key has the workers fetch; then the old key is gone, and with it what was signed with it.
    setup.eventually(&setup.user(), 200, Duration::from_secs(10));
    setup.eventually(&long, 401, Duration::from_secs(10));
    assert_eq!(setup.me(&long).code(), "key_unknown");
}
