//! Requests through a gateway with `deploy/istio/gateway.yaml`.

use std::time::Duration;

use serde_json::json;
use stand_in_okta::{Server, TokenSpec};
use test_support::client::{get, request};

use super::harness::{CONNECTIONS_FOR_BOTH_WORKERS, Gateway, manifest, mesh, reader, token, wait_until};

#[test]
fn gateway_manifest_unchanged_allows_only_valid_tokens() {
    let gateway = Gateway::start("requests");
    let okta = &mesh().okta;
    let reader = reader();
    let orders = || get("/orders");

    let denied = gateway.expect(&orders(), "no token", 401, "token_missing");
    assert_eq!(denied.header("www-authenticate"), Some(r#"Bearer realm="api",scope="orders:read""#));
    gateway.expect(&orders().bearer("a.b.c"), "a malformed token", 401, "token_malformed");
    let [head, payload, _] = reader.split('.').collect::<Vec<_>>()[..] else { panic!("a JWS") };
    let other = token(&["orders:read", "orders:write"]);
    let forged = format!("{head}.{payload}.{}", other.rsplit('.').next().unwrap());
    gateway.expect(&orders().bearer(forged), "the signature of another token", 401, "signature_invalid");
    let expired = TokenSpec::user().scopes(&["orders:read"]).issued_at(1_700_000_000);
    gateway.expect(
        &orders().bearer(okta.mint(Server::Default, &expired)),
        "an expired token",
        401,
        "token_expired",
    );
    let audience = TokenSpec::user().scopes(&["orders:read"]).claim("aud", "api://other");
    gateway.expect(
        &orders().bearer(okta.mint(Server::Default, &audience)),
        "another audience",
        401,
        "audience_not_allowed",
    );
    let id_token = TokenSpec::new(stand_in_okta::Kind::IdToken);
    let response = gateway.send(&orders().bearer(okta.mint(Server::Default, &id_token)), "an ID token");
    assert_eq!(response.status, 401, "{response:?}");
    let response =
        gateway.send(&orders().bearer(okta.mint(Server::Custom, &TokenSpec::user())), "another issuer");
    assert_eq!((response.status, response.code().as_str()), (401, "issuer_unknown"), "{response:?}");
    assert_eq!(gateway.api.requests(), 0, "no denied request reaches the API");

    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        assert_eq!(gateway.client().send(&orders().bearer(&reader)).status, 200);
    }
    gateway.expect(&orders().bearer(&reader), "scope orders:read", 200, "");
    let denied = gateway.expect(
        &request("POST", "/orders").bearer(&reader),
        "scope orders:read",
        403,
        "insufficient_scope",
    );
    let challenge = denied.header("www-authenticate").unwrap_or_default();
    for part in [r#"error="insufficient_scope""#, r#"scope="orders:write""#] {
        assert!(challenge.contains(part), "{challenge}");
    }
    gateway.expect(&request("POST", "/orders").bearer(&other), "scope orders:write", 200, "");
    gateway.expect(&get("/healthz"), "no token", 200, "");
    gateway.expect(&get("/admin").bearer(&other), "a valid token, no rule", 403, "no_rule_matches");
}

#[test]
fn identity_headers_of_client_are_replaced() {
    let gateway = Gateway::start("identity");
    let hostile = |path: &str| {
        get(path).header("x-okta-sub", "root").header("X-Okta-Cid", "root").header("x-okta-scopes", "admin")
    };
    let response = gateway.send(&hostile("/orders").bearer(reader()), "identity headers of the client");
    assert_eq!(response.status, 200, "{response:?}");
    let headers = &response.json()["headers"];
    assert_eq!(headers["x-okta-sub"].as_array().map(Vec::len), Some(1), "{headers}");
    assert_ne!(headers["x-okta-sub"], json!(["root"]));
    assert_eq!(headers["x-okta-scopes"], json!([r#"["orders:read"]"#]));
    assert_eq!(headers["authorization"], json!(null), "`forward: false` removes the token");

    let response = gateway.send(&hostile("/healthz"), "identity headers of the client, public path");
    let headers = &response.json()["headers"];
    for name in ["x-okta-sub", "x-okta-cid", "x-okta-scopes"] {
        assert_eq!(headers[name], json!(null), "{headers}");
    }
}

#[test]
fn ambiguous_requests_are_denied() {
    let gateway = Gateway::start("ambiguous");
    let reader = reader();
    gateway.wait_for_status(&get("/orders").bearer(&reader), 200);
    let before = gateway.api.requests();
    let response = gateway.send(&get("/healthz%2F..%2Forders"), "escaped slashes, no token");
    assert_eq!(response.status, 400, "{response:?}");
    let two = get("/orders").bearer(&reader).bearer(token(&["orders:write"]));
    let response = gateway.send(&two, "two Authorization headers");
    assert_eq!(response.status, 400, "{response:?}");
    assert_eq!(gateway.api.requests(), before);
    for (path, status) in [("/healthz/../orders", 401), ("/healthz/..//orders", 401), ("//healthz", 200)] {
        let response = gateway.send(&get(path), "no token");
        assert_eq!(response.status, status, "{path}: {response:?}");
    }
    for host in ["api.example.com.", "api.example.com:8081", "API.EXAMPLE.COM"] {
        let orders = || get("/orders").header("host", host);
        gateway.expect(&orders(), &format!("host {host}, no token"), 401, "token_missing");
        gateway.expect(&orders().bearer(&reader), &format!("host {host}, a token"), 200, "");
    }
}

#[test]
fn keys_are_fetched_once_for_both_workers() {
    let mesh = mesh();
    let issuer = mesh.okta.issuer(Server::Custom);
    let changed = manifest("gateway.yaml", "keys")
        .replace("https://acme.okta.com/oauth2/default", &issuer)
        .replace("api://default", &mesh.okta.audience(Server::Custom));
    let gateway = Gateway::start_with("keys", &changed);
    let reader = mesh.okta.mint(Server::Custom, &TokenSpec::user().scopes(&["orders:read"]));
    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        gateway.wait_for_status(&get("/orders").bearer(&reader), 200);
    }
    wait_until(Duration::from_secs(5), || mesh.okta.key_fetches(Server::Custom) > 0);
    assert_eq!(mesh.okta.key_fetches(Server::Custom), 1);
    assert_eq!(mesh.okta.discovery_fetches(Server::Custom), 0, "`remote_jwks` needs no discovery");
}
