//! Rules that are not enforced, or only where there is a token; and CORS preflight.

use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::filter::{Filter, ProviderObserver, Verdict};
use okta_authz_filter::rejection::Rejection as R;
use okta_authz_filter::request::RequestHead;
use okta_authz_filter::time::UnixTime;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny, Pass, Public, Shadow};
use test_support::common::{
    NOW, Request, Token, cold, config, decide_with, filter, get, outcome, request, rules, scopes, with,
};

use super::{Row, Sent, route_policies, row};

fn mode(mode: &str, access: Value) -> Value {
    let mut rule = access;
    rule["match"] = json!({});
    rule["mode"] = json!(mode);
    rules(json!([rule]))
}

/// The whole policy in shadow mode: one enforced rule.
fn whole(access: Value) -> Value {
    with(mode("enforce", access), json!({ "mode": "shadow" }))
}

pub(super) fn admins() -> Value {
    json!({ "requires": { "groups": ["Admins"] } })
}

pub(super) fn bearer() -> Sent {
    Sent::Bearer(Token::user())
}

pub(super) fn expired() -> Sent {
    Sent::Bearer(Token::user().claims(json!({ "exp": 1 })))
}

pub(crate) fn rows() -> Vec<Row> {
    let shadow = || whole(admins());
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
        row("shadow, good", whole(json!({ "requires": {} })), get("/"), bearer(), 0, Allow),
        row("shadow, public", whole(json!({ "public": true })), get("/"), Sent::Nothing, 0, Public),
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
            whole(json!({ "deny": true })),
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
            Shadow(R::PathAmbiguous, false),
        ),
        row(
            "shadow, a host with two readings",
            shadow(),
            request("GET", "a,b", "/"),
            bearer(),
            0,
            Shadow(R::HostAmbiguous, false),
        ),
        row(
            "shadow, a method with two readings",
            shadow(),
            request("get", "api.example.com", "/"),
            bearer(),
            0,
            Shadow(R::MethodAmbiguous, false),
        ),
        row(
            "shadow, no rule",
            with(rules(json!([{ "match": { "path": "/a" }, "public": true }])), json!({ "mode": "shadow" })),
            get("/"),
            bearer(),
            0,
            Shadow(R::NoRuleMatches, true),
        ),
        row(
            "shadow, no rule and no token",
            with(rules(json!([{ "match": { "path": "/a" }, "public": true }])), json!({ "mode": "shadow" })),
            get("/"),
            Sent::Nothing,
            0,
            Shadow(R::TokenMissing, false),
        ),
        row(
            "shadow, no rules at all",
            with(rules(json!([])), json!({ "mode": "shadow" })),
            get("/"),
            expired(),
            0,
            Shadow(R::TokenExpired, false),
        ),
        row(
            "shadow, a scope",
            whole(json!({ "requires": { "scopes": ["b"] } })),
            get("/"),
            bearer(),
            0,
            Shadow(R::InsufficientScope, true),
        ),
        row(
            "shadow, optional, no token",
            with(optional(), json!({ "mode": "shadow" })),
            get("/"),
            Sent::Nothing,
            0,
            Pass("anonymous"),
        ),
        row(
            "shadow, optional, expired",
            with(optional(), json!({ "mode": "shadow" })),
            get("/"),
            expired(),
            0,
            Shadow(R::TokenExpired, false),
        ),
        row(
            "enforced as a whole",
            with(mode("enforce", admins()), json!({ "mode": "enforce" })),
            get("/"),
            bearer(),
            0,
            Deny(R::RequirementNotMet),
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
    rows.extend(route_policies::rows());
    rows.extend(shadows().into_iter().map(|(row, _)| row));
    rows
}

