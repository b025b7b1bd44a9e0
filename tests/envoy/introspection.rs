//! Introspection in Envoy: the calls, what each response means, limits, and client authentication.

mod client_authentication;
mod floods;
mod responses;

use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::{
    Endpoint, Fault, FaultResponse, Options, RESOURCE_SERVER_ID, Server, StandIn, TokenSpec,
};
use test_support::client::{Response, get};
use test_support::config::EnvoyConfig;

use super::harness::{CONNECTIONS_FOR_BOTH_WORKERS, Harness};

/// Configures introspection of opaque tokens with these fields.
fn with_introspection(fields: Value) -> impl FnOnce(EnvoyConfig) -> EnvoyConfig {
    move |mut config| {
        let mut introspection = json!({
            "cluster": "okta", "client_id": RESOURCE_SERVER_ID,
            "auth": { "client_secret_basic": { "secret_env": "OKTA_RS_SECRET" } },
            "cache_duration": "2s", "inactive_cache_duration": "2s", "max_per_second": 1000,
        });
        for (name, value) in fields.as_object().unwrap() {
            introspection[name] = value.clone();
        }
        config.plugin()["providers"]["okta"]["introspection"] = introspection;
        pass_environment(&mut config);
        config
    }
}

/// Passes the secrets of Envoy's environment to the VM.
fn pass_environment(config: &mut EnvoyConfig) {
    config.filter()["vm_config"]["environment_variables"] =
        json!({ "host_env_keys": ["OKTA_RS_SECRET", "OKTA_RS_KEY"] });
}

fn opaque(harness: &Harness, spec: TokenSpec) -> String {
    harness.mint(&spec.opaque())
}

fn calls(harness: &Harness) -> u64 {
    harness.okta.requests(Server::Default, Endpoint::Introspect)
}

fn set_fault(harness: &Harness, fault: Fault) {
    harness.okta.set_fault_at(Server::Default, Endpoint::Introspect, fault);
}

/// Returns status and code of a response.
fn decision(response: &Response) -> (u16, String) {
    (response.status, if response.status == 200 { String::new() } else { response.code() })
}

fn allowed() -> (u16, String) {
    (200, String::new())
}

fn denied(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// Sends `GET /me` to both workers, and asserts that every decision is equal.
fn assert_both_workers(harness: &Harness, token: &str, expected: &(u16, String), case: &str) {
    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        let response = harness.get_me(token);
        assert_eq!(decision(&response), *expected, "{case}: {response:?}\n{}", harness.envoy.log());
    }
}

#[test]
fn opaque_token_is_introspected_once_per_cache_duration() {
    let harness = Harness::new("introspection", with_introspection(json!({})));
    let token = opaque(&harness, TokenSpec::user());
    assert_both_workers(&harness, &token, &allowed(), "active");
    // The workers share results, so that one call serves both.
    let first = calls(&harness);
    assert!((1..=2).contains(&first), "{first} calls");
    let call = harness.okta.introspections(Server::Default).pop().unwrap();
    assert_eq!((call.method, call.client.as_str()), ("basic", RESOURCE_SERVER_ID));
    assert_eq!((call.token.as_str(), call.hint.as_deref()), (token.as_str(), Some("access_token")));
    assert_eq!(call.accept.as_deref(), Some("application/json"));

    // The claims of the response decide about rules, and reach the upstream.
    let response = harness.send(&get("/me").bearer(&token));
    assert!(response.body.contains("joe.user@example.com"), "{response:?}");
    assert_eq!(harness.send(&get("/items/1").bearer(&token)).status, 200);
    let forbidden = harness.send(&get("/admin").bearer(&token));
    assert_eq!(decision(&forbidden), denied(403, "requirement_not_met"));

    // A revoked token passes for at most `cache_duration`.
    let revoked = opaque(&harness, TokenSpec::user().claim("jti", "AT.opaque"));
    assert_both_workers(&harness, &revoked, &allowed(), "before its revocation");
    harness.okta.revoke("AT.opaque");
    harness.wait_for_status(&revoked, 401, Duration::from_secs(8));
    let response = harness.get_me(&revoked);
    assert_eq!(decision(&response), denied(401, "token_inactive"));
    let challenge =
        r#"Bearer realm="api",error="invalid_token",error_description="the access token is not active""#;
    assert_eq!(response.header("www-authenticate"), Some(challenge));

    let log = harness.envoy.log();
    for secret in [token.as_str(), &revoked, "resource-server-secret"] {
        assert!(!log.contains(secret), "a secret is in the log\n{log}");
    }
    for counter in ["introspection.active", "introspection.rejected", "introspection_cache_hit"] {
        harness.wait_for_counter(counter, 1);
    }
    harness.assert_alive();
}

#[test]
fn jwt_is_introspected_for_the_chosen_rules_alone() {
    let harness = Harness::new("introspection-rules", |config| {
        let mut config = with_introspection(json!({ "tokens": "rules" }))(config);
        let rules = config.plugin()["rules"].as_array_mut().unwrap();
        let admin = rules.iter_mut().find(|rule| rule["match"]["path_separated_prefix"] == "/items").unwrap();
        admin["introspect"] = json!(true);
        config
    });
    harness.warm_up();
    let token = harness.mint(&TokenSpec::user().claim("jti", "AT.jwt"));
    assert_both_workers(&harness, &token, &allowed(), "without introspection");
    assert_eq!(calls(&harness), 0, "a bearer JWT of another rule causes no call");
    harness.okta.revoke("AT.jwt");
    let response = harness.send(&get("/items/1").bearer(&token));
    assert_eq!(decision(&response), denied(401, "token_inactive"));
    assert_both_workers(&harness, &token, &allowed(), "the other rule does not ask");
    let valid = harness.mint(&TokenSpec::user());
    assert_eq!(harness.send(&get("/items/1").bearer(&valid)).status, 200);
    let opaque = opaque(&harness, TokenSpec::user());
    assert_eq!(decision(&harness.get_me(&opaque)), denied(401, "token_opaque"));
    harness.assert_alive();
}

#[test]
fn token_that_expires_while_cached_is_rejected() {
    let harness = Harness::new("introspection-exp", with_introspection(json!({ "cache_duration": "1m" })));
    let token = opaque(&harness, TokenSpec::user().lifetime(3));
    assert_both_workers(&harness, &token, &allowed(), "before exp");
    harness.wait_for_status(&token, 401, Duration::from_secs(10));
    assert_both_workers(&harness, &token, &denied(401, "token_expired"), "after exp");
}

#[test]
fn requests_with_one_token_share_one_call_and_an_aborted_request_does_not_end_it() {
    let okta = StandIn::start(Options::default());
    let slow = FaultResponse { delay_millis: 1_000, ..FaultResponse::default() };
    okta.set_fault_at(Server::Default, Endpoint::Introspect, Fault::Response(slow));
    let harness = Harness::with_okta("introspection-waiters", okta, with_introspection(json!({})));
    let token = opaque(&harness, TokenSpec::user());
    // The first client closes its connection while the call is in flight.
    let mut stream = harness.client().connect().unwrap();
    let head = format!("GET /me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
    while calls(&harness) == 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(stream);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..100).map(|_| scope.spawn(|| harness.get_me(&token).status)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses, [200; 100], "{}", harness.envoy.log());
    assert!(calls(&harness) <= 2, "{} calls, one per worker at most", calls(&harness));
    harness.assert_alive();
}
