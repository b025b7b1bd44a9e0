//! Introspection: each response of the endpoint and the decision that follows.

mod cache;
mod client_authentication;
mod jwts;
mod limits;
mod streams;

use std::collections::BTreeSet;

use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::filter::{CallId, Environment, Filter};
use okta_authz_filter::introspection::{CallError, CallOutcome, CallRequest, CallResponse};
use okta_authz_filter::rejection::Rejection as R;
use okta_authz_filter::request::RequestHead;
use okta_authz_filter::time::UnixTime;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny, Wait};
use test_support::common::{ISSUER, NOW, Outcome, Store, config, filter, outcome, scopes, with};

const OPAQUE: &str = "8xLOxBtZp8.Qm_v4~a+/tR0c2hN9eYwKf1sJdGuB7o=";
const THUMBPRINT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

/// A status with headers, or an error of the host.
type Failure<'a> = Result<(u16, &'a [(&'a str, &'a str)]), CallError>;

/// A filter whose provider has an introspection endpoint, and the shared data of its process.
struct Worker<'a> {
    filter: Filter,
    shared: &'a Store,
}

impl<'a> Worker<'a> {
    /// Makes a worker with these fields of `introspection`, and with the members of `rest`.
    fn new(fields: Value, rest: Value, shared: &'a Store) -> Self {
        let base = json!({ "cluster": "okta", "auth": { "none": {} } });
        let introspection = with(base, fields);
        Self { filter: filter(&config(json!({ "introspection": introspection }), rest)), shared }
    }

    /// Decides about `GET {path}` with a bearer token.
    fn decide(&self, path: &str, token: &str, at: u64) -> Outcome {
        let value = format!("Bearer {token}");
        let headers = [
            (":method", &b"GET"[..]),
            (":authority", b"api.example.com"),
            (":path", path.as_bytes()),
            ("authorization", value.as_bytes()),
        ];
        let now = UnixTime::from_seconds(at);
        let environment = Environment { shared_data: self.shared, ..Environment::new(now, &Software) };
        outcome(self.filter.decide(&RequestHead::new(&headers), &environment))
    }

    /// Returns the calls that the host has to send.
    fn calls(&self, at: u64) -> Vec<(CallId, CallRequest)> {
        self.filter.take_introspection_calls(UnixTime::from_seconds(at))
    }

    /// Responds to a call with status 200 and a body.
    fn respond(&self, call: CallId, at: u64, body: impl Into<Vec<u8>>) -> CallOutcome {
        let headers = [(":status", &b"200"[..]), ("content-type", b"application/json")];
        let response = CallResponse { status: 200, headers: &headers, body: Some(body.into()) };
        self.filter.on_introspection_response(call, UnixTime::from_seconds(at), self.shared, Ok(response))
    }

    /// Responds to a call with a status and headers, or with an error.
    fn fail(&self, call: CallId, at: u64, response: Failure<'_>) -> CallOutcome {
        let headers: Vec<_> = response
            .iter()
            .flat_map(|(_, headers)| headers.iter().map(|(name, value)| (*name, value.as_bytes())))
            .collect();
        let response = response.map(|(status, _)| CallResponse {
            status,
            headers: &headers,
            body: Some(b"{}".to_vec()),
        });
        self.filter.on_introspection_response(call, UnixTime::from_seconds(at), self.shared, response)
    }

    /// Decides about a token that needs exactly one call, whose response has this body. Returns the
    /// outcome of the request that waited.
    fn introspect(&self, token: &str, at: u64, body: impl Into<Vec<u8>>) -> Outcome {
        assert_eq!(self.decide("/items", token, at), Wait(R::IntrospectionUnavailable));
        let calls = self.calls(at);
        assert_eq!(calls.len(), 1, "one call");
        self.respond(calls[0].0, at, body);
        self.decide("/items", token, at)
    }
}

fn opaque(shared: &Store) -> Worker<'_> {
    Worker::new(json!({}), json!({}), shared)
}

/// Returns the response for an active token, with changes.
fn active(changes: Value) -> String {
    let base = json!({
        "active": true, "scope": "openid items:read", "username": "joe.user@example.com",
        "exp": NOW + 3600, "iat": NOW - 100, "sub": "joe.user@example.com", "aud": "api://default",
        "iss": ISSUER, "jti": "AT.opaque", "token_type": "Bearer", "client_id": "0oa1m2mSvcClnt9A5d07",
        "uid": "00ujmkLgagxeRrAg20g3", "groups": ["Everyone"],
    });
    with(base, changes).to_string()
}

