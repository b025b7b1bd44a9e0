//! A token whose signature holds, and what follows from that for as long as its key lives.

use std::cell::OnceCell;

use crate::config::Config;
use crate::headers::ClaimToHeader;
use crate::json;
use crate::percent_encoding::{encode_log_value, truncate_encoded};
use crate::verify::{AccessToken, Identity};

use super::ProviderId;

/// Longer names than this say no more in a log.
const MAX_LOGGED_BYTES: usize = 256;
const MAX_LOGGED_SCOPES_BYTES: usize = 1024;

/// A token that was accepted, and whose it is.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) token: AccessToken,
    pub(super) provider: ProviderId,
    /// The payload as it was sent, if the backend is to have it.
    pub(super) payload: Option<String>,
    /// Made when somebody is told for the first time, and the same ever after: it depends on claims and configuration.
    pub(super) forwarded: OnceCell<ForwardedIdentity>,
}

/// What others are told of a token that is good.
#[derive(Debug)]
pub(super) struct ForwardedIdentity {
    /// Headers for the backend.
    pub(super) headers: Vec<(String, String)>,
    pub(super) log_attributes: LogAttributes,
}

/// Names and values for filter state. The values lie in one piece of memory: every request reads them.
#[derive(Debug)]
pub(super) struct LogAttributes {
    text: String,
    /// With the end of each in the text.
    names: Vec<(&'static str, usize)>,
}

impl Verified {
    /// About what it occupies, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        let forwarded = self.forwarded.get().map_or(0, |forwarded| {
            let headers = forwarded.headers.iter().flat_map(|(name, value)| [name, value]);
            headers
                .map(|text| json::estimated_heap_bytes(text))
                .fold(forwarded.log_attributes.heap_bytes(), usize::saturating_add)
        });
        let payload = self.payload.as_ref().map_or(0, String::len);
        [size_of::<Self>(), self.token.heap_bytes(), forwarded, payload]
            .into_iter()
            .fold(0, usize::saturating_add)
    }
}

impl ForwardedIdentity {
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
            log_attributes: LogAttributes::new(identity, provider),
        }
    }
}

impl LogAttributes {
    /// Makes the values for access logs and later filters: user, client, provider and scopes of a verified token. Encoded,
    /// because a name with a space or a line break must not become a field or a line of a log.
    fn new(identity: &Identity<'_>, provider: &str) -> Self {
        /// About what they take together.
        const TYPICAL_BYTES: usize = 160;
        let claims = identity.claims();
        let named = [
            ("okta.sub", claims.string("sub")),
            ("okta.uid", claims.string("uid")),
            ("okta.cid", identity.client_id()),
            ("okta.provider", Some(provider)),
        ];
        let names = Vec::with_capacity(named.len().saturating_add(1));
        let mut all = Self { text: String::with_capacity(TYPICAL_BYTES), names };
        for (name, value) in named.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            let encoded = encode_log_value(value);
            all.text.push_str(truncate_encoded(&encoded, MAX_LOGGED_BYTES));
            all.names.push((name, all.text.len()));
        }
        push_scopes(&mut all.text, identity.scopes());
        all.names.push(("okta.scopes", all.text.len()));
        all
    }

    /// Each name with its value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let mut start = 0;
        self.names.iter().map(move |(name, end)| {
            let value = self.text.get(start..*end).unwrap_or_default();
            start = *end;
            (*name, value)
        })
    }

    const fn heap_bytes(&self) -> usize {
        let names = self.names.capacity().saturating_mul(size_of::<(&str, usize)>());
        self.text.capacity().saturating_add(names)
    }
}

/// Adds as many whole scopes as there is room for, with commas between them: a piece of one could be another's name.
fn push_scopes<'a>(text: &mut String, scopes: impl Iterator<Item = &'a str>) {
    let start = text.len();
    for scope in scopes {
        let scope = encode_log_value(scope);
        let taken = text.len().saturating_sub(start);
        if taken.saturating_add(scope.len()) >= MAX_LOGGED_SCOPES_BYTES {
            break;
        }
        if taken > 0 {
            text.push(',');
        }
        text.push_str(&scope);
    }
}
