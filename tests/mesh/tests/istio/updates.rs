//! Updates of `pluginConfig` while requests arrive.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use test_support::client::{Request, get};

use super::harness::{Gateway, apply, manifest, mesh, reader, token};

/// The number of updates of the test under load.
const UPDATES: usize = 24;

/// The time for which requests get the answers of the active configuration after an invalid one.
const INVALID_FOR: Duration = Duration::from_secs(5);

/// A request with its name, the and the answers that it must get: status and code.
struct Probe {
    name: &'static str,
    request: Request,
    allowed: &'static [(u16, &'static str)],
}

#[test]
fn plugin_config_updated_under_load_gives_only_old_or_new_answers() {
    let old = manifest("gateway.yaml", "updates");
    let rule = "      - match: { path_separated_prefix: /orders, methods: [GET, HEAD] }\n";
    let new = old
        .clone()
        .replace(rule, &format!("      - match: {{ path: /orders/new }}\n        public: true\n{rule}"));
    let gateway = Gateway::start_with("updates", &old);
    let (reader, writer) = (reader(), token(&["orders:write"]));
    gateway.wait_for_status(&get("/orders").bearer(&reader), 200);
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
    let client = gateway.client();
    let load = |probe: &Probe| {
        let mut counts = BTreeMap::new();
        while !stop.load(Ordering::SeqCst) {
            let response = client.send(&probe.request);
            *counts.entry((response.status, response.code())).or_insert(0_u64) += 1;
        }
        counts
    };
    let mut times = Vec::new();
    let counts: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = probes.iter().map(|probe| scope.spawn(|| load(probe))).collect();
        for update in 0..UPDATES {
            let (manifest, status) = if update % 2 == 0 { (&new, 200) } else { (&old, 401) };
            apply(manifest.clone().only("WasmPlugin").text());
            times.push(gateway.wait_for_status(&get("/orders/new"), status));
        }
        stop.store(true, Ordering::SeqCst);
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (probe, counts) in probes.iter().zip(&counts) {
        println!("{UPDATES} updates, {}: {counts:?}", probe.name);
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
fn plugin_config_update_takes_effect_on_open_connections() {
    let old = manifest("gateway.yaml", "keep-alive");
    let gateway = Gateway::start_with("keep-alive", &old);
    let mut connection = gateway.client().connect().unwrap();
    let mut status = || {
        connection.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        let mut head = [0; 4096];
        let read = connection.read(&mut head).unwrap();
        String::from_utf8_lossy(&head[..read]).split(' ').nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(status(), "200");
    apply(old.replace("path: /healthz", "path: /health").only("WasmPlugin").text());
    gateway.wait_for_status(&get("/health"), 200);
    assert_eq!(status(), "401", "the path is not public after the update");
}

#[test]
fn plugin_config_invalid_keeps_the_active_one() {
    let valid = manifest("gateway.yaml", "invalid-update");
    let gateway = Gateway::start_with("invalid-update", &valid);
    let token = reader();
    let read = || get("/orders").bearer(&token);
    gateway.wait_for_status(&read(), 200);
    let invalid = valid.clone().replace("public: true", "publik: true").only("WasmPlugin");
    apply(invalid.text());
    let log = "configuration rejected: rules[0].publik: unknown field `publik`";
    let start = Instant::now();
    while start.elapsed() < INVALID_FOR {
        assert_eq!(gateway.client().send(&read()).status, 200);
        assert_eq!(gateway.client().send(&get("/orders")).status, 401);
        assert_eq!(gateway.client().send(&get("/healthz")).status, 200);
    }
    assert!(gateway.proxy.log().contains(log), "{}", gateway.proxy.log());
    let istiod = "ADS:ECDS: ACK ERROR gateway.invalid-update";
    assert!(mesh().istio.log().contains(istiod));
    gateway.expect(&read(), "after an invalid update, a token", 200, "");
    gateway.expect(&get("/orders"), "after an invalid update, no token", 401, "token_missing");

    apply(valid.replace("path: /healthz", "path: /health").only("WasmPlugin").text());
    gateway.wait_for_status(&get("/health"), 200);
}
