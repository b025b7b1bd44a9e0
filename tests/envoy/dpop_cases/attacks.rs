//! Attacks: replays at another configuration, URLs and hosts that the attacker chooses, several
//! credentials, cached tokens with another key, and responses that could repeat input.

use okta_authz_filter::crypto::Algorithm;
use okta_authz_filter::rejection::Rejection::{
    DpopKeyMismatch, DpopProofMissing, DpopProofReplayed, DpopSchemeRequired, DpopUrlMismatch,
};
use serde_json::{Value, json};
use stand_in_okta::TokenSpec;
use test_support::client::{Client, Request, Response, get};
use test_support::config::EnvoyConfig;
use test_support::dpop::DpopKey;

use super::{Fixture, bearer_denial, invalid_proof, invalid_token, row};
use crate::harness::CONNECTIONS_FOR_BOTH_WORKERS;

const OTHER: &str = "other";
const EVIL: &str = "evil.example";
const EVIL_URL: &str = "https://evil.example/items/1";
/// A text that no response may contain.
const MARKER: &str = "zq7marker";

/// Adds a listener with the default settings of `dpop`, and changes those of the first listener.
fn with_two_listeners(mut config: EnvoyConfig) -> EnvoyConfig {
    let listeners = config.document()["static_resources"]["listeners"].as_array_mut().unwrap();
    let mut other = listeners[0].clone();
    other["name"] = json!(OTHER);
    listeners.push(other);
    config.plugin()["dpop"] = json!({
        "max_age": "5m", "clock_skew": "1m", "algorithms": ["ES256"],
        "replay": { "slots": 64, "entries_per_slot": 256 },
    });
    config
}

#[test]
fn proof_of_one_listener_is_a_replay_at_a_listener_with_other_settings() {
    let fixture = Fixture::changed("dpop-two-listeners", json!({}), with_two_listeners);
    fixture.harness.warm_up();
    let (first, other) = (fixture.harness.client(), fixture.harness.envoy.client_of(OTHER));
    let bearer = get("/me").bearer(fixture.harness.user_token());
    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        assert_eq!(other.send(&bearer).status, 200, "{}", fixture.harness.envoy.log());
    }
    for (from, to) in [(first, other), (other, first)] {
        for _ in 0..16 {
            let request = fixture.request(fixture.proof().compact());
            assert_eq!(from.send(&request).status, 200, "{}", fixture.harness.envoy.log());
            let replay = to.send(&request);
            assert_eq!((replay.status, replay.code().as_str()), (401, DpopProofReplayed.code()));
        }
    }
    fixture.harness.assert_alive();
}

/// A server receives a token with a proof for its own URL, and sends both to this API.
#[test]
fn proof_for_another_server_is_rejected_if_hosts_are_configured() {
    let stolen =
        |fixture: &Fixture| fixture.request(fixture.proof_of("GET", EVIL_URL).compact()).header("host", EVIL);
    // `okta-authz check` warns about this configuration.
    let open = Fixture::warm("dpop-hosts-any", json!({}));
    open.assert_accepted("each host is routed", &stolen(&open));
    let urls = json!({ "external_urls": [{ "url": "https://api.example.com" }] });
    let external = Fixture::warm("dpop-hosts-external", urls);
    external.assert_denied(vec![row("external_urls", stolen(&external), invalid_proof(DpopUrlMismatch))]);
    external.assert_accepted("own host", &external.request(external.proof().compact()));
    let listed = Fixture::changed("dpop-hosts-listed", json!({}), |mut config| {
        config.manager()["route_config"]["virtual_hosts"][0]["domains"] = json!(["api.example.com"]);
        config
    });
    listed.harness.warm_up();
    let before = listed.harness.backend.requests();
    assert_eq!(listed.send(&stolen(&listed)).status, 404);
    assert_eq!(listed.harness.backend.requests(), before);
    listed.assert_accepted("listed host", &listed.request(listed.proof().compact()));
}

/// Sends a request over HTTP/1.1 or HTTP/2. Envoy may close the connection without a response.
fn try_send(client: Client, http2: bool, request: &Request) -> Option<Response> {
    if http2 { client.try_send_http2(request).ok() } else { client.try_send(request).ok() }
}

