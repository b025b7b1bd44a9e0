//! Agents: `authorization_details`, `act`, and the audience of a protected resource.

use okta_authz_filter::rejection::Rejection as R;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny, Public};
use test_support::common::{ISSUER, Outcome, Token, config, get, rules, scopes};

use super::{Auth, Row, row};

const MCP_A: &str = "https://api.example.com/mcp/a";
const MCP_B: &str = "https://api.example.com/mcp/b";

pub(crate) fn requiring(requires: &Value) -> Value {
    rules(json!([{ "match": {}, "requires": requires }]))
}

/// Rows on claims: the name, the requirement, the claims and the outcome.
pub(crate) fn rows() -> Vec<Row> {
    let unmet = || Deny(R::RequirementNotMet);
    let malformed = || Deny(R::ClaimsMalformed);
    let payment = json!({ "authorization_details": [{ "type": "payment", "actions": ["initiate"] }] });
    let lenient = json!({ "authorization_details": [
        { "type": "payment", "actions": ["initiate"], "other_fields": "ignore" },
    ] });
    let two = json!({ "authorization_details": [{ "type": "payment" }, { "type": "account" }] });
    let agent = json!({ "actor": { "subjects": ["wlp1"] } });
    let with_scope = json!({ "scopes": ["b"], "authorization_details": [{ "type": "payment" }] });
    let details = |details: Value| json!({ "authorization_details": details });
    let act = |act: Value| json!({ "act": act });
    let chain = |depth: usize| {
        (1..depth).fold(json!({ "sub": "wlp1" }), |act, _| json!({ "sub": "wlp1", "act": act }))
    };
    let table: Vec<(&'static str, Value, Value, Outcome)> = vec![
        ("details, absent", payment.clone(), json!({}), unmet()),
        ("details, empty", payment.clone(), details(json!([])), unmet()),
        (
            "details, a list that contains the action",
            payment.clone(),
            details(json!([{ "type": "payment", "actions": ["status", "initiate"] }])),
            Allow,
        ),
        (
            "details, another action",
            payment.clone(),
            details(json!([{ "type": "payment", "actions": ["status"] }])),
            unmet(),
        ),
        (
            "details, another type",
            payment.clone(),
            details(json!([{ "type": "account", "actions": ["initiate"] }])),
            unmet(),
        ),
        (
            "details, an amount that the rule does not name",
            payment.clone(),
            details(json!([{ "type": "payment", "actions": ["initiate"], "amount": "10" }])),
            unmet(),
        ),
        (
            "details, the amount is ignored",
            lenient,
            details(json!([{ "type": "payment", "actions": ["initiate"], "amount": "10" }])),
            Allow,
        ),
        (
            "details, the second element",
            payment.clone(),
            details(json!([{ "type": "a" }, { "type": "payment", "actions": ["initiate"] }])),
            Allow,
        ),
        (
            "details, two elements that fit in part",
            payment.clone(),
            details(json!([{ "type": "payment" }, { "type": "a", "actions": ["initiate"] }])),
            unmet(),
        ),
        (
            "details, actions are a string",
            payment.clone(),
            details(json!([{ "type": "payment", "actions": "initiate" }])),
            unmet(),
        ),
        (
            "details, two conditions and two elements",
            two.clone(),
            details(json!([{ "type": "account" }, { "type": "payment" }])),
            Allow,
        ),
        ("details, two conditions and one element", two, details(json!([{ "type": "payment" }])), unmet()),
        ("details, an object", payment.clone(), details(json!({ "type": "payment" })), malformed()),
        (
            "details, an element without type",
            json!({}),
            details(json!([{ "actions": ["initiate"] }])),
            malformed(),
        ),
        ("details, a string", json!({}), details(json!("payment")), malformed()),
        ("details, no scope helps", with_scope.clone(), json!({}), unmet()),
        ("details, a scope helps", with_scope, details(json!([{ "type": "payment" }])), scopes(&["b"])),
        ("actor, absent", agent.clone(), json!({}), unmet()),
        ("actor, on the list", agent.clone(), act(json!({ "sub": "wlp1" })), Allow),
        ("actor, not on the list", agent.clone(), act(json!({ "sub": "wlp2" })), unmet()),
        (
            "actor, only nested",
            agent.clone(),
            act(json!({ "sub": "wlp2", "act": { "sub": "wlp1" } })),
            unmet(),
        ),
        ("actor, only the subject", agent.clone(), json!({ "sub": "wlp1" }), unmet()),
        ("actor, of the issuer", agent.clone(), act(json!({ "sub": "wlp1", "iss": ISSUER })), Allow),
        (
            "actor, of another issuer",
            agent.clone(),
            act(json!({ "sub": "wlp1", "iss": "https://other.example" })),
            unmet(),
        ),
        (
            "actor, in Okta's form",
            agent.clone(),
            act(
                json!({ "sub": "wlp1", "sub_profile": "ai_agent", "act": { "sub": "0oa1", "sub_profile": "service" } }),
            ),
            Allow,
        ),
        ("actor, a string", json!({}), act(json!("wlp1")), malformed()),
        ("actor, a list", json!({}), act(json!([{ "sub": "wlp1" }])), malformed()),
        ("actor, a nested string", json!({}), act(json!({ "sub": "wlp1", "act": "x" })), malformed()),
        ("actor, eight levels", agent.clone(), act(chain(8)), Allow),
        ("actor, nine levels", agent, act(chain(9)), malformed()),
        ("actor, one level too many", json!({ "actor": { "max_depth": 2 } }), act(chain(3)), unmet()),
        ("actor, as many levels as allowed", json!({ "actor": { "max_depth": 2 } }), act(chain(2)), Allow),
        ("actor, no levels", json!({ "actor": { "max_depth": 1 } }), json!({}), Allow),
        ("actor, present", json!({ "actor": { "present": true } }), act(json!({})), Allow),
        ("actor, required and absent", json!({ "actor": { "present": true } }), json!({}), unmet()),
        ("actor, excluded", json!({ "actor": { "present": false } }), act(json!({ "sub": "wlp1" })), unmet()),
        ("actor, excluded and absent", json!({ "actor": { "present": false } }), json!({}), Allow),
        (
            "actor, not this one",
            json!({ "not": { "actor": { "subjects": ["wlp1"] } } }),
            act(json!({ "sub": "wlp1" })),
            unmet(),
        ),
        (
            "actor, another one",
            json!({ "not": { "actor": { "subjects": ["wlp1"] } } }),
            act(json!({ "sub": "wlp2" })),
            Allow,
        ),
    ];
    let on_claims = |(name, requires, claims, expected): (_, Value, Value, _)| {
        let auth = Auth::Bearer(Token::user().claims(claims));
        row(name, requiring(&requires), get("/items"), auth, 0, expected)
    };
    table.into_iter().map(on_claims).chain(audience_rows()).collect()
}

