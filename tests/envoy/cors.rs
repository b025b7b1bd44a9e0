//! Envoy's CORS filter before and after this filter.

use serde_json::json;
use test_support::client::{Response, request};

use super::harness::Harness;

const ORIGIN: &str = "https://app.example.com";

fn with_cors_filter(name: &str, is_before_okta_authz: bool) -> Harness {
    // Position 2 is between the guard and the router.
    Harness::new(name, |config| config.with_cors(if is_before_okta_authz { 0 } else { 2 }, ORIGIN))
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
    assert_eq!(
        denied.header("access-control-expose-headers"),
        Some("www-authenticate, dpop-nonce"),
        "{denied:?}"
    );
}

#[test]
fn origin_other_than_that_of_the_policy_gets_no_cors_headers() {
    let harness = with_cors_filter("cors-origin", true);
    for origin in
        ["https://other.example.com", "http://app.example.com", "https://app.example.com:444", "null"]
    {
        let preflight = request("OPTIONS", "/items")
            .header("origin", origin)
            .header("access-control-request-method", "POST");
        for request in [preflight, request("GET", "/items").header("origin", origin)] {
            let response = harness.send(&request);
            assert_eq!((response.status, allowed_origin(&response)), (401, None), "{origin}: {response:?}");
        }
    }
}

#[test]
fn cors_filter_after_okta_authz_receives_no_preflights_or_denials() {
    let [preflight, denied] = send_preflight_and_request(&with_cors_filter("cors-after", false));
    assert_eq!((preflight.status, allowed_origin(&preflight)), (401, None), "{preflight:?}");
    assert_eq!((denied.status, allowed_origin(&denied)), (401, None), "{denied:?}");
}

/// The CORS filter adds its headers to the denials of the filter, so a page can send a proof, and
/// read both challenges and the nonce.
#[test]
fn page_on_another_origin_can_use_dpop() {
    let harness = Harness::new("cors-dpop", |mut config| {
        config.plugin()["dpop"] = json!({ "nonce": {} });
        config.with_cors(0, ORIGIN)
    });
    let preflight = request("OPTIONS", "/me").header("origin", ORIGIN);
    let preflight = preflight.header("access-control-request-method", "GET");
    let preflight = harness.send(&preflight.header("access-control-request-headers", "authorization,dpop"));
    assert_eq!((preflight.status, allowed_origin(&preflight)), (200, Some(ORIGIN)), "{preflight:?}");
    let allowed = preflight.header("access-control-allow-headers").unwrap_or_default();
    assert!(allowed.split(", ").any(|name| name == "dpop"), "{preflight:?}");

    let denied = harness.send(&request("GET", "/me").header("origin", ORIGIN));
    assert_eq!((denied.status, allowed_origin(&denied)), (401, Some(ORIGIN)), "{denied:?}");
    let exposed = denied.header("access-control-expose-headers").unwrap_or_default();
    for name in ["www-authenticate", "dpop-nonce"] {
        assert!(denied.header(name).is_some(), "{name}: {denied:?}");
        assert!(exposed.split(", ").any(|other| other == name), "{name}: {denied:?}");
    }
}