/// Rules in shadow mode, and the codes for which each of them would have denied the request.
fn shadows() -> Vec<(Row, &'static [R])> {
    let before = |shadow: Value, enforced: Value| {
        let shadow = with(shadow, json!({ "match": {}, "mode": "shadow" }));
        rules(json!([shadow, with(enforced, json!({ "match": {} }))]))
    };
    let strict = || json!({ "requires": { "scopes": ["b"] } });
    let any = || json!({ "requires": {} });
    let public = || json!({ "public": true });
    let basic = || Sent::Values(vec!["Basic dXNlcg==".to_owned()]);
    let open_behind = |list: Value| {
        let mut list = list;
        list.as_array_mut().unwrap().push(json!({ "match": {}, "public": true }));
        rules(list)
    };
    let policies = |policy: Value, rules: Value| {
        config(json!({}), json!({ "route_policies": { "watched": policy }, "rules": rules }))
    };
    let watched = || with(admins(), json!({ "mode": "shadow" }));
    let at_route = || get("/").route_policy("watched");
    vec![
        (
            row(
                "shadow passes, enforced denies",
                before(any(), strict()),
                get("/"),
                bearer(),
                0,
                scopes(&["b"]),
            ),
            &[],
        ),
        (
            row("shadow denies, enforced passes", before(strict(), any()), get("/"), bearer(), 0, Allow),
            &[R::InsufficientScope],
        ),
        (
            row("both deny", before(admins(), strict()), get("/"), bearer(), 0, scopes(&["b"])),
            &[R::RequirementNotMet],
        ),
        (
            row(
                "neither has a token",
                before(any(), any()),
                get("/"),
                Sent::Nothing,
                0,
                Deny(R::TokenMissing),
            ),
            &[R::TokenMissing],
        ),
        (
            row("expired for both", before(any(), any()), get("/"), expired(), 0, Deny(R::TokenExpired)),
            &[R::TokenExpired],
        ),
        (
            row("public behind, no token", before(any(), public()), get("/"), Sent::Nothing, 0, Public),
            &[R::TokenMissing],
        ),
        (
            row("public behind, another scheme", before(any(), public()), get("/"), basic(), 0, Public),
            &[R::TokenMissing],
        ),
        (row("public behind, a good token", before(any(), public()), get("/"), bearer(), 0, Public), &[]),
        (
            row("public behind, expired", before(any(), public()), get("/"), expired(), 0, Public),
            &[R::TokenExpired],
        ),
        (
            row("public behind, unmet", before(admins(), public()), get("/"), bearer(), 0, Public),
            &[R::RequirementNotMet],
        ),
        (
            row(
                "deny behind",
                before(any(), json!({ "deny": true })),
                get("/"),
                bearer(),
                0,
                Deny(R::DeniedByRule),
            ),
            &[],
        ),
        (
            row("deny in shadow", before(json!({ "deny": true }), any()), get("/"), bearer(), 0, Allow),
            &[R::DeniedByRule],
        ),
        (
            row(
                "optional behind, no token",
                before(any(), json!({ "requires": {}, "mode": "optional" })),
                get("/"),
                Sent::Nothing,
                0,
                Pass("anonymous"),
            ),
            &[R::TokenMissing],
        ),
        (
            row(
                "optional behind, expired",
                before(any(), json!({ "requires": {}, "mode": "optional" })),
                get("/"),
                expired(),
                0,
                Deny(R::TokenExpired),
            ),
            &[R::TokenExpired],
        ),
        (
            row("nothing behind, good", mode("shadow", any()), get("/"), bearer(), 0, Deny(R::NoRuleMatches)),
            &[],
        ),
        (
            row(
                "nothing behind, no token",
                mode("shadow", any()),
                get("/"),
                Sent::Nothing,
                0,
                Deny(R::TokenMissing),
            ),
            &[R::TokenMissing],
        ),
        (
            row(
                "several in a row, and one of another path",
                open_behind(json!([
                    { "match": {}, "requires": { "scopes": ["b"] }, "mode": "shadow" },
                    { "match": { "path": "/other" }, "deny": true, "mode": "shadow" },
                    { "match": { "path": "/" }, "requires": {}, "mode": "shadow" },
                    { "match": { "prefix": "/" }, "requires": { "groups": ["Admins"] }, "mode": "shadow" },
                ])),
                get("/"),
                bearer(),
                0,
                Public,
            ),
            &[R::InsufficientScope, R::RequirementNotMet],
        ),
        (
            row(
                "a rule on an unknown address would deny, and the next rule decides",
                open_behind(json!([
                    { "match": { "remote_ip": ["10.0.0.0/8"] }, "requires": {}, "mode": "shadow" },
                    { "match": { "path": "/other", "remote_ip": ["10.0.0.0/8"] }, "deny": true, "mode": "shadow" },
                ])),
                get("/"),
                Sent::Nothing,
                0,
                Public,
            ),
            &[R::RemoteIpUnknown],
        ),
        (
            row(
                "a rule on another address is passed over",
                open_behind(json!([
                    { "match": { "remote_ip": ["10.0.0.0/8"] }, "deny": true, "mode": "shadow" },
                ])),
                get("/").at_address("11.0.0.1"),
                Sent::Nothing,
                0,
                Public,
            ),
            &[],
        ),
        (
            row(
                "one behind the rule that decides is not asked",
                rules(json!([
                    { "match": {}, "public": true }, { "match": {}, "deny": true, "mode": "shadow" },
                ])),
                get("/"),
                bearer(),
                0,
                Public,
            ),
            &[],
        ),
        (
            row(
                "a path with two readings before a rule in shadow",
                before(any(), public()),
                get("/a/../b"),
                bearer(),
                0,
                Deny(R::PathAmbiguous),
            ),
            &[],
        ),
        (
            row(
                "a route in shadow, and the rules deny",
                policies(watched(), json!([{ "match": {}, "requires": { "scopes": ["b"] } }])),
                at_route(),
                bearer(),
                0,
                scopes(&["b"]),
            ),
            &[R::RequirementNotMet],
        ),
        (
            row(
                "a route in shadow, and no rule is for it",
                policies(watched(), json!([{ "match": { "path": "/a" }, "public": true }])),
                at_route(),
                bearer(),
                0,
                Deny(R::NoRuleMatches),
            ),
            &[R::RequirementNotMet],
        ),
        (
            row(
                "a route in shadow, then a rule in shadow, then a public one",
                policies(
                    watched(),
                    json!([
                        { "match": {}, "requires": { "scopes": ["b"] }, "mode": "shadow" },
                        { "match": {}, "public": true },
                    ]),
                ),
                at_route(),
                bearer(),
                0,
                Public,
            ),
            &[R::RequirementNotMet, R::InsufficientScope],
        ),
        (
            row(
                "an enforced route, and rules in shadow that are not for it",
                policies(
                    json!({ "requires": {} }),
                    json!([{ "match": {}, "deny": true, "mode": "shadow" }, { "match": {}, "public": true }]),
                ),
                at_route(),
                bearer(),
                0,
                Allow,
            ),
            &[],
        ),
        (
            row(
                "the whole policy in shadow, and a rule of it",
                with(before(strict(), admins()), json!({ "mode": "shadow" })),
                get("/"),
                bearer(),
                0,
                Shadow(R::RequirementNotMet, true),
            ),
            &[R::InsufficientScope],
        ),
    ]
}

