//! Rules that are not enforced, or only where there is a token; CORS preflight; and what a route says.

use serde_json::{Value, json};

use super::common::Outcome::{Allow, Deny, Pass, Public, Shadow};
use super::common::{Token, config, get, request, rules, scopes};
use super::{Row, Sent, row};
use okta_authz_filter::rejection::Rejection as R;

fn mode(mode: &str, access: Value) -> Value {
    let mut rule = access;
    rule["match"] = json!({});
    rule["mode"] = json!(mode);
    rules(json!([rule]))
}

fn admins() -> Value {
    json!({ "requires": { "groups": ["Admins"] } })
}

fn bearer() -> Sent {
    Sent::Bearer(Token::user())
}

fn expired() -> Sent {
    Sent::Bearer(Token::user().claims(json!({ "exp": 1 })))
}

pub(crate) fn rows() -> Vec<Row> {
    let shadow = || mode("shadow", admins());
    let optional = || mode("optional", json!({ "requires": { "scopes": ["openid"] } }));
    let basic = || Sent::Values(vec!["Basic dXNlcg==".to_owned()]);
    let twice = || Sent::Values(vec!["Bearer a".to_owned(), "Bearer b".to_owned()]);
    let forged = || {
        let mut token = Token::user();
        token.payload = token.payload.replace("joe.user", "eve.user");
        let signed = Token::user().compact();
        let (_, signature) = signed.rsplit_once('.').unwrap();
        Sent::Values(vec![format!("Bearer {}.{signature}", token.compact().rsplit_once('.').unwrap().0)])
    };
    let mut rows = vec![
        row(
            "enforce is the default",
            mode("enforce", admins()),
            get("/"),
            bearer(),
            0,
            Deny(R::RequirementNotMet),
        ),
        row("shadow, good", mode("shadow", json!({ "requires": {} })), get("/"), bearer(), 0, Allow),
        row(
            "shadow, requirement not met",
            shadow(),
            get("/"),
            bearer(),
            0,
            Shadow(R::RequirementNotMet, true),
        ),
        row("shadow, no token", shadow(), get("/"), Sent::Nothing, 0, Shadow(R::TokenMissing, false)),
        row("shadow, expired", shadow(), get("/"), expired(), 0, Shadow(R::TokenExpired, false)),
        row("shadow, forged: nobody's", shadow(), get("/"), forged(), 0, Shadow(R::SignatureInvalid, false)),
        row("shadow, two tokens", shadow(), get("/"), twice(), 0, Shadow(R::MultipleCredentials, false)),
        row(
            "shadow, denied by the rule",
            mode("shadow", json!({ "deny": true })),
            get("/"),
            bearer(),
            0,
            Shadow(R::DeniedByRule, true),
        ),
        row(
            "shadow, a path with two readings",
            shadow(),
            get("/a/../b"),
            bearer(),
            0,
            Deny(R::PathAmbiguous),
        ),
        row("optional, good", optional(), get("/"), bearer(), 0, Allow),
        row("optional, no token", optional(), get("/"), Sent::Nothing, 0, Pass("anonymous")),
        row("optional, another scheme", optional(), get("/"), basic(), 0, Pass("anonymous")),
        row("optional, expired", optional(), get("/"), expired(), 0, Deny(R::TokenExpired)),
        row("optional, forged", optional(), get("/"), forged(), 0, Deny(R::SignatureInvalid)),
        row("optional, two tokens", optional(), get("/"), twice(), 0, Deny(R::MultipleCredentials)),
        row(
            "optional, requirement not met",
            mode("optional", json!({ "requires": { "scopes": ["b"] } })),
            get("/"),
            bearer(),
            0,
            scopes(&["b"]),
        ),
    ];
    rows.extend(preflight());
    rows.extend(routes());
    rows
}

/// Without keys: nobody waits for a rule that is not enforced.
pub(crate) fn cold_rows() -> Vec<Row> {
    let strict = || mode("optional", json!({ "requires": {} }));
    vec![
        row("shadow", mode("shadow", admins()), get("/"), bearer(), 0, Shadow(R::KeysUnavailable, false)),
        row("optional", strict(), get("/"), bearer(), 0, super::common::Outcome::Wait(R::KeysUnavailable)),
        row("optional, no token", strict(), get("/"), Sent::Nothing, 0, Pass("anonymous")),
    ]
}

fn preflight() -> Vec<Row> {
    let bypassing = || config(json!({}), json!({ "bypass_cors_preflight": true }));
    let asks = |method| {
        request(method, "api.example.com", "/items")
            .header("origin", "https://app.example.com")
            .header("access-control-request-method", "POST")
    };
    let strict = || config(json!({}), json!({}));
    let plain = || request("OPTIONS", "api.example.com", "/items");
    vec![
        row("preflight passes", bypassing(), asks("OPTIONS"), Sent::Nothing, 0, Pass("cors_preflight")),
        row("preflight, unless told so", strict(), asks("OPTIONS"), Sent::Nothing, 0, Deny(R::TokenMissing)),
        row("OPTIONS alone is no preflight", bypassing(), plain(), Sent::Nothing, 0, Deny(R::TokenMissing)),
        row("GET is no preflight", bypassing(), asks("GET"), Sent::Nothing, 0, Deny(R::TokenMissing)),
        row(
            "preflight, and its token is not looked at",
            bypassing(),
            asks("OPTIONS"),
            expired(),
            0,
            Pass("cors_preflight"),
        ),
    ]
}

