//! deploy/envoy/capabilities.yaml: the filter needs what is listed there, and nothing else; and with less than that it lets
//! nobody through.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::{Server, TokenSpec};
use test_support::backend::Backend;
use test_support::client::{get, request};
use test_support::envoy::{Envoy, WORKERS};

use super::harness::{DOMAIN, config_for, start_stand_in, write_ca, yaml};

/// Envoys that run at the same time.
const AT_A_TIME: usize = 4;

/// Requests that come to both workers, most probably.
const SOME: usize = 5;
/// How late the keys are.
const LAG: Duration = Duration::from_secs(1);

/// What is needed, but not seen to be missing in what these requests get.
const UNSEEN: [(&str, &str); 3] = [
    ("proxy_on_request_body", "holds a body back whose head waits, where a host would hand it on"),
    ("proxy_on_request_trailers", "takes identity headers out of trailers: tests/envoy/identity.rs"),
    ("proxy_on_delete", "forgets a request that waits, when its client has gone: tests/envoy/keys.rs"),
];

fn listed() -> Value {
    yaml("deploy/envoy/capabilities.yaml")["capability_restriction_config"].clone()
}

/// All that a client, the API and an operator see of a filter with these capabilities. Nobody gets through without a token,
/// whatever they are.
fn seen(name: &str, capabilities: &Value) -> Vec<String> {
    let (okta, backend) = (start_stand_in(DOMAIN), Backend::start());
    okta.set_lag(Server::Default, LAG);
    let mut config = config_for("deploy/envoy/two-listeners.yaml", &okta, &write_ca(&okta, name), &backend);
    config.filter()["capability_restriction_config"] = capabilities.clone();
    let rules = config.plugin()["rules"].as_array_mut().unwrap();
    rules.push(json!({ "match": { "path": "/from-here", "remote_ip": ["127.0.0.0/8"] }, "public": true }));
    // The other listener would load the module without restriction.
    config.document()["static_resources"]["listeners"].as_array_mut().unwrap().truncate(1);
    let Ok(envoy) = Envoy::try_start(name, &config, WORKERS) else {
        return vec!["Envoy does not start".to_owned()];
    };
    let client = envoy.client();
    let token = okta.mint(Server::Default, &TokenSpec::user().scopes(&["orders:read"]));
    let Ok(refused) = client.try_send(&get("/orders")) else { return vec!["no answer".to_owned()] };
    assert_ne!(refused.status, 200, "{name}: nobody gets through without a token");
    // The keys are late, so the first request has to wait, and to be let go.
    let first = client.try_send(&get("/orders").bearer(&token)).map(|response| response.status);
    if !matches!(first, Ok(200)) {
        return vec![format!("{first:?}")];
    }
    let mut seen = Vec::new();
    let passed = backend.requests();
    for _ in 0..SOME {
        let Ok(refused) = client.try_send(&get("/orders")) else { return vec!["no answer".to_owned()] };
        assert_ne!(refused.status, 200, "{name}: nobody gets through without a token");
        seen.push(format!("{} {:?} {}", refused.status, refused.header("www-authenticate"), refused.code()));
        if envoy.has_trapped() || refused.status != 401 {
            return seen;
        }
    }
    assert_eq!(backend.requests(), passed, "{name}");
    for response in [
        client.try_send(&get("/orders").bearer(&token).header("x-okta-sub", "root").body("body")),
        client.try_send(&request("POST", "/orders").bearer(&token)),
        client.try_send(&get("/from-here")),
        client.try_send(&get("/healthz").header("x-okta-sub", "root")),
    ] {
        let Ok(response) = response else { return vec!["no answer".to_owned()] };
        let headers = &response.json()["headers"];
        let told = ["x-okta-sub", "authorization"].map(|name| headers[name].to_string());
        seen.push(format!("{} {told:?} {}", response.status, response.code()));
    }
    seen.push(format!("{:?}", ["allowed", "public"].map(|code| envoy.count(&format!("decision.{code}")))));
    let keys = envoy.stat("wasmcustom.okta_authz.provider.okta.keys").is_some_and(|keys| keys > 0);
    seen.push(format!("keys are measured: {keys}"));
    seen.push(format!("{} fetches", okta.key_fetches(Server::Default)));
    let log = envoy.log();
    seen.push(log.lines().find_map(|line| line.split_once("signatures: ")).unwrap_or_default().1.to_owned());
    seen.push(format!("trapped: {}", envoy.has_trapped()));
    seen
}

#[test]
fn capability_withheld_changes_behavior() {
    let all = listed();
    let unrestricted = seen("capabilities-all", &json!({}));
    assert!(unrestricted.iter().any(|line| line.starts_with("200 [\"[\\\"joe")), "{unrestricted:#?}");
    assert_eq!(
        seen("capabilities-listed", &all),
        unrestricted,
        "with what is listed it works as without restriction"
    );

    let names: Vec<String> = all["allowed_capabilities"].as_object().unwrap().keys().cloned().collect();
    let (next, missed) = (Mutex::new(names.iter()), Mutex::new(BTreeMap::new()));
    let work = || {
        loop {
            let Some(name) = next.lock().unwrap().next() else { return };
            let mut fewer = all.clone();
            fewer["allowed_capabilities"].as_object_mut().unwrap().remove(name);
            let is_missed = seen(&format!("without-{name}"), &fewer) != unrestricted;
            missed.lock().unwrap().insert(name.clone(), is_missed);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(work)).collect();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
    let mut unseen: Vec<String> = missed
        .into_inner()
        .unwrap()
        .into_iter()
        .filter(|(_, missed)| !missed)
        .map(|(name, _)| name)
        .collect();
    let mut expected = UNSEEN.map(|(name, _)| name.to_owned());
    unseen.sort();
    expected.sort();
    assert_eq!(unseen, expected, "these could be left out of the list, and nobody would notice");
}
