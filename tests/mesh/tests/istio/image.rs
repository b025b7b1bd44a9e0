//! The image: pulled by digest, with a wrong digest, and without a registry.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use okta_authz_mesh::registry::Registry;
use test_support::client::get;

use super::harness::{CONNECTIONS_FOR_BOTH_WORKERS, Gateway, PORT, manifest, mesh, quiet, reader};

/// The body of Envoy's RBAC filter.
const DENIED: &str = "RBAC: access denied";

/// The time for which the test shows that the agent does not retry.
const WITHOUT_UPDATES: Duration = Duration::from_secs(20);

/// Sends requests over many connections, and checks that each gets the response of an RBAC filter
/// and that none reaches the API.
#[track_caller]
fn assert_all_denied(gateway: &Gateway, why: &str) {
    let token = reader();
    for request in [get("/orders"), get("/orders").bearer(&token), get("/healthz"), get("/other")] {
        for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS / 3 {
            let response = gateway.client().send(&request);
            assert_eq!((response.status, response.body.as_str()), (403, DENIED), "{why}: {response:?}");
        }
        gateway.send(&request, why);
    }
    assert_eq!(gateway.api.requests(), 0, "{why}: no request reaches the API");
}

/// Returns the modules that the agent has stored.
fn modules(gateway: &Gateway) -> Vec<PathBuf> {
    fn visit(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "wasm") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    visit(&gateway.proxy.folder().join("data"), &mut found);
    found
}

#[test]
fn image_is_pulled_by_digest() {
    let gateway = Gateway::start("digest");
    gateway.expect(&get("/orders"), "no token", 401, "token_missing");
    let modules = modules(&gateway);
    assert_eq!(modules.len(), 1, "{modules:?}");
    let expected = std::fs::read(test_support::root().join("target/image/okta_authz_filter.wasm")).unwrap();
    assert_eq!(std::fs::read(&modules[0]).unwrap(), expected, "the agent stores the module of the image");
}

#[test]
fn digest_wrong_denies_every_request() {
    let right = mesh().digest.trim_start_matches("sha256:");
    let wrong = "0".repeat(64);
    let gateway =
        Gateway::start_with("wrong-digest", &manifest("gateway.yaml", "wrong-digest").replace(right, &wrong));
    assert_all_denied(&gateway, "wrong digest");
    let dump = gateway.proxy.admin("/config_dump?resource=ecds_filters");
    assert!(dump.contains("wasm-default-deny"), "{dump}");
    let log = gateway.proxy.log();
    let expected = format!("has checksum {right}, which does not match: {wrong}. applying deny RBAC filter");
    assert!(log.contains(&expected), "{log}");
    assert!(modules(&gateway).is_empty());
}

#[test]
fn registry_down_at_start_denies_every_request_until_next_update() {
    let mut registry = Registry::start_on(5001);
    registry.push("okta-authz-filter:0.1.0");
    registry.stop();
    let changed =
        manifest("gateway.yaml", "no-registry").replace(&mesh().registry.authority(), &registry.authority());
    let mut gateway = Gateway::create("no-registry", &changed);
    gateway.proxy.wait_response(PORT);
    assert_all_denied(&gateway, "registry down");
    let log = gateway.proxy.log();
    assert!(log.contains("cannot fetch Wasm module") && log.contains("applying deny RBAC filter"), "{log}");

    // A change of another namespace also makes istiod push this configuration.
    let quiet = quiet();
    registry.resume();
    registry.push("okta-authz-filter:0.1.0");
    let start = Instant::now();
    while start.elapsed() < WITHOUT_UPDATES {
        assert_eq!(gateway.client().send(&get("/orders")).status, 403, "{:?}", start.elapsed());
        std::thread::sleep(Duration::from_millis(500));
    }
    drop(quiet);
    let cluster = &mesh().istio.cluster;
    cluster.run(&["annotate", "wasmplugin", "okta-authz", "-n", "no-registry", "pull=again"]);
    let time = gateway.wait_for_status(&get("/orders"), 401);
    println!("registry back: 401 {time:?} after an annotation of the WasmPlugin changed");
    gateway.expect(&get("/orders").bearer(reader()), "registry back, after an update", 200, "");
}

#[test]
fn fail_open_without_registry_allows_requests_only_without_the_guard() {
    let changed = |namespace: &str| {
        manifest("gateway.yaml", namespace)
            .replace(&mesh().registry.authority(), "10.96.0.12:5009")
            .replace("failStrategy: FAIL_RELOAD", "failStrategy: FAIL_OPEN")
    };
    let gateway = Gateway::start_with("fail-open", &changed("fail-open"));
    assert_all_denied(&gateway, "FAIL_OPEN, registry down");

    // Control: the guard denies, and not the filter.
    let gateway = Gateway::start_with("fail-open-only", &changed("fail-open-only").without("EnvoyFilter"));
    gateway.expect(&get("/orders"), "FAIL_OPEN, registry down, no guard", 200, "");
    assert_eq!(gateway.api.requests(), 2, "the first request was that of the harness");
}
