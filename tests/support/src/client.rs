//! An HTTP/1.1 client that sends exactly the given bytes. Other clients reject most malformed
//! requests.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

const TIMEOUT: Duration = Duration::from_secs(20);

/// A client for one address. Each request has its own connection, so the requests reach all workers.
#[derive(Clone, Copy)]
pub struct Client {
    address: SocketAddr,
}

/// A response, with header names in lower case.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// A request of arbitrary bytes.
#[derive(Clone)]
pub struct Request {
    pub(crate) method: Vec<u8>,
    pub(crate) path: Vec<u8>,
    pub(crate) headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
}

/// Makes a GET request.
pub fn get(path: impl AsRef<[u8]>) -> Request {
    request("GET", path)
}

/// Makes a request with any method.
pub fn request(method: impl AsRef<[u8]>, path: impl AsRef<[u8]>) -> Request {
    Request {
        method: method.as_ref().to_vec(),
        path: path.as_ref().to_vec(),
        headers: Vec::new(),
        body: Vec::new(),
    }
}

impl Request {
    /// Adds a header.
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Adds an `Authorization` header with a bearer token.
    pub fn bearer(self, token: impl AsRef<[u8]>) -> Self {
        let value = [b"Bearer ", token.as_ref()].concat();
        self.header("authorization", value)
    }

    /// Sets the body. The request then has a `Content-Length`.
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    /// Returns the method and the path.
    pub fn line(&self) -> String {
        format!("{} {}", String::from_utf8_lossy(&self.method), String::from_utf8_lossy(&self.path))
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = [&self.method[..], b" ", &self.path, b" HTTP/1.1\r\nconnection: close\r\n"].concat();
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(b"host")) {
            bytes.extend_from_slice(b"host: api.example.com\r\n");
        }
        if !self.body.is_empty() {
            bytes.extend_from_slice(format!("content-length: {}\r\n", self.body.len()).as_bytes());
        }
        for (name, value) in &self.headers {
            bytes.extend_from_slice(&[name, &b": "[..], value, b"\r\n"].concat());
        }
        [&bytes[..], b"\r\n", &self.body].concat()
    }
}

impl Client {
    /// Makes a client for a port of this machine.
    pub const fn new(port: u16) -> Self {
        Self::to(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
    }

    /// Makes a client for an address.
    pub const fn to(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Sends a GET request.
    pub fn get(&self, path: &str) -> Response {
        self.send(&get(path))
    }

    /// Sends a request.
    ///
    /// # Panics
    ///
    /// If there is no response.
    pub fn send(&self, request: &Request) -> Response {
        self.try_send(request).expect("a response")
    }

    /// Sends a request.
    ///
    /// # Errors
    ///
    /// If the connection fails or the server closes it without a response.
    pub fn try_send(&self, request: &Request) -> std::io::Result<Response> {
        exchange(&mut self.connect()?, request)
    }

    /// Returns the port.
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// Opens a connection with timeouts.
    pub fn connect(&self) -> std::io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.address, TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(stream)
    }
}

/// Sends a request and reads the response.
///
/// # Errors
///
/// If the server closes the connection without a response.
pub(crate) fn exchange(stream: &mut (impl Read + Write), request: &Request) -> std::io::Result<Response> {
    // A server may respond and close before it has read the whole request, so the response is
    // read after a failed write.
    let _ = stream.write_all(&request.to_bytes());
    let mut bytes = Vec::new();
    let mut chunk = [0; 16 * 1024];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => {
                bytes.extend_from_slice(&chunk[..read]);
                // Envoy closes the connection one second after a local response. The client
                // does not wait for that.
                if is_complete(&bytes) {
                    break;
                }
            }
            Err(error) if bytes.is_empty() => return Err(error),
            Err(_) => break,
        }
    }
    parse(&bytes)
}

impl Response {
    /// Returns the first header with this name, which must be in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Returns the body as JSON, or null if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// Returns the denial code in the body of the filter's response, or an empty string.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

fn parse(bytes: &[u8]) -> std::io::Result<Response> {
    let invalid = || std::io::Error::other(format!("no response in {} bytes", bytes.len()));
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").ok_or_else(invalid)?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).ok_or_else(invalid)?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let body = if chunked { unchunk(&bytes[end + 4..]) } else { bytes[end + 4..].to_vec() };
    Ok(Response { status, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

fn is_complete(bytes: &[u8]) -> bool {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    match head.lines().find_map(|line| line.strip_prefix("content-length:")) {
        Some(length) => length.trim().parse().is_ok_and(|length: usize| bytes.len() >= end + 4 + length),
        None => bytes.ends_with(b"0\r\n\r\n"),
    }
}

fn unchunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(&String::from_utf8_lossy(&bytes[..end]), 16).unwrap_or(0);
        let Some(chunk) = bytes.get(end + 2..end + 2 + size) else { break };
        if size == 0 {
            break;
        }
        body.extend_from_slice(chunk);
        bytes = bytes.get(end + 4 + size..).unwrap_or_default();
    }
    body
}
