//! An external authorization service, as a mesh calls it over HTTP.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use super::network::address;

/// The port of the service, at the address of the API.
pub const PORT: u16 = 9191;

/// A service that allows each request and keeps its headers. It ends with the test process.
#[derive(Clone)]
pub struct AuthorizationService(Arc<Mutex<Vec<String>>>);

impl AuthorizationService {
    /// Starts the service.
    ///
    /// # Panics
    ///
    /// If the port is in use.
    pub fn start() -> Self {
        let listener = TcpListener::bind((address::API, PORT)).expect("the port is free");
        let service = Self(Arc::default());
        let serving = service.clone();
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| serving.allow(stream)));
        service
    }

    /// Returns the requests that contain this text, in lower case.
    pub fn requests(&self, text: &str) -> Vec<String> {
        let requests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        requests.iter().filter(|request| request.contains(text)).cloned().collect()
    }

    fn allow(&self, mut stream: TcpStream) {
        let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
        while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
            match stream.read(&mut chunk) {
                Ok(read @ 1..) => bytes.extend_from_slice(&chunk[..read]),
                _ => break,
            }
        }
        let request = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    }
}
