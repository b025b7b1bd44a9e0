//! Envoy with four workers between a stand-in Okta and a backend, under load.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stand_in_okta::{Options, Server, StandIn, TokenSpec};
use test_support::backend::Backend;
use test_support::client::{Request, get};
use test_support::config::EnvoyConfig;
use test_support::envoy::Envoy;

use super::load::{Load, RequestMix};
use super::report::Row;

pub const WORKERS: usize = 4;
/// Enough connections that each of four workers has certainly got some: 4 * 0.75^60 that one has not.
pub const CONNECTIONS_FOR_ALL_WORKERS: usize = 60;
const DEADLINE: Duration = Duration::from_secs(30);

pub struct Harness {
    pub name: &'static str,
    pub okta: StandIn,
    pub backend: Backend,
    pub envoy: Envoy,
    begin: Instant,
}

/// Keys that live for a second, so that the hour of an outage, six times the default of ten minutes, passes in six.
pub fn short_lived() -> Value {
    json!({ "cluster": "okta", "timeout": "2s", "cache_duration": "1s", "max_stale": "1h", "unknown_kid_cooldown": "1s" })
}

/// Keys that live longer than any test: each fetch but the first has been caused by something else.
pub fn long_lived() -> Value {
    json!({ "cluster": "okta", "unknown_kid_cooldown": "1s" })
}

/// What [`short_lived`] keys may cost at most, with this many fetches besides: keys are fetched up to a tenth early.
pub fn fetches_of_one_worker(seconds: f64, besides: u64) -> u64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds")]
    let periods = (seconds / 0.9).ceil() as u64;
    periods + besides
}

impl Harness {
    /// The reference configuration with these `remote_jwks`, and what a row changes.
    pub fn new(
        name: &'static str,
        keys: Value,
        change: impl FnOnce(EnvoyConfig, &StandIn) -> EnvoyConfig,
    ) -> Self {
        let (okta, backend) = (StandIn::start(Options::default()), Backend::start());
        let mut config = config(name, &okta, &backend);
        config.plugin()["providers"]["okta"]["remote_jwks"] = keys;
        let config = change(config, &okta);
        let begin = now();
        let envoy = Envoy::try_start(&directory_name(name), &config, WORKERS)
            .unwrap_or_else(|error| panic!("{name}: Envoy has not started:\n{}", error.log));
        Self { name, okta, backend, envoy, begin }
    }

    /// A harness without changes, with keys on every worker.
    pub fn warm(name: &'static str, keys: Value) -> Self {
        let harness = Self::new(name, keys, |config, _| config);
        harness.wait_until_ready();
        harness
    }

    /// Waits until every worker lets a good token through.
    pub fn wait_until_ready(&self) {
        self.wait_for_status(&get("/me").bearer(self.okta.mint(Server::Default, &TokenSpec::user())), 200);
    }

    /// Waits until every worker answers like this.
    pub fn wait_for_status(&self, request: &Request, status: u16) {
        let mut in_a_row = 0;
        self.wait_until(&format!("every worker answers {status}"), || {
            in_a_row = if self.envoy.client().send(request).status == status { in_a_row + 1 } else { 0 };
            in_a_row >= CONNECTIONS_FOR_ALL_WORKERS
        });
    }

    /// Ends Okta: nothing listens any more where it was. Another one, elsewhere, fills its place in here.
    pub fn stop_okta(&mut self) {
        self.okta = StandIn::start(Options::default());
    }

    /// Puts the harness under load.
    pub fn start_load(&self) -> Load {
        Load::start(self.envoy.client(), RequestMix::of(&self.okta))
    }

    /// Waits for something that takes a moment.
    pub fn wait_until(&self, what: &str, mut done: impl FnMut() -> bool) {
        let begin = now();
        while !done() {
            assert!(begin.elapsed() < DEADLINE, "{}: never: {what}\n{}", self.name, self.envoy.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// How often Envoy was told to fetch: more than Okta has seen, if Okta could not be reached.
    pub fn attempts(&self) -> u64 {
        self.envoy.count("jwks_fetch_success") + self.envoy.count("jwks_fetch_failed")
    }

    /// Waits until one more fetch has succeeded.
    pub fn wait_for_fetch(&self) {
        let before = self.envoy.count("jwks_fetch_success");
        self.wait_until("fetched again", || self.envoy.count("jwks_fetch_success") > before);
    }

    /// Ends the load, and says what must hold: see [`Self::finish_after_traps`]; and no VM has trapped.
    pub fn finish(&self, load: Load, fetches: u64) -> Row {
        let mut row = self.finish_after_traps(load, fetches);
        row.require(!self.envoy.has_trapped(), || "a VM has trapped".to_owned());
        row
    }

    /// Ends the load, and says what must hold in any row: nothing hostile came through, nothing legitimate was refused.
    pub fn finish_after_traps(&self, load: Load, fetches: u64) -> Row {
        let seconds = self.begin.elapsed().as_secs_f64();
        let (attempts, counts) = (self.attempts(), load.stop());
        let mut row = Row { name: self.name, seconds, fetches, attempts, counts, ..Row::default() };
        row.require(self.backend.hostile() == 0, || "a hostile request has reached the backend".to_owned());
        row.require(row.counts.wrongly_allowed == 0, || "a hostile request was allowed".to_owned());
        row.require(row.counts.wrongly_denied == 0, || "a legitimate request was refused".to_owned());
        row.require(row.counts.legitimate > 100, || "there was hardly any load".to_owned());
        row
    }

    /// How often Okta was asked for keys.
    pub fn fetches(&self) -> u64 {
        self.okta.key_fetches(Server::Default)
    }
}

/// The reference configuration between these two.
pub fn config(name: &str, okta: &StandIn, backend: &Backend) -> EnvoyConfig {
    let ca = test_support::scratch(&directory_name(name)).join("ca.pem");
    std::fs::write(&ca, okta.ca_pem()).unwrap();
    let mut config = EnvoyConfig::reference()
        .okta(okta.https_port(), &ca)
        .app(backend.port())
        .module(&test_support::wasm("okta_authz_filter"));
    // Thousands of requests would bury what the log says.
    config.manager()["access_log"] = json!([]);
    config
}

/// The name as that of a folder.
pub fn directory_name(name: &str) -> String {
    let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    format!("outages-{}", name.chars().map(word).collect::<String>())
}

#[allow(clippy::disallowed_methods, reason = "deadlines and measurements")]
pub fn now() -> Instant {
    Instant::now()
}
