//! The download of the image by Envoy Gateway: digests, and outages of the registry.

use std::time::{Duration, Instant};

use okta_authz_mesh::envoy_gateway::Settings;
use test_support::client::get;

use super::mesh::{Mesh, mesh};
use super::scenario::{POLICY, Scenario, bare};

/// More changes than Envoy Gateway 1.9 needs for the attempts after which it waits for an hour.
const CHANGES: usize = 15;

/// Checks that every kind of request is denied, and that none reaches the API.
fn everything_denied(scenario: &Scenario<'_>, with: &str) {
    let before = scenario.mesh.api.requests();
    for request in [get("/orders"), scenario.allowed(), get("/healthz")] {
        // The guard denies. Without it, Envoy Gateway responds with 500.
        scenario.expect(&request, with, 403, "");
        for _ in 0..20 {
            assert_eq!(scenario.client().send(&request).status, 403);
        }
    }
    assert_eq!(scenario.mesh.api.requests(), before);
}

/// Changes the policy, so that Envoy Gateway processes it again.
fn change(scenario: &Scenario<'_>, count: usize) {
    let patch = format!(r#"[{{"op":"replace","path":"/spec/wasm/0/name","value":"okta-authz-{count}"}}]"#);
    let policy = ["envoyextensionpolicy", "okta-authz", "-n", &scenario.namespace];
    let arguments = [&["patch"], &policy[..], &["--type=json", "-p", &patch]].concat();
    scenario.mesh.gateway.borrow().cluster.run(&arguments);
}

/// Stops the registry, and starts Envoy Gateway again. It does not use the files that it cached
/// before, although its cache directory stays.
fn stop_registry(mesh: &Mesh) {
    mesh.registry.borrow_mut().stop();
    mesh.gateway.borrow_mut().restart(&Settings::default());
}

#[test]
fn digest_wrong_denies_every_request() {
    let mesh = &*mesh();
    let mut scenario = Scenario::new(mesh, "digest");
    let right = scenario.manifest(POLICY);
    let wrong = right.clone().replace(bare(&mesh.digest), &"1".repeat(64));
    scenario.apply(wrong.text());
    scenario.start(&[]);
    let condition = scenario.wait_for_condition("envoyextensionpolicy", "okta-authz", "Accepted", "False");
    assert!(condition.message.contains("does not match"), "{condition:?}");
    // Envoy has no filter that the third patch could change. The guard is active nevertheless.
    scenario.wait_for_condition("envoypatchpolicy", "okta", "Programmed", "False");
    everything_denied(&scenario, "a wrong digest");
    scenario.apply(right.only("EnvoyExtensionPolicy").text());
    scenario.wait_for(401, "token_missing");
    scenario.expect(&scenario.allowed(), "the right digest", 200, "");
}

#[test]
fn registry_down_denies_until_the_next_change() {
    let mesh = &*mesh();
    stop_registry(mesh);
    let mut scenario = Scenario::new(mesh, "registry");
    scenario.apply(scenario.manifest(POLICY).text());
    scenario.start(&[]);
    let condition = scenario.wait_for_condition("envoyextensionpolicy", "okta-authz", "Accepted", "False");
    assert!(condition.message.contains("dial tcp 10.96.0.12:5000"), "{condition:?}");
    everything_denied(&scenario, "the registry is down");
    mesh.resume_registry();
    // Envoy Gateway does not try again by itself, and an annotation is no change for it.
    let policy = ["envoyextensionpolicy", "okta-authz", "-n", "registry"];
    mesh.gateway.borrow().cluster.run(&[&["annotate"], &policy[..], &["example.com/try=again"]].concat());
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        assert_eq!(scenario.client().send(&scenario.allowed()).status, 403);
        std::thread::sleep(Duration::from_millis(200));
    }
    everything_denied(&scenario, "the registry is back since 20 s");
    change(&scenario, 1);
    scenario.wait_for(401, "token_missing");
    scenario.expect(&scenario.allowed(), "the registry is back, and the policy has changed", 200, "");
}

#[test]
fn registry_down_for_eleven_attempts_needs_a_restart() {
    let mesh = &*mesh();
    stop_registry(mesh);
    let mut scenario = Scenario::new(mesh, "attempts");
    scenario.apply(scenario.manifest(POLICY).text());
    scenario.start(&[]);
    let mut changes = 0;
    let condition = loop {
        let condition =
            scenario.wait_for_condition("envoyextensionpolicy", "okta-authz", "Accepted", "False");
        if condition.message.contains("after 10 attempts") || changes > CHANGES {
            break condition;
        }
        changes += 1;
        change(&scenario, changes);
    };
    assert!(condition.message.contains("after 10 attempts"), "{condition:?}");
    mesh.resume_registry();
    change(&scenario, changes + 1);
    // The condition of the changed policy: Envoy Gateway has processed it.
    scenario.wait_for_condition("envoyextensionpolicy", "okta-authz", "Accepted", "False");
    everything_denied(&scenario, "the registry is back after eleven attempts");
    mesh.gateway.borrow_mut().restart(&Settings::default());
    scenario.wait_for(401, "token_missing");
    scenario.expect(
        &scenario.allowed(),
        "the registry is back, and Envoy Gateway has started again",
        200,
        "",
    );
}

#[test]
fn restart_without_the_registry_denies_every_request() {
    let mesh = &*mesh();
    let mut scenario = Scenario::new(mesh, "restart");
    scenario.apply(scenario.manifest(POLICY).text());
    scenario.start(&[]);
    scenario.wait_for(401, "token_missing");
    scenario.expect(&scenario.allowed(), "orders:read", 200, "");
    // Envoy Gateway has to download the module again.
    stop_registry(mesh);
    scenario.wait_for_condition("envoyextensionpolicy", "okta-authz", "Accepted", "False");
    scenario.wait_for(403, "");
    everything_denied(&scenario, "Envoy Gateway started while the registry was down");
    mesh.resume_registry();
    change(&scenario, 1);
    scenario.wait_for(401, "token_missing");
    scenario.expect(&scenario.allowed(), "the registry is back", 200, "");
}

#[test]
fn image_in_the_cache_needs_no_registry() {
    let mesh = &*mesh();
    let mut scenario = Scenario::new(mesh, "cached");
    scenario.apply(scenario.manifest(POLICY).text());
    scenario.start(&[]);
    scenario.wait_for(401, "token_missing");
    mesh.registry.borrow_mut().stop();
    change(&scenario, 1);
    scenario.wait_for_condition("envoyextensionpolicy", "okta-authz", "Accepted", "True");
    // A new proxy downloads the module from Envoy Gateway.
    scenario.start(&[]);
    scenario.wait_for(401, "token_missing");
    scenario.expect(&scenario.allowed(), "the registry is down, the image is in the cache", 200, "");
}
