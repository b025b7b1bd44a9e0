//! The parts that all scenarios share: a control plane, a registry, the stand-in Okta and an API.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use okta_authz_mesh::envoy_gateway::{EnvoyGateway, Settings};
use okta_authz_mesh::network::address;
use okta_authz_mesh::registry::Registry;
use okta_authz_mesh::{folder, okta};
use stand_in_okta::{Server, StandIn, TokenSpec};
use test_support::backend::Backend;
use test_support::root;

/// The host name of Okta in the manifests.
pub const OKTA: &str = "acme.okta.com";
/// The image that the manifests name, without the registry.
pub const IMAGE: &str = "okta-authz-filter:0.1.0";
/// The port of the API.
pub const API_PORT: u16 = 9090;

/// The shared parts.
pub struct Mesh {
    pub okta: StandIn,
    pub registry: RefCell<Registry>,
    /// The digest of the image: `sha256:…`.
    pub digest: String,
    pub api: Backend,
    pub gateway: RefCell<EnvoyGateway>,
}

static MESH: LazyLock<Mutex<Mesh>> = LazyLock::new(|| Mutex::new(Mesh::start()));

/// Returns the shared parts. One scenario runs at a time, because some stop the registry or start
/// Envoy Gateway with other settings.
pub fn mesh() -> MutexGuard<'static, Mesh> {
    let mesh = MESH.lock().unwrap_or_else(PoisonError::into_inner);
    // A scenario failed. It may have stopped the registry or left other settings.
    if MESH.is_poisoned() {
        if !mesh.registry.borrow().is_running() {
            mesh.resume_registry();
        }
        mesh.gateway.borrow_mut().restart(&Settings::default());
        MESH.clear_poison();
    }
    mesh
}

impl Mesh {
    fn start() -> Self {
        let okta = okta::start(address::OKTA, OKTA);
        std::fs::write(root().join("target/mesh/ca.pem"), okta.ca_pem()).unwrap();
        let registry = Registry::start();
        let digest = registry.push(IMAGE);
        let api = Backend::start_on((address::API, API_PORT).into());
        let gateway = RefCell::new(EnvoyGateway::start());
        Self { okta, registry: RefCell::new(registry), digest, api, gateway }
    }

    /// Returns the host and the port of the registry.
    pub fn authority(&self) -> String {
        self.registry.borrow().authority()
    }

    /// Starts the registry again, with the image. It keeps layers on disk, but no manifests.
    pub fn resume_registry(&self) {
        self.registry.borrow_mut().resume();
        self.registry.borrow().push(IMAGE);
    }

    /// Pushes a module of the tests, and returns its digest.
    pub fn push_module(&self, name: &str) -> String {
        self.registry.borrow().push_module(name)
    }

    /// Mints a token of the default authorization server with these scopes.
    pub fn token(&self, scopes: &[&str]) -> String {
        self.okta.mint(Server::Default, &TokenSpec::user().scopes(scopes))
    }
}

/// Writes a file of a scenario, and returns its path.
pub fn file(scenario: &str, name: &str, text: &str) -> PathBuf {
    let path = folder(&format!("gateway/{scenario}")).join(name);
    std::fs::write(&path, text).unwrap();
    path
}
