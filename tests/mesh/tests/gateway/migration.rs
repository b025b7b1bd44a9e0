//! The migration chapter of the book: the decisions before and after.

use okta_authz_mesh::manifest::Manifest;
use stand_in_okta::{Server, TokenSpec};
use test_support::client::{Request, get, request};

use super::mesh::{API_PORT, mesh};
use super::scenario::{HTTP_LISTENER, Scenario, gateway};

/// A request, its token, the status before, and status and code after the migration.
type Row = (Request, &'static str, u16, u16, &'static str);

/// The routes that the chapter presumes.
fn routes() -> String {
    let route = |(name, prefix): (&str, &str)| {
        format!(
            "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{ name: {name} }}
spec:
  parentRefs: [{{ name: eg }}]
  hostnames: [api.example.com]
  rules:
    - matches: [{{ path: {{ type: PathPrefix, value: {prefix} }} }}]
      backendRefs: [{{ name: api, port: {API_PORT} }}]
"
        )
    };
    [("orders", "/orders"), ("reports", "/reports"), ("health", "/healthz")].map(route).join("---\n")
}

fn example(scenario: &Scenario<'_>, name: &str) -> Manifest {
    let namespace = &scenario.namespace;
    Manifest::read(&format!("book/examples/envoy-gateway-{name}.yaml"))
        .replace("namespace: default", &format!("namespace: {namespace}"))
}

#[test]
fn security_policy_replaced_by_the_filter_keeps_the_decisions() {
    let mesh = &*mesh();
    let mut scenario = Scenario::without_gateway(mesh, "migration");
    scenario.apply(&gateway(HTTP_LISTENER));
    scenario.apply(&routes());
    scenario.apply(example(&scenario, "before").text());
    scenario.start(&[]);
    scenario.wait_for_condition("securitypolicy", "orders", "Accepted", "True");
    scenario.wait_for_condition("securitypolicy", "reports", "Accepted", "True");
    mesh.gateway.borrow().wait_for("the keys in jwt_authn", || {
        (scenario.client().send(&scenario.allowed()).status == 200).then_some(())
    });
    let mint = |spec: &TokenSpec| mesh.okta.mint(Server::Default, spec);
    let reader = mesh.token(&["orders:read"]);
    let administrator = mint(&TokenSpec::user().scopes(&["openid"]).groups(&["API-Admins"]));
    let expired = mint(&TokenSpec::user().scopes(&["orders:read"]).issued_at(1_600_000_000));
    let rows: Vec<Row> = vec![
        (get("/healthz"), "no token", 200, 200, ""),
        (get("/orders"), "no token", 401, 401, "token_missing"),
        (get("/orders").bearer(&expired), "an expired token", 401, 401, "token_expired"),
        (get("/orders").bearer(&reader), "orders:read", 200, 200, ""),
        (request("POST", "/orders").bearer(&reader), "orders:read", 403, 403, "insufficient_scope"),
        (request("POST", "/orders").bearer(mesh.token(&["orders:write"])), "orders:write", 200, 200, ""),
        (request("PATCH", "/orders").bearer(&administrator), "API-Admins", 200, 200, ""),
        (request("PATCH", "/orders").bearer(&reader), "orders:read", 403, 403, "requirement_not_met"),
        // The client is not in 192.0.2.0/24.
        (
            get("/reports").bearer(mint(&TokenSpec::user().claim("department", "Finance"))),
            "department Finance, other address",
            403,
            403,
            "no_rule_matches",
        ),
    ];
    for (request, with, status, _, _) in &rows {
        scenario.expect(request, &format!("before, {with}"), *status, "");
    }
    scenario.apply(
        example(&scenario, "after")
            .replace("registry.example.com/team", &mesh.authority())
            .replace("default/eg/http", "migration/eg/http")
            .replace("envoyextensionpolicy/default/", "envoyextensionpolicy/migration/")
            .text(),
    );
    mesh.gateway.borrow().cluster.run(&["delete", "securitypolicy", "orders", "reports", "-n", "migration"]);
    scenario.wait_for_condition("envoypatchpolicy", "okta-authz", "Programmed", "True");
    scenario.wait_for(401, "token_missing");
    for (request, with, _, status, code) in &rows {
        scenario.expect(request, &format!("after, {with}"), *status, code);
    }
}
