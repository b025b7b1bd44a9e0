//! The FastAPI example in its own process. Dropping the handle ends the process.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::client::{self, Client};

const START_TIMEOUT: Duration = Duration::from_secs(60);

/// The running application.
pub struct FastApi {
    process: Child,
    port: u16,
}

impl FastApi {
    /// Starts the application on a free port.
    pub fn start() -> Self {
        Self::start_on(free_port())
    }

    /// Starts the application on a free port. Its `/docs` signs users in at this issuer.
    pub fn start_with_issuer(issuer: &str) -> Self {
        Self::start_with(free_port(), &[("OKTA_ISSUER", issuer)])
    }

    /// Starts the application on this port.
    pub fn start_on(port: u16) -> Self {
        Self::start_with(port, &[])
    }

    #[allow(clippy::disallowed_methods, reason = "a deadline for another process")]
    fn start_with(port: u16, environment: &[(&str, &str)]) -> Self {
        let python = std::env::var_os("OKTA_AUTHZ_PYTHON")
            .expect("OKTA_AUTHZ_PYTHON must name a Python with FastAPI: run this through make");
        let process = Command::new(python)
            .current_dir(super::root().join("examples/fastapi"))
            .args(["-m", "uvicorn", "app:app", "--log-level", "warning", "--host", "127.0.0.1", "--port"])
            .arg(port.to_string())
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .spawn()
            .expect("Python runs");
        let mut app = Self { process, port };
        let deadline = Instant::now() + START_TIMEOUT;
        while Client::new(port).try_send(&client::get("/healthz")).is_err() {
            if let Some(status) = app.process.try_wait().expect("the application's status") {
                panic!("the FastAPI application exited: {status}");
            }
            assert!(Instant::now() < deadline, "the FastAPI application is not ready after 60 s");
            std::thread::sleep(Duration::from_millis(50));
        }
        app
    }

    /// Returns the port.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

fn free_port() -> u16 {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    free.expect("a free port").port()
}

impl Drop for FastApi {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
