//! The token cache on the workers of an Envoy. `tests/requests` has the table of cases.

use std::time::Duration;

use serde_json::json;
use stand_in_okta::{Rotation, Server, TokenSpec};
use test_support::client::request;

use super::harness::{CONNECTIONS_FOR_BOTH_WORKERS, Harness};

#[test]
fn cached_token_is_verified_once_per_worker() {
    let harness = Harness::new("token-cache", |config| config);
    harness.warm_up();
    let count = |result: &str| harness.envoy.count(&format!("token_cache_{result}"));
    harness.wait_for_counter("token_cache_hit", 1);
    std::thread::sleep(Duration::from_millis(500));
    let (hits, misses) = (count("hit"), count("miss"));
    let (token, requests) = (harness.user_token(), CONNECTIONS_FOR_BOTH_WORKERS as u64);
    for _ in 0..requests {
        assert_eq!(harness.get_me(&token).status, 200);
    }
    harness.wait_for_counter("token_cache_hit", hits + requests - 2);
    harness.wait_for_counter("token_cache_miss", misses + 1);
    assert!(count("miss") - misses <= 2, "{} for two workers", count("miss") - misses);
    // The filter evaluates the policy for each request with a cached token.
    let denied = harness.send(&request("DELETE", "/items").bearer(&token));
    assert_eq!((denied.status, denied.code().as_str()), (403, "insufficient_scope"));
}

#[test]
fn cached_token_is_rejected_after_expiry_and_key_withdrawal() {
    let harness = Harness::new("token-cache-key", |mut config| {
        config.plugin()["providers"]["okta"]["clock_skew"] = json!("0s");
        config
    });
    harness.warm_up();
    let short = harness.mint(&TokenSpec::user().lifetime(4));
    let long = harness.user_token();
    for token in [&short, &long] {
        for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
            assert_eq!(harness.get_me(token).status, 200);
        }
    }
    harness.wait_for_status(&short, 401, Duration::from_secs(10));
    assert_eq!(harness.get_me(&short).code(), "token_expired");
    harness.okta.rotate(Server::Default, Rotation::EmergencyDouble);
    // A token of the new key causes a fetch. The fetched keys do not contain the old key.
    harness.wait_for_status(&harness.user_token(), 200, Duration::from_secs(10));
    harness.wait_for_status(&long, 401, Duration::from_secs(10));
    assert_eq!(harness.get_me(&long).code(), "key_unknown");
}
