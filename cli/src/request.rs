//! The request of `explain` and of a policy test.

use std::collections::BTreeMap;
use std::net::IpAddr;

use okta_authz_filter::filter::Connection;
use okta_authz_filter::request::{AuthScheme, Header, RequestHead};
use serde::Deserialize;

/// The placeholder that the token replaces.
const TOKEN_PLACEHOLDER: &str = "{token}";

/// An HTTP request, without a body.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    #[serde(default = "default_method")]
    pub(crate) method: String,
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) host: String,
    #[serde(default)]
    pub(crate) headers: Headers,
    pub(crate) remote_ip: Option<IpAddr>,
    /// The name of the policy in the metadata of the route.
    pub(crate) route_policy: Option<String>,
    /// The SHA-256 digest of the client certificate in hexadecimal. It can have colons, as in the
    /// output of `openssl x509 -fingerprint -sha256`.
    pub(crate) client_certificate_sha256: Option<String>,
}

/// Headers by name, or a list of pairs, which may repeat a name.
#[derive(Clone, Deserialize)]
#[serde(untagged, expecting = "expected headers by name, or a list of pairs")]
pub(crate) enum Headers {
    ByName(BTreeMap<String, HeaderValue>),
    Pairs(Vec<(String, HeaderValue)>),
}

/// The value of a header: text, or bytes that are not UTF-8.
#[derive(Clone, Deserialize)]
#[serde(untagged, expecting = "expected text, or a list of bytes")]
pub(crate) enum HeaderValue {
    Text(String),
    Bytes(Vec<u8>),
}

/// Checks the digest of a client certificate that an operator has written.
///
/// # Errors
///
/// A digest that does not have 64 hexadecimal digits. Colons are allowed.
pub(crate) fn check_certificate_sha256(digest: &str) -> Result<(), &'static str> {
    let digits = digest.replace(':', "");
    if digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err("must be the SHA-256 digest of a certificate: 64 hexadecimal digits, with or without colons")
}

impl Connection for Request {
    fn client_certificate_sha256(&self) -> Option<Vec<u8>> {
        self.client_certificate_sha256.as_ref().map(|digest| digest.replace(':', "").into_bytes())
    }
}

fn default_method() -> String {
    "GET".to_owned()
}

impl Default for Headers {
    fn default() -> Self {
        Self::Pairs(Vec::new())
    }
}

impl Request {
    /// Adds the token: in place of each `{token}` in the path or a header; if there is none, in
    /// `Authorization` with the scheme.
    pub(crate) fn authorize(&mut self, token: &str, scheme: AuthScheme) {
        let mut is_placed = false;
        let mut replace = |text: &mut String| {
            is_placed |= text.contains(TOKEN_PLACEHOLDER);
            *text = text.replace(TOKEN_PLACEHOLDER, token);
        };
        replace(&mut self.path);
        self.headers.texts().for_each(&mut replace);
        if !is_placed {
            self.headers.push("authorization", format!("{} {token}", scheme.name()));
        }
    }

    /// Returns the headers as Envoy passes them to filters: `Host` becomes `:authority`, and Envoy
    /// drops a `Host` if there is an `:authority`.
    pub(crate) fn to_headers(&self) -> Vec<(String, Vec<u8>)> {
        let is_host = |(name, _): &(String, Vec<u8>)| matches!(name.as_str(), "host" | ":authority");
        let (hosts, others): (Vec<_>, Vec<_>) = self.headers.to_pairs().into_iter().partition(is_host);
        let hosts: Vec<Vec<u8>> = hosts.into_iter().map(|(_, value)| value).collect();
        let authority =
            if self.host.is_empty() { hosts.join(&b","[..]) } else { self.host.clone().into_bytes() };
        let (method, path) = (self.method.clone().into_bytes(), self.path.clone().into_bytes());
        let pseudo = [(":method", method), (":path", path), (":authority", authority)];
        pseudo.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(others).collect()
    }

    /// Returns the request head for the core; `headers` come from [`Request::to_headers`].
    pub(crate) fn head<'a>(&'a self, headers: &'a [Header<'a>]) -> RequestHead<'a> {
        let route_policy = self.route_policy.as_deref().map(str::as_bytes);
        RequestHead { route_policy, remote_ip: self.remote_ip, ..RequestHead::new(headers) }
    }
}

impl Headers {
    fn texts(&mut self) -> impl Iterator<Item = &mut String> {
        let (by_name, pairs) = match self {
            Self::ByName(headers) => (Some(headers.values_mut()), None),
            Self::Pairs(headers) => (None, Some(headers.iter_mut().map(|(_, value)| value))),
        };
        let values = by_name.into_iter().flatten().chain(pairs.into_iter().flatten());
        values.filter_map(|value| match value {
            HeaderValue::Text(text) => Some(text),
            HeaderValue::Bytes(_) => None,
        })
    }

    /// Reports whether there is a header with a name in lower case.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.to_pairs().iter().any(|(other, _)| other == name)
    }

    pub(crate) fn push(&mut self, name: &str, value: String) {
        let mut pairs = match std::mem::take(self) {
            Self::ByName(headers) => headers.into_iter().collect(),
            Self::Pairs(pairs) => pairs,
        };
        pairs.push((name.to_owned(), HeaderValue::Text(value)));
        *self = Self::Pairs(pairs);
    }

    fn to_pairs(&self) -> Vec<(String, Vec<u8>)> {
        let pair = |name: &String, value: &HeaderValue| {
            let bytes = match value {
                HeaderValue::Text(text) => text.clone().into_bytes(),
                HeaderValue::Bytes(bytes) => bytes.clone(),
            };
            (name.to_ascii_lowercase(), bytes)
        };
        match self {
            Self::ByName(headers) => headers.iter().map(|(name, value)| pair(name, value)).collect(),
            Self::Pairs(headers) => headers.iter().map(|(name, value)| pair(name, value)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn client_certificate_sha256_with_colons_is_read_as_envoy_reports_it() {
        let request = json!({ "path": "/", "client_certificate_sha256": "0A:ff" });
        let request: Request = serde_json::from_value(request).unwrap();
        assert_eq!(request.client_certificate_sha256().as_deref(), Some(&b"0Aff"[..]));
    }

    #[test]
    fn certificate_sha256_without_64_hexadecimal_digits_is_rejected() {
        let digest = "0a".repeat(32);
        let with_colons = ["0A"; 32].join(":");
        for (digest, is_valid) in [
            (digest.as_str(), true),
            (&with_colons, true),
            ("", false),
            (&digest[2..], false),
            (&digest.replace('a', "g"), false),
            (&format!("sha256 Fingerprint={with_colons}"), false),
        ] {
            assert_eq!(check_certificate_sha256(digest).is_ok(), is_valid, "{digest}");
        }
    }

    #[test]
    fn to_headers_host_becomes_authority() {
        for (host, headers, expected) in [
            ("a", json!({}), "a"),
            ("", json!({}), ""),
            ("", json!({ "Host": "a:81" }), "a:81"),
            ("", json!({ ":authority": "a." }), "a."),
            ("", json!([["host", "a"], ["host", "b"]]), "a,b"),
            ("a", json!({ "host": "b" }), "a"),
        ] {
            let request: Value = json!({ "path": "/", "host": host, "headers": headers });
            let request: Request = serde_json::from_value(request).unwrap();
            let is_host = |(name, _): &(String, Vec<u8>)| name == ":authority" || name == "host";
            let found: Vec<_> = request.to_headers().into_iter().filter(is_host).collect();
            assert_eq!(found, [(":authority".to_owned(), expected.as_bytes().to_vec())], "{host} {headers}");
        }
    }
}
