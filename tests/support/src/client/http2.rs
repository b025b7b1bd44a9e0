//! The same requests over HTTP/2 (RFC 9113), with prior knowledge: what a client says in `:authority` is not what HTTP/1.1 has.
//!
//! Reads no more of an answer than its status and its body: response headers would take a whole HPACK decoder.

use std::io::{Error, Read as _, Result, Write as _};
use std::net::TcpStream;

use super::{Client, Request, Response};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

/// Of DATA and HEADERS. SETTINGS has the same bit for its acknowledgment.
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Client {
    /// Sends a request without a body. `host` becomes `:authority`, unless the request has that as well.
    pub fn send_http2(&self, request: &Request) -> Response {
        self.try_send_http2(request).expect("a response over HTTP/2")
    }

    pub fn try_send_http2(&self, request: &Request) -> Result<Response> {
        let mut stream = self.connect()?;
        stream.write_all(PREFACE)?;
        stream.write_all(&frame(SETTINGS, 0, 0, &[]))?;
        stream.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &request.to_header_block()))?;
        let (mut status, mut body) = (None, Vec::new());
        loop {
            let Frame { kind, flags, stream: id, payload } = read_frame(&mut stream)?;
            match kind {
                SETTINGS if flags & ACK == 0 => stream.write_all(&frame(SETTINGS, ACK, 0, &[]))?,
                HEADERS if id == 1 => status = status.or_else(|| status_of(&payload)),
                DATA if id == 1 => body.extend(payload),
                RST_STREAM | GOAWAY => return Err(Error::other(format!("ended by frame {kind}"))),
                _ => continue,
            }
            if id == 1 && flags & END_STREAM != 0 {
                let status = status.ok_or_else(|| Error::other("no status"))?;
                let body = String::from_utf8_lossy(&body).into_owned();
                return Ok(Response { status, headers: Vec::new(), body });
            }
        }
    }
}

impl Request {
    /// Every field as a literal without indexing (RFC 7541 section 6.2.2).
    fn to_header_block(&self) -> Vec<u8> {
        let value = |name: &str| {
            let mut headers = self.headers.iter();
            headers
                .find(|(have, _)| have.eq_ignore_ascii_case(name.as_bytes()))
                .map(|(_, value)| value.clone())
        };
        let (authority, host) = (value(":authority"), value("host"));
        let is_host_apart = authority.is_some();
        let authority = authority.or(host).unwrap_or_else(|| b"api.example.com".to_vec());
        let mut block = Vec::new();
        field(&mut block, b":method", &self.method);
        field(&mut block, b":scheme", b"http");
        field(&mut block, b":path", &self.path);
        field(&mut block, b":authority", &authority);
        for (name, value) in &self.headers {
            let name = name.to_ascii_lowercase();
            if name != b":authority" && (name != b"host" || is_host_apart) {
                field(&mut block, &name, value);
            }
        }
        block
    }
}

fn field(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    block.push(0);
    for text in [name, value] {
        length(block, text.len());
        block.extend_from_slice(text);
    }
}

/// An integer with a prefix of seven bits (RFC 7541 section 5.1).
fn length(block: &mut Vec<u8>, length: usize) {
    let byte = |number: usize| u8::try_from(number).expect("a byte");
    if length < 127 {
        return block.push(byte(length));
    }
    block.push(127);
    let mut rest = length - 127;
    while rest >= 128 {
        block.push(byte(rest % 128 + 128));
        rest /= 128;
    }
    block.push(byte(rest));
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn read_frame(stream: &mut TcpStream) -> Result<Frame> {
    let mut head = [0; 9];
    stream.read_exact(&mut head)?;
    let [high, middle, low, kind, flags, stream_id @ ..] = head;
    let length = u32::from_be_bytes([0, high, middle, low]);
    let mut payload = vec![0; usize::try_from(length).expect("a length")];
    stream.read_exact(&mut payload)?;
    Ok(Frame { kind, flags, stream: u32::from_be_bytes(stream_id), payload })
}

/// `:status`, which is the first field: of the static table, or with a name from there (RFC 7541 appendix A).
fn status_of(block: &[u8]) -> Option<u16> {
    const INDEXED: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    let updates = block.iter().take_while(|byte| **byte >> 5 == 1).count();
    match &block[updates..] {
        [byte @ 0x88..=0x8e, ..] => Some(INDEXED[usize::from(byte - 0x88)]),
        [0x08..=0x0e | 0x18..=0x1e | 0x48..=0x4e, length, rest @ ..] => {
            let text = rest.get(..usize::from(length & 0x7f))?;
            if length & 0x80 == 0 {
                str::from_utf8(text).ok()?.parse().ok()
            } else {
                digits(text)?.parse().ok()
            }
        }
        _ => None,
    }
}

/// Digits in Huffman code (RFC 7541 appendix B): 0 to 2 in five bits, 3 to 9 in six.
fn digits(text: &[u8]) -> Option<String> {
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
