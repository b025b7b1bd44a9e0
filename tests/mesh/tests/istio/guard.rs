//! The guard, where the filter fails.

use std::time::Duration;

use test_support::client::get;

use okta_authz_mesh::manifest::Manifest;

use super::harness::{apply, CONNECTIONS_FOR_BOTH_WORKERS, Gateway, manifest, mesh, reader};

/// Returns the manifest of the gateway with a module of the tests in place of the filter.
fn with_module(namespace: &str, module: &str) -> Manifest {
    let digest = mesh().registry.push_module(module);
    manifest("gateway.yaml", namespace)
        .replace("okta-authz-filter:0.1.0", &format!("{module}:0.1.0"))
        .replace(mesh().digest.trim_start_matches("sha256:"), digest.trim_start_matches("sha256:"))
}

#[test]
fn filter_failed_on_worker_is_denied_by_the_guard() {
    let gateway = Gateway::start_with("on-worker", &with_module("on-worker", "fails_on_worker"));
    let token = reader();
    for request in [get("/orders"), get("/orders").bearer(&token), get("/healthz")] {
        for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
            assert_eq!(gateway.client().send(&request).status, 403);
        }
        gateway.expect(&request, "the filter failed on the workers", 403, "");
    }
    assert_eq!(gateway.api.requests(), 0);
    println!("guard: {}", gateway.proxy.admin("/stats?filter=rbac"));

    // Control: Envoy skips a filter that failed on a worker.
    let gateway = Gateway::start_with("on-worker-only", &with_module("on-worker-only", "fails_on_worker").without("EnvoyFilter"));
    gateway.expect(&get("/orders"), "the filter failed on the workers, no guard", 200, "");
}

#[test]
fn filter_trapped_denies_until_envoy_creates_a_new_vm() {
    let gateway = Gateway::start_with("traps", &with_module("traps", "traps_on_demand"));
    let token = reader();
    let read = || get("/orders").bearer(&token);
    gateway.wait_for_status(&read(), 200);
    let before = gateway.api.requests();
    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        let response = gateway.client().send(&read().header("x-trap", "now"));
        assert!(response.status >= 500, "{response:?}");
    }
    gateway.send(&read().header("x-trap", "now"), "a request that ends the VM");
    assert_eq!(gateway.api.requests(), before, "no request that ends the VM reaches the API");
    let time = gateway.wait_for_status(&read(), 200);
    println!("trap: 200 again after {time:?}");
    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        let status = gateway.client().send(&get("/orders")).status;
        assert!(status == 401 || status == 503, "{status}");
    }
    std::thread::sleep(Duration::from_secs(2));
    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        assert_eq!(gateway.client().send(&read()).status, 200);
    }
}

#[test]
fn configuration_invalid_at_start_allows_no_request() {
    let invalid = manifest("gateway.yaml", "invalid-start").replace("audiences: [api://default]", "audience: api://default");
    let mut gateway = Gateway::create("invalid-start", &invalid);
    std::thread::sleep(Duration::from_secs(15));
    println!("invalid-start healthz: {:?}", gateway.proxy.client(15021).try_send(&get("/healthz/ready")));
    println!("invalid-start: {:?}", gateway.client().try_send(&get("/orders")));
    println!("invalid-start: {:?}", gateway.client().try_send(&get("/orders").bearer(reader())));
    println!("{}", gateway.proxy.admin("/config_dump?resource=ecds_filters"));
    println!("{}", gateway.proxy.admin("/listeners"));
    for line in gateway.proxy.log().lines().filter(|line| line.contains("okta")) {
        println!("invalid-start: {line}");
    }
    assert_eq!(gateway.api.requests(), 0);
    apply(manifest("gateway.yaml", "invalid-start").text());
    gateway.proxy.wait_response(super::harness::PORT);
    gateway.wait_for_status(&get("/orders").bearer(reader()), 200);
}
