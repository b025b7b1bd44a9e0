//! The rows of the load benchmark: a filter, its requests, and the expected response.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use benches::tokens::{Pool, SERVICES, Signer};
use serde_json::{Value, json};
use stand_in_okta::StandIn;

use crate::filters::{configuration, guard, native, ours, policy};
use crate::proofs::{self, BoundTokens, Proofs, ReplayMemory};
use crate::settings::Settings;
use crate::wrk::Load;
use crate::{floor, okta};

/// The number of distinct tokens. It is about the number of requests that all rounds send to a
/// filter, so few tokens repeat. Each row reads the pool from its start. If a token repeats, on a
/// fast machine or in a long run, the token cache (32 MiB, 210 bytes for each of these tokens) no
/// longer holds it.
const NEW_TOKENS: usize = 160_000;

pub const NO_FILTER: &str = "no filter";
pub const NO_FILTER_NEW: &str = "no filter, new tokens";
pub const NATIVE: &str = "jwt_authn, default";
pub const NATIVE_NEW: &str = "jwt_authn, default, new tokens";
const NATIVE_BAD: &str = "jwt_authn, bad signature";
pub const CACHED: &str = "this filter, cached tokens";
pub const NEW: &str = "this filter, new tokens";
/// Eight filters in one chain: the cost of one more filter when its code and Envoy's are in the
/// processor's caches.
pub const EIGHT: &str = "this filter eight times, cached tokens";
pub const FLOOR_CACHED: &str = "floor: the calls to Envoy alone";
pub const FLOOR_NEW: &str = "floor: the calls and the signature verification";
pub const TEN_RULES: &str = "this filter, 2 claim headers, 10 rules";
pub const MANY_RULES: &str = "this filter, 2 claim headers, 10,000 rules";

const NO_FILTER_OPAQUE: &str = "no filter, opaque tokens";
const NO_FILTER_DPOP: &str = "no filter, DPoP proofs";

/// A row.
pub struct Row {
    pub name: &'static str,
    pub filters: Vec<Value>,
    pub requests: Requests,
    /// The status, and the denial code of the body if the filter is ours and the status is not 200.
    pub status: u16,
    pub code: &'static str,
    /// The rows for comparison: the row without a filter, and the row of `jwt_authn`, for the same
    /// requests.
    pub base: &'static str,
    pub reference: &'static str,
}

/// The requests of a row.
pub enum Requests {
    /// Requests that the filter decides alike each time.
    Repeated(Rc<Load>),
    /// Requests with DPoP proofs. Each run has new ones.
    Proofs(Proofs),
}

impl Requests {
    /// Returns the requests of the next run to this port, and the duration of the run.
    pub fn prepare(&self, port: u16, time: Duration) -> (Rc<Load>, Duration) {
        match self {
            Self::Repeated(load) => (Rc::clone(load), time),
            Self::Proofs(proofs) => {
                let time = time.min(proofs::MAX_TIME);
                (Rc::new(proofs.load(port, time)), time)
            }
        }
    }
}

/// Returns all rows. Rows that are compared are neighbors, so little time passes between them.
pub fn rows(signer: &Signer, okta: &StandIn, settings: &Settings) -> Vec<Row> {
    let jwks = &signer.jwks();
    let repeated = |file| Requests::Repeated(Rc::new(Load::new(file)));
    let from_pool = |pool: Pool| repeated(pool.file(signer));
    let new = Pool::New(NEW_TOKENS);
    let plain = configuration(jwks);
    let filter = |vm_id: &str| vec![ours(vm_id, &plain)];
    let mut closing = plain.clone();
    closing["close_streams"] = json!(true);
    let opaque_requests = okta::opaque_requests(okta);
    let tokens = Rc::new(BoundTokens::new(signer));
    let cached = |name, filters| Row {
        name,
        filters,
        requests: from_pool(Pool::Repeated),
        status: 200,
        code: "",
        base: NO_FILTER,
        reference: NATIVE,
    };
    let new_tokens = |name, filters| Row {
        requests: from_pool(new),
        base: NO_FILTER_NEW,
        reference: NATIVE_NEW,
        ..cached(name, filters)
    };
    let rejected = |name, filters, pool, code| Row {
        requests: from_pool(pool),
        status: 401,
        code,
        reference: NATIVE_BAD,
        ..cached(name, filters)
    };
    let opaque = |name, filters| Row {
        requests: repeated(opaque_requests.clone()),
        base: NO_FILTER_OPAQUE,
        ..cached(name, filters)
    };
    let bound = |name, filters, requests| Row { requests, base: NO_FILTER_DPOP, ..cached(name, filters) };
    let dpop = |name, vm_id, memory| {
        let filters = vec![Proofs::filter(&memory, vm_id, jwks)];
        bound(name, filters, Requests::Proofs(Proofs::new(Rc::clone(&tokens), memory, settings.proofs)))
    };
    vec![
        cached(NO_FILTER, vec![]),
        cached(NATIVE, vec![native(jwks, false, false)]),
        cached("jwt_authn, its cache", vec![native(jwks, true, false)]),
        cached("jwt_authn, its cache, 2 claim headers", vec![native(jwks, true, true)]),
        cached(CACHED, filter("cached")),
        cached("this filter, cached tokens, close_streams", vec![ours("closing", &closing)]),
        cached(FLOOR_CACHED, vec![floor::filter("floor-cached", &floor::cached())]),
        cached(EIGHT, (0..8).map(|_| ours("eight", &plain)).collect()),
        cached("this filter and its guard", vec![ours("guarded", &plain), guard()]),
        cached(TEN_RULES, vec![ours("ten-rules", &policy(jwks, 10))]),
        Row {
            requests: from_pool(Pool::RepeatedForAllServices),
            ..cached(MANY_RULES, vec![ours("many-rules", &policy(jwks, SERVICES))])
        },
        opaque(NO_FILTER_OPAQUE, vec![]),
        opaque("this filter, cached opaque tokens", vec![okta::introspecting_filter(okta)]),
        bound(NO_FILTER_DPOP, vec![], repeated(tokens.unchecked_requests())),
        dpop("this filter, DPoP, a new proof each time", "dpop", ReplayMemory::Default),
        dpop("this filter, DPoP, replay memory full", "dpop-full", ReplayMemory::Full(Cell::new(0))),
        new_tokens(NO_FILTER_NEW, vec![]),
        new_tokens(NATIVE_NEW, vec![native(jwks, false, false)]),
        new_tokens(NEW, filter("new")),
        new_tokens(FLOOR_NEW, vec![floor::filter("floor-new", &floor::new(signer))]),
        rejected(NATIVE_BAD, vec![native(jwks, false, false)], Pool::BadSignature, ""),
        rejected("this filter, bad signature", filter("bad"), Pool::BadSignature, "signature_invalid"),
        rejected("this filter, expired", filter("expired"), Pool::Expired, "token_expired"),
        rejected("this filter, unknown issuer", filter("issuer"), Pool::UnknownIssuer, "issuer_unknown"),
    ]
}
