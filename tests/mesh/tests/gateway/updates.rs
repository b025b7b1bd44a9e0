//! Updates of the configuration while requests arrive.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use okta_authz_mesh::load::{Tokens, Version, update_under_load};
use test_support::client::get;

use super::mesh::mesh;
use super::scenario::{POLICY, Scenario};

/// The time for which requests get the responses of the active configuration after an invalid one.
const INVALID_FOR: Duration = Duration::from_secs(8);

#[test]
fn config_updated_under_load_gives_only_old_or_new_responses() {
    let mesh = &*mesh();
    let mut scenario = Scenario::new(mesh, "updates");
    let old = scenario.manifest(POLICY);
    let rule = "          - match: { path_separated_prefix: /orders, methods: [GET, HEAD] }\n";
    let public = format!("          - match: {{ path: /orders/new }}\n            public: true\n{rule}");
    let new = old.clone().replace(rule, &public);
    scenario.apply(old.text());
    scenario.start(&[]);
    scenario.wait_for(401, "token_missing");
    let tokens = Tokens { reader: mesh.token(&["orders:read"]), writer: mesh.token(&["orders:write"]) };
    scenario.expect(&get("/orders").bearer(&tokens.reader), "orders:read", 200, "");
    update_under_load(scenario.client(), &tokens, |version| {
        let manifest = if version == Version::New { &new } else { &old };
        scenario.apply(manifest.clone().only("EnvoyExtensionPolicy").text());
    });
}

#[test]
fn config_invalid_keeps_the_active_one() {
    let mesh = &*mesh();
    let mut scenario = Scenario::new(mesh, "invalid");
    let valid = scenario.manifest(POLICY);
    scenario.apply(valid.text());
    scenario.start(&[]);
    scenario.wait_for(401, "token_missing");
    scenario.expect(&scenario.allowed(), "before an invalid update", 200, "");
    let before = mesh.api.requests();
    let invalid = valid.clone().replace("public: true", "publik: true");
    scenario.apply(invalid.only("EnvoyExtensionPolicy").text());
    let (start, mut responses, mut admitted) = (Instant::now(), BTreeMap::new(), 0);
    while start.elapsed() < INVALID_FOR {
        for (name, request) in [("no token", get("/orders")), ("orders:read", scenario.allowed())] {
            let response = scenario.client().send(&request);
            assert!(name == "orders:read" || response.status != 200, "{response:?}");
            admitted += u64::from(response.status == 200);
            *responses.entry((name, response.status, response.code())).or_insert(0) += 1;
        }
    }
    // Envoy keeps the old listener. Only its log shows the error: the status of the policy does not.
    println!("invalid update: {responses:?}");
    let kept = [("no token", 401, "token_missing".to_owned()), ("orders:read", 200, String::new())];
    assert!(responses.keys().eq(kept.iter()), "{responses:?}");
    let log = scenario.proxy().log();
    assert!(log.contains("configuration rejected: rules[0].publik: unknown field"), "{log}");
    assert!(log.contains("listener 'invalid/eg/http' config rejected"), "{log}");
    scenario.wait_for_condition("envoyextensionpolicy", "okta-authz", "Accepted", "True");
    assert_eq!(mesh.api.requests() - before, admitted);
    scenario.expect(&scenario.allowed(), "after an invalid update", 200, "");
    // A new proxy has no old listener. Only a valid configuration replaces the invalid one.
    scenario.start(&[]);
    scenario.wait_for(503, "");
    scenario.expect(&scenario.allowed(), "after an invalid update, a new proxy", 503, "");
    scenario.apply(valid.replace("path: /healthz", "path: /health").only("EnvoyExtensionPolicy").text());
    mesh.gateway.borrow().wait_for("the corrected configuration", || {
        (scenario.client().send(&get("/health")).status == 200).then_some(())
    });
}
