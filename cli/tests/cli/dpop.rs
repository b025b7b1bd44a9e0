//! `okta-authz check`: `dpop`, and the hosts that Envoy routes.

use serde_json::{Value, json};

use super::hosts::{assert_warns, document, manager, plugin};

#[test]
fn check_dpop_with_routes_for_each_host_is_a_warning() {
    let warning = "dpop: set `external_urls`, or list the hosts";
    let external = json!({ "external_urls": [{ "url": "https://api.example.com" }] });
    let cases: [(Value, Value, &[&str]); 7] = [
        (json!({}), json!(["*"]), &[warning]),
        (json!({ "scheme": "forwarded" }), json!(["api.example.com", "*"]), &[warning]),
        (json!({}), json!(["api.example.com"]), &[]),
        // Only hosts of the operator.
        (json!({}), json!(["*.example.com"]), &[]),
        (external, json!(["*"]), &[]),
        (Value::Null, json!(["*"]), &[]),
        (Value::Null, json!(["api.example.com"]), &[]),
    ];
    for (number, (dpop, domains, expected)) in cases.into_iter().enumerate() {
        let mut document = document("envoy.yaml");
        if !dpop.is_null() {
            plugin(&mut document)["dpop"] = dpop;
        }
        manager(&mut document)["route_config"]["virtual_hosts"][0]["domains"] = domains;
        assert_warns(&format!("dpop-hosts-{number}"), &document, expected);
    }
}
