//! The guard, where the filter fails.

use okta_authz_mesh::manifest::Manifest;
use test_support::client::get;

use super::harness::{
    CONNECTIONS_FOR_BOTH_WORKERS, Gateway, PORT, UPDATE_TIMEOUT, apply, manifest, mesh, reader, wait_until,
};

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

    // Control: Envoy skips a filter that failed on a worker.
    let gateway = Gateway::start_with(
        "on-worker-only",
        &with_module("on-worker-only", "fails_on_worker").without("EnvoyFilter"),
    );
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
    let mut in_a_row = 0;
    wait_until(UPDATE_TIMEOUT, || {
        let is_allowed = gateway.client().send(&read()).status == 200;
        in_a_row = if is_allowed { in_a_row + 1 } else { 0 };
        in_a_row == CONNECTIONS_FOR_BOTH_WORKERS
    });
}

#[test]
fn configuration_invalid_at_start_allows_no_request() {
    let valid = manifest("gateway.yaml", "invalid-start");
    let mut gateway = Gateway::create("invalid-start", &valid.clone().replace("audiences: [", "audience: ["));
    let log = "configuration rejected: providers.okta.audience: unknown field `audience`";
    wait_until(UPDATE_TIMEOUT, || gateway.proxy.log().contains(log));
    gateway.proxy.wait_response(PORT);
    let token = reader();
    for request in [get("/orders"), get("/orders").bearer(&token), get("/healthz"), get("/other")] {
        for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS / 3 {
            let response = gateway.client().send(&request);
            assert_eq!((response.status, response.body.as_str()), (500, ""), "{response:?}");
        }
        gateway.send(&request, "an invalid pluginConfig at the start");
    }
    assert_eq!(gateway.api.requests(), 0);
    wait_until(UPDATE_TIMEOUT, || mesh().istio.log().contains("ADS:ECDS: ACK ERROR gateway.invalid-start"));
    let ready = gateway.proxy.client(15021).send(&get("/healthz/ready"));
    assert_eq!(ready.status, 200, "the pod is ready, so Kubernetes sends requests to it");

    apply(valid.text());
    gateway.wait_for_status(&get("/orders").bearer(&token), 200);
}