/// Rows on `require_audience`.
fn audience_rows() -> Vec<Row> {
    let two_servers = || {
        config(
            json!({ "audiences": ["api://default", MCP_A, MCP_B] }),
            json!({
                "protected_resources": [
                    { "resource": MCP_A, "require_audience": true }, { "resource": MCP_B, "require_audience": true },
                    { "resource": "https://api.example.com" },
                ],
                "rules": [
                    { "match": { "path": "/mcp/a/open" }, "public": true },
                    { "match": { "path": "/mcp/a/maybe" }, "requires": {}, "mode": "optional" },
                    { "match": {}, "requires": {} },
                ],
            }),
        )
    };
    let other = || Deny(R::AudienceNotAllowed);
    let bearer = |audience: Value| Auth::Bearer(Token::user().claims(json!({ "aud": audience })));
    let expired = Auth::Bearer(Token::user().claims(json!({ "aud": MCP_B, "exp": 1 })));
    vec![
        row("resource, its token", two_servers(), get("/mcp/a"), bearer(json!(MCP_A)), 0, Allow),
        row("resource, its token below", two_servers(), get("/mcp/a/x?y"), bearer(json!(MCP_A)), 0, Allow),
        row(
            "resource, one of several audiences",
            two_servers(),
            get("/mcp/a"),
            bearer(json!([MCP_B, MCP_A])),
            0,
            Allow,
        ),
        row("resource, the token of another", two_servers(), get("/mcp/b"), bearer(json!(MCP_A)), 0, other()),
        row("resource, an encoded path", two_servers(), get("/mcp/%62"), bearer(json!(MCP_A)), 0, other()),
        row(
            "resource, a token of the API",
            two_servers(),
            get("/mcp/a"),
            bearer(json!("api://default")),
            0,
            other(),
        ),
        row(
            "resource, a path without this condition",
            two_servers(),
            get("/mcp/ab"),
            bearer(json!(MCP_A)),
            0,
            Allow,
        ),
        row("resource, a public path", two_servers(), get("/mcp/a/open"), bearer(json!(MCP_B)), 0, Public),
        row(
            "resource, optional, the token of another",
            two_servers(),
            get("/mcp/a/maybe"),
            bearer(json!(MCP_B)),
            0,
            other(),
        ),
        row(
            "resource, optional, no token",
            two_servers(),
            get("/mcp/a/maybe"),
            Auth::Missing,
            0,
            Outcome::Pass("anonymous"),
        ),
        row("resource, no token", two_servers(), get("/mcp/a"), Auth::Missing, 0, Deny(R::TokenMissing)),
        row(
            "resource, an expired token of another",
            two_servers(),
            get("/mcp/a"),
            expired,
            0,
            Deny(R::TokenExpired),
        ),
    ]
}
