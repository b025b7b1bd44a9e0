//! A registry of images, with the image of this build.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use test_support::root;

use super::network::address;
use super::process::{Process, run};
use super::{folder, tool};

/// The port of the registry with the image of this build.
const PORT: u16 = 5000;

/// A running registry. It can stop and start again; then it has no images.
pub struct Registry {
    port: u16,
    process: Option<Process>,
}

impl Registry {
    /// Starts a registry, and waits until it accepts connections.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn start() -> Self {
        Self::start_on(PORT)
    }

    /// Starts a registry on another port, which has its own images.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn start_on(port: u16) -> Self {
        let mut registry = Self { port, process: None };
        registry.resume();
        registry
    }

    /// Starts the registry again after [`Self::stop`], without images.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn resume(&mut self) {
        let folder = folder(&format!("registry-{}", self.port));
        let mut process = Process::start(
            "registry",
            &folder,
            Command::new(tool("crane")).args(["registry", "serve", "--address", &self.authority()]),
        );
        let address = SocketAddr::from((address::REGISTRY, self.port));
        process.wait_for("a listener", Duration::from_secs(20), || TcpStream::connect(address).ok());
        self.process = Some(process);
    }

    /// Stops the registry. Pulls fail until [`Self::resume`].
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Returns whether the registry runs.
    pub const fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Returns the host and the port of the registry.
    pub fn authority(&self) -> String {
        format!("{}:{}", address::REGISTRY, self.port)
    }

    /// Pushes the image of `make image`, and returns its digest: `sha256:…`.
    ///
    /// # Panics
    ///
    /// If the registry has another digest than `make image` printed.
    pub fn push(&self, name_and_tag: &str) -> String {
        let image = root().join("target/image");
        let expected = std::fs::read_to_string(image.join("image-digest")).expect("`make image` has run");
        let expected = expected.trim().to_owned();
        let pushed = self.push_layout(&image.join("oci"), name_and_tag);
        assert!(pushed.ends_with(&expected), "the registry has {pushed}, not {expected}");
        expected
    }

    /// Pushes a module of the tests as an image, and returns its digest: `sha256:…`.
    pub fn push_module(&self, name: &str) -> String {
        let layout = folder("images").join(name);
        let archive = layout.with_extension("tar");
        let _ = (std::fs::remove_dir_all(&layout), std::fs::remove_file(&archive));
        let digest = run(Command::new(root().join("scripts/oci_image.py"))
            .arg("--module")
            .arg(test_support::wasm(name))
            .args(["--name", name, "--version", "0.1.0", "--epoch", "0"])
            .arg("--directory")
            .arg(&layout)
            .arg("--archive")
            .arg(&archive));
        self.push_layout(&layout, &format!("{name}:0.1.0"));
        digest.trim().to_owned()
    }

    /// Pushes an OCI layout, and returns the name with the digest.
    fn push_layout(&self, layout: &Path, name_and_tag: &str) -> String {
        let name = format!("{}/{name_and_tag}", self.authority());
        run(Command::new(tool("crane")).arg("push").arg(layout).arg(name)).trim().to_owned()
    }
}
