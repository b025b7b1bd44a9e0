//! Two Envoys and a Prometheus that scrapes both. The first Envoy sets labels by `stats_tags`; for
//! the second, Prometheus sets them by relabeling.

use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::{Options, Server, StandIn, TokenSpec};
use test_support::backend::Backend;
use test_support::config::EnvoyConfig;
use test_support::envoy::Envoy;
use test_support::signing::Keys;

use super::document;
use super::prometheus::Prometheus;

/// Provider whose cluster does not exist. The dot tests the escaping of names in metrics.
pub const PROVIDER_WITHOUT_KEYS: &str = "partner.example";

/// The processes of a test.
pub struct Harness {
    pub okta: StandIn,
    _backend: Backend,
    pub keys: Keys,
    /// Envoy with `stats_tags`.
    pub tagged: Envoy,
    /// Envoy without `stats_tags` and without its default tags, as in Istio. Its module traps on
    /// demand.
    pub untagged: Envoy,
    pub prometheus: Prometheus,
}

impl Harness {
    /// Starts all processes and waits until Prometheus has scraped both Envoys.
    pub fn new(name: &str) -> Self {
        let (okta, backend, keys) = (StandIn::start(Options::default()), Backend::start(), Keys::generate());
        let ca = test_support::scratch(name).join("ca.pem");
        std::fs::write(&ca, okta.ca_pem()).unwrap();
        let config = |module: &str| {
            let config = EnvoyConfig::reference().okta(okta.https_port(), &ca).app(backend.port());
            let mut config = config.module(&test_support::wasm(module));
            configure(config.plugin(), &okta, &keys);
            config.filter()["vm_config"]["environment_variables"] =
                json!({ "host_env_keys": ["OKTA_RS_SECRET"] });
            // Envoy updates histograms at each flush. The default interval is 5 s.
            config.document()["stats_flush_interval"] = json!("1s");
            config
        };
        let mut untagged = config("traps_on_demand");
        untagged.document()["stats_config"] = json!({ "use_all_default_tags": false });
        let tagged = Envoy::start(&format!("{name}-tagged"), &config("okta_authz_filter"));
        let untagged = Envoy::start(&format!("{name}-untagged"), &untagged);
        let prometheus = Prometheus::start(name, &scrape(tagged.admin_port, untagged.admin_port));
        // Rates need a sample from before the traffic. The first scrape takes some seconds.
        while prometheus.query("okta_authz_waiting_requests").len() < 2 {
            std::thread::sleep(Duration::from_millis(100));
        }
        Self { okta, _backend: backend, keys, tagged, untagged, prometheus }
    }

    /// Issues a token of the default authorization server.
    pub fn mint(&self, spec: &TokenSpec) -> String {
        self.okta.mint(Server::Default, spec)
    }
}

/// Adds keys and a denylist with short cache durations, introspection of opaque tokens, a provider
/// without keys, and a shadow rule.
fn configure(plugin: &mut Value, stand_in: &StandIn, keys: &Keys) {
    let okta = &mut plugin["providers"]["okta"];
    okta["remote_jwks"] = json!({
        "cluster": "okta", "timeout": "5s", "cache_duration": "1s", "unknown_kid_cooldown": "1s"
    });
    okta["local_jwks"] = keys.jwks();
    okta["algorithms"] = json!(["RS256", "EdDSA"]);
    okta["introspection"] = json!({
        "cluster": "okta", "client_id": stand_in_okta::RESOURCE_SERVER_ID,
        "auth": { "client_secret_basic": { "secret_env": "OKTA_RS_SECRET" } },
    });
    plugin["providers"][PROVIDER_WITHOUT_KEYS] = json!({
        "issuer": "https://partner.example/oauth2/default", "audiences": ["api://default"],
        "remote_jwks": { "cluster": "missing" },
    });
    // The filter fetches these keys once, and again after a rotation.
    plugin["providers"]["second"] = json!({
        "issuer": stand_in.issuer(Server::Custom), "audiences": [stand_in.audience(Server::Custom)],
        "remote_jwks": { "cluster": "okta", "unknown_kid_cooldown": "1s" },
    });
    plugin["denylist"] = json!({ "remote": {
        "cluster": "okta", "uri": "https://acme.okta.example/stand-in/denylist", "timeout": "1s", "cache_duration": "1s",
    } });
    let shadow = json!({ "match": { "path": "/shadow" }, "requires": { "scopes": ["never:granted"] }, "mode": "shadow" });
    let enforced = json!({ "match": { "path": "/shadow" }, "requires": {} });
    plugin["rules"].as_array_mut().unwrap().splice(0..0, [shadow, enforced]);
}

/// Returns `deploy/monitoring/prometheus.yml` with intervals of 1 s and the ports of both Envoys.
/// The job `mesh` relabels the metrics of the second Envoy.
fn scrape(tagged: u16, untagged: u16) -> Value {
    let mut config = document("prometheus.yml");
    config["global"] = json!({ "scrape_interval": "1s", "evaluation_interval": "1s" });
    config["rule_files"] = json!([test_support::root().join("deploy/monitoring/alerts.yml")]);
    let mut job = config["scrape_configs"][0].clone();
    config["scrape_configs"][0]["static_configs"][0]["targets"] = json!([format!("127.0.0.1:{tagged}")]);
    job["job_name"] = json!("mesh");
    job["static_configs"][0]["targets"] = json!([format!("127.0.0.1:{untagged}")]);
    job["metric_relabel_configs"] = document("relabel.yaml")["metric_relabel_configs"].clone();
    config["scrape_configs"].as_array_mut().unwrap().push(job);
    config
}
