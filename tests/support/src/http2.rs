//! An HTTP/2 client (RFC 9113) with prior knowledge, for one request in cleartext.
//!
//! It sends header fields as literals in the given order, so a test controls every byte. Of a
//! response it reads the status and the body: other headers would need an HPACK decoder.

use std::io::{Error, Read, Result, Write};

use serde_json::Value;

use super::client::{Client, Request, Response};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

/// A flag of DATA and HEADERS. SETTINGS has the same bit for [`ACK`].
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// The stream of the request.
const STREAM: u32 = 1;

/// A header or trailer.
pub type Field<'a> = (&'a str, &'a [u8]);

/// Returns the pseudo-headers of a GET request.
pub fn get(path: &str) -> [Field<'_>; 4] {
    [
        (":method", b"GET"),
        (":scheme", b"http"),
        (":authority", b"api.example.com"),
        (":path", path.as_bytes()),
    ]
}

/// Sends a request and returns the JSON body of the response, or null if it has none.
///
/// # Panics
///
/// If the connection fails.
pub fn send(port: u16, headers: &[Field<'_>], trailers: &[Field<'_>]) -> Value {
    let bytes = |fields: &[Field<'_>]| encode(fields.iter().map(|(name, value)| (name.as_bytes(), *value)));
    let trailers = (!trailers.is_empty()).then(|| bytes(trailers));
    let stream = Client::new(port).connect().expect("a connection");
    match exchange(stream, &bytes(headers), trailers.as_deref()).expect("frames") {
        End::Response { body, .. } | End::Aborted { body, .. } => {
            serde_json::from_slice(&body).unwrap_or(Value::Null)
        }
    }
}

impl Client {
    /// Sends a request without a body over HTTP/2. See [`Client::try_send_http2`].
    ///
    /// # Panics
    ///
    /// If there is no response.
    pub fn send_http2(&self, request: &Request) -> Response {
        self.try_send_http2(request).expect("a response over HTTP/2")
    }

    /// Sends a request without a body over HTTP/2. A header `host` becomes `:authority` unless the
    /// request has `:authority` too.
    ///
    /// # Errors
    ///
    /// If the connection fails, or the server ends the stream or the connection without a response.
    pub fn try_send_http2(&self, request: &Request) -> Result<Response> {
        exchange_request(self.connect()?, request)
    }
}

/// Sends a request without a body and reads the response.
///
/// # Errors
///
/// If the server ends the stream or the connection without a response.
pub(crate) fn exchange_request(stream: impl Read + Write, request: &Request) -> Result<Response> {
    match exchange(stream, &header_block(request), None)? {
        End::Response { status, body } => {
            let status = status.ok_or_else(|| Error::other("no status"))?;
            let body = String::from_utf8_lossy(&body).into_owned();
            Ok(Response { status, headers: Vec::new(), body })
        }
        End::Aborted { frame, .. } => Err(Error::other(format!("aborted by a frame of type {frame}"))),
    }
}

/// The end of an exchange.
enum End {
    Response {
        status: Option<u16>,
        body: Vec<u8>,
    },
    /// The server sent RST_STREAM or GOAWAY.
    Aborted {
        frame: u8,
        body: Vec<u8>,
    },
}

/// Sends header blocks and reads until the stream ends. A request with trailers has a body of one
/// byte.
fn exchange(mut stream: impl Read + Write, headers: &[u8], trailers: Option<&[u8]>) -> Result<End> {
    let mut bytes = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    if let Some(trailers) = trailers {
        bytes.extend(frame(HEADERS, END_HEADERS, STREAM, headers));
        bytes.extend(frame(DATA, 0, STREAM, b"x"));
        bytes.extend(frame(HEADERS, END_HEADERS | END_STREAM, STREAM, trailers));
    } else {
        bytes.extend(frame(HEADERS, END_HEADERS | END_STREAM, STREAM, headers));
    }
    stream.write_all(&bytes)?;
    let (mut status, mut body) = (None, Vec::new());
    loop {
        let Frame { kind, flags, stream: id, payload } = read_frame(&mut stream)?;
        match kind {
            SETTINGS if flags & ACK == 0 => stream.write_all(&frame(SETTINGS, ACK, 0, &[]))?,
            HEADERS if id == STREAM => status = status.or_else(|| status_of(&payload)),
            DATA if id == STREAM => body.extend(payload),
            RST_STREAM | GOAWAY => return Ok(End::Aborted { frame: kind, body }),
            _ => continue,
        }
        if id == STREAM && flags & END_STREAM != 0 {
            return Ok(End::Response { status, body });
        }
    }
}

/// Returns the header block of a request.
fn header_block(request: &Request) -> Vec<u8> {
    let value = |name: &str| {
        let mut headers = request.headers.iter();
        let header = headers.find(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()));
        header.map(|(_, value)| value.as_slice())
    };
    let authority = value(":authority");
    let pseudo_headers: [(&[u8], &[u8]); 4] = [
        (b":method", &request.method),
        (b":scheme", b"http"),
        (b":path", &request.path),
        (b":authority", authority.or_else(|| value("host")).unwrap_or(b"api.example.com")),
    ];
    let headers: Vec<(Vec<u8>, &[u8])> = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.as_slice()))
        .filter(|(name, _)| name != b":authority" && (name != b"host" || authority.is_some()))
        .collect();
    let headers = headers.iter().map(|(name, value)| (name.as_slice(), *value));
    encode(pseudo_headers.into_iter().chain(headers))
}

