//! Agents: `act`, `authorization_details`, the audience of a resource, and headers of MCP.

use serde_json::{Value, json};
use stand_in_okta::{Kind, TokenSpec};
use test_support::client::{Request, get, request};

use super::harness::{CONNECTIONS_FOR_BOTH_WORKERS, Harness};

const ITEMS: &str = "https://mcp.example.com/mcp/items";
const REPORTS: &str = "https://mcp.example.com/mcp/reports";
const AGENT: &str = "wlp3kq8vZt5pLmXy90g7";

fn harness(name: &str, rules: Value) -> Harness {
    let harness = Harness::new(name, |mut config| {
        let plugin = config.plugin();
        plugin["providers"]["okta"]["audiences"] = json!(["api://default", ITEMS, REPORTS]);
        plugin["protected_resources"] = json!([
            { "resource": ITEMS, "require_audience": true }, { "resource": REPORTS, "require_audience": true },
        ]);
        plugin["claim_to_headers"] = json!([{ "header_name": "x-okta-actor", "claim_name": "act.sub" }]);
        plugin["rules"] = rules;
        config
    });
    harness.warm_up();
    harness
}

fn assert_code(harness: &Harness, name: &str, request: &Request, code: &str) {
    let response = harness.send(request);
    assert_eq!(response.code(), code, "{name}: {response:?}");
    assert_eq!(response.status == 200, code.is_empty(), "{name}: {response:?}");
}

#[test]
fn agent_and_details_decide_and_the_upstream_receives_the_agent() {
    let harness = harness(
        "agents",
        json!([
            { "match": { "path": "/me" }, "requires": {} },
            { "match": { "path": "/agent" }, "requires": { "actor": { "subjects": [AGENT], "max_depth": 1 } } },
            { "match": { "path": "/user" }, "requires": { "actor": { "present": false } } },
            { "match": { "path": "/pay" }, "requires": { "authorization_details": [{ "type": "payment", "actions": ["initiate"] }] } },
        ]),
    );
    let user = harness.user_token();
    let mint = |name: &str, value: Value| harness.mint(&TokenSpec::user().claim(name, value));
    let agent = mint("act", json!({ "sub": AGENT, "sub_profile": "ai_agent" }));
    let second = mint("act", json!({ "sub": AGENT, "act": { "sub": "0oa1" } }));
    let text = mint("act", json!(AGENT));
    let details = |details: Value| mint("authorization_details", details);
    let payment = details(json!([{ "type": "payment", "actions": ["status", "initiate"] }]));
    let limited = details(json!([{ "type": "payment", "actions": ["initiate"], "amount": "10" }]));
    let object = details(json!({ "type": "payment", "actions": ["initiate"] }));
    let unmet = "requirement_not_met";
    for (path, token, code) in [
        ("/agent", &agent, ""),
        ("/agent", &user, unmet),
        ("/agent", &second, unmet),
        ("/agent", &text, "claims_malformed"),
        ("/user", &user, ""),
        ("/user", &agent, unmet),
        ("/pay", &payment, ""),
        ("/pay", &limited, unmet),
        ("/pay", &object, "claims_malformed"),
        ("/pay", &user, unmet),
    ] {
        for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS / 2 {
            assert_code(&harness, path, &get(path).bearer(token), code);
        }
    }
    let received = harness.send(&get("/agent").bearer(&agent).header("x-okta-actor", "root")).json();
    assert_eq!(received["headers"]["x-okta-actor"], json!([AGENT]));
    let denied = harness.send(&get("/pay").bearer(&user));
    let challenge = denied.header("www-authenticate").unwrap();
    assert!(
        challenge.contains("error=\"insufficient_scope\"") && !challenge.contains(",scope="),
        "{challenge}"
    );
    harness.assert_alive();
}

#[test]
fn token_of_one_mcp_server_is_rejected_at_the_other() {
    let harness = harness(
        "mcp-audiences",
        json!([{ "match": { "path": "/me" }, "requires": {} }, { "match": { "prefix": "/mcp/" }, "requires": { "scopes": ["items:read"] } }]),
    );
    let token = |audience: Value| harness.mint(&TokenSpec::user().claim("aud", audience));
    let (items, both) = (token(json!(ITEMS)), token(json!([REPORTS, ITEMS])));
    let jag = harness.mint(&TokenSpec::new(Kind::IdJag).claim("aud", ITEMS));
    let other = "audience_not_allowed";
    // The second request of each worker uses the token cache.
    for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS {
        for (path, token, code) in [
            ("/mcp/items", &items, ""),
            ("/mcp/reports", &items, other),
            ("/mcp/%72eports", &items, other),
            ("/mcp/reports", &both, ""),
            ("/mcp/items", &harness.user_token(), other),
            ("/me", &items, ""),
        ] {
            assert_code(&harness, path, &get(path).bearer(token), code);
        }
    }
    assert_eq!(harness.send(&get("/mcp/items").bearer(&jag)).status, 401, "an ID-JAG");
    let challenge = harness.send(&get("/mcp/items")).header("www-authenticate").unwrap().to_owned();
    let metadata = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp/items";
    assert_eq!(
        challenge,
        format!("Bearer realm=\"api\",scope=\"items:read\",resource_metadata=\"{metadata}\"")
    );
    harness.assert_alive();
}

#[test]
fn encoded_mcp_name_is_rejected() {
    let header = |name: &str, value: &str| json!({ "name": name, "string_match": { "exact": value } });
    let harness = harness(
        "mcp-names",
        json!([
            { "match": { "path": "/me" }, "requires": {} },
            { "match": { "path": "/rpc", "headers": [header("Mcp-Name", "delete")] }, "requires": { "scopes": ["items:write"] } },
            { "match": { "path": "/rpc" }, "requires": {} },
        ]),
    );
    let token = harness.user_token();
    let call = |name: &str| request("POST", "/rpc").bearer(&token).header("mcp-name", name);
    for (name, request, code) in [
        ("another tool", call("list"), ""),
        ("the tool", call("delete"), "insufficient_scope"),
        ("the tool, encoded", call("=?base64?ZGVsZXRl?="), "header_ambiguous"),
        ("the tool, encoded in capitals", call("=?BASE64?ZGVsZXRl?="), "header_ambiguous"),
        ("two tools", call("list").header("mcp-name", "delete"), "header_ambiguous"),
    ] {
        for _ in 0..CONNECTIONS_FOR_BOTH_WORKERS / 2 {
            assert_code(&harness, name, &request, code);
        }
    }
    harness.assert_alive();
}
