//! Start-up: the time from the start of the process to the first response 200 to a valid token.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};
use stand_in_okta::{Options, Server, StandIn, TokenSpec};
use test_support::client::{Client, get};

use crate::against::Against;
use crate::envoy::{Envoy, Listener, direct_response};
use crate::filters::{native_with, ours};
use crate::results::Comparison;
use crate::settings::Settings;
use crate::statistics::Summary;
use crate::{floor, okta};

const TIMEOUT: Duration = Duration::from_secs(60);
/// The maximum number of rounds. A start takes longer than a row of the load.
const MAX_ROUNDS: usize = 5;

const FETCHED: &str = "this filter, keys fetched";
const OTHER: &str = "the other build, keys fetched";

/// Milliseconds from the start of the process to the first 200.
#[derive(Serialize)]
pub struct StartUp {
    pub name: &'static str,
    pub milliseconds: Summary,
    /// The time beyond that of Envoy without a filter.
    pub added: Summary,
    /// The comparison of `added` with the other build.
    pub against: Option<Comparison>,
}

/// Starts Envoys in turn: without a filter, with `jwt_authn`, with a minimal module, and with this
/// filter.
pub fn measure(settings: &Settings, against: Option<&Against>) -> Vec<StartUp> {
    let stand_in = StandIn::start(Options::default());
    let token = stand_in.mint(Server::Default, &TokenSpec::user());
    let cluster = okta::cluster(&stand_in, "bench-start-up");
    let filters = filters(&stand_in, against);
    let rounds = settings.rounds.min(MAX_ROUNDS);
    let mut times = vec![Vec::new(); filters.len()];
    for _ in 0..rounds {
        for ((_, filters), times) in filters.iter().zip(&mut times) {
            times.push(first_success(filters, &cluster, &token).as_secs_f64() * 1e3);
        }
    }
    // The first has no filter.
    let added: Vec<Vec<f64>> =
        times.iter().map(|all| all.iter().zip(&times[0]).map(|(time, bare)| time - bare).collect()).collect();
    let other = filters.iter().position(|(name, _)| *name == OTHER).map(|at| &added[at]);
    let start_up = |((name, _), (times, added)): (&(&'static str, _), (&Vec<f64>, &Vec<f64>))| StartUp {
        name,
        milliseconds: Summary::of(times.iter().copied()),
        added: Summary::of(added.iter().copied()),
        against: other.filter(|_| *name == FETCHED).map(|other| Comparison::of(added, other)),
    };
    filters.iter().zip(times.iter().zip(&added)).map(start_up).collect()
}

fn filters(okta: &StandIn, against: Option<&Against>) -> Vec<(&'static str, Vec<Value>)> {
    let (issuer, audience) = (okta.issuer(Server::Default), okta.audience(Server::Default));
    let http_uri = json!({ "uri": format!("{issuer}/v1/keys"), "cluster": "okta", "timeout": "5s" });
    // `jwt_authn` fetches at the start, like this filter, and not at the first request.
    let remote_jwks = json!({ "http_uri": http_uri, "async_fetch": {} });
    let native =
        json!({ "issuer": issuer, "audiences": [audience], "forward": true, "remote_jwks": remote_jwks });
    let fetched = json!({ "issuer": issuer, "audiences": [audience], "remote_jwks": { "cluster": "okta" } });
    let keys: Value = serde_json::from_str(&okta.jwks(Server::Default)).expect("a key set");
    let pinned = json!({ "issuer": issuer, "audiences": [audience], "local_jwks": keys });
    let fetching = ours("start-up", &json!({ "providers": { "okta": fetched } }));
    let other = against.and_then(|against| against.filter(&fetching));
    let mut filters = vec![
        ("no filter", vec![]),
        ("jwt_authn, keys fetched", vec![native_with(&native)]),
        ("a minimal module", vec![floor::filter("start-up", &floor::minimal())]),
        ("this filter, pinned keys", vec![ours("start-up", &json!({ "providers": { "okta": pinned } }))]),
        (FETCHED, vec![fetching]),
    ];
    filters.extend(other.map(|filter| (OTHER, vec![filter])));
    filters
}

fn first_success(filters: &[Value], cluster: &Value, token: &str) -> Duration {
    let listener = Listener::new("start-up", filters, direct_response());
    let begin = Instant::now();
    let envoy = Envoy::spawn(1, "start-up", &[listener], std::slice::from_ref(cluster));
    let request = get("/items").bearer(token);
    loop {
        let response = envoy.port("start-up").and_then(|port| Client::new(port).try_send(&request).ok());
        if response.is_some_and(|response| response.status == 200) {
            return begin.elapsed();
        }
        assert!(begin.elapsed() < TIMEOUT, "no 200 for a valid token within 60 s");
        std::thread::sleep(Duration::from_millis(1));
    }
}
