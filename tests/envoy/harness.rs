//! Envoy with the filter between the stand-in Okta and a backend that counts.

use std::time::{Duration, Instant};

use serde_json::json;
use stand_in_okta::{Fault, Options, Server, StandIn, TokenSpec};
use test_support::backend::Backend;
use test_support::client::{Client, Request, Response, get};
use test_support::config::EnvoyConfig;
use test_support::envoy::Envoy;

/// Enough connections that each of two workers has certainly got some: 2^-19 that one has not.
pub const CONNECTIONS_FOR_BOTH_WORKERS: usize = 20;

pub struct Harness {
    pub okta: StandIn,
    pub backend: Backend,
    pub envoy: Envoy,
}

impl Harness {
    /// The reference configuration, with what a test changes.
    pub fn new(name: &str, change: impl FnOnce(EnvoyConfig) -> EnvoyConfig) -> Self {
        let okta = StandIn::start(Options::default());
        Self::with_okta(name, okta, change)
    }

    pub fn with_okta(name: &str, okta: StandIn, change: impl FnOnce(EnvoyConfig) -> EnvoyConfig) -> Self {
        let backend = Backend::start();
        let envoy = Envoy::start(name, &change(reference_config(name, &okta, &backend)));
        Self { okta, backend, envoy }
    }

    pub fn client(&self) -> Client {
        self.envoy.client()
    }

    pub fn send(&self, request: &Request) -> Response {
        self.client().send(request)
    }

    /// A user's token of the server that the reference configuration trusts.
    pub fn user_token(&self) -> String {
        self.mint(&TokenSpec::user())
    }

    pub fn mint(&self, spec: &TokenSpec) -> String {
        self.okta.mint(Server::Default, spec)
    }

    /// Waits until every worker has keys, so that a test begins with a warm filter.
    pub fn warm_up(&self) {
        let token = self.user_token();
        for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
            let response = self.get_me(&token);
            assert_eq!(response.status, 200, "{response:?}\n{}", self.envoy.log());
        }
    }

    /// What becomes of a request that any good token may make.
    pub fn get_me(&self, token: &str) -> Response {
        self.send(&get("/me").bearer(token))
    }

    /// Asks until every worker gives this answer: what a client sees of a change that takes a moment.
    #[allow(clippy::disallowed_methods, reason = "a deadline for another process")]
    pub fn wait_for_status(&self, token: &str, status: u16, within: Duration) {
        let deadline = Instant::now() + within;
        let mut in_a_row = 0;
        while in_a_row < CONNECTIONS_FOR_BOTH_WORKERS {
            let response = self.get_me(token);
            in_a_row = if response.status == status { in_a_row + 1 } else { 0 };
            assert!(Instant::now() < deadline, "not {status}: {response:?}\n{}", self.envoy.log());
        }
    }

    /// Waits until a counter of the filter has come this far.
    pub fn wait_for_counter(&self, counter: &str, count: u64) {
        let mut waited = 0;
        while self.envoy.count(counter) < count {
            waited += 1;
            assert!(waited < 1_000, "{counter} is not {count}\n{}", self.envoy.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The filter has survived everything that the test did to it.
    pub fn assert_alive(&self) {
        assert!(!self.envoy.has_trapped(), "a VM has trapped:\n{}", self.envoy.log());
        self.warm_up();
    }
}

/// Every way in which the answer of a server can fail to be a document.
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

/// The reference configuration between these two.
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

/// Whether all tests are to run with the capabilities that deploy/ lists, less Envoy's crypto: `make versions` asks for that.
pub fn runs_without_host_crypto() -> bool {
    std::env::var_os("OKTA_AUTHZ_E2E_WITHOUT_CRYPTO").is_some()
}
