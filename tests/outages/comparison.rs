//! Fetches of keys by this filter and by Envoy's `jwt_authn`, in one Envoy and under equal load.

use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::{Options, Server, StandIn};
use test_support::backend::Backend;
use test_support::config::EnvoyConfig;
use test_support::envoy::Envoy;

use super::harness::{WORKERS, config, directory_name, now};
use super::load::{Load, RequestMix};

const NAME: &str = "comparison";
const CACHE_DURATION: Duration = Duration::from_secs(2);
const PERIODS: u32 = 12;
/// Periods per hour with the default cache duration of 10 minutes.
const PERIODS_PER_HOUR: f64 = 6.0;

#[test]
fn keys_are_fetched_once_per_period_for_all_workers() {
    let filters = [
        ("okta-authz-filter", None),
        ("jwt_authn, by default", Some(json!(null))),
        ("jwt_authn, `async_fetch: {}`", Some(json!({}))),
        ("jwt_authn, `async_fetch: { fast_listener: true }`", Some(json!({ "fast_listener": true }))),
    ];
    let backend = Backend::start();
    let okta: Vec<StandIn> = filters.iter().map(|_| StandIn::start(Options::default())).collect();
    let mut config = config(NAME, &okta[0], &backend);
    config.plugin()["providers"]["okta"]["remote_jwks"] =
        json!({ "cluster": "okta", "cache_duration": "2s" });
    for (number, (_, native)) in filters.iter().enumerate() {
        if let Some(async_fetch) = native {
            config = with_jwt_authn(config, &okta[number], number, async_fetch);
        }
    }
    let envoy = Envoy::try_start(&directory_name(NAME), &config, WORKERS)
        .unwrap_or_else(|error| panic!("Envoy did not start:\n{}", error.log));
    let client = |number: usize| match number {
        0 => envoy.client(),
        other => envoy.client_of(&listener_name(other)),
    };
    let loads: Vec<Load> = okta
        .iter()
        .enumerate()
        .map(|(number, okta)| Load::start(client(number), RequestMix::of(okta)))
        .collect();
    // The fetches at start-up do not count.
    std::thread::sleep(CACHE_DURATION);
    let fetches = || okta.iter().map(|okta| okta.key_fetches(Server::Default)).collect::<Vec<_>>();
    let (before, begin) = (fetches(), now());
    std::thread::sleep(CACHE_DURATION * PERIODS);
    let periods = begin.elapsed().as_secs_f64() / CACHE_DURATION.as_secs_f64();
    let after = fetches();
    let counts: Vec<_> = loads.into_iter().map(Load::stop).collect();

    println!(
        "\n| {WORKERS} workers | requests | fetches at the start | fetches per period | per hour, at 10 min | denied |"
    );
    println!("|---|---|---|---|---|---|");
    for (number, (name, _)) in filters.iter().enumerate() {
        #[allow(clippy::cast_precision_loss, reason = "a few fetches")]
        let per_period = (after[number] - before[number]) as f64 / periods;
        let per_hour = per_period * PERIODS_PER_HOUR;
        let (requests, denied) = (counts[number].requests, counts[number].wrongly_denied);
        println!("| {name} | {requests} | {} | {per_period:.2} | {per_hour:.0} | {denied} |", before[number]);
    }

    let this_filter = &counts[0];
    let wrongly_allowed: u64 = counts.iter().map(|counts| counts.wrongly_allowed).sum();
    assert_eq!((this_filter.wrongly_denied, wrongly_allowed), (0, 0), "{this_filter:?}");
    assert!(!envoy.has_trapped(), "{}", envoy.log());
    // The filter fetches up to 10 % early, and one fetch may be in flight.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few periods")]
    let bound = (periods / 0.9).ceil() as u64 + 1;
    let fetched = after[0] - before[0];
    assert!((u64::from(PERIODS) / 2..=bound).contains(&fetched), "{fetched} fetches in {periods:.1} periods");
}

fn listener_name(number: usize) -> String {
    format!("native-{number}")
}

/// Adds a listener with `jwt_authn`, which uses the keys of this Okta.
fn with_jwt_authn(
    mut config: EnvoyConfig,
    okta: &StandIn,
    number: usize,
    async_fetch: &Value,
) -> EnvoyConfig {
    let resources = &mut config.document()["static_resources"];
    let mut cluster = named(&resources["clusters"], "okta");
    let cluster_name = format!("okta-{number}");
    cluster["name"] = json!(cluster_name);
    cluster["load_assignment"]["cluster_name"] = json!(cluster_name);
    cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
        ["port_value"] = json!(okta.https_port());
    let ca = test_support::scratch(&directory_name(NAME)).join(format!("ca-{number}.pem"));
    std::fs::write(&ca, okta.ca_pem()).unwrap();
    cluster["transport_socket"]["typed_config"]["common_tls_context"]["validation_context"]["trusted_ca"] =
        json!({ "filename": ca });
    let mut listener = resources["listeners"][0].clone();
    listener["name"] = json!(listener_name(number));
    let filters = &mut listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"];
    *filters = json!([jwt_authn(okta, &cluster_name, async_fetch), named(filters, ROUTER)]);
    push(&mut resources["clusters"], cluster);
    push(&mut resources["listeners"], listener);
    config
}

fn jwt_authn(okta: &StandIn, cluster: &str, async_fetch: &Value) -> Value {
    let issuer = okta.issuer(Server::Default);
    let mut remote = json!({
        "http_uri": { "uri": format!("{issuer}/v1/keys"), "cluster": cluster, "timeout": "5s" },
        "cache_duration": "2s"
    });
    if !async_fetch.is_null() {
        remote["async_fetch"] = async_fetch.clone();
    }
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": { "okta": {
                "issuer": issuer, "audiences": [okta.audience(Server::Default)], "remote_jwks": remote
            } },
            "rules": [{ "match": { "prefix": "/" }, "requires": { "provider_name": "okta" } }]
        }
    })
}

const ROUTER: &str = "envoy.filters.http.router";

fn named(list: &Value, name: &str) -> Value {
    list.as_array().and_then(|all| all.iter().find(|one| one["name"] == name)).cloned().unwrap()
}

fn push(list: &mut Value, item: Value) {
    list.as_array_mut().unwrap().push(item);
}
