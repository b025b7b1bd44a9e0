//! `responses`: bodies in each format, and Envoy's conversion for gRPC calls.

use serde_json::{Value, json};
use stand_in_okta::{Options, StandIn, TokenSpec};
use test_support::backend::Backend;
use test_support::client::{Response, get, request};
use test_support::envoy::Envoy;

use super::harness::{Harness, access_log_path, reference_config, wait_for_access_log};

fn with_responses(name: &str, responses: Value) -> Harness {
    Harness::new(name, |mut config| {
        config.plugin()["responses"] = responses;
        config
    })
}

#[test]
fn problem_body_is_problem_details() {
    let harness = with_responses("problem", json!({ "body": "problem" }));
    let response = harness.client().get("/me");
    assert_eq!((response.status, response.header("content-type")), (401, Some("application/problem+json")));
    assert_eq!(
        response.json(),
        json!({
            "type": "about:blank", "title": "Unauthorized", "status": 401,
            "detail": "a bearer token is required", "code": "token_missing",
        })
    );
}

#[test]
fn details_false_hides_the_reason_from_clients() {
    let path = access_log_path("no-details");
    let harness = Harness::new("no-details", |config| {
        let mut config = config.access_log(&path);
        config.plugin()["responses"] = json!({ "body": "detail", "details": false });
        config
    });
    harness.warm_up();
    let expired = harness.mint(&TokenSpec::user().lifetime(-120));
    let responses = [&expired, "a.b.c"].map(|token| {
        let response = harness.send(&get("/me").bearer(token));
        assert_eq!(response.header("www-authenticate"), Some("Bearer realm=\"api\",error=\"invalid_token\""));
        assert_eq!(response.header("content-type"), Some("application/json"));
        (response.status, response.body)
    });
    let expected = (401, r#"{"detail":"Could not validate credentials"}"#.to_owned());
    assert_eq!(responses, [expected.clone(), expected], "the responses do not differ by reason");
    let forbidden = harness.send(&request("POST", "/items").bearer(harness.user_token()));
    assert_eq!(
        forbidden.header("www-authenticate"),
        Some("Bearer realm=\"api\",error=\"insufficient_scope\"")
    );
    assert_eq!(forbidden.body, r#"{"detail":"Not enough permissions"}"#);

    assert_eq!(harness.envoy.count("decision.token_expired"), 1);
    assert_eq!(harness.envoy.count("decision.insufficient_scope"), 1);
    let line = "/me 401 okta_authz{token_expired} decision=deny code=token_expired";
    let log = wait_for_access_log(&path, |log| log.contains(line));
    assert!(log.contains(line), "{line} is not in:\n{log}");
}

#[test]
fn empty_and_custom_bodies_are_sent() {
    let page = format!("<!doctype html><p>\u{e9}{}", "x".repeat(60_000));
    let custom = json!([{ "status": 401, "content_type": "text/html; charset=utf-8", "body": page }]);
    let harness = with_responses("pages", json!({ "body": "empty", "custom": custom }));
    let sign_in = harness.client().get("/me");
    assert_eq!((sign_in.status, sign_in.header("content-type")), (401, Some("text/html; charset=utf-8")));
    assert_eq!(
        (sign_in.body, sign_in.headers.iter().filter(|(name, _)| name == "content-type").count()),
        (page, 1)
    );
    let ambiguous = harness.client().get("/docs;x");
    assert_eq!(
        (ambiguous.status, ambiguous.body.as_str(), ambiguous.header("content-type")),
        (400, "", None)
    );
    assert!(ambiguous.header("www-authenticate").unwrap().contains("error=\"invalid_request\""));
    harness.assert_alive();
}

/// Asserts a gRPC response that has only headers, with the status that Envoy maps.
fn assert_grpc(response: &Response, status: &str, message: &str) {
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(response.header("content-type"), Some("application/grpc"), "{response:?}");
    assert_eq!(response.header("grpc-status"), Some(status), "{response:?}");
    assert_eq!(response.header("grpc-message"), Some(message), "{response:?}");
    assert_eq!(response.body, "", "{response:?}");
}

#[test]
fn grpc_denial_has_status_and_message() {
    let page = json!([{ "status": 401, "content_type": "text/html", "body": "<p>" }]);
    let harness = with_responses("grpc-messages", json!({ "custom": page }));
    harness.warm_up();
    let call = |path: &str| {
        request("POST", path).header("content-type", "application/grpc").header("te", "trailers")
    };
    let (user, send) = (harness.user_token(), |request| harness.send(&request));
    let unauthenticated = send(call("/items"));
    assert_grpc(&unauthenticated, "16", "a bearer token is required");
    assert_eq!(
        unauthenticated.header("www-authenticate"),
        Some("Bearer realm=\"api\",scope=\"items:write\"")
    );
    assert_grpc(&send(call("/items").bearer(&user)), "7", "the access token lacks a required scope");
    assert_grpc(&send(call("/items").bearer(&user).bearer(&user)), "13", "more than one credential was sent");
    let plus =
        request("POST", "/items").header("content-type", "application/grpc+proto").header("te", "trailers");
    assert_grpc(&send(plus), "16", "a bearer token is required");
    let web = send(request("POST", "/items").header("content-type", "application/grpc-web"));
    assert_eq!((web.status, web.body.as_str()), (401, "<p>"), "Envoy does not convert responses to gRPC-Web");
}

#[test]
fn grpc_call_to_a_misconfigured_filter_is_unavailable() {
    let (okta, backend) = (StandIn::start(Options::default()), Backend::start());
    let config = reference_config("grpc-broken", &okta, &backend)
        .module(&test_support::wasm("serves_regardless"))
        .with_plugin(json!({ "providers": {} }));
    let envoy = Envoy::start("grpc-broken", &config);
    let call = request("POST", "/items").header("content-type", "application/grpc").header("te", "trailers");
    let response = envoy.client().send(&call);
    assert_eq!((response.status, response.header("grpc-status")), (200, Some("14")), "{response:?}");
}