#[test]
fn backend_receives_the_host_and_path_of_the_proof_only() {
    const OWN: &str = "api.example.com";
    let fixture = Fixture::warm("dpop-ambiguous-hosts", json!({}));
    let items = || get("/items/1");
    let requests: [(&str, bool, Request); 16] = [
        ("plain", false, items().header("host", OWN)),
        ("plain, HTTP/2", true, items().header(":authority", OWN)),
        ("absolute form, other host", false, get(format!("http://{EVIL}/items/1")).header("host", OWN)),
        ("absolute form, own host", false, get("http://api.example.com/items/1").header("host", EVIL)),
        ("two hosts", false, items().header("host", OWN).header("host", EVIL)),
        ("two hosts, reversed", false, items().header("host", EVIL).header("host", OWN)),
        ("joined hosts", false, items().header("host", format!("{OWN}, {EVIL}"))),
        ("user information", false, items().header("host", format!("{EVIL}@{OWN}"))),
        ("user information, reversed", false, items().header("host", format!("{OWN}@{EVIL}"))),
        ("path of another host", false, get(format!("//{EVIL}/items/1"))),
        ("another host, HTTP/2", true, items().header(":authority", OWN).header("host", EVIL)),
        ("another authority, HTTP/2", true, items().header(":authority", EVIL).header("host", OWN)),
        ("absolute path, HTTP/2", true, get(format!("http://{EVIL}/items/1")).header(":authority", OWN)),
        ("encoded path", false, get("/%69tems/1")),
        ("dot segment", false, get("/x/../items/1")),
        ("forwarded headers", false, items().header("x-forwarded-host", EVIL).header("x-original-url", "/")),
    ];
    let mut accepted = 0;
    for (name, http2, request) in requests {
        for host in [OWN, EVIL] {
            let proof = fixture.proof_of("GET", &format!("https://{host}/items/1")).compact();
            let before = fixture.harness.backend.requests();
            let request = fixture.with_token(request.clone()).header("dpop", proof);
            let response = try_send(fixture.harness.client(), http2, &request);
            let received = fixture.harness.backend.requests() - before;
            let Some(response) = response.filter(|response| response.status == 200) else {
                assert_eq!(received, 0, "{name}, proof for {host}");
                continue;
            };
            let body = response.json();
            let path = body["path"].as_str().unwrap().replace("%69", "i");
            assert_eq!((&body["headers"]["host"], &*path), (&json!([host]), "/items/1"), "{name}: {body}");
            accepted += 1;
        }
    }
    assert!(accepted >= 5, "{accepted}");
    fixture.harness.assert_alive();
}

#[test]
fn several_credentials_are_rejected_over_each_protocol() {
    let fixture = Fixture::warm("dpop-several", json!({}));
    let (token, unbound) = (&fixture.token, fixture.harness.mint(&TokenSpec::user()));
    let bound = || fixture.request(fixture.proof().compact());
    let with = |authorization: String| {
        get("/items/1").header("authorization", authorization).header("dpop", fixture.proof().compact())
    };
    let requests = [
        ("twice", bound().header("authorization", format!("DPoP {token}"))),
        ("joined", with(format!("DPoP {token},DPoP {token}"))),
        ("Bearer joined", with(format!("DPoP {token}, Bearer {unbound}"))),
        ("joined to Bearer", with(format!("Bearer {unbound}, DPoP {token}"))),
        ("joined to Basic", with(format!("Basic YTpi, DPoP {token}"))),
        ("scheme twice", with(format!("DPoP DPoP {token}"))),
        ("Bearer of DPoP", with(format!("Bearer DPoP {token}"))),
        ("two words", with(format!("DPoP {unbound} {token}"))),
    ];
    let before = fixture.harness.backend.requests();
    for (name, request) in requests {
        let client = fixture.harness.client();
        for response in [client.send(&request), client.send_http2(&request)] {
            let got = (response.status, response.code());
            assert_eq!((got.0, got.1.as_str()), (400, "multiple_credentials"), "{name}: {response:?}");
        }
    }
    assert_eq!(fixture.harness.backend.requests(), before);
}

#[test]
fn cached_token_is_rejected_without_its_key() {
    let fixture = Fixture::warm("dpop-cached-key", json!({}));
    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        fixture.assert_accepted("own key", &fixture.request(fixture.proof().compact()));
    }
    fixture.harness.wait_for_counter("token_cache_hit", 10);
    let other = DpopKey::other(Algorithm::ES256);
    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS / 2 {
        fixture.assert_denied(vec![
            row("other key", fixture.request(fixture.proof().with_key(&other).compact()), {
                invalid_token(DpopKeyMismatch)
            }),
            row("no proof", fixture.with_token(get("/items/1")), invalid_proof(DpopProofMissing)),
            row("Bearer", get("/items/1").bearer(&fixture.token), bearer_denial(DpopSchemeRequired)),
        ]);
    }
}

#[test]
fn response_and_log_repeat_no_input() {
    let fixture = Fixture::warm("dpop-reflection", json!({ "nonce": {} }));
    let with_marker = |name: &str| fixture.request(fixture.proof().claim(name, MARKER).compact());
    let with_header = |name: &str| fixture.request(fixture.proof().header(name, MARKER).compact());
    let mut requests: Vec<Request> = ["jti", "htm", "htu", "ath", "nonce", "iat"].map(with_marker).into();
    requests.extend(["typ", "alg", "kid", "crit"].map(with_header));
    for name in ["kty", "crv", "x", "use"] {
        requests.push(fixture.request(fixture.proof().jwk_member(name, Value::from(MARKER)).compact()));
    }
    requests.extend([
        fixture.request(MARKER),
        fixture.request("x").header("host", format!("{MARKER}.example")),
        fixture.request_to(&format!("/{MARKER}?{MARKER}={MARKER}"), MARKER),
        get("/items/1").header("authorization", format!("DPoP {MARKER}.{MARKER}.{MARKER}")),
        get("/items/1").header("authorization", format!("DPoP {MARKER}")),
        get(format!("/{MARKER}")).header("origin", format!("https://{MARKER}.example")),
    ]);
    for request in requests {
        let response = fixture.send(&request);
        assert_eq!(response.status, 401, "{}: {response:?}", request.line());
        let text = format!("{:?}{}", response.headers, response.body).to_ascii_lowercase();
        assert!(!text.contains(MARKER), "{}: {text}", request.line());
    }
    let log = fixture.harness.envoy.log();
    let signature = fixture.token.rsplit('.').next().unwrap();
    assert!(log.contains("DPoP: ") && !log.contains(signature), "the log has the token");
    fixture.harness.assert_alive();
}
