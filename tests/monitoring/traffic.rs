//! Traffic for both Envoys: requests of every kind, an outage, a rotation with a slow issuer, a
//! trap.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use okta_authz_filter::crypto::Algorithm;
use stand_in_okta::{Fault, Rotation, Server, TokenSpec};
use test_support::client::{Client, Response, get};

use super::harness::Harness;

/// Requests with a cached token in each round.
const CACHED_TOKEN_REQUESTS: usize = 20;
/// Requests of [`send_waiting_requests`].
pub const WAITING_REQUESTS: u16 = 6;

/// Sends rounds of requests of every kind to both Envoys, for `duration`.
#[allow(clippy::disallowed_methods, reason = "limits the duration of the traffic")]
pub fn send(harness: &Harness, duration: Duration, rounds_per_second: u32) {
    let cached = harness.mint(&TokenSpec::user());
    let opaque = harness.mint(&TokenSpec::user().opaque());
    let end = Instant::now() + duration;
    while Instant::now() < end {
        let next = Instant::now() + Duration::from_secs(1) / rounds_per_second;
        for envoy in [&harness.tagged, &harness.untagged] {
            send_round(harness, envoy.client(), &cached);
            envoy.client().send(&get("/me").bearer(&opaque));
        }
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

fn send_round(harness: &Harness, client: Client, cached: &str) {
    let send = |path: &str, token: &str| client.send(&get(path).bearer(token));
    let fresh = harness.mint(&TokenSpec::user());
    let payload = URL_SAFE_NO_PAD.decode(fresh.split('.').nth(1).unwrap()).unwrap();
    let (signed, signature) = fresh.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    signature[9] ^= 1;
    let forged = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
    for _ in 0..CACHED_TOKEN_REQUESTS {
        send("/me", cached);
    }
    client.get("/healthz");
    client.get("/me");
    send("/me", &fresh);
    send("/me", &forged);
    send("/admin", cached);
    send("/shadow", cached);
    send("/me", &harness.mint(&TokenSpec::user().lifetime(-600)));
    send("/me", &harness.mint(&TokenSpec::user().claim("iss", "https://partner.example/oauth2/default")));
    // The filter verifies EdDSA in the VM, because Envoy's crypto does not support it.
    send("/me", &harness.keys.sign(Algorithm::EdDSA, &payload));
}

/// Sends traffic for `duration` while the issuer responds with 500.
pub fn outage(harness: &Harness, duration: Duration) {
    harness.okta.set_fault(Server::Default, Fault::Status(500));
    send(harness, duration, 2);
    harness.okta.set_fault(Server::Default, Fault::None);
}

/// Rotates the key of an issuer that responds after `millis`, and sends requests with the new key.
/// They wait for the fetch.
pub fn send_waiting_requests(harness: &Harness, millis: u64) -> Vec<Response> {
    harness.okta.rotate(Server::Custom, Rotation::Manual);
    harness.okta.set_fault(Server::Custom, Fault::Slow { millis });
    let token = harness.okta.mint(Server::Custom, &TokenSpec::user());
    let responses = std::thread::scope(|scope| {
        let send = || harness.tagged.client().send(&get("/me").bearer(&token));
        let threads: Vec<_> = (0..WAITING_REQUESTS).map(|_| scope.spawn(send)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    harness.okta.set_fault(Server::Custom, Fault::None);
    responses
}

/// Traps one VM of the second Envoy, and sends requests until Envoy has started another VM.
pub fn trap(harness: &Harness) {
    let client = harness.untagged.client();
    let _ = client.try_send(&get("/me").header("x-trap", "1"));
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(100));
        let _ = client.try_send(&get("/healthz"));
    }
}
