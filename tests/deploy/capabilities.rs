//! `deploy/envoy/capabilities.yaml`: the filter needs every listed capability and no other one.
//! With fewer capabilities it allows no request without a token.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::{Fault, Server, TokenSpec};
use test_support::backend::Backend;
use test_support::client::{get, request};
use test_support::envoy::{Envoy, WORKERS};

use super::harness::{DOMAIN, config_for, start_stand_in, write_ca, yaml};

/// Envoys that run concurrently.
const CONCURRENT_ENVOYS: usize = 4;

/// Repetitions of a request, which probably reach both workers.
const REPETITIONS: usize = 5;
/// Delay of the responses with keys, in milliseconds. Within it, a busy machine must get from the
/// start of Envoy to the first request, which waits for the keys.
const KEYS_DELAY_MILLIS: u64 = 3_000;

/// Attempts to read the counts of allowed requests, which reach Envoy at a tick: 5 s.
const COUNTS_ATTEMPTS: usize = 100;

/// The observation that the first request with a token waited for the keys.
const FIRST_WAITED: &str = "the first request waited";

/// Capabilities without which the filter works differently, but not for these requests; with
/// reasons.
const NOT_OBSERVABLE: [(&str, &str); 3] = [
    ("proxy_on_request_body", "keeps the body of a waiting request: tests/envoy/waiting_requests.rs"),
    ("proxy_on_request_trailers", "removes identity headers from trailers: tests/envoy/identity_headers.rs"),
    ("proxy_on_delete", "removes a waiting request whose client disconnected: tests/envoy/keys.rs"),
];

fn listed() -> Value {
    yaml("deploy/envoy/capabilities.yaml")["capability_restriction_config"].clone()
}

/// Returns what a client, the backend and an operator observe of a filter with these capabilities.
/// Asserts that no request without a token is allowed.
fn observe(name: &str, capabilities: &Value) -> Vec<String> {
    let (okta, backend) = (start_stand_in(DOMAIN), Backend::start());
    okta.set_fault(Server::Default, Fault::Slow { millis: KEYS_DELAY_MILLIS });
    let mut config = config_for("deploy/envoy/two-listeners.yaml", &okta, &write_ca(&okta, name), &backend);
    config.filter()["capability_restriction_config"] = capabilities.clone();
    let rules = config.plugin()["rules"].as_array_mut().unwrap();
    rules.push(json!({ "match": { "path": "/from-here", "remote_ip": ["127.0.0.0/8"] }, "public": true }));
    // The other listener loads the module without restrictions.
    config.document()["static_resources"]["listeners"].as_array_mut().unwrap().truncate(1);
    let Ok(envoy) = Envoy::try_start(name, &config, WORKERS) else {
        return vec!["Envoy did not start".to_owned()];
    };
    let client = envoy.client();
    let token = okta.mint(Server::Default, &TokenSpec::user().scopes(&["orders:read"]));
    let Ok(denied) = client.try_send(&get("/orders")) else { return vec!["no response".to_owned()] };
    assert_ne!(denied.status, 200, "{name}: a request without a token was allowed");
    let fetched = || envoy.stat("wasmcustom.okta_authz.provider.okta.keys").is_some_and(|keys| keys > 0);
    let had_keys = fetched();
    let first = client.try_send(&get("/orders").bearer(&token)).map(|response| response.status);
    if !matches!(first, Ok(200)) {
        return vec![format!("{first:?}")];
    }
    let mut observed = Vec::new();
    if !had_keys {
        observed.push(FIRST_WAITED.to_owned());
    }
    let before = backend.requests();
    for _ in 0..REPETITIONS {
        let Ok(denied) = client.try_send(&get("/orders")) else { return vec!["no response".to_owned()] };
        assert_ne!(denied.status, 200, "{name}: a request without a token was allowed");
        observed.push(format!("{} {:?} {}", denied.status, denied.header("www-authenticate"), denied.code()));
        if envoy.has_trapped() || denied.status != 401 {
            return observed;
        }
    }
    assert_eq!(backend.requests(), before, "{name}");
    // With the first request.
    let mut allowed = 1;
    for response in [
        client.try_send(&get("/orders").bearer(&token).header("x-okta-sub", "root").body("body")),
        client.try_send(&request("POST", "/orders").bearer(&token)),
        client.try_send(&get("/from-here")),
        client.try_send(&get("/healthz").header("x-okta-sub", "root")),
    ] {
        let Ok(response) = response else { return vec!["no response".to_owned()] };
        allowed += u64::from(response.status == 200);
        let headers = &response.json()["headers"];
        let values = ["x-okta-sub", "authorization"].map(|name| headers[name].to_string());
        observed.push(format!("{} {values:?} {}", response.status, response.code()));
    }
    let counts = || ["allowed", "public"].map(|code| envoy.count(&format!("decision.{code}")));
    for _ in 0..COUNTS_ATTEMPTS {
        if counts().iter().sum::<u64>() >= allowed {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    observed.push(format!("{:?}", counts()));
    observed.push(format!("gauge of keys is set: {}", fetched()));
    observed.push(format!("{} fetches", okta.key_fetches(Server::Default)));
    let log = envoy.log();
    observed
        .push(log.lines().find_map(|line| line.split_once("signatures: ")).unwrap_or_default().1.to_owned());
    observed.push(format!("trapped: {}", envoy.has_trapped()));
    observed
}

#[test]
fn capability_withheld_changes_behavior() {
    let all = listed();
    let unrestricted = observe("capabilities-all", &json!({}));
    assert!(unrestricted.contains(&FIRST_WAITED.to_owned()), "{unrestricted:#?}");
    assert!(unrestricted.iter().any(|line| line.starts_with("200 [\"[\\\"joe")), "{unrestricted:#?}");
    assert_eq!(
        observe("capabilities-listed", &all),
        unrestricted,
        "the listed capabilities have the effect of no restriction"
    );

    let names: Vec<String> = all["allowed_capabilities"].as_object().unwrap().keys().cloned().collect();
    let (next, observable) = (Mutex::new(names.iter()), Mutex::new(BTreeMap::new()));
    let work = || {
        loop {
            let Some(name) = next.lock().unwrap().next() else { return };
            let mut fewer = all.clone();
            fewer["allowed_capabilities"].as_object_mut().unwrap().remove(name);
            let is_observable = observe(&format!("without-{name}"), &fewer) != unrestricted;
            observable.lock().unwrap().insert(name.clone(), is_observable);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..CONCURRENT_ENVOYS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
    let mut not_observable: Vec<String> = observable
        .into_inner()
        .unwrap()
        .into_iter()
        .filter(|(_, is_observable)| !is_observable)
        .map(|(name, _)| name)
        .collect();
    let mut expected = NOT_OBSERVABLE.map(|(name, _)| name.to_owned());
    not_observable.sort();
    expected.sort();
    assert_eq!(not_observable, expected, "withholding these capabilities changes nothing");
}