/// Encodes fields as literals without indexing and without compression (RFC 7541 section 6.2.2).
fn encode<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            encode_length(text.len(), &mut block);
            block.extend_from_slice(text);
        }
    }
    block
}

/// Encodes an integer with a prefix of seven bits (RFC 7541 section 5.1).
fn encode_length(length: usize, block: &mut Vec<u8>) {
    let byte = |number: usize| u8::try_from(number).expect("a byte");
    let Some(mut rest) = length.checked_sub(127) else { return block.push(byte(length)) };
    block.push(127);
    while rest >= 128 {
        block.push(byte(rest % 128 + 128));
        rest /= 128;
    }
    block.push(byte(rest));
}

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn read_frame(stream: &mut impl Read) -> Result<Frame> {
    let mut head = [0; 9];
    stream.read_exact(&mut head)?;
    let [high, middle, low, kind, flags, stream_id @ ..] = head;
    let length = u32::from_be_bytes([0, high, middle, low]);
    let mut payload = vec![0; usize::try_from(length).expect("a length")];
    stream.read_exact(&mut payload)?;
    Ok(Frame { kind, flags, stream: u32::from_be_bytes(stream_id), payload })
}

/// Returns `:status`, which is the first field. It is an entry of the static table, or a literal
/// with a name of that table (RFC 7541 appendix A).
fn status_of(block: &[u8]) -> Option<u16> {
    const INDEXED: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    let size_updates = block.iter().take_while(|byte| **byte >> 5 == 1).count();
    match &block[size_updates..] {
        [byte @ 0x88..=0x8e, ..] => Some(INDEXED[usize::from(byte - 0x88)]),
        [0x08..=0x0e | 0x18..=0x1e | 0x48..=0x4e, length, rest @ ..] => {
            let text = rest.get(..usize::from(length & 0x7f))?;
            if length & 0x80 == 0 {
                str::from_utf8(text).ok()?.parse().ok()
            } else {
                decode_digits(text)?.parse().ok()
            }
        }
        _ => None,
    }
}

/// Decodes three digits in Huffman code (RFC 7541 appendix B): 0 to 2 have five bits, 3 to 9 have
/// six.
fn decode_digits(text: &[u8]) -> Option<String> {
    let bits: Vec<u8> = text.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)).collect();
    let (mut rest, mut digits) = (&bits[..], String::new());
    while digits.len() < 3 {
        let number = |bits: &[u8]| bits.iter().fold(0, |number, bit| number * 2 + bit);
        let (digit, length) = match number(rest.get(..5)?) {
            short @ 0..=2 => (short, 5),
            _ => (number(rest.get(..6)?).checked_sub(0b01_1001 - 3)?, 6),
        };
        digits.push(char::from_digit(digit.into(), 10)?);
        rest = &rest[length..];
    }
    Some(digits)
}
