//! Envoy's CORS filter before and after this filter.

use serde_json::{Value, json};
use test_support::client::{Response, request};

use super::harness::Harness;

const ORIGIN: &str = "https://app.example.com";

fn with_cors_filter(name: &str, is_before_okta_authz: bool) -> Harness {
    Harness::new(name, |mut config| {
        let manager = config.manager();
        let cors = "type.googleapis.com/envoy.extensions.filters.http.cors.v3";
        let filter =
            json!({ "name": "envoy.filters.http.cors", "typed_config": { "@type": format!("{cors}.Cors") } });
        let policy = json!({
            "@type": format!("{cors}.CorsPolicy"), "allow_origin_string_match": [{ "exact": ORIGIN }],
            "allow_methods": "GET, POST", "allow_headers": "authorization",
        });
        manager["route_config"]["virtual_hosts"][0]["typed_per_filter_config"] =
            json!({ "envoy.filters.http.cors": policy });
        let filters: &mut Vec<Value> = manager["http_filters"].as_array_mut().unwrap();
        // Position 2 is between the guard and the router.
        filters.insert(if is_before_okta_authz { 0 } else { 2 }, filter);
        config
    })
}

/// Sends a preflight request and a request without a token.
fn send_preflight_and_request(harness: &Harness) -> [Response; 2] {
    let preflight =
        request("OPTIONS", "/items").header("origin", ORIGIN).header("access-control-request-method", "POST");
    [preflight, request("GET", "/items").header("origin", ORIGIN)].map(|request| harness.send(&request))
}

fn allowed_origin(response: &Response) -> Option<&str> {
    response.header("access-control-allow-origin")
}

#[test]
fn cors_filter_before_okta_authz_handles_preflights_and_denials() {
    let [preflight, denied] = send_preflight_and_request(&with_cors_filter("cors-before", true));
    assert_eq!((preflight.status, allowed_origin(&preflight)), (200, Some(ORIGIN)), "{preflight:?}");
    assert_eq!((denied.status, allowed_origin(&denied)), (401, Some(ORIGIN)), "{denied:?}");
}

#[test]
fn cors_filter_after_okta_authz_receives_no_preflights_or_denials() {
    let [preflight, denied] = send_preflight_and_request(&with_cors_filter("cors-after", false));
    assert_eq!((preflight.status, allowed_origin(&preflight)), (401, None), "{preflight:?}");
    assert_eq!((denied.status, allowed_origin(&denied)), (401, None), "{denied:?}");
}
