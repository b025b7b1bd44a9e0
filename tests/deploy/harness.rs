//! An Envoy on a file of `deploy/envoy`, a backend, and a stand-in Okta with the domain of that
//! file.

use std::path::{Path, PathBuf};

use serde_json::Value;
use stand_in_okta::{Options, Server, StandIn, TokenSpec};
use test_support::backend::Backend;
use test_support::client::{Client, Response, get};
use test_support::config::EnvoyConfig;
use test_support::envoy::Envoy;

/// Domain of the Okta org in the files.
pub const DOMAIN: &str = "acme.okta.com";

/// Connections that reach both workers. The probability that one worker gets none is 2^-19.
pub const CONNECTIONS_FOR_BOTH_WORKERS: usize = 20;

/// The processes of a test.
pub struct Harness {
    pub okta: StandIn,
    pub backend: Backend,
    pub envoy: Envoy,
}

impl Harness {
    /// Starts Envoy on a file of the repository with the changes of a test.
    pub fn new(name: &str, file: &str, change: impl FnOnce(EnvoyConfig) -> EnvoyConfig) -> Self {
        let (okta, backend) = (start_stand_in(DOMAIN), Backend::start());
        let ca = write_ca(&okta, name);
        let envoy = Envoy::start(name, &change(config_for(file, &okta, &ca, &backend)));
        Self { okta, backend, envoy }
    }

    /// Issues a user token with these scopes.
    pub fn user_token(&self, scopes: &[&str]) -> String {
        self.okta.mint(Server::Default, &TokenSpec::user().scopes(scopes))
    }

    /// Issues a token of the client credentials grant.
    pub fn machine_token(&self) -> String {
        self.okta.mint(Server::Default, &TokenSpec::machine())
    }
}

/// Starts a stand-in Okta with this domain.
pub fn start_stand_in(domain: &str) -> StandIn {
    StandIn::start(Options { domain: domain.to_owned(), ..Options::default() })
}

/// Writes the CA certificate of a stand-in Okta into a file.
pub fn write_ca(okta: &StandIn, name: &str) -> PathBuf {
    let ca = test_support::scratch(name).join("ca.pem");
    std::fs::write(&ca, okta.ca_pem()).unwrap();
    ca
}

/// Returns the configuration of a file with the ports of Okta and backend, and with this CA.
pub fn config_for(file: &str, okta: &StandIn, ca: &Path, backend: &Backend) -> EnvoyConfig {
    let mut config = EnvoyConfig::of_file(file).okta(okta.https_port(), ca).app(backend.port());
    use_built_module(config.document());
    config
}

/// Replaces each path of the module by the path of the built module.
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

/// Asserts the status of requests on both workers. A request is a path and an optional token.
pub fn assert_statuses(client: Client, expected: &[(&str, Option<&str>, u16)]) {
    for (path, token, status) in expected {
        for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
            let response = get_with_token(client, path, *token);
            assert_eq!(response.status, *status, "{path}, has token: {}: {response:?}", token.is_some());
        }
    }
}

/// Sends `GET` with an optional bearer token.
pub fn get_with_token(client: Client, path: &str, token: Option<&str>) -> Response {
    match token {
        Some(token) => client.send(&get(path).bearer(token)),
        None => client.get(path),
    }
}

/// Reads a YAML file of the repository.
pub fn yaml(file: &str) -> Value {
    let text = std::fs::read_to_string(test_support::root().join(file)).expect(file);
    serde_saphyr::from_str(&text).expect(file)
}

/// Returns every value in these documents, at any depth, that meets a condition.
pub fn find_values<'a>(documents: &'a [Value], condition: &dyn Fn(&Value) -> bool) -> Vec<&'a Value> {
    fn visit<'a>(value: &'a Value, condition: &dyn Fn(&Value) -> bool, found: &mut Vec<&'a Value>) {
        if condition(value) {
            found.push(value);
        }
        match value {
            Value::Array(items) => items.iter().for_each(|item| visit(item, condition, found)),
            Value::Object(members) => members.values().for_each(|member| visit(member, condition, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    documents.iter().for_each(|document| visit(document, condition, &mut found));
    found
}
