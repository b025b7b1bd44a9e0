//! A registry of images, with the image of this build.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use test_support::root;

use super::network::address;
use super::process::{Process, run};
use super::{folder, tool};

const PORT: u16 = 5000;

/// A running registry. It keeps images on disk, so it can stop and start again.
pub struct Registry {
    process: Option<Process>,
}

impl Registry {
    /// Starts a registry, and waits until it accepts connections.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn start() -> Self {
        let mut registry = Self { process: None };
        registry.resume();
        registry
    }

    /// Starts the registry again after [`Self::stop`].
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn resume(&mut self) {
        let folder = folder("registry");
        let images = folder.join("images");
        std::fs::create_dir_all(&images).expect("a folder for images");
        let mut process = Process::start(
            "registry",
            &folder,
            Command::new(tool("crane"))
                .args(["registry", "serve", "--address", &Self::authority(), "--disk"])
                .arg(&images),
        );
        let address = SocketAddr::from((address::REGISTRY, PORT));
        process.wait_for("a listener", Duration::from_secs(20), || TcpStream::connect(address).ok());
        self.process = Some(process);
    }

    /// Stops the registry. Pulls fail until [`Self::resume`].
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Returns the host and the port of the registry.
    pub fn authority() -> String {
        format!("{}:{PORT}", address::REGISTRY)
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
        let pushed = push(&image.join("oci"), name_and_tag);
        assert!(pushed.ends_with(&expected), "the registry has {pushed}, not {expected}");
        expected
    }
}

/// Pushes an OCI layout, and returns the name with the digest.
pub fn push(layout: &Path, name_and_tag: &str) -> String {
    let name = format!("{}/{name_and_tag}", Registry::authority());
    run(Command::new(tool("crane")).arg("push").arg(layout).arg(name)).trim().to_owned()
}
