//! A configuration of deploy/envoy between the stand-in, which poses as the org that is named there, and a backend.

use std::path::{Path, PathBuf};

use serde_json::Value;
use stand_in_okta::{Options, Server, StandIn, TokenSpec};
use test_support::backend::Backend;
use test_support::client::{Client, Response, get};
use test_support::config::EnvoyConfig;
use test_support::envoy::Envoy;

/// The org in the files.
pub const DOMAIN: &str = "acme.okta.com";

/// Enough connections that each of two workers has certainly got some.
pub const CONNECTIONS_FOR_BOTH_WORKERS: usize = 20;

pub struct Harness {
    pub okta: StandIn,
    pub backend: Backend,
    pub envoy: Envoy,
}

impl Harness {
    pub fn new(name: &str, file: &str, change: impl FnOnce(EnvoyConfig) -> EnvoyConfig) -> Self {
        let (okta, backend) = (start_stand_in(DOMAIN), Backend::start());
        let ca = write_ca(&okta, name);
        let envoy = Envoy::start(name, &change(config_for(file, &okta, &ca, &backend)));
        Self { okta, backend, envoy }
    }

    /// A token with these scopes, of a user.
    pub fn user_token(&self, scopes: &[&str]) -> String {
        self.okta.mint(Server::Default, &TokenSpec::user().scopes(scopes))
    }

    /// A machine's own token.
    pub fn machine_token(&self) -> String {
        self.okta.mint(Server::Default, &TokenSpec::machine())
    }
}

pub fn start_stand_in(domain: &str) -> StandIn {
    StandIn::start(Options { domain: domain.to_owned(), ..Options::default() })
}

/// The certificate authority of a stand-in, as a file.
pub fn write_ca(okta: &StandIn, name: &str) -> PathBuf {
    let ca = test_support::scratch(name).join("ca.pem");
    std::fs::write(&ca, okta.ca_pem()).unwrap();
    ca
}

/// The file, with the addresses that this machine has for what it names, and with this authority.
pub fn config_for(file: &str, okta: &StandIn, ca: &Path, backend: &Backend) -> EnvoyConfig {
    let mut config = EnvoyConfig::of_file(file).okta(okta.https_port(), ca).app(backend.port());
    use_built_module(config.document());
    config
}

/// The module that was built, wherever the file has it.
pub fn use_built_module(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(use_built_module),
        Value::Object(members) => members.iter_mut().for_each(|(name, inner)| match inner {
            Value::String(file) if name == "filename" && file.ends_with(".wasm") => {
                *file = test_support::wasm("okta_authz_filter").display().to_string();
            }
            _ => use_built_module(inner),
        }),
        _ => {}
    }
}

/// Each of these requests, on both workers.
pub fn assert_statuses(client: Client, expected: &[(&str, Option<&str>, u16)]) {
    for (path, token, status) in expected {
        for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
            let response = get_with_token(client, path, *token);
            assert_eq!(response.status, *status, "{path}, with a token: {}: {response:?}", token.is_some());
        }
    }
}

pub fn get_with_token(client: Client, path: &str, token: Option<&str>) -> Response {
    match token {
        Some(token) => client.send(&get(path).bearer(token)),
        None => client.get(path),
    }
}

/// A document of the repository.
pub fn yaml(file: &str) -> Value {
    let text = std::fs::read_to_string(test_support::root().join(file)).expect(file);
    serde_saphyr::from_str(&text).expect(file)
}
