//! The faults that an endpoint can have.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use super::connections::ResetHandle;
use super::endpoints::okta_error;
use super::gzip::gzip;

/// A fault in an endpoint's responses. It lasts until the next call of `set_fault`.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// No fault.
    #[default]
    None,
    /// Status 200 with this JSON in place of the document.
    Body(String),
    /// Status 200 without a body.
    Empty,
    /// The document, with keys that a client must skip before and after the good ones: wrong types,
    /// other uses, missing members.
    ExtraKeys,
    /// Status 200 with an HTML page, as from a captive portal or during maintenance.
    Html,
    /// The document, padded to two megabytes.
    Huge,
    /// The document, compressed although the request does not accept it.
    Gzip {
        /// Whether the response has `Content-Encoding: gzip`.
        marked: bool,
    },
    /// The document, compressed unless the request has `Accept-Encoding: identity`. A server may
    /// compress by default (RFC 9110 section 12.5.3).
    GzipUnlessIdentity,
    /// The document, with these headers added. A name may occur several times.
    Headers(Vec<(String, String)>),
    /// A response with these properties.
    Response(FaultResponse),
    /// A reset of the connection in place of a response.
    Reset,
    /// The document, delayed.
    Slow {
        /// The delay in milliseconds.
        millis: u64,
    },
    /// This status with Okta's error body. 429 has the headers of the rate limit.
    Status(u16),
    /// The first half of the document, with a matching `Content-Length`.
    TruncatedJson,
    /// The first half of the document, after which the connection ends. `Content-Length` is that of
    /// the whole.
    TruncatedTransfer,
}

impl Fault {
    /// Returns the response with this fault. `document` is the correct response.
    pub async fn apply(self, document: Document, reset: &ResetHandle, request: &HeaderMap) -> Response {
        match self {
            Self::None => document.into_response(),
            Self::Body(body) => document.with(body).into_response(),
            Self::Empty => document.with(String::new()).into_response(),
            Self::ExtraKeys => document.map(with_extra_keys).into_response(),
            Self::Gzip { marked } => compressed(document, marked),
            Self::GzipUnlessIdentity => match request.get(header::ACCEPT_ENCODING) {
                Some(value) if value == "identity" => document.into_response(),
                _ => compressed(document, true),
            },
            Self::Headers(added) => with_headers(document, &added),
            Self::Html => ([(header::CONTENT_TYPE, "text/html;charset=utf-8")], MAINTENANCE).into_response(),
            Self::Huge => document.map(padded).into_response(),
            Self::Response(response) => response.apply(document).await,
            Self::Reset => {
                reset.reset();
                StatusCode::OK.into_response()
            }
            Self::Slow { millis } => {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                document.into_response()
            }
            Self::Status(status) => error(status),
            Self::TruncatedJson => document.map(|body| first_half(body).to_owned()).into_response(),
            Self::TruncatedTransfer => truncated_transfer(document),
        }
    }
}

/// A response that replaces the correct one.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultResponse {
    /// The status. Default: 200.
    pub status: Option<u16>,
    /// Headers, for example `retry-after` or `x-rate-limit-reset`. A name may occur several times.
    pub headers: Vec<(String, String)>,
    /// The body. Default: the correct document.
    pub body: Option<String>,
    /// The `Content-Type`. Default: that of the document.
    pub content_type: Option<String>,
    /// The delay in milliseconds.
    pub delay_millis: u64,
    /// Whether the server closes the connection after the response.
    pub close: bool,
}

