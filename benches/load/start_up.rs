//! Start-up: the time from the start of the process to the first response 200 to a valid token.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};
use stand_in_okta::{Options, Server, StandIn, TokenSpec};
use test_support::client::{Client, get};

use crate::envoy::{Envoy, Listener, direct_response};
use crate::filters::{native_with, ours};
use crate::okta;
use crate::settings::Settings;
use crate::statistics::Summary;

const TIMEOUT: Duration = Duration::from_secs(60);

/// Milliseconds from the start of the process to the first 200.
#[derive(Serialize)]
pub struct StartUp {
    pub name: &'static str,
    pub milliseconds: Summary,
}

/// Starts Envoys in turn: without a filter, with `jwt_authn`, and with this filter.
pub fn measure(settings: &Settings) -> Vec<StartUp> {
    let stand_in = StandIn::start(Options::default());
    let token = stand_in.mint(Server::Default, &TokenSpec::user());
    let cluster = okta::cluster(&stand_in, "bench-start-up");
    let filters = filters(&stand_in);
    let mut times = vec![Vec::new(); filters.len()];
    for _ in 0..settings.rounds {
        for ((_, filters), times) in filters.iter().zip(&mut times) {
            times.push(first_success(filters, &cluster, &token).as_secs_f64() * 1e3);
        }
    }
    let names = filters.iter().map(|(name, _)| *name);
    names.zip(times).map(|(name, times)| StartUp { name, milliseconds: Summary::of(times) }).collect()
}

fn filters(okta: &StandIn) -> [(&'static str, Vec<Value>); 4] {
    let (issuer, audience) = (okta.issuer(Server::Default), okta.audience(Server::Default));
    let http_uri = json!({ "uri": format!("{issuer}/v1/keys"), "cluster": "okta", "timeout": "5s" });
    // `jwt_authn` fetches at the start, like this filter, and not at the first request.
    let remote_jwks = json!({ "http_uri": http_uri, "async_fetch": {} });
    let native =
        json!({ "issuer": issuer, "audiences": [audience], "forward": true, "remote_jwks": remote_jwks });
    let fetched = json!({ "issuer": issuer, "audiences": [audience], "remote_jwks": { "cluster": "okta" } });
    let keys: Value = serde_json::from_str(&okta.jwks(Server::Default)).expect("a key set");
    let pinned = json!({ "issuer": issuer, "audiences": [audience], "local_jwks": keys });
    [
        ("no filter", vec![]),
        ("jwt_authn, keys fetched", vec![native_with(&native)]),
        ("this filter, pinned keys", vec![ours("start-up", &json!({ "providers": { "okta": pinned } }))]),
        ("this filter, keys fetched", vec![ours("start-up", &json!({ "providers": { "okta": fetched } }))]),
    ]
}

fn first_success(filters: &[Value], cluster: &Value, token: &str) -> Duration {
    let listener =
        Listener { name: "start-up".to_owned(), filters: filters.to_vec(), route: direct_response() };
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
