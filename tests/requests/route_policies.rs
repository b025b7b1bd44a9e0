//! Policies that a route names, and identity headers that the request brings along.

use okta_authz_filter::rejection::Rejection as R;
use serde_json::json;
use test_support::common::Outcome::{Allow, Deny, Public};
use test_support::common::{Token, config, get, scopes};

use super::modes::{admins, bearer, expired};
use super::{Row, Sent, row};

pub(crate) fn rows() -> Vec<Row> {
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
        row("a route in shadow: the rules decide", policies(), route("watched"), bearer(), 0, scopes(&["b"])),
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
            "the same in shadow, and the rules deny",
            policies(),
            own("watched"),
            bearer(),
            0,
            scopes(&["b"]),
        ),
        row(
            "the same in shadow, and the rules allow",
            policies(),
            own("watched"),
            Sent::Bearer(Token::user().claims(json!({ "scp": ["b"] }))),
            0,
            Allow,
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
        row(
            "another's, in shadow, and the rules allow",
            policies(),
            spoofed("watched"),
            Sent::Bearer(Token::user().claims(json!({ "scp": ["b"] }))),
            0,
            Deny(R::RoutePolicyUnknown),
        ),
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
