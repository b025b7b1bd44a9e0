//! The shared parts, and a gateway for each test.

use std::sync::{OnceLock, PoisonError, RwLock, RwLockWriteGuard};
use std::time::{Duration, Instant};

use okta_authz_mesh::istio::Istio;
use okta_authz_mesh::manifest::Manifest;
use okta_authz_mesh::network::address;
use okta_authz_mesh::proxy::Proxy;
use okta_authz_mesh::registry::Registry;
use okta_authz_mesh::transcript;
use stand_in_okta::{Server, StandIn, TokenSpec};
use test_support::backend::Backend;
use test_support::client::{Client, Request, Response};
use test_support::root;

/// The port of the gateways.
pub const PORT: u16 = 8081;
/// With so many connections, each of the two workers of an Envoy gets some.
pub const CONNECTIONS_FOR_BOTH_WORKERS: usize = 30;
/// The time for a change of a resource to reach an Envoy.
pub const UPDATE_TIMEOUT: Duration = Duration::from_secs(30);

/// The parts that all tests share.
pub struct Mesh {
    pub okta: StandIn,
    pub registry: Registry,
    /// The digest of the image of this build.
    pub digest: String,
    pub istio: Istio,
}

/// Returns the shared parts, and starts them for the first test.
pub fn mesh() -> &'static Mesh {
    static MESH: OnceLock<Mesh> = OnceLock::new();
    MESH.get_or_init(|| {
        let okta = okta_authz_mesh::okta::start(address::OKTA, "acme.okta.com");
        std::fs::write(root().join("target/mesh/ca.pem"), okta.ca_pem()).unwrap();
        let registry = Registry::start();
        let digest = registry.push("okta-authz-filter:0.1.0");
        Mesh { okta, registry, digest, istio: Istio::start() }
    })
}

/// Held while a test applies resources.
static APPLYING: RwLock<()> = RwLock::new(());

/// Prevents changes of resources until the result is dropped.
pub fn quiet() -> RwLockWriteGuard<'static, ()> {
    APPLYING.write().unwrap_or_else(PoisonError::into_inner)
}

/// Applies resources.
pub fn apply(manifests: &str) -> String {
    let _applying = APPLYING.read().unwrap_or_else(PoisonError::into_inner);
    mesh().istio.cluster.apply(manifests)
}

/// Mints a token of the authorization server `default` with these scopes.
pub fn token(scopes: &[&str]) -> String {
    mesh().okta.mint(Server::Default, &TokenSpec::user().scopes(scopes))
}

/// Mints a token for reading orders.
pub fn reader() -> String {
    token(&["orders:read"])
}

/// Returns a manifest of `deploy/istio` with the addresses of the mesh, for a namespace.
pub fn manifest(file: &str, namespace: &str) -> Manifest {
    let mesh = mesh();
    let manifest = Manifest::read(&format!("deploy/istio/{file}"));
    let from = if manifest.text().contains("istio-ingress") { "istio-ingress" } else { "namespace: orders" };
    let to = if from == "istio-ingress" { namespace.to_owned() } else { format!("namespace: {namespace}") };
    let manifest = manifest.replace(from, &to);
    let gateway = "istio: ingress";
    let manifest = if manifest.text().contains(gateway) {
        manifest.replace(gateway, &format!("istio: {namespace}"))
    } else {
        manifest
    };
    if manifest.text().contains("oci://") {
        manifest.image(&mesh.registry.authority(), &mesh.digest)
    } else {
        manifest
    }
}

/// A gateway with `deploy/istio/gateway.yaml`, and an API behind it.
pub struct Gateway {
    pub namespace: String,
    pub proxy: Proxy,
    pub api: Backend,
}

impl Gateway {
    /// Starts a gateway with the manifest, in which only the addresses and the namespace differ.
    pub fn start(namespace: &str) -> Self {
        Self::start_with(namespace, &manifest("gateway.yaml", namespace))
    }

    /// Starts a gateway with a changed manifest.
    pub fn start_with(namespace: &str, manifest: &Manifest) -> Self {
        let mut gateway = Self::create(namespace, manifest);
        gateway.proxy.wait_ready();
        gateway.proxy.wait_response(PORT);
        gateway
    }

    /// Starts a gateway, and does not wait.
    pub fn create(namespace: &str, manifest: &Manifest) -> Self {
        Self::create_with(namespace, manifest, "{}")
    }

    /// Starts a gateway whose pod has the annotation `proxy.istio.io/config`, and does not wait.
    pub fn create_with(namespace: &str, manifest: &Manifest, config: &str) -> Self {
        let istio = &mesh().istio;
        let api = Backend::start_on((address::API, 0).into());
        istio.cluster.namespace(namespace);
        apply(manifest.text());
        let route = Manifest::read("tests/mesh/gateway.yaml")
            .replace("istio-ingress", namespace)
            .replace("9090", &api.port().to_string());
        apply(route.text());
        let proxy = istio.gateway(namespace, &format!("istio={namespace}"), config);
        Self { namespace: namespace.to_owned(), proxy, api }
    }

    /// Returns a client for the gateway.
    pub fn client(&self) -> Client {
        self.proxy.client(PORT)
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

    /// Sends a request until the response has the status, and returns the time that this took.
    #[track_caller]
    pub fn wait_for_status(&self, request: &Request, status: u16) -> Duration {
        wait_until(UPDATE_TIMEOUT, || self.client().send(request).status == status)
    }
}

/// Waits until a condition holds, and returns the time that this took.
///
/// # Panics
///
/// If it does not hold within the timeout.
#[track_caller]
pub fn wait_until(timeout: Duration, mut condition: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < timeout, "the condition does not hold after {timeout:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
    start.elapsed()
}
