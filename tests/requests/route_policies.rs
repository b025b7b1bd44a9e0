//! Route policies, and requests that already have identity headers.

use okta_authz_filter::rejection::Rejection as R;
use serde_json::json;
use test_support::common::Outcome::{Allow, Deny, Public};
use test_support::common::{Token, config, get, missing_with_scopes, scopes};

use super::modes::{admins, bearer, expired};
use super::{Auth, Row, row};

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
                    "any_token": { "requires": {} },
                    "optional": { "requires": {}, "mode": "optional" },
                },
                "rules": [{ "match": { "prefix": "/" }, "requires": { "scopes": ["b"] } }],
            }),
        )
    };
    let route = |name| get("/").route_policy(name);
    let spoofed = |name| route(name).header("x-okta-sub", "root");
    // The header that the filter sets for this token. After an internal redirect the request has
    // it.
    let redirected = |name| route(name).header("x-okta-sub", "joe.user@example.com");
    let no_route_policies = config(
        json!({}),
        json!({
            "claim_to_headers": [{ "header_name": "x-okta-sub", "claim_name": "sub" }],
            "rules": [{ "match": {}, "requires": {} }],
        }),
    );
    vec![
        row("no route policy", policies(), get("/"), bearer(), 0, scopes(&["b"])),
        row("public route policy", policies(), route("open"), Auth::Missing, 0, Public),
        row("strict route policy", policies(), route("admins"), bearer(), 0, Deny(R::RequirementNotMet)),
        row(
            "strict route policy, no token",
            policies(),
            route("admins"),
            Auth::Missing,
            0,
            Deny(R::TokenMissing),
        ),
        row("route policy denies", policies(), route("closed"), bearer(), 0, Deny(R::DeniedByRule)),
        row(
            "route policy in shadow mode: the rules decide",
            policies(),
            route("watched"),
            bearer(),
            0,
            scopes(&["b"]),
        ),
        row("unknown route policy", policies(), route("opne"), bearer(), 0, Deny(R::RoutePolicyUnknown)),
        row(
            "forged identity header, no token",
            policies(),
            spoofed("open"),
            Auth::Missing,
            0,
            Deny(R::TokenMissing),
        ),
        row(
            "forged identity header, a token",
            policies(),
            spoofed("open"),
            bearer(),
            0,
            Deny(R::RoutePolicyUnknown),
        ),
        row(
            "forged identity header with underscores",
            policies(),
            route("open").header("x_okta_sub", "root"),
            bearer(),
            0,
            Deny(R::RoutePolicyUnknown),
        ),
        row("identity header of the token", policies(), redirected("any_token"), bearer(), 0, Allow),
        row(
            "identity header of the token, public route policy",
            policies(),
            redirected("open"),
            bearer(),
            0,
            Allow,
        ),
        row("identity header of the token, optional", policies(), redirected("optional"), bearer(), 0, Allow),
        row(
            "identity header of the token, route policy not met",
            policies(),
            redirected("admins"),
            bearer(),
            0,
            Deny(R::RequirementNotMet),
        ),
        row(
            "identity header of the token, shadow, the rules deny",
            policies(),
            redirected("watched"),
            bearer(),
            0,
            scopes(&["b"]),
        ),
        row(
            "identity header of the token, shadow, the rules allow",
            policies(),
            redirected("watched"),
            Auth::Bearer(Token::user().claims(json!({ "scp": ["b"] }))),
            0,
            Allow,
        ),
        row(
            "identity header of the token, route policy denies",
            policies(),
            redirected("closed"),
            bearer(),
            0,
            Deny(R::DeniedByRule),
        ),
        row(
            "identity header of the token, no route policy",
            policies(),
            get("/").header("x-okta-sub", "joe.user@example.com"),
            bearer(),
            0,
            scopes(&["b"]),
        ),
        row(
            "identity header, no token",
            policies(),
            redirected("open"),
            Auth::Missing,
            0,
            Deny(R::TokenMissing),
        ),
        row(
            "identity header, no token, optional",
            policies(),
            redirected("optional"),
            Auth::Missing,
            0,
            Deny(R::TokenMissing),
        ),
        row(
            "identity header, no token, shadow",
            policies(),
            redirected("watched"),
            Auth::Missing,
            0,
            missing_with_scopes(&["b"]),
        ),
        row(
            "identity header, an expired token",
            policies(),
            redirected("open"),
            expired(),
            0,
            Deny(R::TokenExpired),
        ),
        row(
            "identity header of the token, twice",
            policies(),
            redirected("any_token").header("x-okta-sub", "joe.user@example.com"),
            bearer(),
            0,
            Deny(R::RoutePolicyUnknown),
        ),
        row(
            "identity header of the token, and a similar name",
            policies(),
            redirected("any_token").header("x.okta.sub", "joe.user@example.com"),
            bearer(),
            0,
            Deny(R::RoutePolicyUnknown),
        ),
        row(
            "identity header of the token with underscores",
            policies(),
            route("any_token").header("x_okta_sub", "joe.user@example.com"),
            bearer(),
            0,
            Deny(R::RoutePolicyUnknown),
        ),
        row(
            "identity header in another case",
            policies(),
            route("any_token").header("x-okta-sub", "Joe.user@example.com"),
            bearer(),
            0,
            Deny(R::RoutePolicyUnknown),
        ),
        row(
            "an empty identity header",
            policies(),
            route("any_token").header("x-okta-sub", ""),
            bearer(),
            0,
            Deny(R::RoutePolicyUnknown),
        ),
        row(
            "forged identity header, shadow, the rules allow",
            policies(),
            spoofed("watched"),
            Auth::Bearer(Token::user().claims(json!({ "scp": ["b"] }))),
            0,
            Deny(R::RoutePolicyUnknown),
        ),
        row(
            "forged identity header, no route policy, the rules allow",
            policies(),
            get("/").header("x-okta-sub", "root"),
            Auth::Bearer(Token::user().claims(json!({ "scp": ["b"] }))),
            0,
            Deny(R::RoutePolicyUnknown),
        ),
        row(
            "forged identity header, no route_policies configured",
            no_route_policies,
            get("/").header("x-okta-sub", "root"),
            bearer(),
            0,
            Allow,
        ),
        row(
            "unknown route policy, no token",
            policies(),
            route("opne"),
            Auth::Missing,
            0,
            Deny(R::TokenMissing),
        ),
        row(
            "an ambiguous path, public route policy",
            policies(),
            get("/a//b").route_policy("open"),
            Auth::Missing,
            0,
            Deny(R::PathAmbiguous),
        ),
    ]
}
