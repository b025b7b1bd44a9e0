//! An HTTP client for the stand-in, and functions that read its responses.

use std::collections::BTreeSet;
use std::io;
use std::net::TcpStream;
use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::signature::Verifier as _;
use rsa::{BigUint, RsaPublicKey, sha2::Sha256};
use serde_json::Value;
use stand_in_okta::{Options, StandIn};
use tokio_rustls::rustls;

pub fn start() -> StandIn {
    StandIn::start(Options::default())
}

/// Returns a stand-in for tests that do not change its state. Generating keys is slow, so they
/// share one.
pub fn shared() -> &'static StandIn {
    static SHARED: LazyLock<StandIn> = LazyLock::new(start);
    &SHARED
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub fn headers(&self, name: &str) -> Vec<&str> {
        let headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    pub fn json(&self) -> Value {
        json_of(&self.body)
    }
}

pub fn get(okta: &StandIn, path: &str) -> Reply {
    request(okta, "GET", path, "", "").unwrap()
}

pub fn post(okta: &StandIn, path: &str, authorization: &str, form: &str) -> Reply {
    request(okta, "POST", path, authorization, form).unwrap()
}

pub fn request(
    okta: &StandIn,
    method: &str,
    path: &str,
    authorization: &str,
    body: &str,
) -> io::Result<Reply> {
    let headers = if authorization.is_empty() { vec![] } else { vec![("authorization", authorization)] };
    exchange(connect(okta)?, method, path, &headers, body)
}

pub fn send(okta: &StandIn, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    exchange(connect(okta).unwrap(), method, path, headers, body).unwrap()
}

fn connect(okta: &StandIn) -> io::Result<TcpStream> {
    TcpStream::connect(("127.0.0.1", okta.http_port()))
}

pub fn get_https(okta: &StandIn, name: &str, path: &str) -> io::Result<Reply> {
    let mut roots = rustls::RootCertStore::empty();
    let authority = okta.ca_pem().lines().filter(|line| !line.starts_with("-----")).collect::<String>();
    roots.add(STANDARD.decode(authority).unwrap().into()).unwrap();
    let config =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    let tls = rustls::ClientConnection::new(Arc::new(config), name.to_owned().try_into().unwrap()).unwrap();
    let stream = TcpStream::connect(("127.0.0.1", okta.https_port()))?;
    exchange(rustls::StreamOwned::new(tls, stream), "GET", path, &[], "")
}

pub fn exchange(
    stream: impl io::Read + io::Write,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Reply> {
    exchange_at(stream, "acme.okta.example", method, path, headers, body)
}

/// Sends a request for this host, and reads the response until the connection ends.
pub fn exchange_at(
    mut stream: impl io::Read + io::Write,
    host: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Reply> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        // The connection ended early, after a part of the response.
        Err(error) if bytes.is_empty() || error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
        _ => {}
    }
    // A compressed body is not UTF-8. No test reads its bytes.
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok(Reply { status, head: head.to_owned(), body: body.to_owned() })
}

/// Returns the time in Unix seconds.
#[allow(clippy::disallowed_methods, reason = "the stand-in has the real time")]
pub fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

pub fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

pub fn kids(okta: &StandIn, path: &str) -> BTreeSet<String> {
    let set = get(okta, path).json();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// Returns whether the token's signature is valid under the key with its `kid` in the key set at
/// the path.
pub fn verifies(okta: &StandIn, path: &str, token: &str) -> bool {
    let set = get(okta, path).json();
    let kid = json_of(&parts(token)[0])["kid"].clone();
    let keys = set["keys"].as_array().unwrap();
    let Some(key) = keys.iter().find(|key| key["kid"] == kid) else { return false };
    let number =
        |name: &str| BigUint::from_bytes_be(&URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap());
    let key = VerifyingKey::<Sha256>::new(RsaPublicKey::new(number("n"), number("e")).unwrap());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    key.verify(message.as_bytes(), &Signature::try_from(signature.as_slice()).unwrap()).is_ok()
}

/// Returns the decoded header and payload of a signed token.
pub fn parts(token: &str) -> [String; 2] {
    let mut segments = token.split('.').map(|segment| URL_SAFE_NO_PAD.decode(segment).unwrap());
    [(); 2].map(|()| String::from_utf8(segments.next().unwrap()).unwrap())
}

pub fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}