/// The codes with which rules in shadow mode would have denied a request.
fn would_deny(filter: &Filter, request: &Request, credentials: &[(&str, &[u8])]) -> (Verdict, Vec<R>) {
    let own = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
    let pseudo = [(":method", request.method), (":authority", request.authority), (":path", &request.path)];
    let pseudo = pseudo.into_iter().map(|(name, value)| (name, value.as_bytes()));
    let headers: Vec<_> = pseudo.chain(credentials.iter().copied()).chain(own).collect();
    let route_policy = request.route_policy.map(str::as_bytes);
    let head = RequestHead { route_policy, remote_ip: request.remote_ip, ..RequestHead::new(&headers) };
    let mut observer = ProviderObserver::default();
    let verdict = filter.decide_with_observer(&head, UnixTime::from_seconds(NOW), &Software, &mut observer);
    let ProviderObserver { shadows, .. } = observer;
    (verdict, shadows)
}

#[test]
fn shadow_rules_are_asked_and_the_next_rule_decides() {
    for (row, codes) in shadows() {
        let filter = filter(&row.config);
        let credentials = row.credentials();
        let headers: Vec<_> = credentials.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        for again in ["", ", seen before"] {
            let (verdict, shadows) = would_deny(&filter, &row.request, &headers);
            assert_eq!((outcome(verdict), &*shadows), (row.verdict.clone(), codes), "{}{again}", row.name);
        }
    }
}

#[test]
fn shadow_rule_without_keys_asks_for_them_and_waits_for_nothing() {
    let row = cold_rows().into_iter().find(|row| row.name == "a rule in shadow before a public one").unwrap();
    let credentials = row.credentials();
    let headers: Vec<_> = credentials.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let (verdict, shadows) = would_deny(&cold(&row.config), &row.request, &headers);
    let Verdict::Allow(permit) = verdict else { panic!("{verdict:?}") };
    assert_eq!(shadows, [R::KeysUnavailable]);
    assert!(permit.pending_fetch().is_some() && permit.log_attributes().next().is_none());
}

#[test]
fn shadow_rule_verifies_and_the_public_rule_behind_tells_nobody() {
    let headers = json!([{ "header_name": "x-okta-sub", "claim_name": "sub" }]);
    let config = |rules: Value| config(json!({}), json!({ "claim_to_headers": headers, "rules": rules }));
    let token = format!("Bearer {}", Token::user().compact());
    let of = |rules: Value| match decide_with(
        &filter(&config(rules)),
        &get("/"),
        &[("authorization", token.as_bytes())],
        NOW,
    ) {
        Verdict::Allow(permit) => permit.identity_headers().len(),
        other => panic!("{other:?}"),
    };
    let shadow = json!({ "match": {}, "requires": {}, "mode": "shadow" });
    assert_eq!(of(json!([shadow, { "match": {}, "public": true }])), 0);
    assert_eq!(of(json!([shadow, { "match": {}, "requires": {} }])), 1);
}

/// Without keys: nobody waits for a rule that is not enforced.
pub(crate) fn cold_rows() -> Vec<Row> {
    let strict = || mode("optional", json!({ "requires": {} }));
    vec![
        row("shadow", whole(admins()), get("/"), bearer(), 0, Shadow(R::KeysUnavailable, false)),
        row(
            "a rule in shadow before a public one",
            rules(json!([
                { "match": {}, "requires": {}, "mode": "shadow" }, { "match": {}, "public": true },
            ])),
            get("/"),
            bearer(),
            0,
            Public,
        ),
        row(
            "a rule in shadow before an enforced one",
            rules(json!([
                { "match": {}, "requires": {}, "mode": "shadow" }, { "match": {}, "requires": {} },
            ])),
            get("/"),
            bearer(),
            0,
            test_support::common::Outcome::Wait(R::KeysUnavailable),
        ),
        row(
            "optional",
            strict(),
            get("/"),
            bearer(),
            0,
            test_support::common::Outcome::Wait(R::KeysUnavailable),
        ),
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
