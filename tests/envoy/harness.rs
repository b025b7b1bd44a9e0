//! An Envoy with the filter, a stand-in Okta, and a backend that counts requests.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use stand_in_okta::{Fault, Options, Server, StandIn, TokenSpec};
use test_support::backend::Backend;
use test_support::client::{Client, Request, Response, get};
use test_support::config::EnvoyConfig;
use test_support::envoy::Envoy;

/// Connections that reach both workers. The probability that one worker gets none is 2^-19.
pub const CONNECTIONS_FOR_BOTH_WORKERS: usize = 20;

/// The processes of a test.
pub struct Harness {
    pub okta: StandIn,
    pub backend: Backend,
    pub envoy: Envoy,
}

impl Harness {
    /// Starts Envoy on the reference configuration with the changes of a test.
    pub fn new(name: &str, change: impl FnOnce(EnvoyConfig) -> EnvoyConfig) -> Self {
        let okta = StandIn::start(Options::default());
        Self::with_okta(name, okta, change)
    }

    /// Starts Envoy like [`Self::new`], with this stand-in Okta.
    pub fn with_okta(name: &str, okta: StandIn, change: impl FnOnce(EnvoyConfig) -> EnvoyConfig) -> Self {
        let backend = Backend::start();
        let envoy = Envoy::start(name, &change(reference_config(name, &okta, &backend)));
        Self { okta, backend, envoy }
    }

    /// Returns a client that opens a new connection for each request.
    pub fn client(&self) -> Client {
        self.envoy.client()
    }

    pub fn send(&self, request: &Request) -> Response {
        self.client().send(request)
    }

    /// Issues a user token of the authorization server that the reference configuration trusts.
    pub fn user_token(&self) -> String {
        self.mint(&TokenSpec::user())
    }

    /// Issues a token of that server.
    pub fn mint(&self, spec: &TokenSpec) -> String {
        self.okta.mint(Server::Default, spec)
    }

    /// Sends requests until every worker has fetched keys.
    pub fn warm_up(&self) {
        let token = self.user_token();
        for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
            let response = self.get_me(&token);
            assert_eq!(response.status, 200, "{response:?}\n{}", self.envoy.log());
        }
    }

    /// Sends `GET /me`, which the reference configuration allows with any valid token.
    pub fn get_me(&self, token: &str) -> Response {
        self.send(&get("/me").bearer(token))
    }

    /// Sends `GET /me` until both workers respond with this status.
    #[allow(clippy::disallowed_methods, reason = "a deadline for another process")]
    pub fn wait_for_status(&self, token: &str, status: u16, within: Duration) {
        let deadline = Instant::now() + within;
        let mut consecutive = 0;
        while consecutive < CONNECTIONS_FOR_BOTH_WORKERS {
            let response = self.get_me(token);
            consecutive = if response.status == status { consecutive + 1 } else { 0 };
            assert!(
                Instant::now() < deadline,
                "the status is not {status}: {response:?}\n{}",
                self.envoy.log()
            );
        }
    }

    /// Waits up to 20 s until a counter of the filter has reached `count`.
    pub fn wait_for_counter(&self, counter: &str, count: u64) {
        let mut waited = 0;
        while self.envoy.count(counter) < count {
            waited += 1;
            assert!(waited < 1_000, "{counter} has not reached {count}\n{}", self.envoy.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asserts that no VM has trapped, and that both workers allow a valid token.
    pub fn assert_alive(&self) {
        assert!(!self.envoy.has_trapped(), "a VM trapped:\n{}", self.envoy.log());
        self.warm_up();
    }
}

/// Returns the path of an access log that does not exist yet.
pub fn access_log_path(name: &str) -> PathBuf {
    let path = test_support::scratch(name).join("access.log");
    let _ = std::fs::remove_file(&path);
    path
}

/// Waits up to 10 s until the access log meets a condition, and returns the log in any case. Envoy
/// writes the log once per second.
pub fn wait_for_access_log(path: &Path, condition: impl Fn(&str) -> bool) -> String {
    let mut log = String::new();
    for _ in 0..100 {
        log = std::fs::read_to_string(path).unwrap_or_default();
        if condition(&log) {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    log
}

/// Returns the faults with which a response contains no document.
pub fn response_faults() -> Vec<Fault> {
    vec![
        Fault::Status(500),
        Fault::Status(429),
        Fault::Status(404),
        Fault::Html,
        Fault::Empty,
        Fault::TruncatedJson,
        Fault::TruncatedTransfer,
        Fault::Huge,
        Fault::Reset,
        Fault::Slow { millis: 3_000 },
        Fault::Body("[".repeat(10_000)),
    ]
}

/// Returns the reference configuration with this Okta and this backend.
pub fn reference_config(name: &str, okta: &StandIn, backend: &Backend) -> EnvoyConfig {
    let ca = test_support::scratch(name).join("ca.pem");
    std::fs::write(&ca, okta.ca_pem()).unwrap();
    let mut config = EnvoyConfig::reference()
        .okta(okta.https_port(), &ca)
        .app(backend.port())
        .module(&test_support::wasm("okta_authz_filter"));
    config.manager()["max_request_headers_kb"] = json!(96);
    if runs_without_host_crypto() { config.restricted(&["proxy_call_foreign_function"]) } else { config }
}

/// Whether the environment selects the capabilities of `deploy/envoy/capabilities.yaml` without
/// Envoy's crypto. `make versions` sets the variable.
pub fn runs_without_host_crypto() -> bool {
    std::env::var_os("OKTA_AUTHZ_E2E_WITHOUT_CRYPTO").is_some()
}