/// Returns responses of the endpoint about an opaque token, each with the expected outcome.
fn rows() -> Vec<(&'static str, Vec<u8>, Outcome)> {
    let unavailable = || Deny(R::IntrospectionUnavailable);
    let changed = |changes: Value| active(changes).into_bytes();
    vec![
        ("active", changed(json!({})), Allow),
        ("inactive", br#"{"active":false}"#.to_vec(), Deny(R::TokenInactive)),
        ("inactive with claims", changed(json!({ "active": false })), Deny(R::TokenInactive)),
        // Only the booleans are answers.
        ("active as text", changed(json!({ "active": "true" })), unavailable()),
        ("active as number", changed(json!({ "active": 1 })), unavailable()),
        ("active absent", changed(json!({ "active": null })), unavailable()),
        ("active null", br#"{"active":null}"#.to_vec(), unavailable()),
        ("active in other case", br#"{"Active":true}"#.to_vec(), unavailable()),
        ("active twice", br#"{"active":false,"active":true}"#.to_vec(), unavailable()),
        ("duplicate by escape", br#"{"active":true,"exp":1,"\u0065xp":2}"#.to_vec(), unavailable()),
        ("duplicate in depth", br#"{"active":true,"a":{"b":1,"b":2}}"#.to_vec(), unavailable()),
        ("empty", Vec::new(), unavailable()),
        ("empty object", b"{}".to_vec(), unavailable()),
        ("list", br#"[{"active":true}]"#.to_vec(), unavailable()),
        ("HTML", b"<html><body>active: true</body></html>".to_vec(), unavailable()),
        ("signed answer", b"eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.AA".to_vec(), unavailable()),
        ("truncated", br#"{"active":true"#.to_vec(), unavailable()),
        // Times.
        ("no exp", changed(json!({ "exp": null })), Deny(R::ExpirationMissing)),
        ("exp as text", changed(json!({ "exp": "9999999999" })), unavailable()),
        ("exp passed", changed(json!({ "exp": NOW })), Deny(R::TokenExpired)),
        ("exp within the clock skew", changed(json!({ "exp": NOW - 30 })), Deny(R::TokenExpired)),
        ("nbf ahead", changed(json!({ "nbf": NOW + 100 })), Deny(R::TokenNotYetValid)),
        ("no iat", changed(json!({ "iat": null })), Allow),
        ("iat ahead", changed(json!({ "iat": NOW + 100 })), Deny(R::IssuedInFuture)),
        // Issuer, audience and type.
        ("no iss", changed(json!({ "iss": null })), Allow),
        (
            "other iss",
            changed(json!({ "iss": "https://acme.okta.com/oauth2/other" })),
            Deny(R::IssuerUnknown),
        ),
        ("no aud", changed(json!({ "aud": null })), Deny(R::AudienceNotAllowed)),
        ("other aud", changed(json!({ "aud": "api://other" })), Deny(R::AudienceNotAllowed)),
        ("aud as list", changed(json!({ "aud": ["api://other", "api://default"] })), Allow),
        ("aud empty", changed(json!({ "aud": [] })), Deny(R::AudienceNotAllowed)),
        ("no token type", changed(json!({ "token_type": null })), Allow),
        ("token type in other case", changed(json!({ "token_type": "bearer" })), Allow),
        ("refresh token", changed(json!({ "token_type": "N_A" })), Deny(R::NotAnAccessToken)),
        ("token type as number", changed(json!({ "token_type": 1 })), Deny(R::NotAnAccessToken)),
        // A DPoP token whose `cnf` the endpoint omits is no bearer token.
        ("DPoP without cnf", changed(json!({ "token_type": "DPoP" })), Deny(R::TokenNotBound)),
        ("dpop without cnf", changed(json!({ "token_type": "dpop" })), Deny(R::TokenNotBound)),
        // Confirmation: the filter verifies no proof for this token.
        ("cnf", changed(json!({ "cnf": { "jkt": THUMBPRINT } })), Deny(R::TokenBound)),
        ("unknown cnf", changed(json!({ "cnf": { "kid": "1" } })), Deny(R::TokenBound)),
    ]
}

/// Returns the codes that the rows and the tests of the limits expect.
pub(crate) fn expected_rejections() -> BTreeSet<R> {
    let outcomes = rows().into_iter().map(|(_, _, expected)| expected).chain([limits::limited()]);
    outcomes
        .filter_map(|expected| if let Deny(rejection) = expected { Some(rejection) } else { None })
        .collect()
}

#[test]
fn opaque_token_with_each_response_has_the_expected_outcome() {
    for (name, body, expected) in rows() {
        let shared = Store::default();
        assert_eq!(opaque(&shared).introspect(OPAQUE, NOW, body), expected, "{name}");
    }
}

#[test]
fn claims_of_the_response_decide_about_rules() {
    let requires = |requires: Value| json!({ "rules": [{ "match": {}, "requires": requires }] });
    let rows = [
        (json!({ "scopes": ["openid", "items:read"] }), Allow),
        (json!({ "scopes": ["items:write"] }), scopes(&["items:write"])),
        (json!({ "client_ids": ["0oa1m2mSvcClnt9A5d07"] }), Allow),
        (json!({ "client_ids": ["0oaother"] }), Deny(R::RequirementNotMet)),
        (json!({ "groups": ["Everyone"] }), Allow),
        (json!({ "user": true }), Allow),
        (json!({ "user": false }), Deny(R::RequirementNotMet)),
        (json!({ "providers": ["okta"] }), Allow),
        (json!({ "claims": [{ "name": "username", "equals": "joe.user@example.com" }] }), Allow),
    ];
    for (requirement, expected) in rows {
        let shared = Store::default();
        let worker = Worker::new(json!({}), requires(requirement.clone()), &shared);
        assert_eq!(worker.introspect(OPAQUE, NOW, active(json!({}))), expected, "{requirement}");
    }
    // A scope must be text: a list would be a claim of another profile.
    let shared = Store::default();
    let worker = Worker::new(json!({}), requires(json!({ "scopes": ["openid"] })), &shared);
    let listed = active(json!({ "scope": ["openid"], "scp": ["openid"] }));
    assert_eq!(worker.introspect(OPAQUE, NOW, listed), scopes(&["openid"]));
}

#[test]
fn client_of_the_response_must_be_accepted() {
    let shared = Store::default();
    let provider = json!({
        "client_ids": ["0oa1m2mSvcClnt9A5d07"],
        "introspection": { "cluster": "okta", "auth": { "none": {} } },
    });
    for (client, expected) in [
        (json!("0oa1m2mSvcClnt9A5d07"), Allow),
        (json!("0oaother"), Deny(R::ClientNotAllowed)),
        (json!(null), Deny(R::ClientNotAllowed)),
    ] {
        let worker = Worker { filter: filter(&config(provider.clone(), json!({}))), shared: &shared };
        let token = format!("{OPAQUE}{client}").replace(['"', '='], "x");
        assert_eq!(
            worker.introspect(&token, NOW, active(json!({ "client_id": client }))),
            expected,
            "{client}"
        );
    }
}

#[test]
fn token_on_the_denylist_is_rejected() {
    let uid = "00ujmkLgagxeRrAg20g3";
    let other = "https://acme.okta.com/oauth2/other";
    // A response may omit `iss`: then the token is of the issuer of the provider.
    for (entry, changes, expected) in [
        (json!({ "jti": "AT.opaque" }), json!({}), Deny(R::TokenRevoked)),
        (json!({ "uid": uid, "issuer": ISSUER }), json!({}), Deny(R::TokenRevoked)),
        (json!({ "uid": uid, "issuer": ISSUER }), json!({ "iss": null }), Deny(R::TokenRevoked)),
        (json!({ "uid": uid }), json!({ "iss": null }), Deny(R::TokenRevoked)),
        (
            json!({ "email": "JOE.user@example.com", "issuer": ISSUER }),
            json!({ "iss": null }),
            Deny(R::TokenRevoked),
        ),
        (json!({ "uid": uid, "issuer": other }), json!({ "iss": null }), Allow),
        (json!({ "uid": uid, "issuer": other }), json!({}), Allow),
    ] {
        let shared = Store::default();
        let denylist = json!({ "denylist": { "entries": [entry] } });
        let worker = Worker::new(json!({}), denylist, &shared);
        assert_eq!(worker.introspect(OPAQUE, NOW, active(changes.clone())), expected, "{entry} {changes}");
    }
}

#[test]
fn token_that_cannot_be_opaque_causes_no_call() {
    let shared = Store::default();
    let worker = opaque(&shared);
    let long = "a".repeat(16 * 1024 + 1);
    for (token, expected) in [
        ("short", R::TokenMalformed),
        ("0123456789abcde", R::TokenMalformed),
        ("================", R::TokenMalformed),
        ("0123456789=abcdef", R::TokenMalformed),
        ("0123456789;abcdef", R::TokenMalformed),
        ("0123456789\u{e9}abcdef", R::TokenMalformed),
        (&long, R::TokenTooLarge),
        // Two dots make it a JWT.
        ("0123456789.abcdef.ghijkl", R::TokenMalformed),
    ] {
        assert_eq!(worker.decide("/items", token, NOW), Deny(expected), "{token}");
    }
    assert!(worker.calls(NOW).is_empty());
}

#[test]
fn opaque_token_without_an_endpoint_is_rejected() {
    let shared = Store::default();
    for tokens in ["all", "rules"] {
        let worker = Worker::new(json!({ "tokens": tokens }), json!({}), &shared);
        assert_eq!(worker.decide("/items", "0123456789abcdefghij", NOW), Deny(R::TokenOpaque), "{tokens}");
        assert!(worker.calls(NOW).is_empty());
    }
}

#[test]
fn policy_in_shadow_mode_allows_the_request_and_begins_the_call() {
    let shared = Store::default();
    let worker = Worker::new(json!({}), json!({ "mode": "shadow" }), &shared);
    let shadowed = Outcome::Shadow(R::IntrospectionUnavailable, false);
    assert_eq!(worker.decide("/items", OPAQUE, NOW), shadowed);
    let calls = worker.calls(NOW);
    worker.respond(calls[0].0, NOW, active(json!({})));
    assert_eq!(worker.decide("/items", OPAQUE, NOW), Allow);
}
