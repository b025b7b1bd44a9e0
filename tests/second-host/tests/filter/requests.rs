//! Decisions about requests when the worker has keys.

use okta_authz_second_host::Outcome;
use stand_in_okta::{Kind, Options, Server, StandIn, TokenSpec};

use crate::harness::{
    OKTA, bearer, denied, forwarded, get, process, request, send, user, values, with, worker_with_keys,
};

#[test]
fn valid_token_is_forwarded_with_identity_headers() {
    let process = process();
    let mut vm = worker_with_keys(&process, &OKTA);
    let spoofed = with(with(get("/me"), "x-okta-sub", "root"), "X-Okta-Scopes", "all");
    let headers = with(bearer(spoofed, &user()), "x-other", "stays");
    let (context, outcome) = vm.request(headers).unwrap();
    let Outcome::Forwarded(headers) = outcome else { panic!("{outcome:?}\n{}", vm.logs()) };
    assert_eq!(values(&headers, "x-okta-sub"), ["joe.user@example.com"]);
    assert_eq!(values(&headers, "x-okta-scopes"), [r#"["openid","profile","items:read"]"#]);
    assert_eq!(values(&headers, "x-other"), ["stays"]);
    assert_eq!(values(&headers, "authorization"), [""; 0], "forward is false");
    for (name, value) in [("okta.permit", "granted"), ("okta.decision", "allow"), ("okta.code", "allowed")] {
        assert_eq!(vm.filter_state(context, name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(vm.filter_state(context, "okta.sub").as_deref(), Some("joe.user@example.com"));
    assert_eq!(vm.filter_state(context, "okta.uid"), None, "the configuration does not select it");
    vm.end(context).unwrap();
    assert_eq!(process.count("decision.allowed"), 0, "counted at the next tick");
    vm.tick().unwrap();
    assert_eq!(process.count("decision.allowed"), 1);
}

#[test]
fn token_missing_has_a_challenge_without_error() {
    let process = process();
    let mut vm = worker_with_keys(&process, &OKTA);
    let reply = denied(&mut vm, with(get("/me"), "x-okta-sub", "root"));
    assert_eq!(reply.status, 401);
    assert_eq!(reply.header("www-authenticate"), Some(r#"Bearer realm="api""#));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(
        reply.body,
        r#"{"code":"token_missing","detail":"a bearer token is required","error":"unauthorized"}"#
    );
    assert_eq!(reply.details, "okta_authz{token_missing}");
    assert_eq!(process.count("decision.token_missing"), 1);
}

#[test]
fn invalid_token_is_rejected_with_its_code() {
    let process = process();
    let mut vm = worker_with_keys(&process, &OKTA);
    let mint = |spec: TokenSpec| OKTA.mint(Server::Default, &spec);
    let long_ago = i64::try_from(crate::harness::now()).unwrap() - 7200;
    let other_org = StandIn::start(Options::default());
    let kid = OKTA.kid(Server::Default);
    let rows = [
        ("token_expired", mint(TokenSpec::user().issued_at(long_ago))),
        ("issued_in_future", mint(TokenSpec::user().issued_at(long_ago + 10_800))),
        // Another org's key with the key ID of ours.
        ("signature_invalid", other_org.mint(Server::Default, &TokenSpec::user().header("kid", kid))),
        ("issuer_unknown", OKTA.mint(Server::Custom, &TokenSpec::user())),
        ("audience_not_allowed", mint(TokenSpec::user().claim("aud", "api://other"))),
        ("algorithm_not_allowed", mint(TokenSpec::user().header("alg", "none"))),
        ("not_an_access_token", mint(TokenSpec::new(Kind::IdToken).claim("aud", "api://default"))),
        ("token_bound", mint(TokenSpec::new(Kind::DpopBound))),
        ("token_encrypted", mint(TokenSpec::new(Kind::Encrypted))),
        ("token_opaque", "opaque".to_owned()),
        ("token_malformed", "a.b.c".to_owned()),
    ];
    for (code, token) in rows {
        let reply = denied(&mut vm, bearer(get("/me"), &token));
        assert_eq!((reply.status, reply.code().as_str()), (401, code), "{reply:?}");
        let challenge = reply.header("www-authenticate").unwrap();
        assert!(challenge.starts_with(r#"Bearer realm="api",error="invalid_token""#), "{code}: {challenge}");
        assert_eq!(process.count(&format!("decision.{code}")), 1, "{code}");
    }
}

#[test]
fn policy_allows_and_denies() {
    let process = process();
    let mut vm = worker_with_keys(&process, &OKTA);
    let token = user();
    forwarded(&mut vm, bearer(get("/items"), &token));
    let reply = denied(&mut vm, bearer(request("POST", "/items"), &token));
    assert_eq!(reply.status, 403);
    assert_eq!(
        reply.header("www-authenticate"),
        Some(
            r#"Bearer realm="api",error="insufficient_scope",error_description="the access token lacks a required scope",scope="items:write""#
        )
    );
    let writer = OKTA.mint(Server::Default, &TokenSpec::user().scopes(&["items:write"]));
    forwarded(&mut vm, bearer(request("POST", "/items"), &writer));
    assert_eq!(denied(&mut vm, bearer(get("/elsewhere"), &token)).code(), "no_rule_matches");
    let public = forwarded(&mut vm, with(get("/healthz"), "x-okta-sub", "root"));
    assert_eq!(values(&public, "x-okta-sub"), [""; 0]);
}

#[test]
fn cached_token_expires() {
    let process = process();
    let mut vm = worker_with_keys(&process, &OKTA);
    let headers = bearer(get("/me"), &OKTA.mint(Server::Default, &TokenSpec::user().lifetime(300)));
    for _ in 0..3 {
        forwarded(&mut vm, headers.clone());
    }
    // The clock skew is 60 s.
    process.wait(361_000);
    assert_eq!(denied(&mut vm, headers).code(), "token_expired");
}

#[test]
fn authorization_not_utf8_is_rejected() {
    let process = process();
    let mut vm = worker_with_keys(&process, &OKTA);
    for value in [&b"Bearer \xff\xfe"[..], b"\xff\xff\xff", b"", b"Bearer ", b"Bearer \0", b"\xf0\x9f\x98"] {
        let reply = denied(&mut vm, with(get("/me"), "authorization", value));
        assert_eq!(reply.status, 401, "{value:?}: {reply:?}");
    }
    let reply = denied(&mut vm, bearer(with(get("/me"), "authorization", b"Bearer \xff"), &user()));
    assert_eq!((reply.status, reply.code().as_str()), (400, "multiple_credentials"));
    // The filter does not read other headers.
    forwarded(&mut vm, bearer(with(get("/me"), "x-other", b"\xff\xfe"), &user()));
}

#[test]
fn body_has_the_outcome_of_its_request() {
    let process = process();
    let mut vm = worker_with_keys(&process, &OKTA);
    let (context, outcome) = vm.request(bearer(get("/me"), &user())).unwrap();
    assert!(matches!(outcome, Outcome::Forwarded(_)), "{outcome:?}");
    assert!(matches!(vm.body(context, 10).unwrap(), Outcome::Forwarded(_)));
    vm.end(context).unwrap();
    let (context, _) = vm.request(get("/me")).unwrap();
    assert!(matches!(vm.body(context, 10).unwrap(), Outcome::Responded(_)));
    vm.end(context).unwrap();
    assert!(!matches!(send(&mut vm, get("/me")), Outcome::Forwarded(_)));
}
