//! `deploy/istio/stats.yaml`: the metrics of the filter and the guard.

use okta_authz_mesh::manifest::Manifest;
use test_support::client::get;

use super::harness::{Gateway, PORT, UPDATE_TIMEOUT, manifest, mesh, reader, wait_until};

/// Returns the annotation that `stats.yaml` adds to the pods of a Deployment.
fn annotation() -> String {
    let patch = Manifest::read("deploy/istio/stats.yaml").resources().remove(0);
    let annotations = &patch["spec"]["template"]["metadata"]["annotations"];
    annotations["proxy.istio.io/config"].as_str().unwrap().to_owned()
}

fn start(namespace: &str, manifest: &Manifest, config: &str) -> Gateway {
    let mut gateway = Gateway::create_with(namespace, manifest, config);
    gateway.proxy.wait_ready();
    gateway.proxy.wait_response(PORT);
    gateway
}

#[test]
fn stats_annotation_adds_denials_of_guard() {
    let gateway = start("stats", &manifest("gateway.yaml", "stats"), &annotation());
    gateway.expect(&get("/orders"), "no token", 401, "token_missing");
    gateway.expect(&get("/orders").bearer(reader()), "a token", 200, "");
    let metrics = || gateway.proxy.admin("/stats/prometheus");
    wait_until(UPDATE_TIMEOUT, || metrics().contains("okta_authz_decision_token_missing"));
    assert!(metrics().contains("okta_authz_decision_allowed"), "{}", metrics());

    // The guard denies: the agent cannot pull the module, and FAIL_OPEN omits the filter.
    let open = manifest("gateway.yaml", "stats-guard")
        .replace(&mesh().registry.authority(), "10.96.0.12:5009")
        .replace("failStrategy: FAIL_RELOAD", "failStrategy: FAIL_OPEN");
    let gateway = start("stats-guard", &open, &annotation());
    gateway.expect(&get("/orders"), "no module, FAIL_OPEN", 403, "");
    let stats = || gateway.proxy.admin("/stats?filter=okta_authz_guard");
    // The other denial is that of `wait_response`.
    wait_until(UPDATE_TIMEOUT, || stats().contains("rbac.okta_authz_guard.denied: 2"));

    // Control: by default, Istio exports the metrics of the filter, and not those of the guard.
    let gateway = Gateway::start("stats-default");
    gateway.expect(&get("/orders"), "no token", 401, "token_missing");
    let metrics = || gateway.proxy.admin("/stats/prometheus");
    wait_until(UPDATE_TIMEOUT, || metrics().contains("okta_authz_decision_token_missing"));
    assert!(!gateway.proxy.admin("/stats?filter=okta_authz_guard").contains("okta_authz_guard"));
}
