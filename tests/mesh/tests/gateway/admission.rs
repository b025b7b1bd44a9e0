//! policy.yaml, unchanged but for the registry and the digest: decisions on requests.

use serde_json::{Value, json};
use stand_in_okta::{Server, TokenSpec};
use test_support::client::{Request, get, request};

use super::mesh::{Mesh, mesh};
use super::scenario::{POLICY, Scenario};

/// A request, its credential, and the status and the code of the response.
type Row = (Request, &'static str, u16, &'static str);

#[test]
fn policy_unchanged_admits_only_valid_tokens() {
    let mesh = &*mesh();
    let mut scenario = Scenario::new(mesh, "default");
    scenario.apply(scenario.manifest(POLICY).text());
    let fetched = mesh.okta.key_fetches(Server::Default);
    scenario.start(&[]);
    scenario.wait_for_condition("envoyextensionpolicy", "okta-authz", "Accepted", "True");
    scenario.wait_for_condition("envoypatchpolicy", "okta", "Programmed", "True");
    scenario.wait_for_condition("clienttrafficpolicy", "okta-authz", "Accepted", "True");
    scenario.wait_for_condition("gateway", "eg", "Programmed", "True");
    let before = scenario.wait_for(401, "token_missing");
    assert_eq!(before, [], "responses of Envoy before the filter responded");

    for (request, with, status, code) in rows(mesh) {
        scenario.expect(&request, with, status, code);
    }
    assert_eq!(mesh.okta.key_fetches(Server::Default) - fetched, 1, "one fetch of the keys for all workers");
    identity_headers_come_from_the_token(&scenario);
}

fn rows(mesh: &Mesh) -> Vec<Row> {
    let reader = mesh.token(&["orders:read"]);
    let mint = |spec: &TokenSpec| mesh.okta.mint(Server::Default, spec);
    let read = || TokenSpec::user().scopes(&["orders:read"]);
    let host = |host: &str| get("/orders").header("host", host).bearer(&reader);
    vec![
        (get("/orders"), "no token", 401, "token_missing"),
        (get("/orders").bearer("nonsense"), "no JWT", 401, "token_opaque"),
        (
            get("/orders").bearer(mint(&read().issued_at(1_600_000_000))),
            "an expired token",
            401,
            "token_expired",
        ),
        (
            get("/orders").bearer(mint(&read().claim("aud", "api://other"))),
            "a token for another audience",
            401,
            "audience_not_allowed",
        ),
        (get("/orders").bearer(changed_signature(&reader)), "a changed signature", 401, "signature_invalid"),
        (
            get("/orders").bearer(mesh.okta.mint(Server::Org, &TokenSpec::user())),
            "a token of the org server",
            401,
            "issuer_unknown",
        ),
        (get("/orders").bearer(&reader).bearer("nonsense"), "two tokens", 400, "multiple_credentials"),
        (get("/orders").bearer(&reader), "orders:read", 200, ""),
        (get("/orders/7").bearer(&reader), "orders:read", 200, ""),
        (request("POST", "/orders").bearer(&reader), "orders:read", 403, "insufficient_scope"),
        (request("POST", "/orders").bearer(mesh.token(&["orders:write"])), "orders:write", 200, ""),
        (get("/healthz"), "no token", 200, ""),
        (get("/admin").bearer(&reader), "orders:read", 403, "no_rule_matches"),
        (get("/ordersx").bearer(&reader), "orders:read", 403, "no_rule_matches"),
        (get("//orders").bearer(&reader), "orders:read", 200, ""),
        (get("/healthz/../orders"), "no token", 401, "token_missing"),
        // Envoy rejects these two before any filter.
        (get("/orders%2f7").bearer(&reader), "orders:read", 400, ""),
        (get("/healthz/..%2forders"), "no token", 400, ""),
        (host("api.example.com."), "orders:read, `Host: api.example.com.`", 200, ""),
        (host("api.example.com:80"), "orders:read, `Host: api.example.com:80`", 200, ""),
        // No route of the Gateway matches, so the filter does not run: the guard denies.
        (host("other.example.com"), "orders:read, `Host: other.example.com`", 403, ""),
    ]
}

/// The values that a client sends never reach the API, neither with a token nor on a public path.
fn identity_headers_come_from_the_token(scenario: &Scenario<'_>) {
    let names = ["x-okta-sub", "x-okta-cid", "x-okta-scopes"];
    let forged =
        |request: Request| names.iter().fold(request, |request, name| request.header(name, "forged"));
    let response =
        scenario.expect(&forged(scenario.allowed()), "orders:read, forged identity headers", 200, "");
    let received = response.json();
    assert_eq!(received["headers"]["x-okta-scopes"], json!([r#"["orders:read"]"#]), "{received}");
    for name in names {
        assert_eq!(received["headers"][name].as_array().map(Vec::len), Some(1), "{name}: {received}");
    }
    assert!(!response.body.contains("forged"), "{received}");
    assert_eq!(received["headers"]["authorization"], Value::Null, "`forward: false` removes the token");
    let public = scenario.expect(&forged(get("/healthz")), "no token, forged identity headers", 200, "");
    assert!(!public.body.contains("forged"), "{}", public.body);
}

/// Changes the first character of a token's signature.
fn changed_signature(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    format!("{signed}.{first}{}", &signature[1..])
}
