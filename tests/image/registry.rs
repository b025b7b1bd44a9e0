//! A real OCI registry on loopback: Debian's docker-registry, in its own process.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{output, root};

pub(crate) const USER: &str = "team";
pub(crate) const PASSWORD: &str = "test-password";
/// The user with the bcrypt hash of the password, as `htpasswd -B` writes it.
const HTPASSWD: &str = "team:$2b$04$VeCVbKPznomkvd3zJDxIu.U4xp7UmRQ9QydKLgmMQkdFuL1vw0KhG";

/// A running registry. Dropping it ends the process.
pub(crate) struct Registry {
    process: Child,
    port: u16,
    log: PathBuf,
}

impl Registry {
    /// Starts a registry that keeps its data in a directory.
    pub(crate) fn start(directory: &Path) -> Self {
        Self::start_with(directory, "")
    }

    /// Starts a registry that requires [`USER`] and [`PASSWORD`].
    pub(crate) fn start_with_password(directory: &Path) -> Self {
        let file = directory.join("htpasswd");
        fs::write(&file, HTPASSWD).unwrap();
        Self::start_with(directory, &format!("auth: {{ htpasswd: {{ realm: test, path: {file:?} }} }}\n"))
    }

    fn start_with(directory: &Path, auth: &str) -> Self {
        let (file, log) = (directory.join("registry.yml"), directory.join("registry.log"));
        let data = directory.join("data");
        let storage = format!("storage: {{ filesystem: {{ rootdirectory: {data:?} }} }}\n");
        let text = format!("version: 0.1\n{storage}http: {{ addr: \"127.0.0.1:0\" }}\n{auth}");
        fs::write(&file, text).unwrap();
        let program = output(&mut Command::new(root().join("scripts/registry-path")));
        let mut command = Command::new(String::from_utf8(program).unwrap().trim());
        // The program reads its configuration also from variables with this prefix.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("REGISTRY_")) {
            command.env_remove(name);
        }
        let written = fs::File::create(&log).unwrap();
        command.arg("serve").arg(file).stdin(Stdio::null());
        command.stdout(written.try_clone().unwrap()).stderr(written);
        let process = command.spawn().unwrap();
        let mut registry = Self { process, port: 0, log };
        registry.port = registry.wait_for_port();
        registry
    }

    /// Waits until the registry has logged the port that it listens on.
    fn wait_for_port(&self) -> u16 {
        let end = Instant::now() + Duration::from_secs(30);
        while Instant::now() < end {
            let log = self.log();
            if let Some((_, rest)) = log.split_once("listening on 127.0.0.1:")
                && let Some((port, _)) = rest.split_once('"')
            {
                return port.parse().unwrap();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the registry does not listen: {}", self.log())
    }

    /// Returns the address, as in the name of an image.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns the log, which has a line for each request.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Fetches a manifest or a blob, and returns the status and the body.
    pub(crate) fn fetch(&self, path: &str) -> (u16, Vec<u8>) {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // With HTTP/1.0 the body is not chunked, and ends with the connection.
        let head = format!(
            "GET /v2/{path} HTTP/1.0\r\nhost: {}\r\naccept: application/vnd.oci.image.manifest.v1+json\r\n\r\n",
            self.address()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut response = Vec::new();
        stream.read_to_end(&mut response).unwrap();
        let end = response.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let status = std::str::from_utf8(&response[9..12]).unwrap().parse().unwrap();
        (status, response.split_off(end + 4))
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
