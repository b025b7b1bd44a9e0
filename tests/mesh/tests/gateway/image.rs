//! The download of the image by Envoy Gateway: digests, and outages of the registry.

use std::time::{Duration, Instant};

use okta_authz_mesh::envoy_gateway::Settings;
use okta_authz_mesh::manifest::Manifest;
use test_support::client::get;

use super::mesh::{IMAGE, Mesh, mesh};
use super::scenario::{POLICY, Scenario, bare};

/// The downloads that Envoy Gateway 1.9 tries for an address, before it waits for an hour.
const ATTEMPTS: usize = 11;

/// Returns policy.yaml with another tag, so that Envoy Gateway has not yet downloaded it.
fn policy_with_tag(scenario: &Scenario<'_>, tag: &str) -> Manifest {
    let image = format!("okta-authz-filter:{tag}");
    scenario.mesh.registry.borrow().push(&image);
    scenario.manifest(POLICY).replace(IMAGE, &image)
}

/// Checks that every kind of request is denied, and that none reaches the API.
fn everything_denied(scenario: &Scenario<'_>, with: &str) {
    let before = scenario.mesh.api.requests();
    for request in [get("/orders"), scenario.allowed(), get("/healthz")] {
        let response = scenario.send(&request, with);
        assert!([403, 500].contains(&response.status), "{response:?}");
        for _ in 0..20 {
            assert!([403, 500].contains(&scenario.client().send(&request).status));
        }
    }
    assert_eq!(scenario.mesh.api.requests(), before);
}

/// Makes Envoy Gateway process the policy again.
fn touch(scenario: &Scenario<'_>, count: usize) {
    let annotation = format!("touched={count}");
    let namespace = &scenario.namespace;
    let arguments = ["annotate", "--overwrite", "envoyextensionpolicy", "okta-authz", "-n", namespace, &annotation];
    scenario.mesh.gateway.borrow().cluster.run(&arguments);
}

#[test]
fn digest_wrong_denies_every_request() {
    let mesh = &*mesh();
    let mut scenario = Scenario::new(mesh, "digest");
    let right = policy_with_tag(&scenario, "digest");
    let wrong = right.clone().replace(bare(&mesh.digest), &"1".repeat(64));
    scenario.apply(wrong.text());
    scenario.start(&[]);
    let condition = scenario.wait_for_condition("envoyextensionpolicy", "okta-authz", "Accepted", "False");
    println!("wrong digest: {condition:?}");
    everything_denied(&scenario, "a wrong digest");
    scenario.apply(right.only("EnvoyExtensionPolicy").text());
    scenario.wait_for(401, "token_missing");
    scenario.expect(&scenario.allowed(), "the right digest", 200, "");
}

#[test]
fn registry_down_denies_until_the_next_change() {
    let mesh = &*mesh();
    let mut scenario = Scenario::new(mesh, "registry");
    let policy = policy_with_tag(&scenario, "registry");
    mesh.registry.borrow_mut().stop();
    scenario.apply(policy.text());
    scenario.start(&[]);
    let condition = scenario.wait_for_condition("envoyextensionpolicy", "okta-authz", "Accepted", "False");
    println!("registry down: {condition:?}");
    everything_denied(&scenario, "the registry is down");
    mesh.registry.borrow_mut().resume();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        let status = scenario.client().send(&get("/orders")).status;
        if status == 401 {
            println!("registry back: 401 after {:?} without a change", start.elapsed());
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    println!("registry back: {:?} after {:?}", scenario.client().send(&get("/orders")).status, start.elapsed());
    touch(&scenario, 0);
    scenario.wait_for(401, "token_missing");
    scenario.expect(&scenario.allowed(), "the registry is back", 200, "");
}

#[test]
fn registry_down_for_eleven_attempts_needs_a_restart() {
    let mut mesh = mesh();
    let mesh: &Mesh = &mut mesh;
    let mut scenario = Scenario::new(mesh, "attempts");
    let policy = policy_with_tag(&scenario, "attempts");
    mesh.registry.borrow_mut().stop();
    scenario.apply(policy.text());
    scenario.start(&[]);
    let mut touches = 0;
    let condition = loop {
        let condition = scenario.wait_for_condition("envoyextensionpolicy", "okta-authz", "Accepted", "False");
        if condition.message.contains("attempts") || touches > 2 * ATTEMPTS {
            break condition;
        }
        touches += 1;
        touch(&scenario, touches);
        std::thread::sleep(Duration::from_secs(1));
    };
    println!("after {touches} changes: {condition:?}");
    mesh.registry.borrow_mut().resume();
    touch(&scenario, touches + 1);
    std::thread::sleep(Duration::from_secs(3));
    println!("registry back: {:?}", scenario.mesh.gateway.borrow().condition("envoyextensionpolicy", "attempts", "okta-authz", "Accepted"));
    everything_denied(&scenario, "the registry is back after eleven attempts");
    mesh.gateway.borrow_mut().restart(&Settings::default());
    scenario.wait_for(401, "token_missing");
}

#[test]
fn restart_without_the_registry_denies_every_request() {
    let mesh = &*mesh();
    let mut scenario = Scenario::new(mesh, "restart");
    scenario.apply(scenario.manifest(POLICY).text());
    scenario.start(&[]);
    scenario.wait_for(401, "token_missing");
    scenario.expect(&scenario.allowed(), "orders:read", 200, "");
    mesh.registry.borrow_mut().stop();
    // Without its cache, Envoy Gateway has to download the module again.
    mesh.gateway.borrow_mut().restart(&Settings::default());
    scenario.wait_for_condition("envoyextensionpolicy", "okta-authz", "Accepted", "False");
    std::thread::sleep(Duration::from_secs(2));
    everything_denied(&scenario, "Envoy Gateway started while the registry was down");
    mesh.registry.borrow_mut().resume();
    touch(&scenario, 1);
    scenario.wait_for(401, "token_missing");
    scenario.expect(&scenario.allowed(), "the registry is back", 200, "");
}
