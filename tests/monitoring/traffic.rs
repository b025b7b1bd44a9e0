//! The traffic of the two Envoys: all kinds of requests, an outage, a rotation while the issuer is slow,
//! and a trap.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use okta_authz_filter::crypto::Algorithm;
use stand_in_okta::{Fault, Rotation, Server, TokenSpec};
use test_support::client::{Client, Response, get};

use super::scene::Scene;

/// Requests per round with a cached token.
const USED_AGAIN: usize = 20;
/// The number of requests that [`wait`] sends.
pub const WAITING: u16 = 6;

/// Sends requests of every kind for this time, in about this many rounds per second.
#[allow(clippy::disallowed_methods, reason = "how long the traffic lasts")]
pub fn send(scene: &Scene, long: Duration, rounds_a_second: u32) {
    let known = scene.mint(&TokenSpec::user());
    let end = Instant::now() + long;
    while Instant::now() < end {
        let next = Instant::now() + Duration::from_secs(1) / rounds_a_second;
        for envoy in [&scene.tagged, &scene.plain] {
            round(scene, envoy.client(), &known);
        }
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

fn round(scene: &Scene, client: Client, known: &str) {
    let ask = |path: &str, token: &str| client.send(&get(path).bearer(token));
    let fresh = scene.mint(&TokenSpec::user());
    let payload = URL_SAFE_NO_PAD.decode(fresh.split('.').nth(1).unwrap()).unwrap();
    let (signed, signature) = fresh.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    signature[9] ^= 1;
    let broken = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
    for _ in 0..USED_AGAIN {
        ask("/me", known);
    }
    client.get("/healthz");
    client.get("/me");
    ask("/me", &fresh);
    ask("/me", &broken);
    ask("/admin", known);
    ask("/shadow", known);
    ask("/me", &scene.mint(&TokenSpec::user().lifetime(-600)));
    ask("/me", &scene.mint(&TokenSpec::user().claim("iss", "https://partner.example/oauth2/default")));
    // The filter verifies EdDSA in the VM, because Envoy does not support it.
    ask("/me", &scene.keys.sign(Algorithm::EdDSA, &payload));
}

/// Sends requests while the issuer responds with 500.
pub fn outage(scene: &Scene, long: Duration) {
    scene.okta.set_fault(Server::Default, Fault::Status(500));
    send(scene, long, 2);
    scene.okta.set_fault(Server::Default, Fault::None);
}

/// Sends requests with a new key while the issuer delays its responses by this time.
pub fn wait(scene: &Scene, millis: u64) -> Vec<Response> {
    scene.okta.rotate(Server::Custom, Rotation::Manual);
    scene.okta.set_fault(Server::Custom, Fault::Slow { millis });
    let token = scene.okta.mint(Server::Custom, &TokenSpec::user());
    let answers = std::thread::scope(|scope| {
        let ask = || scene.tagged.client().send(&get("/me").bearer(&token));
        let threads: Vec<_> = (0..WAITING).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    scene.okta.set_fault(Server::Custom, Fault::None);
    answers
}

/// Sends a request that traps a VM, and further requests until Envoy has restarted it.
pub fn trap(scene: &Scene) {
    let client = scene.plain.client();
    let _ = client.try_send(&get("/me").header("x-trap", "1"));
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(100));
        let _ = client.try_send(&get("/healthz"));
    }
}
