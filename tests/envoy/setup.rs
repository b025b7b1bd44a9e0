//! Envoy with the filter between the stand-in Okta and a backend that counts.

use serde_json::json;

use crate::support::backend::Backend;
use crate::support::client::{Client, Request, Response};
use crate::support::config::EnvoyConfig;
use crate::support::envoy::Envoy;
use crate::support::stand_in::{Options, Server, StandIn, TokenSpec};

/// Enough connections that each of two workers has certainly got some: 2^-19 that one has not.
pub const BOTH_WORKERS: usize = 20;

pub struct Setup {
    pub okta: StandIn,
    pub backend: Backend,
    pub envoy: Envoy,
}

impl Setup {
    /// The reference configuration, with what a test changes.
    pub fn new(name: &str, change: impl FnOnce(EnvoyConfig) -> EnvoyConfig) -> Self {
        let okta = StandIn::start(Options::default());
        Self::with_okta(name, okta, change)
    }

    pub fn with_okta(name: &str, okta: StandIn, change: impl FnOnce(EnvoyConfig) -> EnvoyConfig) -> Self {
        let backend = Backend::start();
        let envoy = Envoy::start(name, &change(config(name, &okta, &backend)));
        Self { okta, backend, envoy }
    }

    pub fn client(&self) -> Client {
        self.envoy.client()
    }

    pub fn send(&self, request: &Request) -> Response {
        self.client().send(request)
    }

    /// A user's token of the server that the reference configuration trusts.
    pub fn user(&self) -> String {
        self.mint(&TokenSpec::user())
    }

    pub fn mint(&self, spec: &TokenSpec) -> String {
        self.okta.mint(Server::Default, spec)
    }

    /// Waits until every worker has keys, so that a test begins with a warm filter.
    pub fn warm_up(&self) {
        let token = self.user();
        for _ in 0..BOTH_WORKERS {
            let response = self.send(&crate::support::client::get("/me").bearer(&token));
            assert_eq!(response.status, 200, "{response:?}\n{}", self.envoy.log());
        }
    }

    /// The filter has survived everything that the test did to it.
    pub fn assert_alive(&self) {
        assert!(!self.envoy.has_trapped(), "a VM has trapped:\n{}", self.envoy.log());
        self.warm_up();
    }
}

/// The reference configuration between these two.
pub fn config(name: &str, okta: &StandIn, backend: &Backend) -> EnvoyConfig {
    let ca = crate::support::scratch(name).join("ca.pem");
    std::fs::write(&ca, okta.ca_pem()).unwrap();
    let mut config = EnvoyConfig::reference()
        .okta(okta.https_port(), &ca)
        .app(backend.port())
        .module(&crate::support::wasm("okta_authz_filter"));
    config.manager()["max_request_headers_kb"] = json!(96);
    config
}
