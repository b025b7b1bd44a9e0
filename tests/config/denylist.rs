//! `denylist`: its entries and its remote document.

use serde_json::{Value, json};
use test_support::common::{config, with};

use super::assert_errors;

fn denylist(denylist: Value) -> Value {
    config(json!({}), json!({ "denylist": denylist }))
}

fn entry(entry: Value) -> Value {
    denylist(json!({ "entries": [{ "jti": "AT.a" }, entry] }))
}

fn remote(more: Value) -> Value {
    denylist(json!({ "remote": with(json!({ "cluster": "c", "uri": "https://h/list" }), more) }))
}

#[test]
fn invalid_denylist_entry_is_rejected() {
    let time = "denylist.entries[1].issued_before: must be a time in whole seconds since 1970";
    let unknown = "denylist.entries[1]: has a member other than `jti`, `sub`, `uid`, `cid`, `issuer`, `email`, \
                   `issued_before`, `authenticated_before` and `until`";
    let many: Vec<Value> = (0..=10_000).map(|number| json!({ "jti": number.to_string() })).collect();
    assert_errors([
        (denylist(json!({})), "denylist: needs `entries`, `remote`, or both"),
        (denylist(json!([])), "denylist: must be an object, not a list"),
        (
            denylist(json!({ "nope": 1 })),
            "denylist.nope: unknown field `nope`, expected `entries` or `remote`",
        ),
        (denylist(json!({ "entries": [] })), "denylist.entries: must not be empty"),
        (denylist(json!({ "entries": {} })), "denylist.entries: must be a list, not an object"),
        (
            denylist(json!({ "entries": null })),
            "denylist.entries: must not be null: remove the field, or give it a value",
        ),
        (
            denylist(json!({ "entries": many })),
            "denylist.entries: is not usable: there are more than 10000 entries",
        ),
        (entry(json!({})), "denylist.entries[1]: must not be empty: it would match every token"),
        (entry(json!("AT.xyz")), "denylist.entries[1]: must be an object"),
        (entry(json!(["AT.xyz"])), "denylist.entries[1]: must not be a list"),
        (entry(json!(null)), "denylist.entries[1]: must not be null: remove the field, or give it a value"),
        (entry(json!({ "jti": "" })), "denylist.entries[1].jti: must not be empty"),
        (entry(json!({ "sub": "" })), "denylist.entries[1].sub: must not be empty"),
        (entry(json!({ "uid": 1 })), "denylist.entries[1].uid: must be a string"),
        (entry(json!({ "email": "" })), "denylist.entries[1].email: must not be empty"),
        (
            entry(json!({ "uid": "a", "until": "tomorrow" })),
            "denylist.entries[1].until: must be a time in whole seconds since 1970",
        ),
        (
            entry(json!({ "authenticated_before": 1_700_000_000_000_u64 })),
            "denylist.entries[1].authenticated_before: must be a time in whole seconds since 1970",
        ),
        (
            entry(json!({ "until": 1_700_000_000 })),
            "denylist.entries[1]: must have a member other than `until`: it would match every token",
        ),
        (entry(json!({ "cid": ["a"] })), "denylist.entries[1].cid: must not be a list"),
        (entry(json!({ "cid": {} })), "denylist.entries[1].cid: must be a string"),
        (
            entry(json!({ "issuer": null })),
            "denylist.entries[1].issuer: must not be null: remove the field, or give it a value",
        ),
        (entry(json!({ "iss": "https://h" })), unknown),
        (entry(json!({ "jti": "a", "reason": "lost" })), unknown),
        (entry(json!({ "JTI": "a" })), unknown),
        (entry(json!({ "issued_before": "1700000000" })), time),
        (entry(json!({ "issued_before": -1 })), time),
        (entry(json!({ "issued_before": 1.5 })), time),
        (entry(json!({ "issued_before": true })), time),
        (entry(json!({ "issued_before": 1_700_000_000_000_u64 })), time),
        (entry(json!({ "issued_before": u64::MAX })), time),
    ]);
}

#[test]
fn invalid_remote_denylist_is_rejected() {
    assert_errors([
        (denylist(json!({ "remote": {} })), "denylist.remote: missing field `cluster`"),
        (denylist(json!({ "remote": { "cluster": "c" } })), "denylist.remote: missing field `uri`"),
        (
            remote(json!({ "nope": 1 })),
            "denylist.remote.nope: unknown field `nope`, expected one of `cluster`, `uri`, `timeout`, `cache_duration`, `max_stale`",
        ),
        (remote(json!({ "cluster": "" })), "denylist.remote.cluster: must not be empty"),
        (remote(json!({ "uri": "http://h/list" })), "denylist.remote.uri: must begin with `https://`"),
        (
            remote(json!({ "uri": "https://u@h/list" })),
            "denylist.remote.uri: must name a host, with an optional port and without user information",
        ),
        (remote(json!({ "timeout": "99ms" })), "denylist.remote.timeout: must be from 100ms to 1m"),
        (
            remote(json!({ "cache_duration": "999ms" })),
            "denylist.remote.cache_duration: must be from 1s to 1d",
        ),
        (
            remote(json!({ "cache_duration": "25h", "max_stale": "2d" })),
            "denylist.remote.cache_duration: must be from 1s to 1d",
        ),
        (
            remote(json!({ "cache_duration": "61m" })),
            "denylist.remote.max_stale: must not be shorter than `cache_duration`",
        ),
        (
            remote(json!({ "max_stale": "59s" })),
            "denylist.remote.max_stale: must not be shorter than `cache_duration`",
        ),
        (remote(json!({ "max_stale": "31d" })), "denylist.remote.max_stale: must be from 1s to 30d"),
    ]);
}