fn routes() -> Vec<Row> {
    let policies = || {
        let admins = admins();
        config(
            json!({}),
            json!({
                "claim_to_headers": [{ "header_name": "x-okta-sub", "claim_name": "sub" }],
                "route_policies": {
                    "open": { "public": true },
                    "admins": admins,
                    "closed": { "deny": true },
                    "watched": { "requires": { "groups": ["Admins"] }, "mode": "shadow" },
                    "anybody": { "requires": {} },
                    "maybe": { "requires": {}, "mode": "optional" },
                },
                "rules": [{ "match": { "prefix": "/" }, "requires": { "scopes": ["b"] } }],
            }),
        )
    };
    let route = |name| get("/").route_policy(name);
    let spoofed = |name| route(name).header("x-okta-sub", "root");
    // As the filter sets it for this token: an internal redirect brings it along.
    let own = |name| route(name).header("x-okta-sub", "joe.user@example.com");
    let no_route_policies = config(
        json!({}),
        json!({
            "claim_to_headers": [{ "header_name": "x-okta-sub", "claim_name": "sub" }],
            "rules": [{ "match": {}, "requires": {} }],
        }),
    );
    vec![
        row("a route that says nothing", policies(), get("/"), bearer(), 0, scopes(&["b"])),
        row("a public route", policies(), route("open"), Sent::Nothing, 0, Public),
        row("a strict route", policies(), route("admins"), bearer(), 0, Deny(R::RequirementNotMet)),
        row("a strict route, no token", policies(), route("admins"), Sent::Nothing, 0, Deny(R::TokenMissing)),
        row("a closed route", policies(), route("closed"), bearer(), 0, Deny(R::DeniedByRule)),
        row(
            "a route in shadow",
            policies(),
            route("watched"),
            bearer(),
            0,
            Shadow(R::RequirementNotMet, true),
        ),
        row(
            "a route with a policy nobody knows",
            policies(),
            route("opne"),
            bearer(),
            0,
            Deny(R::RoutePolicyUnknown),
        ),
        row(
            "a route picked with an identity header",
            policies(),
            spoofed("open"),
            Sent::Nothing,
            0,
            Deny(R::TokenMissing),
        ),
        row("the same with a token", policies(), spoofed("open"), bearer(), 0, Deny(R::RoutePolicyUnknown)),
        row(
            "an identity header under another name",
            policies(),
            route("open").header("x_okta_sub", "root"),
            bearer(),
            0,
            Deny(R::RoutePolicyUnknown),
        ),
        row("the token's own identity header", policies(), own("anybody"), bearer(), 0, Allow),
        row("the same on a public route", policies(), own("open"), bearer(), 0, Allow),
        row("the same where a token is optional", policies(), own("maybe"), bearer(), 0, Allow),
        row(
            "the same, and the policy is not met",
            policies(),
            own("admins"),
            bearer(),
            0,
            Deny(R::RequirementNotMet),
        ),
        row(
            "the same in shadow",
            policies(),
            own("watched"),
            bearer(),
            0,
            Shadow(R::RequirementNotMet, true),
        ),
        row("the same on a closed route", policies(), own("closed"), bearer(), 0, Deny(R::DeniedByRule)),
        row(
            "the same under a rule",
            policies(),
            get("/").header("x-okta-sub", "joe.user@example.com"),
            bearer(),
            0,
            scopes(&["b"]),
        ),
        row("the same, no token", policies(), own("open"), Sent::Nothing, 0, Deny(R::TokenMissing)),
        row(
            "the same, no token, optional",
            policies(),
            own("maybe"),
            Sent::Nothing,
            0,
            Deny(R::TokenMissing),
        ),
        row(
            "the same, no token, shadow",
            policies(),
            own("watched"),
            Sent::Nothing,
            0,
            Deny(R::TokenMissing),
        ),
        row("the same, an old token", policies(), own("open"), expired(), 0, Deny(R::TokenExpired)),
        row(
            "the same twice",
            policies(),
            own("anybody").header("x-okta-sub", "joe.user@example.com"),
            bearer(),
            0,
            Deny(R::RoutePolicyUnknown),
        ),
        row(
            "the same, and one like it",
            policies(),
            own("anybody").header("x.okta.sub", "joe.user@example.com"),
            bearer(),
            0,
            Deny(R::RoutePolicyUnknown),
        ),
        row(
            "the same under another name",
            policies(),
            route("anybody").header("x_okta_sub", "joe.user@example.com"),
            bearer(),
            0,
            Deny(R::RoutePolicyUnknown),
        ),
        row(
            "nearly the same",
            policies(),
            route("anybody").header("x-okta-sub", "Joe.user@example.com"),
            bearer(),
            0,
            Deny(R::RoutePolicyUnknown),
        ),
        row(
            "nothing in it",
            policies(),
            route("anybody").header("x-okta-sub", ""),
            bearer(),
            0,
            Deny(R::RoutePolicyUnknown),
        ),
        row("another's, in shadow", policies(), spoofed("watched"), bearer(), 0, Deny(R::RoutePolicyUnknown)),
        row(
            "another's, under a rule",
            policies(),
            get("/").header("x-okta-sub", "root"),
            Sent::Bearer(Token::user().claims(json!({ "scp": ["b"] }))),
            0,
            Deny(R::RoutePolicyUnknown),
        ),
        row(
            "an identity header, and no policies of routes",
            no_route_policies,
            get("/").header("x-okta-sub", "root"),
            bearer(),
            0,
            Allow,
        ),
        row(
            "a policy nobody knows, without a token",
            policies(),
            route("opne"),
            Sent::Nothing,
            0,
            Deny(R::TokenMissing),
        ),
        row(
            "a path with two readings on a public route",
            policies(),
            get("/a//b").route_policy("open"),
            Sent::Nothing,
            0,
            Deny(R::PathAmbiguous),
        ),
    ]
}
