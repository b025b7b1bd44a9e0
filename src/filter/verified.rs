//! A token whose signature holds, and what follows from that for as long as its key lives.

use std::borrow::Cow;
use std::cell::OnceCell;

use crate::config::Config;
use crate::headers::{self, ClaimToHeader};
use crate::json;
use crate::verify::{Identity, SignedClaims};

use super::ProviderId;

/// Longer names than this say no more in a log.
const MAX_LOGGED_BYTES: usize = 256;
const MAX_LOGGED_SCOPES_BYTES: usize = 1024;

/// A token whose signature holds, and whose it is.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) signed: SignedClaims,
    pub(super) provider: ProviderId,
    /// The payload as it was sent, if the backend is to have it.
    pub(super) payload: Option<String>,
    /// Made when somebody is told for the first time, and the same ever after: it depends on claims and configuration.
    pub(super) told: OnceCell<Told>,
}

/// What others are told of a token that is good.
#[derive(Debug)]
pub(super) struct Told {
    /// Headers for the backend.
    pub(super) headers: Vec<(String, String)>,
    /// Names and values for filter state.
    pub(super) for_logs: Vec<(&'static str, String)>,
}

impl Verified {
    /// About what it occupies, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        let told = self.told.get().map_or(0, |told| {
            let headers = told.headers.iter().flat_map(|(name, value)| [name, value]);
            let logs = told.for_logs.iter().map(|(_, value)| value);
            headers.chain(logs).map(|text| json::string_bytes(text)).fold(0, usize::saturating_add)
        });
        let payload = self.payload.as_ref().map_or(0, String::len);
        [size_of::<Self>(), self.signed.heap_bytes(), told, payload]
            .into_iter()
            .fold(0, usize::saturating_add)
    }
}

impl Told {
    pub(super) fn new(
        config: &Config,
        provider: &str,
        identity: &Identity<'_>,
        payload: Option<&String>,
    ) -> Self {
        let claims = identity.claims();
        let header = |header: &ClaimToHeader| Some((header.header_name.clone(), header.value(claims)?));
        let payload = config.forward_payload_header.clone().zip(payload.cloned());
        Self {
            headers: config.claim_to_headers.iter().filter_map(header).chain(payload).collect(),
            for_logs: for_logs(identity, provider),
        }
    }
}

/// What access logs and later filters may know of a verified token: who, through which client, whose, what for. Encoded
/// like the headers, for a line break in a name must not become a line of its own in a log.
fn for_logs(identity: &Identity<'_>, provider: &str) -> Vec<(&'static str, String)> {
    let claims = identity.claims();
    let named = [
        ("okta.sub", claims.string("sub")),
        ("okta.uid", claims.string("uid")),
        ("okta.cid", identity.client_id()),
        ("okta.provider", Some(provider)),
    ];
    let encode = |value: &str| {
        let mut encoded = headers::percent_encode(value).into_owned();
        encoded.truncate(MAX_LOGGED_BYTES);
        // What was cut off is not counted, so it must not stay.
        encoded.shrink_to_fit();
        encoded
    };
    let scopes = [("okta.scopes", scopes_for_logs(identity.scopes()))];
    let mut all = Vec::with_capacity(named.len().saturating_add(scopes.len()));
    all.extend(named.into_iter().filter_map(|(name, value)| Some((name, encode(value?)))));
    all.extend(scopes);
    all
}

/// As many whole scopes as there is room for: a piece of one could be another's name. So could the words of one that has
/// spaces.
fn scopes_for_logs(scopes: &[&str]) -> String {
    let bytes = scopes.iter().map(|scope| scope.len().saturating_add(1)).sum::<usize>();
    let mut list = String::with_capacity(bytes.min(MAX_LOGGED_SCOPES_BYTES));
    for scope in scopes {
        let scope = match headers::percent_encode(scope) {
            Cow::Borrowed(plain) if !plain.contains(' ') => Cow::Borrowed(plain),
            encoded => Cow::Owned(encoded.replace(' ', "%20")),
        };
        if list.len().saturating_add(scope.len()) >= MAX_LOGGED_SCOPES_BYTES {
            break;
        }
        if !list.is_empty() {
            list.push(' ');
        }
        list.push_str(&scope);
    }
    list
}
