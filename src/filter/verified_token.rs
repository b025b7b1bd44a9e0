//! A verified token, and the values that depend only on its claims and the configuration.

use std::cell::OnceCell;

use crate::config::Config;
use crate::filter_state::FilterStateName;
use crate::headers::ClaimToHeader;
use crate::json;
use crate::percent_encoding::{encode_log_value, truncate_encoded};
use crate::verify::{AccessToken, Identity};

use super::ProviderId;

/// The maximum length of an encoded log attribute, in bytes. Longer values are truncated.
const MAX_LOGGED_BYTES: usize = 256;
/// The maximum length of `okta.scopes`, in bytes. Scopes beyond it are omitted.
const MAX_LOGGED_SCOPES_BYTES: usize = 1024;

/// An accepted token, with its provider.
#[derive(Debug)]
pub(super) struct VerifiedToken {
    pub(super) token: AccessToken,
    pub(super) provider: ProviderId,
    /// The base64url payload as the client sent it, if the configuration forwards it to the
    /// upstream.
    pub(super) payload: Option<String>,
    /// The SHA-256 digest of the token. The first request with a DPoP proof computes it.
    pub(super) sha256: OnceCell<Box<[u8; 32]>>,
    /// The identity for the upstream. The first allowed request with the token computes it.
    pub(super) forwarded: OnceCell<ForwardedIdentity>,
}

/// The identity that the upstream and the access log receive.
#[derive(Debug)]
pub(super) struct ForwardedIdentity {
    /// The names and values of the identity headers.
    pub(super) headers: Vec<(String, String)>,
    /// The values for filter state.
    pub(super) logged: LoggedIdentity,
}

/// The values of an identity that the configuration selects for filter state. One buffer has all
/// values, because every request reads them. Without a selected name it needs no memory.
#[derive(Debug, Default)]
pub(super) struct LoggedIdentity {
    text: String,
    /// The name of each value, and the end of the value in `text`.
    names: Vec<(FilterStateName, usize)>,
}

impl VerifiedToken {
    /// Returns the approximate size in bytes, heap memory included.
    pub(super) fn heap_bytes(&self) -> usize {
        let forwarded = self.forwarded.get().map_or(0, |forwarded| {
            let headers = forwarded.headers.iter().flat_map(|(name, value)| [name, value]);
            headers
                .map(|text| json::estimated_heap_bytes(text))
                .fold(forwarded.logged.heap_bytes(), usize::saturating_add)
        });
        let payload = self.payload.as_ref().map_or(0, String::len);
        let sha256 = self.sha256.get().map_or(0, |digest| digest.len());
        [size_of::<Self>(), self.token.heap_bytes(), sha256, forwarded, payload]
            .into_iter()
            .fold(0, usize::saturating_add)
    }
}

impl ForwardedIdentity {
    /// Makes the identity headers and the filter state of a token.
    pub(super) fn new(
        config: &Config,
        provider: &str,
        identity: &Identity<'_>,
        payload: Option<&String>,
    ) -> Self {
        let claims = identity.claims();
        let header =
            |header: &ClaimToHeader| Some((header.header_name.clone(), header.value(claims, provider)?));
        let payload = config.forward_payload_header.clone().zip(payload.cloned());
        Self {
            headers: config.claim_to_headers.iter().filter_map(header).chain(payload).collect(),
            logged: LoggedIdentity::new(&config.filter_state, identity, provider),
        }
    }
}

impl LoggedIdentity {
    /// Makes the values with these names for access logs and later filters. A claim that the token
    /// lacks has no value. The values are encoded, so that spaces and line breaks in them cannot
    /// start a field or a line of a log.
    fn new(selected: &[FilterStateName], identity: &Identity<'_>, provider: &str) -> Self {
        /// The typical size of all values together, in bytes.
        const TYPICAL_BYTES: usize = 160;
        if selected.is_empty() {
            return Self::default();
        }
        let claims = identity.claims();
        let names = Vec::with_capacity(selected.len());
        let mut logged = Self { text: String::with_capacity(TYPICAL_BYTES), names };
        for name in selected.iter().copied() {
            let value = match name {
                FilterStateName::Sub => claims.string("sub"),
                FilterStateName::Uid => claims.string("uid"),
                FilterStateName::Cid => identity.client_id(),
                FilterStateName::Provider => Some(provider),
                FilterStateName::Scopes => {
                    // The scopes have another limit, so `push_scopes` appends them completely.
                    push_scopes(&mut logged.text, identity.scopes());
                    Some("")
                }
                FilterStateName::Decision | FilterStateName::Code => None,
            };
            if let Some(value) = value {
                let encoded = encode_log_value(value);
                logged.text.push_str(truncate_encoded(&encoded, MAX_LOGGED_BYTES));
                logged.names.push((name, logged.text.len()));
            }
        }
        // The token cache keeps the values.
        logged.text.shrink_to_fit();
        logged.names.shrink_to_fit();
        logged
    }

    /// Yields each name with its value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (FilterStateName, &str)> {
        let mut start = 0;
        self.names.iter().map(move |(name, end)| {
            let value = self.text.get(start..*end).unwrap_or_default();
            start = *end;
            (*name, value)
        })
    }

    const fn heap_bytes(&self) -> usize {
        let names = self.names.capacity().saturating_mul(size_of::<(FilterStateName, usize)>());
        self.text.capacity().saturating_add(names)
    }
}

/// Appends scopes, separated by commas, up to [`MAX_LOGGED_SCOPES_BYTES`]. It never truncates a
/// scope, because a part of a scope can be the name of another.
fn push_scopes<'a>(text: &mut String, scopes: impl Iterator<Item = &'a str>) {
    let start = text.len();
    for scope in scopes {
        let scope = encode_log_value(scope);
        let length = text.len().saturating_sub(start);
        if length.saturating_add(scope.len()) >= MAX_LOGGED_SCOPES_BYTES {
            break;
        }
        if length > 0 {
            text.push(',');
        }
        text.push_str(&scope);
    }
}
