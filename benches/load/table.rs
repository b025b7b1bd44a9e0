//! The rows of the load benchmark.

use std::cell::Cell;
use std::rc::Rc;

use benches::tokens::{Pool, SERVICES, Signer};
use serde_json::{Value, json};
use stand_in_okta::StandIn;

use crate::filters::{configuration, guard, native, ours, policy, with_logged_identity, with_other_scope};
use crate::load::Load;
use crate::proofs::{BoundTokens, Proofs, ReplayMemory};
use crate::rows::{
    CACHED, EIGHT, FEW_HEADERS, FLOOR_CACHED, FLOOR_NEW, LOGGED, MANY_HEADERS, MANY_RULES, NATIVE,
    NATIVE_NEW, NEW, NO_FILTER, NO_FILTER_NEW, OPAQUE, Requests, Row, TEN_RULES,
};
use crate::settings::Settings;
use crate::{floor, okta};

/// The number of distinct tokens. It is about the number of requests that all rounds send to a
/// filter, so few tokens repeat. Each row reads the pool from its start. If a token repeats, on a
/// fast machine or in a long run, the token cache does not have it: the cache holds about 10,000 of
/// them.
const NEW_TOKENS: usize = 160_000;
/// The number of distinct tokens of 4 KiB, and the size of the token cache of their row. The cache
/// holds few of them, so that nearly every token is new, with a small file.
const NEW_LARGE_TOKENS: usize = 5_000;
const SMALL_CACHE: u32 = 65_536;

const NO_FILTER_OPAQUE: &str = "no filter, opaque tokens";
const NO_FILTER_DPOP: &str = "no filter, DPoP proofs";
const NO_FILTER_HTTP2: &str = "no filter, HTTP/2";
const NATIVE_HTTP2: &str = "jwt_authn, HTTP/2";
const NO_FILTER_LARGE: &str = "no filter, tokens of 4 KiB";
const NATIVE_LARGE: &str = "jwt_authn, tokens of 4 KiB";
const NO_FILTER_NO_TOKEN: &str = "no filter, no token";

/// What the rows have in common.
struct Context<'a> {
    signer: &'a Rc<Signer>,
    okta: &'a StandIn,
    jwks: Value,
    plain: Value,
}

/// Returns all rows. Rows that are compared are neighbors, so little time passes between them.
pub fn rows(signer: &Rc<Signer>, okta: &StandIn, settings: &Settings) -> Vec<Row> {
    let jwks = signer.jwks();
    let plain = configuration(&jwks);
    let context = Context { signer, okta, jwks, plain };
    let mut rows = context.cached_rows();
    rows.extend(context.header_rows());
    rows.extend(context.http2_rows());
    rows.extend(context.large_rows());
    rows.extend(context.opaque_rows());
    rows.extend(context.dpop_rows(settings));
    rows.extend(context.new_rows());
    rows.extend(context.rejected_rows());
    rows
}

