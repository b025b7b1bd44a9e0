//! Updates of `pluginConfig` while requests arrive.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use okta_authz_mesh::load::{Tokens, Version, update_under_load};
use test_support::client::get;

use super::harness::{Gateway, apply, manifest, mesh, reader, token};

/// The time for which requests get the responses of the active configuration after an invalid one.
const INVALID_FOR: Duration = Duration::from_secs(5);

#[test]
fn plugin_config_updated_under_load_gives_only_old_or_new_responses() {
    let old = manifest("gateway.yaml", "updates");
    let rule = "      - match: { path_separated_prefix: /orders, methods: [GET, HEAD] }\n";
    let public = format!("      - match: {{ path: /orders/new }}\n        public: true\n{rule}");
    let new = old.clone().replace(rule, &public);
    let gateway = Gateway::start_with("updates", &old);
    let tokens = Tokens { reader: reader(), writer: token(&["orders:write"]) };
    gateway.wait_for_status(&get("/orders").bearer(&tokens.reader), 200);
    update_under_load(gateway.client(), &tokens, |version| {
        let manifest = if version == Version::New { &new } else { &old };
        apply(manifest.clone().only("WasmPlugin").text());
    });
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
