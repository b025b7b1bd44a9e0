//! The request that a question is about.

use std::collections::BTreeMap;
use std::net::IpAddr;

use okta_authz_filter::request::{Header, RequestHead};
use serde::Deserialize;

/// Where in a request the token is to stand.
const TOKEN: &str = "{token}";

/// A request.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    #[serde(default = "get")]
    pub(crate) method: String,
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) host: String,
    #[serde(default)]
    pub(crate) headers: Headers,
    pub(crate) remote_ip: Option<IpAddr>,
    /// The policy that the route names.
    pub(crate) route_policy: Option<String>,
}

/// Headers by name; or a list of pairs, where one is sent more than once.
#[derive(Clone, Deserialize)]
#[serde(untagged, expecting = "expected headers by name, or a list of pairs")]
pub(crate) enum Headers {
    ByName(BTreeMap<String, HeaderValue>),
    Pairs(Vec<(String, HeaderValue)>),
}

/// Text, or bytes where it is none.
#[derive(Clone, Deserialize)]
#[serde(untagged, expecting = "expected text, or a list of bytes")]
pub(crate) enum HeaderValue {
    Text(String),
    Bytes(Vec<u8>),
}

fn get() -> String {
    "GET".to_owned()
}

impl Default for Headers {
    fn default() -> Self {
        Self::Pairs(Vec::new())
    }
}

impl Request {
    /// Sends the token: where there is a place for it, or else as clients do (RFC 6750 section 2.1).
    pub(crate) fn authorize(&mut self, token: &str) {
        let mut placed = false;
        let mut place = |text: &mut String| {
            placed |= text.contains(TOKEN);
            *text = text.replace(TOKEN, token);
        };
        place(&mut self.path);
        self.headers.texts().for_each(&mut place);
        if !placed {
            self.headers.push("authorization", format!("Bearer {token}"));
        }
    }

    /// The headers as Envoy hands them on.
    pub(crate) fn to_headers(&self) -> Vec<(String, Vec<u8>)> {
        let pseudo = [(":method", &self.method), (":path", &self.path), (":authority", &self.host)];
        let pseudo = pseudo.into_iter().map(|(name, value)| (name.to_owned(), value.clone().into_bytes()));
        pseudo.chain(self.headers.to_pairs()).collect()
    }

    /// The head that these headers are.
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
