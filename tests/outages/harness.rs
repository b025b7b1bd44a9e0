//! An Envoy with four workers, a stand-in Okta and a backend.

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
/// Connections that reach all workers. The probability that one worker gets none is 4 * 0.75^60.
pub const CONNECTIONS_FOR_ALL_WORKERS: usize = 60;
/// Limit of every wait.
const DEADLINE: Duration = Duration::from_secs(30);

/// The processes of a scenario.
pub struct Harness {
    pub name: &'static str,
    pub okta: StandIn,
    pub backend: Backend,
    pub envoy: Envoy,
    begin: Instant,
}

/// Returns `remote_jwks` with a cache duration of 1 s. An hour has six periods of the default of 10
/// minutes, so an outage of an hour takes 6 s.
pub fn short_cache_duration() -> Value {
    json!({ "cluster": "okta", "timeout": "2s", "cache_duration": "1s", "max_stale": "1h", "unknown_kid_cooldown": "1s" })
}

/// Returns `remote_jwks` with a cache duration longer than any scenario. After the first fetch,
/// every fetch has another cause than the cache duration.
pub fn long_cache_duration() -> Value {
    json!({ "cluster": "okta", "unknown_kid_cooldown": "1s" })
}

/// Returns the most fetches of one worker with [`short_cache_duration`], and `extra` fetches. The
/// filter fetches keys up to 10 % early.
pub fn fetches_of_one_worker(seconds: f64, extra: u64) -> u64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds")]
    let periods = (seconds / 0.9).ceil() as u64;
    periods + extra
}

impl Harness {
    /// Starts Envoy on the reference configuration with these `remote_jwks` and the changes of a
    /// scenario.
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
            .unwrap_or_else(|error| panic!("{name}: Envoy did not start:\n{}", error.log));
        Self { name, okta, backend, envoy, begin }
    }

    /// Starts Envoy without changes, and waits until every worker has keys.
    pub fn warm(name: &'static str, keys: Value) -> Self {
        let harness = Self::new(name, keys, |config, _| config);
        harness.wait_until_ready();
        harness
    }

    /// Waits until every worker allows a valid token.
    pub fn wait_until_ready(&self) {
        self.wait_for_status(&get("/me").bearer(self.okta.mint(Server::Default, &TokenSpec::user())), 200);
    }

    /// Waits until every worker responds with this status.
    pub fn wait_for_status(&self, request: &Request, status: u16) {
        let mut consecutive = 0;
        self.wait_until(&format!("every worker responds with {status}"), || {
            consecutive =
                if self.envoy.client().send(request).status == status { consecutive + 1 } else { 0 };
            consecutive >= CONNECTIONS_FOR_ALL_WORKERS
        });
    }

    /// Stops Okta, so its port is closed. A new stand-in on another port takes its place in `self`.
    pub fn stop_okta(&mut self) {
        self.okta = StandIn::start(Options::default());
    }

    /// Starts constant load.
    pub fn start_load(&self) -> Load {
        Load::start(self.envoy.client(), RequestMix::of(&self.okta))
    }

    /// Waits until a condition holds.
    pub fn wait_until(&self, description: &str, mut condition: impl FnMut() -> bool) {
        let begin = now();
        while !condition() {
            assert!(
                begin.elapsed() < DEADLINE,
                "{}: not within {DEADLINE:?}: {description}\n{}",
                self.name,
                self.envoy.log()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Returns the fetches that the filter started, also those that did not reach Okta.
    pub fn attempts(&self) -> u64 {
        self.envoy.count("jwks_fetch_success") + self.envoy.count("jwks_fetch_failed")
    }

    /// Waits until another fetch has succeeded.
    pub fn wait_for_fetch(&self) {
        let before = self.envoy.count("jwks_fetch_success");
        self.wait_until("another fetch succeeds", || self.envoy.count("jwks_fetch_success") > before);
    }

    /// Stops the load like [`Self::finish_after_traps`], and requires that no VM has trapped.
    pub fn finish(&self, load: Load, fetches: u64) -> Row {
        let mut row = self.finish_after_traps(load, fetches);
        row.require(!self.envoy.has_trapped(), || "a VM trapped".to_owned());
        row
    }

    /// Stops the load, and requires that the filter allowed no hostile request and denied no
    /// legitimate one without a stated reason.
    pub fn finish_after_traps(&self, load: Load, fetches: u64) -> Row {
        let seconds = self.begin.elapsed().as_secs_f64();
        let (attempts, counts) = (self.attempts(), load.stop());
        let mut row = Row { name: self.name, seconds, fetches, attempts, counts, ..Row::default() };
        row.require(self.backend.hostile() == 0, || "a hostile request reached the backend".to_owned());
        row.require(row.counts.wrongly_allowed == 0, || "a hostile request was allowed".to_owned());
        row.require(row.counts.wrongly_denied == 0, || "a legitimate request was denied".to_owned());
        row.require(row.counts.legitimate > 100, || "the load was too low".to_owned());
        row
    }

    /// Returns the requests for keys that Okta received.
    pub fn fetches(&self) -> u64 {
        self.okta.key_fetches(Server::Default)
    }
}

/// Returns the reference configuration with this Okta and this backend, without an access log.
pub fn config(name: &str, okta: &StandIn, backend: &Backend) -> EnvoyConfig {
    let ca = test_support::scratch(&directory_name(name)).join("ca.pem");
    std::fs::write(&ca, okta.ca_pem()).unwrap();
    let mut config = EnvoyConfig::reference()
        .okta(okta.https_port(), &ca)
        .app(backend.port())
        .module(&test_support::wasm("okta_authz_filter"));
    // The load writes thousands of lines into an access log.
    config.manager()["access_log"] = json!([]);
    config
}

/// Returns the name of the scratch directory of a scenario.
pub fn directory_name(name: &str) -> String {
    let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    format!("outages-{}", name.chars().map(word).collect::<String>())
}

#[allow(clippy::disallowed_methods, reason = "deadlines and measurements")]
pub fn now() -> Instant {
    Instant::now()
}
