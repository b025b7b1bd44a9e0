//! Two Envoys and a Prometheus that scrapes both: one makes labels by `stats_tags`, for the other Prometheus makes them.

use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::{Options, Server, StandIn, TokenSpec};
use test_support::backend::Backend;
use test_support::config::EnvoyConfig;
use test_support::envoy::Envoy;
use test_support::signing::Keys;

use super::document;
use super::prometheus::Prometheus;

/// A provider whose keys cannot be had. The dot in its name must not become a part of a metric's.
pub const ABSENT: &str = "partner.example";

pub struct Scene {
    pub okta: StandIn,
    _backend: Backend,
    pub keys: Keys,
    /// With `stats_tags`.
    pub tagged: Envoy,
    /// Without, as in a mesh; and with a module whose VM ends on demand.
    pub plain: Envoy,
    pub prometheus: Prometheus,
}

impl Scene {
    pub fn new(name: &str) -> Self {
        let (okta, backend, keys) = (StandIn::start(Options::default()), Backend::start(), Keys::generate());
        let ca = test_support::scratch(name).join("ca.pem");
        std::fs::write(&ca, okta.ca_pem()).unwrap();
        let config = |module: &str| {
            let config = EnvoyConfig::reference().okta(okta.https_port(), &ca).app(backend.port());
            let mut config = config.module(&test_support::wasm(module));
            configure(config.plugin(), &okta, &keys);
            // Histograms reach the admin port at flushes, which are 5 s apart.
            config.document()["stats_flush_interval"] = json!("1s");
            config
        };
        let mut plain = config("traps_on_demand");
        plain.document().as_object_mut().unwrap().remove("stats_config").expect("envoy.yaml has stats_tags");
        let tagged = Envoy::start(&format!("{name}-tagged"), &config("okta_authz_filter"));
        let plain = Envoy::start(&format!("{name}-plain"), &plain);
        let prometheus = Prometheus::start(name, &scrape(tagged.admin_port, plain.admin_port));
        // It takes some seconds to look at its targets, and a counter must be seen before it moves.
        while prometheus.query("okta_authz_waiting_requests").len() < 2 {
            std::thread::sleep(Duration::from_millis(100));
        }
        Self { okta, _backend: backend, keys, tagged, plain, prometheus }
    }

    pub fn mint(&self, spec: &TokenSpec) -> String {
        self.okta.mint(Server::Default, spec)
    }
}

/// Keys and a denylist that are fetched every few seconds, a provider that nobody has keys for, a rule in shadow.
fn configure(plugin: &mut Value, stand_in: &StandIn, keys: &Keys) {
    let okta = &mut plugin["providers"]["okta"];
    okta["remote_jwks"] = json!({
        "cluster": "okta", "timeout": "5s", "cache_duration": "1s", "unknown_kid_cooldown": "1s"
    });
    okta["local_jwks"] = keys.jwks();
    okta["algorithms"] = json!(["RS256", "EdDSA"]);
    plugin["providers"][ABSENT] = json!({
        "issuer": "https://partner.example/oauth2/default", "audiences": ["api://default"],
        "remote_jwks": { "cluster": "nobody" },
    });
    // Its keys are fetched once, and when it has a new one.
    plugin["providers"]["second"] = json!({
        "issuer": stand_in.issuer(Server::Custom), "audiences": [stand_in.audience(Server::Custom)],
        "remote_jwks": { "cluster": "okta", "unknown_kid_cooldown": "1s" },
    });
    plugin["denylist"] = json!({ "remote": {
        "cluster": "okta", "uri": "https://acme.okta.example/stand-in/denylist", "timeout": "1s", "cache_duration": "1s",
    } });
    let shadow =
        json!({ "match": { "path": "/shadow" }, "requires": { "scopes": ["nobody:has"] }, "mode": "shadow" });
    let enforced = json!({ "match": { "path": "/shadow" }, "requires": {} });
    plugin["rules"].as_array_mut().unwrap().splice(0..0, [shadow, enforced]);
}

/// deploy/monitoring/prometheus.yml, faster, with the ports of these Envoys, and the second one's labels made by Prometheus.
fn scrape(tagged: u16, plain: u16) -> Value {
    let mut config = document("prometheus.yml");
    config["global"] = json!({ "scrape_interval": "1s", "evaluation_interval": "1s" });
    config["rule_files"] = json!([test_support::root().join("deploy/monitoring/alerts.yml")]);
    let mut job = config["scrape_configs"][0].clone();
    config["scrape_configs"][0]["static_configs"][0]["targets"] = json!([format!("127.0.0.1:{tagged}")]);
    job["job_name"] = json!("mesh");
    job["static_configs"][0]["targets"] = json!([format!("127.0.0.1:{plain}")]);
    job["metric_relabel_configs"] = document("relabel.yaml")["metric_relabel_configs"].clone();
    config["scrape_configs"].as_array_mut().unwrap().push(job);
    config
}
