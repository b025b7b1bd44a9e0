//! The guard, and the other patches of `EnvoyPatchPolicy`.

use std::time::{Duration, Instant};

use okta_authz_mesh::envoy_gateway::Settings;
use serde_json::Value;
use test_support::client::get;

use super::mesh::mesh;
use super::scenario::{POLICY, Scenario, bare, filters};

/// With so many connections, each of the two workers of an Envoy gets some.
const CONNECTIONS: usize = 30;

#[test]
fn patches_set_guard_and_reload() {
    let mesh = &*mesh();
    let mut scenario = Scenario::new(mesh, "patches");
    scenario.apply(scenario.manifest(POLICY).text());
    scenario.start(&[]);
    scenario.wait_for(401, "token_missing");
    let listeners = scenario.proxy().listeners();
    let chains = filters(&listeners, "patches/eg/http");
    assert_eq!(chains.len(), 1, "{listeners}");
    let names: Vec<&str> = chains[0].iter().map(|filter| filter["name"].as_str().unwrap()).collect();
    let wasm = "envoy.filters.http.wasm/envoyextensionpolicy/patches/okta-authz/wasm/0";
    assert_eq!(names, [wasm, "okta-authz-guard", "envoy.filters.http.router"]);
    let config = &chains[0][0]["typed_config"]["config"];
    assert_eq!(config["failure_policy"], "FAIL_RELOAD", "{config}");
    assert_eq!(config["fail_open"], Value::Null, "{config}");
    assert_eq!(chains[0][0]["disabled"], true, "Envoy Gateway enables the filter by route");
}

#[test]
fn filter_failed_on_worker_is_denied_by_the_guard() {
    let mesh = &*mesh();
    let mut scenario = Scenario::new(mesh, "worker");
    let policy = scenario.policy_with_module("fails_on_worker");
    scenario.apply(policy.text());
    scenario.start(&[]);
    scenario.wait_for(403, "");
    for request in [get("/orders"), scenario.allowed(), get("/healthz")] {
        for _ in 0..CONNECTIONS {
            assert_eq!(scenario.client().send(&request).status, 403);
        }
        scenario.expect(&request, "the filter failed on the workers", 403, "");
    }
    assert!(scenario.proxy().stat("http.http-10080.rbac.okta_authz_guard.denied") > 100);
    // Control: Envoy skips a filter that failed on a worker.
    let mut open = Scenario::new(mesh, "worker-only");
    open.apply(open.policy_with_module("fails_on_worker").without("EnvoyPatchPolicy").text());
    open.start(&[]);
    let deadline = Instant::now() + Duration::from_secs(30);
    while open.client().try_send(&get("/orders")).map_or(0, |response| response.status) != 200 {
        assert!(
            Instant::now() < deadline,
            "without the guard, Envoy skips the filter\n{}",
            open.proxy().log()
        );
    }
    open.expect(&get("/orders"), "the filter failed on the workers, no guard", 200, "");
}

#[test]
fn filter_trapped_denies_until_envoy_creates_a_new_vm() {
    let mesh = &*mesh();
    let mut scenario = Scenario::new(mesh, "traps");
    scenario.apply(scenario.policy_with_module("traps_on_demand").text());
    scenario.start(&[]);
    scenario.wait_for(401, "token_missing");
    scenario.expect(&scenario.allowed(), "orders:read", 200, "");
    let before = mesh.api.requests();
    let trap = || scenario.allowed().header("x-trap", "now");
    for _ in 0..CONNECTIONS {
        let response = scenario.client().send(&trap());
        assert!(response.status >= 500, "{response:?}");
    }
    scenario.send(&trap(), "a request that ends the VM");
    assert_eq!(mesh.api.requests(), before, "no request that ends the VM reaches the API");
    let start = Instant::now();
    let mut in_a_row = 0;
    while in_a_row < CONNECTIONS {
        in_a_row = if scenario.client().send(&scenario.allowed()).status == 200 { in_a_row + 1 } else { 0 };
        assert!(start.elapsed() < Duration::from_secs(20), "Envoy creates no new VM");
    }
    println!("trap: each worker responds with 200 again after {:?}", start.elapsed());
    for _ in 0..CONNECTIONS {
        assert_eq!(scenario.client().send(&get("/orders")).status, 401);
    }
}

#[test]
fn config_rejected_by_the_filter_denies_every_request() {
    let mesh = &*mesh();
    let mut scenario = Scenario::new(mesh, "rejected");
    let before = mesh.api.requests();
    scenario.apply(scenario.manifest(POLICY).replace("public: true", "publik: true").text());
    scenario.start(&[]);
    scenario.wait_for_condition("envoyextensionpolicy", "okta-authz", "Accepted", "True");
    // Envoy gets the module from Envoy Gateway after it has accepted the listener, so the filter
    // fails when the proxy already serves requests. With and without the guard, it responds with 503.
    denied(&scenario, "a configuration that the filter rejects");
    assert!(scenario.proxy().log().contains("rules[0].publik: unknown field"), "{}", scenario.proxy().log());
    let mut open = Scenario::new(mesh, "rejected-only");
    let policy = open.manifest(POLICY).replace("public: true", "publik: true").without("EnvoyPatchPolicy");
    open.apply(policy.text());
    open.start(&[]);
    open.wait_for_condition("envoyextensionpolicy", "okta-authz", "Accepted", "True");
    denied(&open, "a configuration that the filter rejects, no guard");
    assert_eq!(mesh.api.requests(), before);
}

fn denied(scenario: &Scenario<'_>, with: &str) {
    scenario.wait_for(503, "");
    for request in [get("/orders"), scenario.allowed(), get("/healthz")] {
        scenario.expect(&request, with, 503, "");
        for _ in 0..CONNECTIONS {
            assert_eq!(scenario.client().send(&request).status, 503);
        }
    }
}

#[test]
fn patch_policy_disabled_never_admits_silently() {
    let mesh = &*mesh();
    mesh.gateway.borrow_mut().restart(&Settings { patch_policy: false, ..Settings::default() });
    let mut scenario = Scenario::new(mesh, "disabled");
    scenario.apply(scenario.manifest(POLICY).text());
    scenario.start(&[]);
    scenario.wait_for(401, "token_missing");
    let policy = scenario.mesh.gateway.borrow().cluster.get("envoypatchpolicy", "disabled", "okta").unwrap();
    assert_eq!(policy["status"], Value::Null, "Envoy Gateway does not read the policy");
    let before = mesh.api.requests();
    scenario.expect(
        &scenario.allowed(),
        "EnvoyPatchPolicy is disabled, orders:read",
        503,
        "keys_unavailable",
    );
    scenario.expect(&get("/orders"), "EnvoyPatchPolicy is disabled, no token", 401, "token_missing");
    let unknown = get("/orders").header("host", "other.example.com");
    scenario.expect(&unknown, "EnvoyPatchPolicy is disabled, no route", 404, "");
    assert_eq!(mesh.api.requests(), before);
    scenario.expect(&get("/healthz"), "EnvoyPatchPolicy is disabled, a public path", 200, "");
    let before = mesh.api.requests();
    let wrong =
        scenario.manifest(POLICY).replace(bare(&mesh.digest), &"1".repeat(64)).only("EnvoyExtensionPolicy");
    scenario.apply(wrong.text());
    scenario.wait_for(500, "");
    for request in [scenario.allowed(), get("/healthz")] {
        scenario.expect(&request, "EnvoyPatchPolicy is disabled, a wrong digest", 500, "");
    }
    assert_eq!(mesh.api.requests(), before);
    drop(scenario);
    mesh.gateway.borrow_mut().restart(&Settings::default());
}
