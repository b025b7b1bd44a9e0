//! A Gateway in its own namespace, with routes to the API, and a proxy.

use std::path::Path;
use std::time::{Duration, Instant};

use okta_authz_mesh::envoy_gateway::{Condition, TIMEOUT};
use okta_authz_mesh::gateway_proxy::GatewayProxy;
use okta_authz_mesh::manifest::Manifest;
use okta_authz_mesh::network::address;
use okta_authz_mesh::transcript;
use serde_json::Value;
use test_support::client::{Client, Request, Response, get};

use super::mesh::{API_PORT, IMAGE, Mesh};

/// The files of `deploy/envoy-gateway`.
pub const POLICY: &str = "deploy/envoy-gateway/policy.yaml";
pub const BACKEND: &str = "deploy/envoy-gateway/backend.yaml";
pub const FILTER_ORDER: &str = "deploy/envoy-gateway/filter-order.yaml";

/// The port of the pod for port 80 of the Gateway: Envoy Gateway adds 10000 to privileged ports.
pub const HTTP: u16 = 10080;

/// The listener `http` of the Gateway.
pub const HTTP_LISTENER: &str = "{ name: http, protocol: HTTP, port: 80 }";

/// The kinds of the objects that a scenario creates.
const KINDS: &str = "envoypatchpolicy,envoyextensionpolicy,securitypolicy,clienttrafficpolicy,backendtlspolicy,backend,httproute,gateway,envoyproxy";

/// A Gateway `eg` with a listener `http`.
pub struct Scenario<'a> {
    pub mesh: &'a Mesh,
    pub namespace: String,
    proxy: Option<GatewayProxy>,
    token: String,
}

impl<'a> Scenario<'a> {
    /// Creates the Gateway, a Service for the API and an HTTPRoute for all paths.
    pub fn new(mesh: &'a Mesh, namespace: &str) -> Self {
        let scenario = Self::without_gateway(mesh, namespace);
        scenario.apply(&gateway(HTTP_LISTENER));
        scenario.route("api", "api.example.com", "/");
        scenario
    }

