//! A backend that records one request byte for byte, with its trailers and its `Connection` header.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::thread::JoinHandle;
use std::time::Duration;

/// The request is complete when no byte arrives for this time.
const QUIET: Duration = Duration::from_millis(500);

/// A running recorder.
pub struct Recorder {
    port: u16,
    thread: JoinHandle<String>,
}

impl Recorder {
    /// Starts a recorder on a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            stream.set_read_timeout(Some(QUIET)).expect("a timeout");
            let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
            while let Ok(read @ 1..) = stream.read(&mut chunk) {
                bytes.extend_from_slice(&chunk[..read]);
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").expect("a response");
            String::from_utf8_lossy(&bytes).to_ascii_lowercase()
        });
        Self { port, thread }
    }

    /// Returns the port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Waits for the request and returns it in lower case.
    pub fn request(self) -> String {
        self.thread.join().expect("a request")
    }
}
