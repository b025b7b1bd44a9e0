//! The manifests of `deploy/istio` in a real Istio.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use okta_authz_mesh::istio::Istio;
use okta_authz_mesh::manifest::Manifest;
use okta_authz_mesh::network::address;
use okta_authz_mesh::registry::Registry;
use stand_in_okta::{Options, StandIn};
use test_support::backend::Backend;
use test_support::root;

#[test]
fn gateway_admits_only_valid_tokens() {
    let okta = StandIn::start(Options {
        http: (address::OKTA, 80).into(),
        https: (address::OKTA, 443).into(),
        domain: "acme.okta.com".to_owned(),
    });
    std::fs::write(root().join("target/mesh/ca.pem"), okta.ca_pem()).unwrap();
    let registry = Registry::start();
    let digest = registry.push("okta-authz-filter:0.1.0");
    println!("{digest}");
    let api = Backend::start_on((address::API, 9090).into());
    let istio = Istio::start();
    println!("istiod runs");
    let mut gateway = istio.gateway("gateway", "istio-ingress", "istio=ingress");
    istio.cluster.apply(&std::fs::read_to_string(root().join("tests/mesh/gateway.yaml")).unwrap());
    let manifest = Manifest::read("deploy/istio/gateway.yaml").replace("registry.example.com/team", &Registry::authority());
    println!("{}", istio.cluster.apply(manifest.text()));
    gateway.wait_ready();
    println!("gateway runs");
    std::thread::sleep(std::time::Duration::from_secs(5));
    println!("{:?}", gateway.client(8081).try_send(&test_support::client::get("/orders")));
    std::thread::sleep(std::time::Duration::from_secs(600));
    drop((api, okta));
}