    /// Creates the Service for the API.
    pub fn without_gateway(mesh: &'a Mesh, namespace: &str) -> Self {
        let token = mesh.token(&["orders:read"]);
        let scenario = Self { mesh, namespace: namespace.to_owned(), proxy: None, token };
        mesh.gateway.borrow().cluster.namespace(namespace);
        // Without a selector, the user writes the addresses.
        scenario.apply(&format!(
            "apiVersion: v1
kind: Service
metadata: {{ name: api }}
spec: {{ ports: [{{ name: http, port: {API_PORT}, appProtocol: http }}] }}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{ name: api-1, labels: {{ kubernetes.io/service-name: api }} }}
addressType: IPv4
ports: [{{ name: http, port: {API_PORT}, protocol: TCP }}]
endpoints: [{{ addresses: ['{}'], conditions: {{ ready: true }} }}]
",
            address::API
        ));
        scenario
    }

    /// Creates an HTTPRoute of the Gateway `eg` to the API.
    pub fn route(&self, name: &str, host: &str, prefix: &str) {
        self.apply(&format!(
            "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{ name: {name} }}
spec:
  parentRefs: [{{ name: eg }}]
  hostnames: ['{host}']
  rules:
    - matches: [{{ path: {{ type: PathPrefix, value: {prefix} }} }}]
      backendRefs: [{{ name: api, port: {API_PORT} }}]
"
        ));
    }

    /// Reads a manifest, and makes the replacements that its comments ask for: registry, digest and
    /// namespace.
    pub fn manifest(&self, file: &str) -> Manifest {
        let mut manifest = Manifest::read(file);
        if manifest.text().contains("okta-authz-filter:") {
            manifest = manifest.image(&self.mesh.authority(), &self.mesh.digest);
        }
        if self.namespace == "default" {
            return manifest;
        }
        let namespace = &self.namespace;
        manifest = manifest.replace("namespace: default\n", &format!("namespace: {namespace}\n"));
        for (from, to) in [
            ("name: default/eg/http", format!("name: {namespace}/eg/http")),
            ("envoyextensionpolicy/default/", format!("envoyextensionpolicy/{namespace}/")),
            ("cluster: httproute/default/", format!("cluster: httproute/{namespace}/")),
        ] {
            if manifest.text().contains(from) {
                manifest = manifest.replace(from, &to);
            }
        }
        manifest
    }

    /// Returns policy.yaml with a module of the tests in place of the filter.
    pub fn policy_with_module(&self, module: &str) -> Manifest {
        let digest = self.mesh.push_module(module);
        self.manifest(POLICY)
            .replace(IMAGE, &format!("{module}:0.1.0"))
            .replace(bare(&self.mesh.digest), bare(&digest))
    }

    /// Applies manifests in the namespace of the scenario.
    pub fn apply(&self, manifests: &str) {
        let path = super::mesh::file(&self.namespace, "manifest.yaml", manifests);
        let path = path.to_str().unwrap();
        let arguments = ["apply", "--server-side", "--force-conflicts", "-n", &self.namespace, "-f", path];
        self.mesh.gateway.borrow().cluster.run(&arguments);
    }

    /// Starts the proxy of the Gateway `eg`.
    pub fn start(&mut self, volumes: &[(&Path, &str)]) {
        self.proxy = Some(self.mesh.gateway.borrow().proxy(&self.namespace, "eg", volumes));
    }

    /// Returns the proxy.
    pub fn proxy(&self) -> &GatewayProxy {
        self.proxy.as_ref().expect("a started proxy")
    }

    /// Returns a client for the listener `http`.
    pub fn client(&self) -> Client {
        self.proxy().client(HTTP)
    }

    /// Waits until a condition of an object has this status, and returns it.
    pub fn wait_for_condition(&self, kind: &str, name: &str, condition: &str, status: &str) -> Condition {
        let mut last = None;
        let deadline = Instant::now() + TIMEOUT;
        loop {
            if let Some(found) = self.mesh.gateway.borrow().condition(kind, &self.namespace, name, condition)
            {
                if found.status == status {
                    return found;
                }
                last = Some(found);
            }
            assert!(
                Instant::now() < deadline,
                "{kind} {name}: {condition} is not {status}: {last:?}\n{}",
                self.mesh.gateway.borrow().log()
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Waits until a request without a token gets this response from each worker: a status, and the
    /// code of the filter or an empty string. Returns the other responses until then.
    ///
    /// # Panics
    ///
    /// If a request reaches the API, or at the end of [`TIMEOUT`].
    pub fn wait_for(&self, status: u16, code: &str) -> Vec<(u16, String)> {
        let before = self.mesh.api.requests();
        let deadline = Instant::now() + TIMEOUT;
        let (mut seen, mut in_a_row) = (Vec::new(), 0);
        while in_a_row < 20 {
            match self.client().try_send(&get("/orders")) {
                Ok(response) if response.status == status && response.code() == code => in_a_row += 1,
                result => {
                    in_a_row = 0;
                    let other = result.map_or((0, "no response".to_owned()), |response| {
                        (response.status, response.code() + response.body.get(..20).unwrap_or_default())
                    });
                    if !seen.contains(&other) {
                        seen.push(other);
                    }
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
            assert_eq!(self.mesh.api.requests(), before, "a request without a token reached the API");
            let log = || self.mesh.gateway.borrow().log();
            assert!(Instant::now() < deadline, "not {status} {code} but {seen:?}\n{}", log());
        }
        seen
    }

    /// Sends a request, and records it.
    pub fn send(&self, request: &Request, with: &str) -> Response {
        transcript::send(&self.namespace, self.client(), request, with)
    }

    /// Sends a request, records it, and checks status and code of the response.
    #[track_caller]
    pub fn expect(&self, request: &Request, with: &str, status: u16, code: &str) -> Response {
        transcript::expect(&self.namespace, self.client(), request, with, (status, code))
    }

    /// Returns a request for `/orders` with a valid token.
    pub fn allowed(&self) -> Request {
        get("/orders").bearer(&self.token)
    }
}

/// Returns the Gateway `eg` with these listeners.
pub fn gateway(listeners: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{ name: eg }}
spec:
  gatewayClassName: eg
  listeners: [{listeners}]
"
    )
}

/// Returns the Gateway `eg` with the listener `http`, and with the `EnvoyProxy` `eg`.
pub fn gateway_with_envoy_proxy() -> String {
    gateway(HTTP_LISTENER)
        + "  infrastructure:
    parametersRef: { group: gateway.envoyproxy.io, kind: EnvoyProxy, name: eg }
"
}

/// Returns a digest without `sha256:`, as the manifests have it.
pub fn bare(digest: &str) -> &str {
    digest.trim_start_matches("sha256:")
}

impl Drop for Scenario<'_> {
    fn drop(&mut self) {
        // A failed test has its own message.
        if !std::thread::panicking() {
            self.mesh.gateway.borrow().cluster.run(&["delete", KINDS, "--all", "-n", &self.namespace]);
        }
    }
}

/// Returns the HTTP filters of each connection manager of an xDS listener.
pub fn filters(listeners: &Value, name: &str) -> Vec<Vec<Value>> {
    let listener = listeners["configs"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|config| config["name"] == name)
        .map(|config| &config["active_state"]["listener"])
        .unwrap_or_else(|| panic!("no listener {name} in {:?}", listener_names(listeners)));
    let chains = listener["filter_chains"].as_array().into_iter().flatten();
    let default = Some(&listener["default_filter_chain"]).filter(|chain| chain.is_object());
    chains
        .chain(default)
        .flat_map(|chain| chain["filters"].as_array().into_iter().flatten())
        .filter_map(|filter| filter["typed_config"]["http_filters"].as_array().cloned())
        .collect()
}

/// Returns the names of the xDS listeners.
pub fn listener_names(listeners: &Value) -> Vec<String> {
    let configs = listeners["configs"].as_array().into_iter().flatten();
    configs.map(|config| config["name"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Returns whether the guard is directly before the router in each chain of HTTP filters.
pub fn is_guarded(listeners: &Value, name: &str) -> bool {
    let chains = filters(listeners, name);
    !chains.is_empty()
        && chains.iter().all(|filters| {
            let names: Vec<&str> = filters.iter().filter_map(|filter| filter["name"].as_str()).collect();
            names.ends_with(&["okta-authz-guard", "envoy.filters.http.router"])
        })
}
