//! Updates of the configuration while requests arrive.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use test_support::client::{Request, get};

use super::mesh::mesh;
use super::scenario::{POLICY, Scenario};

/// The number of updates of the test under load.
const UPDATES: usize = 24;

/// A request with its name, and the responses that it may get: status and denial code.
struct Probe {
    name: &'static str,
    request: Request,
    allowed: &'static [(u16, &'static str)],
}

#[test]
fn config_updated_under_load_gives_only_old_or_new_answers() {
    let mesh = &*mesh();
    let mut scenario = Scenario::new(mesh, "updates");
    let old = scenario.manifest(POLICY);
    let rule = "          - match: { path_separated_prefix: /orders, methods: [GET, HEAD] }\n";
    let public = format!("          - match: {{ path: /orders/new }}\n            public: true\n{rule}");
    let new = old.clone().replace(rule, &public);
    scenario.apply(old.text());
    scenario.start(&[]);
    scenario.wait_for(401, "token_missing");
    let (reader, writer) = (mesh.token(&["orders:read"]), mesh.token(&["orders:write"]));
    scenario.expect(&get("/orders").bearer(&reader), "orders:read", 200, "");
    let probes = [
        Probe { name: "a valid token", request: get("/orders").bearer(&reader), allowed: &[(200, "")] },
        Probe { name: "no token", request: get("/orders"), allowed: &[(401, "token_missing")] },
        Probe {
            name: "a token without the scope",
            request: get("/orders").bearer(&writer),
            allowed: &[(403, "insufficient_scope")],
        },
        Probe {
            name: "no token, a path that the update makes public",
            request: get("/orders/new"),
            allowed: &[(200, ""), (401, "token_missing")],
        },
        Probe { name: "a public path", request: get("/healthz"), allowed: &[(200, "")] },
    ];
    let stop = AtomicBool::new(false);
    let client = scenario.client();
    let load = |probe: &Probe| {
        let mut counts = BTreeMap::new();
        while !stop.load(Ordering::SeqCst) {
            let answer = match client.try_send(&probe.request) {
                Ok(response) => (response.status, response.code()),
                Err(error) => (0, error.to_string()),
            };
            *counts.entry(answer).or_insert(0_u64) += 1;
        }
        counts
    };
    let mut times = Vec::new();
    let mut late = None;
    let counts: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = probes.iter().map(|probe| scope.spawn(|| load(probe))).collect();
        for update in 0..UPDATES {
            let (manifest, status) = if update % 2 == 0 { (&new, 200) } else { (&old, 401) };
            scenario.apply(manifest.clone().only("EnvoyExtensionPolicy").text());
            let start = Instant::now();
            while client.send(&get("/orders/new")).status != status && late.is_none() {
                if start.elapsed() > Duration::from_secs(30) {
                    late = Some(update);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            times.push(start.elapsed());
        }
        stop.store(true, Ordering::SeqCst);
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (probe, counts) in probes.iter().zip(&counts) {
        println!("{UPDATES} updates, {}: {counts:?}", probe.name);
    }
    assert_eq!(late, None, "an update did not get active");
    for (probe, counts) in probes.iter().zip(&counts) {
        for (status, code) in counts.keys() {
            assert!(probe.allowed.contains(&(*status, code)), "{}: {status} {code}: {counts:?}", probe.name);
        }
        assert_eq!(counts.len(), probe.allowed.len(), "{}: {counts:?}", probe.name);
    }
    times.sort_unstable();
    println!(
        "an update is active after {:?} (median), {:?} (longest)",
        times[UPDATES / 2],
        times[UPDATES - 1]
    );
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
    let (start, mut answers, mut admitted) = (Instant::now(), BTreeMap::new(), 0);
    while start.elapsed() < Duration::from_secs(8) {
        for (name, request) in [("no token", get("/orders")), ("orders:read", scenario.allowed())] {
            let response = scenario.client().send(&request);
            assert!(name == "orders:read" || response.status != 200, "{response:?}");
            admitted += u64::from(response.status == 200);
            *answers.entry((name, response.status, response.code())).or_insert(0) += 1;
        }
    }
    // Envoy keeps the old listener. Only its log shows the error: the status of the policy does not.
    println!("invalid update: {answers:?}");
    let kept = [("no token", 401, "token_missing".to_owned()), ("orders:read", 200, String::new())];
    assert!(answers.keys().eq(kept.iter()), "{answers:?}");
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
    let deadline = Instant::now() + Duration::from_secs(30);
    while scenario.client().send(&get("/health")).status != 200 {
        assert!(Instant::now() < deadline, "the corrected configuration does not get active");
    }
}
