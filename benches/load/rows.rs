//! The rows of the load benchmark: a filter, the requests it gets, and what it must answer.

use benches::tokens::{Pool, SERVICES, Signer};
use serde_json::Value;

use crate::filters::{configuration, guard, native, ours, policy};
use crate::floor;

/// About what all rounds together send to the filter, so that hardly a token comes twice; each row goes through the pool
/// from its beginning. If one does (a fast machine, a long run), then after all the others: more than a cache holds in the
/// memory that the filter may have (32 MiB, 210 bytes for each of these).
const NEW_TOKENS: usize = 160_000;

pub const NO_FILTER: &str = "no filter";
pub const NO_FILTER_NEW: &str = "no filter, new tokens";
pub const NATIVE: &str = "jwt_authn, default";
pub const NATIVE_NEW: &str = "jwt_authn, default, new tokens";
const NATIVE_BAD: &str = "jwt_authn, bad signature";
pub const SEEN: &str = "this filter, tokens seen before";
pub const NEW: &str = "this filter, every token new";
/// Eight of it in one chain: what one more costs when its code and Envoy's are in the processor's caches.
pub const EIGHT: &str = "this filter eight times, tokens seen before";
pub const FLOOR_SEEN: &str = "floor: the calls to Envoy alone";
pub const FLOOR_NEW: &str = "floor: these and the signature check";
pub const TEN_RULES: &str = "this filter, 2 claim headers, 10 rules";
pub const MANY_RULES: &str = "this filter, 2 claim headers, 10,000 rules";

/// One row.
pub struct Row {
    pub name: &'static str,
    pub filters: Vec<Value>,
    pub pool: Pool,
    /// 200, or the status of a refusal with the code in its body; the native filter's has none.
    pub status: u16,
    pub code: &'static str,
    /// What it is compared with: the row without a filter for the same requests, and that of the native filter.
    pub base: &'static str,
    pub reference: &'static str,
}

/// All of them. Rows that are compared stand near each other, for time passes between others.
pub fn rows(signer: &Signer) -> Vec<Row> {
    let jwks = &signer.jwks();
    let new = Pool::New(NEW_TOKENS);
    let plain = configuration(jwks);
    let filter = |vm_id: &str| vec![ours(vm_id, &plain)];
    let seen = |name, filters| Row {
        name,
        filters,
        pool: Pool::Seen,
        status: 200,
        code: "",
        base: NO_FILTER,
        reference: NATIVE,
    };
    let newly =
        |name, filters| Row { pool: new, base: NO_FILTER_NEW, reference: NATIVE_NEW, ..seen(name, filters) };
    let refused = |name, filters, pool, code| Row {
        pool,
        status: 401,
        code,
        reference: NATIVE_BAD,
        ..seen(name, filters)
    };
    vec![
        seen(NO_FILTER, vec![]),
        seen(NATIVE, vec![native(jwks, false, false)]),
        seen("jwt_authn, its cache", vec![native(jwks, true, false)]),
        seen("jwt_authn, its cache, 2 claim headers", vec![native(jwks, true, true)]),
        seen(SEEN, filter("seen")),
        seen(FLOOR_SEEN, vec![floor::filter("floor-seen", &floor::seen())]),
        seen(EIGHT, (0..8).map(|_| ours("eight", &plain)).collect()),
        seen("this filter and its guard", vec![ours("guarded", &plain), guard()]),
        seen(TEN_RULES, vec![ours("ten-rules", &policy(jwks, 10))]),
        Row {
            pool: Pool::SeenEverywhere,
            ..seen(MANY_RULES, vec![ours("many-rules", &policy(jwks, SERVICES))])
        },
        newly(NO_FILTER_NEW, vec![]),
        newly(NATIVE_NEW, vec![native(jwks, false, false)]),
        newly(NEW, filter("new")),
        newly(FLOOR_NEW, vec![floor::filter("floor-new", &floor::new(signer))]),
        refused(NATIVE_BAD, vec![native(jwks, false, false)], Pool::BadSignature, ""),
        refused("this filter, bad signature", filter("bad"), Pool::BadSignature, "signature_invalid"),
        refused("this filter, expired", filter("expired"), Pool::Expired, "token_expired"),
        refused("this filter, unknown issuer", filter("issuer"), Pool::UnknownIssuer, "issuer_unknown"),
    ]
}
