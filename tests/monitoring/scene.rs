//! Two Envoys, and a Prometheus that scrapes both. One Envoy makes labels with `stats_tags`. Prometheus
//! makes the labels of the other.

use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::{Options, Server, StandIn, TokenSpec};
use test_support::backend::Backend;
use test_support::config::EnvoyConfig;
use test_support::envoy::Envoy;
use test_support::signing::Keys;

use super::document;
use super::prometheus::Prometheus;

/// A provider whose keys cannot be fetched. The dot in its name must not split the name of a metric.
pub const ABSENT: &str = "partner.example";

pub struct Scene {
    pub okta: StandIn,
    _backend: Backend,
    pub keys: Keys,
    /// With `stats_tags`.
    pub tagged: Envoy,
    /// Without `stats_tags` and without Envoy's default tags, as in Istio, and with a module that traps
    /// on demand.
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
        plain.document()["stats_config"] = json!({ "use_all_default_tags": false });
        let tagged = Envoy::start(&format!("{name}-tagged"), &config("okta_authz_filter"));
        let plain = Envoy::start(&format!("{name}-plain"), &plain);
        let prometheus = Prometheus::start(name, &scrape(tagged.admin_port, plain.admin_port));
        // Prometheus needs some seconds to find its targets, and must scrape a counter before it moves.
        while prometheus.query("okta_authz_waiting_requests").len() < 2 {
            std::thread::sleep(Duration::from_millis(100));
        }
        Self { okta, _backend: backend, keys, tagged, plain, prometheus }
    }

    pub fn mint(&self, spec: &TokenSpec) -> String {
        self.okta.mint(Server::Default, spec)
    }
}

/// Adds keys and a denylist that the filter fetches every few seconds, a provider without keys, and a rule
/// in shadow mode.
fn configure(plugin: &mut Value, stand_in: &StandIn, keys: &Keys) {
    let okta = &mut plugin["providers"]["okta"];
    okta["remote_jwks"] = json!({
        "cluster": "okta", "timeout": "5s", "cache_duration": "1s", "unknown_kid_cooldown": "1s"
    });
    okta["local_jwks"] = keys.jwks();
    okta["algorithms"] = json!(["RS256", "EdDSA"]);
    plugin["providers"][ABSENT] = json!({
        "issuer": "https://partner.example/oauth2/default", "audiences": ["api://default"],
        "remote_jwks": { "cluster": "absent" },
    });
    // The filter fetches its keys once, and again for a new key.
    plugin["providers"]["second"] = json!({
        "issuer": stand_in.issuer(Server::Custom), "audiences": [stand_in.audience(Server::Custom)],
        "remote_jwks": { "cluster": "okta", "unknown_kid_cooldown": "1s" },
    });
    plugin["denylist"] = json!({ "remote": {
        "cluster": "okta", "uri": "https://acme.okta.example/stand-in/denylist", "timeout": "1s", "cache_duration": "1s",
    } });
    let shadow = json!({ "match": { "path": "/shadow" }, "requires": { "scopes": ["none:granted"] }, "mode": "shadow" });
    let enforced = json!({ "match": { "path": "/shadow" }, "requires": {} });
    plugin["rules"].as_array_mut().unwrap().splice(0..0, [shadow, enforced]);
}

/// Returns deploy/monitoring/prometheus.yml with shorter intervals, the ports of these Envoys, and
/// relabeling for the second one.
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
