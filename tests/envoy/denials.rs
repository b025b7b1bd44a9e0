//! Status, challenge and code of each denial, with the reference configuration.

use serde_json::{Value, json};
use stand_in_okta::{Kind, Options, Server, StandIn, TokenSpec};
use test_support::backend::Backend;
use test_support::client::{get, request};
use test_support::envoy::Envoy;
use test_support::fastapi::FastApi;

use super::harness::{CONNECTIONS_FOR_BOTH_WORKERS, Harness, reference_config};

#[test]
fn reference_configuration_with_fastapi_gives_expected_statuses() {
    let okta = StandIn::start(Options::default());
    let (app, backend) = (FastApi::start(), Backend::start());
    let envoy = Envoy::start("fastapi", &reference_config("fastapi", &okta, &backend).app(app.port()));
    let mint = |spec: &TokenSpec| okta.mint(Server::Default, spec);
    let user = mint(&TokenSpec::user().groups(&["Everyone", "caf\u{e9}, IT"]));
    let machine = mint(&TokenSpec::machine());
    let writer = mint(&TokenSpec::user().scopes(&["items:write"]));
    let admin = mint(&TokenSpec::user().groups(&["Everyone", "Admins"]));

    let client = envoy.client();
    assert_eq!(client.get("/").json(), json!({ "message": "Hello, World" }));
    for path in ["/healthz", "/docs", "/redoc", "/openapi.json"] {
        assert_eq!(client.get(path).status, 200, "{path}");
    }
    for path in ["/me", "/items", "/items/1", "/admin", "/nothing"] {
        assert_eq!(client.get(path).status, 401, "{path}");
    }

    let me = client.send(&get("/me").bearer(&user));
    assert_eq!(me.status, 200, "{me:?}");
    let identity = me.json();
    assert_eq!(identity["sub"], "joe.user@example.com");
    assert_eq!(identity["groups"], json!(["Everyone", "caf\u{e9}, IT"]));
    assert_eq!(identity["scopes"], json!(["openid", "profile", "items:read"]));
    assert!(identity["uid"].as_str().unwrap().starts_with("00u"), "{identity}");
    assert_eq!(client.send(&get("/me").bearer(&machine)).json()["uid"], Value::Null);

    assert_eq!(client.send(&get("/items").bearer(&user)).status, 200);
    let item =
        request("POST", "/items").header("content-type", "application/json").body(r#"{"name":"lamp"}"#);
    assert_eq!(client.send(&item.clone().bearer(&user)).code(), "insufficient_scope");
    assert_eq!(client.send(&item.bearer(&writer)).status, 201);
    assert_eq!(client.send(&get("/items").bearer(&writer)).code(), "insufficient_scope");
    assert_eq!(client.send(&get("/admin").bearer(&user)).code(), "requirement_not_met");
    assert_eq!(client.send(&get("/admin").bearer(&admin)).status, 200);
    assert_eq!(client.send(&get("/nothing").bearer(&admin)).code(), "no_rule_matches");
}

#[test]
fn denial_on_both_workers_has_status_challenge_and_code() {
    let harness = Harness::new("denials", |config| config);
    harness.warm_up();
    let valid = harness.user_token();
    let mint = |spec: TokenSpec| harness.mint(&spec);
    let kind = |kind| harness.mint(&TokenSpec::new(kind));
    let bearer = |token: String| format!("Bearer {token}");
    let with_character = |from_the_end: usize, character: &str| {
        let at = valid.len() - from_the_end;
        format!("{}{character}{}", &valid[..at], &valid[at + 1..])
    };
    let forged = with_character(40, if valid.as_bytes()[valid.len() - 40] == b'A' { "B" } else { "A" });
    // In base64url of 256 bytes, four bits of the last character must be zero.
    let noncanonical = with_character(1, "B");
    let unknown_issuer = "https://evil.example/oauth2/default";

    let rows: Vec<(&str, Option<String>, u16, Option<&str>, &str)> = vec![
        ("no credentials", None, 401, None, "token_missing"),
        ("Basic", Some("Basic dXNlcjpwYXNz".into()), 401, None, "token_missing"),
        ("opaque", Some("Bearer 5cuxSVEDaCy".into()), 401, Some("invalid_token"), "token_opaque"),
        ("malformed", Some("Bearer a.b.c".into()), 401, Some("invalid_token"), "token_malformed"),
        ("noncanonical base64url", Some(bearer(noncanonical)), 401, Some("invalid_token"), "token_malformed"),
        ("forged", Some(bearer(forged)), 401, Some("invalid_token"), "signature_invalid"),
        ("encrypted", Some(bearer(kind(Kind::Encrypted))), 401, Some("invalid_token"), "token_encrypted"),
        ("ID token", Some(bearer(kind(Kind::IdToken))), 401, Some("invalid_token"), "audience_not_allowed"),
        ("DPoP-bound", Some(bearer(kind(Kind::DpopBound))), 401, Some("invalid_token"), "token_bound"),
        (
            "ID token for this audience",
            Some(bearer(mint(TokenSpec::new(Kind::IdToken).claim("aud", "api://default")))),
            401,
            Some("invalid_token"),
            "not_an_access_token",
        ),
        (
            "org server",
            Some(bearer(harness.okta.mint(Server::Org, &TokenSpec::new(Kind::OrgAccess)))),
            401,
            Some("invalid_token"),
            "issuer_unknown",
        ),
        (
            "another authorization server",
            Some(bearer(harness.okta.mint(Server::Custom, &TokenSpec::user()))),
            401,
            Some("invalid_token"),
            "issuer_unknown",
        ),
        (
            "token of another server with the issuer and key ID of the configured server",
            Some(bearer(
                harness.okta.mint(
                    Server::Custom,
                    &TokenSpec::user()
                        .claim("iss", harness.okta.issuer(Server::Default))
                        .claim("aud", "api://default")
                        .header("kid", harness.okta.kid(Server::Default)),
                ),
            )),
            401,
            Some("invalid_token"),
            "signature_invalid",
        ),
        (
            "unknown issuer",
            Some(bearer(mint(TokenSpec::user().claim("iss", unknown_issuer)))),
            401,
            Some("invalid_token"),
            "issuer_unknown",
        ),
        (
            "expired",
            Some(bearer(mint(TokenSpec::user().lifetime(-120)))),
            401,
            Some("invalid_token"),
            "token_expired",
        ),
        (
            "wrong audience",
            Some(bearer(mint(TokenSpec::user().claim("aud", "api://default/")))),
            401,
            Some("invalid_token"),
            "audience_not_allowed",
        ),
        (
            "algorithm that is not allowed",
            Some(bearer(mint(TokenSpec::user().header("alg", "HS256")))),
            401,
            Some("invalid_token"),
            "algorithm_not_allowed",
        ),
        (
            "two tokens",
            Some(format!("Bearer {valid} {valid}")),
            400,
            Some("invalid_request"),
            "multiple_credentials",
        ),
    ];
    for (name, authorization, status, error, code) in rows {
        for _ in 0..4 {
            let mut request = get("/me");
            if let Some(value) = &authorization {
                request = request.header("authorization", value);
            }
            let response = harness.send(&request);
            assert_eq!((response.status, response.code().as_str()), (status, code), "{name}: {response:?}");
            let challenge = response.header("www-authenticate").unwrap();
            assert!(challenge.starts_with("Bearer realm=\"api\""), "{name}: {challenge}");
            match error {
                Some(error) => {
                    assert!(challenge.contains(&format!(",error=\"{error}\"")), "{name}: {challenge}")
                }
                None => assert!(!challenge.contains("error"), "{name}: {challenge}"),
            }
            assert_eq!(response.header("content-type"), Some("application/json"), "{name}");
            assert_eq!(response.header("cache-control"), Some("no-store"), "{name}");
            assert!(response.json()["detail"].is_string(), "{name}");
        }
    }
    let two_headers = get("/me").bearer(&valid).bearer(&valid);
    assert_eq!(harness.send(&two_headers).code(), "multiple_credentials");
    assert_eq!(harness.envoy.count("decision.token_expired"), 4, "one count for each denied request");
    harness.wait_for_counter("decision.allowed", CONNECTIONS_FOR_BOTH_WORKERS as u64);
    harness.assert_alive();
}

#[test]
fn grpc_denial_has_grpc_status() {
    let harness = Harness::new("grpc", |config| config);
    harness.warm_up();
    let call = |token: Option<&str>| {
        let mut call =
            request("POST", "/items").header("content-type", "application/grpc").header("te", "trailers");
        if let Some(token) = token {
            call = call.bearer(token);
        }
        let response = harness.send(&call);
        assert_eq!(response.status, 200, "{response:?}");
        response.header("grpc-status").map(str::to_owned)
    };
    assert_eq!(call(None).as_deref(), Some("16"), "UNAUTHENTICATED");
    assert_eq!(call(Some(&harness.user_token())).as_deref(), Some("7"), "PERMISSION_DENIED: no items:write");
}
