//! Conditions on `Mcp-Method` and `Mcp-Name`, the headers of the Model Context Protocol (MCP).

use okta_authz_filter::rejection::Rejection as R;
use serde_json::json;
use test_support::common::Outcome::{Allow, Deny};
use test_support::common::{Outcome, Request, Token, missing_with_scopes, request, rules, scopes};

use super::{Auth, Row, row};

pub(crate) fn rows() -> Vec<Row> {
    let condition = |name: &str, value: &str| json!({ "name": name, "string_match": { "exact": value } });
    let absent = json!({ "name": "Mcp-Method", "present_match": true, "invert_match": true });
    let tools = || {
        rules(json!([
            { "match": { "path": "/mcp", "headers": [absent.clone()] }, "deny": true },
            { "match": { "path": "/mcp", "headers": [condition("mcp-method", "tools/call"), condition("mcp-name", "read")] }, "requires": { "scopes": ["items:read"] } },
            { "match": { "path": "/mcp", "headers": [condition("mcp-method", "tools/call"), condition("mcp-name", "delete")] }, "requires": { "scopes": ["items:read", "items:write"] } },
            { "match": { "path": "/mcp", "headers": [condition("mcp-method", "tools/call")] }, "deny": true },
            { "match": { "path": "/mcp" }, "requires": {} },
        ]))
    };
    let call = |name: &str| post().header("mcp-method", "tools/call").header("mcp-name", name);
    let user = || Auth::Bearer(Token::user());
    let table: Vec<(&'static str, Request, Auth, Outcome)> = vec![
        ("mcp, a tool whose scope the token has", call("read"), user(), Allow),
        (
            "mcp, a tool that needs one more scope",
            call("delete"),
            user(),
            scopes(&["items:read", "items:write"]),
        ),
        (
            "mcp, a tool without a token",
            call("delete"),
            Auth::Missing,
            missing_with_scopes(&["items:read", "items:write"]),
        ),
        ("mcp, an unknown tool", call("drop"), user(), Deny(R::DeniedByRule)),
        ("mcp, a name in another case", call("Read"), user(), Deny(R::DeniedByRule)),
        ("mcp, an encoded name", call("=?base64?cmVhZA==?="), user(), Deny(R::HeaderAmbiguous)),
        ("mcp, an encoded name in capitals", call("=?BASE64?ZGVsZXRl?="), user(), Deny(R::HeaderAmbiguous)),
        (
            "mcp, an encoded method",
            post().header("mcp-method", "=?base64?dG9vbHMvY2FsbA==?="),
            user(),
            Deny(R::HeaderAmbiguous),
        ),
        ("mcp, two names", call("read").header("mcp-name", "delete"), user(), Deny(R::HeaderAmbiguous)),
        ("mcp, joined names", call("read,delete"), user(), Deny(R::HeaderAmbiguous)),
        (
            "mcp, a name under another spelling",
            call("read").header("mcp_name", "delete"),
            user(),
            Deny(R::HeaderAmbiguous),
        ),
        ("mcp, no method", post(), user(), Deny(R::DeniedByRule)),
        ("mcp, no name", post().header("mcp-method", "tools/call"), user(), Deny(R::DeniedByRule)),
        ("mcp, another method", post().header("mcp-method", "tools/list"), user(), Allow),
    ];
    table
        .into_iter()
        .map(|(name, request, auth, expected)| row(name, tools(), request, auth, 0, expected))
        .collect()
}

fn post() -> Request {
    request("POST", "api.example.com", "/mcp")
}