impl Context<'_> {
    fn requests(&self, pool: Pool) -> Requests {
        Requests::of(Load::of_pool(pool, self.signer))
    }

    fn native(&self) -> Vec<Value> {
        vec![native(&self.jwks, false, false)]
    }

    fn filter(&self, vm_id: &str) -> Vec<Value> {
        vec![ours(vm_id, &self.plain)]
    }

    fn cached(&self, name: &'static str, filters: Vec<Value>) -> Row {
        Row {
            name,
            filters,
            requests: self.requests(Pool::Repeated),
            status: 200,
            code: "",
            base: NO_FILTER,
            reference: NATIVE,
            old: None,
        }
    }

    fn cached_rows(&self) -> Vec<Row> {
        let (jwks, plain) = (&self.jwks, &self.plain);
        let mut closing = plain.clone();
        closing["close_streams"] = json!(true);
        let cached = |name, filters| self.cached(name, filters);
        vec![
            cached(NO_FILTER, vec![]),
            cached(NATIVE, self.native()),
            cached("jwt_authn, its cache", vec![native(jwks, true, false)]),
            cached("jwt_authn, its cache, 2 claim headers", vec![native(jwks, true, true)]),
            cached(CACHED, self.filter("cached")),
            cached(LOGGED, vec![ours("logged", &with_logged_identity(plain))]),
            cached("this filter, cached tokens, close_streams", vec![ours("closing", &closing)]),
            cached(FLOOR_CACHED, vec![floor::filter("floor-cached", &floor::cached())]),
            cached(EIGHT, (0..8).map(|_| ours("eight", plain)).collect()),
            cached("this filter and its guard", vec![ours("guarded", plain), guard()]),
            cached(TEN_RULES, vec![ours("ten-rules", &policy(jwks, 10))]),
            Row {
                requests: self.requests(Pool::RepeatedForAllServices),
                ..cached(MANY_RULES, vec![ours("many-rules", &policy(jwks, SERVICES))])
            },
        ]
    }

    /// Requests with more headers. `Host` and `Authorization` are two of them.
    fn header_rows(&self) -> Vec<Row> {
        let names = [
            (5, "no filter, 5 headers", FEW_HEADERS),
            (20, "no filter, 20 headers", "this filter, 20 headers"),
            (60, "no filter, 60 headers", MANY_HEADERS),
        ];
        let rows = |(count, base, name)| {
            let requests = || Requests::of(Load::of_pool(Pool::Repeated, self.signer).with_headers(count));
            let row = |name, filters| Row { requests: requests(), base, ..self.cached(name, filters) };
            [row(base, vec![]), row(name, self.filter(&format!("headers-{count}")))]
        };
        names.into_iter().flat_map(rows).collect()
    }

    fn http2_rows(&self) -> Vec<Row> {
        let row = |name, filters| Row {
            requests: Requests::of(Load::of_pool(Pool::Repeated, self.signer).with_http2()),
            base: NO_FILTER_HTTP2,
            reference: NATIVE_HTTP2,
            ..self.cached(name, filters)
        };
        vec![
            row(NO_FILTER_HTTP2, vec![]),
            row(NATIVE_HTTP2, self.native()),
            row("this filter, cached tokens, HTTP/2", self.filter("http2")),
        ]
    }

    fn large_rows(&self) -> Vec<Row> {
        let mut small = self.plain.clone();
        small["token_cache_max_bytes"] = json!(SMALL_CACHE);
        let row = |name, filters, pool| Row {
            requests: self.requests(pool),
            base: NO_FILTER_LARGE,
            reference: NATIVE_LARGE,
            ..self.cached(name, filters)
        };
        vec![
            row(NO_FILTER_LARGE, vec![], Pool::Large),
            row(NATIVE_LARGE, self.native(), Pool::Large),
            row("this filter, cached tokens of 4 KiB", self.filter("large"), Pool::Large),
            row(
                "this filter, new tokens of 4 KiB",
                vec![ours("new-large", &small)],
                Pool::NewLarge(NEW_LARGE_TOKENS),
            ),
        ]
    }

    fn opaque_rows(&self) -> Vec<Row> {
        let file = okta::opaque_requests(self.okta);
        let row = |name, filters| Row {
            requests: Requests::of(Load::new(file.clone())),
            base: NO_FILTER_OPAQUE,
            ..self.cached(name, filters)
        };
        vec![row(NO_FILTER_OPAQUE, vec![]), row(OPAQUE, vec![okta::introspecting_filter(self.okta)])]
    }

    fn dpop_rows(&self, settings: &Settings) -> Vec<Row> {
        let tokens = Rc::new(BoundTokens::new(self.signer));
        let row =
            |name, filters, requests| Row { requests, base: NO_FILTER_DPOP, ..self.cached(name, filters) };
        let dpop = |name, vm_id, memory| {
            let filters = vec![Proofs::filter(&memory, vm_id, &self.jwks)];
            let proofs = Proofs::new(Rc::clone(&tokens), memory, settings.proofs);
            row(name, filters, Requests::Proofs(proofs))
        };
        vec![
            row(NO_FILTER_DPOP, vec![], Requests::of(Load::new(tokens.unchecked_requests()))),
            dpop("this filter, DPoP, a new proof each time", "dpop", ReplayMemory::Default),
            dpop("this filter, DPoP, replay memory full", "dpop-full", ReplayMemory::Full(Cell::new(0))),
        ]
    }

    fn new_rows(&self) -> Vec<Row> {
        let row = |name, filters| Row {
            requests: self.requests(Pool::New(NEW_TOKENS)),
            base: NO_FILTER_NEW,
            reference: NATIVE_NEW,
            ..self.cached(name, filters)
        };
        vec![
            row(NO_FILTER_NEW, vec![]),
            row(NATIVE_NEW, self.native()),
            row(NEW, self.filter("new")),
            row(FLOOR_NEW, vec![floor::filter("floor-new", &floor::new(self.signer))]),
        ]
    }

    /// Rejected requests. `jwt_authn` rejects an audience with 403, and cannot require a scope.
    fn rejected_rows(&self) -> Vec<Row> {
        use Pool::{BadSignature, Expired, Malformed, NoToken, UnknownIssuer, UnknownKeyId, WrongAudience};
        let classes = [
            ("jwt_authn, bad signature", "this filter, bad signature", BadSignature, "signature_invalid"),
            ("jwt_authn, expired", "this filter, expired", Expired, "token_expired"),
            ("jwt_authn, unknown issuer", "this filter, unknown issuer", UnknownIssuer, "issuer_unknown"),
            ("jwt_authn, unknown kid", "this filter, unknown kid", UnknownKeyId, "key_unknown"),
            (
                "jwt_authn, wrong audience",
                "this filter, wrong audience",
                WrongAudience,
                "audience_not_allowed",
            ),
            ("jwt_authn, malformed", "this filter, malformed", Malformed, "claims_malformed"),
            ("jwt_authn, no token", "this filter, no token", NoToken, "token_missing"),
        ];
        let none = Row {
            requests: self.requests(NoToken),
            base: NO_FILTER_NO_TOKEN,
            ..self.cached(NO_FILTER_NO_TOKEN, vec![])
        };
        let pair = |(native, name, pool, code): (&'static str, &'static str, Pool, &'static str)| {
            let base = if pool == NoToken { NO_FILTER_NO_TOKEN } else { NO_FILTER };
            let row = |name, filters, status, code| Row {
                requests: self.requests(pool),
                status,
                code,
                base,
                reference: native,
                ..self.cached(name, filters)
            };
            let native_status = if pool == WrongAudience { 403 } else { 401 };
            [row(native, self.native(), native_status, ""), row(name, self.filter(code), 401, code)]
        };
        let scope = Row {
            status: 403,
            code: "insufficient_scope",
            ..self.cached(
                "this filter, insufficient scope",
                vec![ours("scope", &with_other_scope(&self.plain))],
            )
        };
        [none].into_iter().chain(classes.into_iter().flat_map(pair)).chain([scope]).collect()
    }
}