impl FaultResponse {
    async fn apply(self, document: Document) -> Response {
        tokio::time::sleep(Duration::from_millis(self.delay_millis)).await;
        let document = match self.body {
            Some(body) => document.with(body),
            None => document,
        };
        let mut response = with_headers(document, &self.headers);
        *response.status_mut() = self.status.map_or(StatusCode::OK, |status| {
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
        });
        let headers = response.headers_mut();
        if let Some(Ok(value)) = self.content_type.map(HeaderValue::try_from) {
            headers.insert(header::CONTENT_TYPE, value);
        }
        if self.close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// A JSON document with the headers that Okta sends.
pub struct Document {
    /// The JSON text.
    pub body: String,
    /// The `Content-Type`. Okta writes it in two ways.
    pub content_type: &'static str,
    /// The `Cache-Control`, or `None` for no such header.
    pub cache_control: Option<String>,
}

impl Document {
    /// Replaces the text and keeps the headers.
    fn with(self, body: String) -> Self {
        Self { body, ..self }
    }

    /// Replaces the text by a function of it.
    fn map(self, change: impl FnOnce(&str) -> String) -> Self {
        let body = change(&self.body);
        self.with(body)
    }

    fn into_response(self) -> Response {
        let mut response = ([(header::CONTENT_TYPE, self.content_type)], self.body).into_response();
        // Only a mistake in a test gives a value that is not allowed in a header.
        if let Some(Ok(value)) = self.cache_control.map(HeaderValue::try_from) {
            response.headers_mut().insert(header::CACHE_CONTROL, value);
        }
        response
    }
}

fn error(status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (code, summary) = match status {
        StatusCode::TOO_MANY_REQUESTS => {
            ("E0000047", "You exceeded the maximum number of requests. Try again in a while.")
        }
        StatusCode::NOT_FOUND => ("E0000007", "Not found: Resource not found: null (null)"),
        StatusCode::UNAUTHORIZED => {
            ("E0000015", "You do not have permission to access the feature you are requesting")
        }
        StatusCode::FORBIDDEN => ("E0000006", "You do not have permission to perform the requested action"),
        _ => ("E0000009", "Internal Server Error"),
    };
    let mut response = okta_error(status, code, summary);
    if status == StatusCode::TOO_MANY_REQUESTS {
        let reset = super::org::unix_millis().div_euclid(1000).saturating_add(60);
        let headers = response.headers_mut();
        headers.insert("x-rate-limit-limit", HeaderValue::from_static("600"));
        headers.insert("x-rate-limit-remaining", HeaderValue::from_static("0"));
        headers.insert("x-rate-limit-reset", HeaderValue::from(reset));
    }
    response
}

fn compressed(document: Document, marked: bool) -> Response {
    let file = gzip(document.body.as_bytes());
    let mut response = document.with(String::new()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(file.len()));
    if marked {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    *response.body_mut() = Body::from(file);
    response
}

fn with_headers(document: Document, added: &[(String, String)]) -> Response {
    let mut response = document.into_response();
    for (name, value) in added {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

fn first_half(text: &str) -> &str {
    text.get(..text.len().div_euclid(2)).unwrap_or_default()
}

fn truncated_transfer(document: Document) -> Response {
    let length = HeaderValue::from(document.body.len());
    let half = Bytes::from(first_half(&document.body).to_owned());
    let broken = async {
        // The server sends the first half in this time. An error at once would discard it.
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err(io::Error::from(io::ErrorKind::UnexpectedEof))
    };
    let mut response = document.with(String::new()).into_response();
    *response.body_mut() = Body::from_stream(stream::iter([Ok(half)]).chain(stream::once(broken)));
    response.headers_mut().insert(header::CONTENT_LENGTH, length);
    response
}

/// Adds a member of [`PADDING_BYTES`] to the JSON object, whose other members stay valid.
fn padded(document: &str) -> String {
    let Ok(Value::Object(mut object)) = serde_json::from_str(document) else { return document.to_owned() };
    object.insert("padding".to_owned(), Value::from("x".repeat(PADDING_BYTES)));
    Value::Object(object).to_string()
}

fn with_extra_keys(document: &str) -> String {
    let Ok(mut document) = serde_json::from_str::<Value>(document) else { return document.to_owned() };
    if let Some(keys) = document.get_mut("keys").and_then(Value::as_array_mut) {
        let good = std::mem::take(keys);
        // Before and after the good keys, to find a reader that stops at the first bad one.
        keys.extend(bad_keys(&good));
        keys.extend(good.iter().cloned());
        keys.extend(bad_keys(&good));
    }
    document.to_string()
}

/// Returns keys that must verify no token. Some are good keys with one member changed.
fn bad_keys(good: &[Value]) -> Vec<Value> {
    let changed = |name: &str, value: Value| {
        let mut key = good.first().cloned().unwrap_or_default();
        if let Some(key) = key.as_object_mut() {
            key.insert("kid".to_owned(), json!(format!("bad-{name}")));
            key.insert(name.to_owned(), value);
        }
        key
    };
    let point =
        ("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
    vec![
        json!(null),
        json!("not an object"),
        json!({}),
        json!({ "kty": "oct", "kid": "bad-oct", "alg": "HS256", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ" }),
        json!({ "kty": "EC", "kid": "bad-ec", "use": "enc", "crv": "P-256", "x": point.0, "y": point.1 }),
        json!({ "kty": "AKP", "kid": "bad-akp", "alg": "ML-DSA-44", "pub": "AAAA" }),
        json!({ "kty": "RSA", "kid": "bad-no-modulus", "use": "sig", "alg": "RS256", "e": "AQAB" }),
        changed("kid", json!(42)),
        changed("use", json!("enc")),
        changed("alg", json!("RS512")),
        changed("key_ops", json!(["encrypt"])),
        changed("n", json!("AQAB")),
        changed("n", json!("not base64url!")),
        changed("e", json!(65537)),
    ]
}

/// The length of the padding of [`Fault::Huge`]. It exceeds the limit of every client for a key
/// set.
const PADDING_BYTES: usize = 2 * 1024 * 1024;

const MAINTENANCE: &str = "<!DOCTYPE html>\n<html><head><title>Okta is in read-only mode</title></head>\
    <body><h1>We'll be back soon</h1></body></html>\n";
