//! The introspection endpoint: opaque tokens, bindings, faults and the record of requests.

use std::time::{Duration, Instant};

use serde_json::json;
use stand_in_okta::{
    Endpoint, Fault, FaultResponse, RESOURCE_SERVER_ID, RESOURCE_SERVER_SECRET, Server, StandIn, TokenSpec,
};

use crate::client::{Reply, basic, post, request, send, shared, start};

const INTROSPECT: &str = "/oauth2/default/v1/introspect";

fn introspect(okta: &StandIn, token: &str) -> Reply {
    post(okta, INTROSPECT, &basic(RESOURCE_SERVER_ID, RESOURCE_SERVER_SECRET), &format!("token={token}"))
}

#[test]
fn opaque_token_has_the_chosen_claims_only_at_introspection() {
    let okta = shared();
    let token = okta.mint(Server::Default, &TokenSpec::user().opaque().claim("tenant", "a"));
    assert_eq!((token.len(), token.contains('.')), (43, false));
    let claims = introspect(okta, &token).json();
    assert_eq!((&claims["active"], &claims["token_type"]), (&json!(true), &json!("Bearer")));
    assert_eq!((&claims["scope"], &claims["tenant"]), (&json!("openid profile items:read"), &json!("a")));
    assert_eq!((&claims["aud"], claims.get("scp")), (&json!("api://default"), None));

    let foreign = okta.mint(Server::Custom, &TokenSpec::user().opaque());
    let expired = okta.mint(Server::Default, &TokenSpec::user().opaque().issued_at(1));
    let revoked = okta.mint(Server::Default, &TokenSpec::user().opaque().claim("jti", "AT.revoked"));
    okta.revoke("AT.revoked");
    for token in [foreign, expired, revoked, "x".repeat(43)] {
        assert_eq!(introspect(okta, &token).body, r#"{"active":false}"#);
    }
}

#[test]
fn opaque_token_with_unusual_claims_is_returned_as_minted() {
    let okta = shared();
    let spec = TokenSpec::user().opaque().without("exp").claim("active", "true").claim("token_type", "MAC");
    let claims = introspect(okta, &okta.mint(Server::Default, &spec)).json();
    assert_eq!(
        (claims.get("exp"), &claims["active"], &claims["token_type"]),
        (None, &json!("true"), &json!("MAC"))
    );
}

#[test]
fn bound_token_when_introspected_has_its_confirmation() {
    let okta = shared();
    for spec in [TokenSpec::user(), TokenSpec::user().opaque()] {
        let spec = spec.bound_to_key("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
        let claims = introspect(okta, &okta.mint(Server::Default, &spec)).json();
        let jkt = json!("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
        assert_eq!((&claims["token_type"], &claims["cnf"]["jkt"]), (&json!("DPoP"), &jkt));

        let both = spec.bound_to_certificate(b"a certificate");
        let claims = introspect(okta, &okta.mint(Server::Default, &both)).json();
        let hash = json!(test_support::dpop::certificate_hash(b"a certificate"));
        assert_eq!((&claims["cnf"]["jkt"], &claims["cnf"]["x5t#S256"]), (&jkt, &hash));
        let only = TokenSpec::user().opaque().bound_to_certificate(b"a certificate");
        assert_eq!(introspect(okta, &okta.mint(Server::Default, &only)).json()["token_type"], "Bearer");
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the time of another process")]
fn fault_response_replaces_each_property_of_the_response() {
    let okta = start();
    let token = okta.mint(Server::Default, &TokenSpec::user().opaque());
    let healthy = introspect(&okta, &token).body;
    let reply = |fault| {
        okta.set_fault_at(Server::Default, Endpoint::Introspect, Fault::Response(fault));
        introspect(&okta, &token)
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let limited = reply(FaultResponse {
        status: Some(429),
        headers: vec![pair("retry-after", "7"), pair("x-rate-limit-reset", "1750000000")],
        body: Some("slow down".to_owned()),
        content_type: Some("text/plain".to_owned()),
        ..FaultResponse::default()
    });
    assert_eq!((limited.status, limited.body.as_str()), (429, "slow down"));
    assert_eq!(
        (limited.header("retry-after"), limited.header("content-type")),
        (Some("7"), Some("text/plain"))
    );
    assert_eq!(limited.header("x-rate-limit-reset"), Some("1750000000"));

    let started = Instant::now();
    let slow = reply(FaultResponse { delay_millis: 200, close: true, ..FaultResponse::default() });
    assert!(started.elapsed() >= Duration::from_millis(200));
    assert_eq!((slow.status, slow.body == healthy, slow.header("connection")), (200, true, Some("close")));

    okta.set_fault_at(Server::Default, Endpoint::Introspect, Fault::Reset);
    let basic = basic(RESOURCE_SERVER_ID, RESOURCE_SERVER_SECRET);
    let reset = request(&okta, "POST", INTROSPECT, &basic, &format!("token={token}")).unwrap_err();
    assert_eq!(reset.kind(), std::io::ErrorKind::ConnectionReset);

    let control =
        r#"{"endpoint":"introspect","fault":{"response":{"status":503,"headers":[["retry-after","1"]]}}}"#;
    assert_eq!(request(&okta, "POST", "/stand-in/fault", "", control).unwrap().status, 200);
    assert_eq!(introspect(&okta, &token).status, 503);
}

#[test]
fn introspection_request_is_recorded() {
    let okta = start();
    let basic = basic(RESOURCE_SERVER_ID, RESOURCE_SERVER_SECRET);
    let headers = [("authorization", basic.as_str()), ("accept", "application/json")];
    let body = "token=a.b.c&token_type_hint=access_token";
    assert_eq!(send(&okta, "POST", INTROSPECT, &headers, body).status, 200);
    assert_eq!(post(&okta, INTROSPECT, "", "token=x").status, 401);
    let [only] = okta.introspections(Server::Default).try_into().unwrap();
    assert_eq!(
        (only.client.as_str(), only.method, only.token.as_str()),
        (RESOURCE_SERVER_ID, "basic", "a.b.c")
    );
    assert_eq!(
        (only.hint.as_deref(), only.accept.as_deref()),
        (Some("access_token"), Some("application/json"))
    );
    assert_eq!(okta.requests(Server::Default, Endpoint::Introspect), 2, "the counter has both requests");
    let record = crate::client::get(&okta, "/stand-in/introspections?server=default").json();
    assert_eq!((&record["latest"][0]["token"], &record["peak"]), (&json!("a.b.c"), &json!(1)));
}

#[test]
fn concurrent_introspections_are_counted() {
    let okta = start();
    let slow = FaultResponse { delay_millis: 300, ..FaultResponse::default() };
    okta.set_fault_at(Server::Default, Endpoint::Introspect, Fault::Response(slow));
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| introspect(&okta, "x"));
        }
    });
    okta.set_fault_at(Server::Default, Endpoint::Introspect, Fault::None);
    introspect(&okta, "x");
    assert_eq!(
        (okta.peak_introspections(Server::Default), okta.introspections(Server::Default).len()),
        (5, 6)
    );
}

#[test]
fn control_api_mints_an_opaque_token_and_sets_credentials() {
    let okta = start();
    let control = |path: &str, body: &str| request(&okta, "POST", path, "", body).unwrap();
    let token = control("/stand-in/token", r#"{"kind":"machine","opaque":true,"claims":{"scp":["a","b"]}}"#);
    assert_eq!(introspect(&okta, token.body.trim()).json()["scope"], "a b");

    let set = format!(r#"{{"client_id":"{RESOURCE_SERVER_ID}","secret":"100%: a+b & c"}}"#);
    assert_eq!(control("/stand-in/client", &set).status, 200);
    assert_eq!(introspect(&okta, "x").status, 401);
    for bad in [r#"{"client_id":"nope","secret":"x"}"#, r#"{"client_id":"0oarserver00000000001"}"#, "{}"] {
        assert_eq!(control("/stand-in/client", bad).status, 400, "{bad}");
    }
    // RFC 6749 section 2.3.1: the form encoding of the secret, then base64.
    let encoded = form_urlencoded::byte_serialize(b"100%: a+b & c").collect::<String>();
    assert_eq!(post(&okta, INTROSPECT, &basic(RESOURCE_SERVER_ID, &encoded), "token=x").status, 200);
    assert_eq!(post(&okta, INTROSPECT, &basic(RESOURCE_SERVER_ID, "100%: a+b & c"), "token=x").status, 401);
    let posted = format!("token=x&client_id={RESOURCE_SERVER_ID}&client_secret={encoded}");
    assert_eq!(post(&okta, INTROSPECT, "", &posted).status, 200);
}
