//! Rules and route policies in shadow mode: the filter evaluates them, and the next rule decides.

use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::filter::{Environment, Filter, MetricsObserver, Verdict};
use okta_authz_filter::rejection::Rejection as R;
use okta_authz_filter::request::RequestHead;
use okta_authz_filter::time::UnixTime;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny, Pass, Public, Shadow};
use test_support::common::{
    NOW, Outcome, Request, Token, cold, config, decide_with, filter, get, outcome, rules, scopes, with,
};

use super::modes::{admins, bearer, expired, mode, rows_without_keys};
use super::{Auth, Row, row};

/// Name, configuration, request, `Authorization`, outcome, and the codes of the shadow rules.
type ShadowRow = (&'static str, Value, Request, Auth, Outcome, &'static [R]);

pub(crate) fn rows() -> Vec<Row> {
    rows_with_shadow_codes().into_iter().map(|(row, _)| row).collect()
}

/// Returns rows, each with the codes with which its shadow rules would have denied the request.
fn rows_with_shadow_codes() -> Vec<(Row, &'static [R])> {
    let before = |shadow: Value, enforced: Value| {
        let shadow = with(shadow, json!({ "match": {}, "mode": "shadow" }));
        rules(json!([shadow, with(enforced, json!({ "match": {} }))]))
    };
    let strict = || json!({ "requires": { "scopes": ["b"] } });
    let any = || json!({ "requires": {} });
    let public = || json!({ "public": true });
    let basic = || Auth::Values(vec!["Basic dXNlcg==".to_owned()]);
    let with_public_rule = |list: Value| {
        let mut list = list;
        list.as_array_mut().unwrap().push(json!({ "match": {}, "public": true }));
        rules(list)
    };
    let policies = |policy: Value, rules: Value| {
        config(json!({}), json!({ "route_policies": { "watched": policy }, "rules": rules }))
    };
    let watched = || with(admins(), json!({ "mode": "shadow" }));
    let at_route = || get("/").route_policy("watched");
    let at_root: Vec<(&'static str, Value, Auth, Outcome, &'static [R])> = vec![
        ("shadow allows, enforced denies", before(any(), strict()), bearer(), scopes(&["b"]), &[]),
        ("shadow denies, enforced allows", before(strict(), any()), bearer(), Allow, &[R::InsufficientScope]),
        ("both deny", before(admins(), strict()), bearer(), scopes(&["b"]), &[R::RequirementNotMet]),
        (
            "both deny, no token",
            before(any(), any()),
            Auth::Missing,
            Deny(R::TokenMissing),
            &[R::TokenMissing],
        ),
        ("both deny, expired", before(any(), any()), expired(), Deny(R::TokenExpired), &[R::TokenExpired]),
        ("public rule follows, no token", before(any(), public()), Auth::Missing, Public, &[R::TokenMissing]),
        ("public rule follows, another scheme", before(any(), public()), basic(), Public, &[R::TokenMissing]),
        ("public rule follows, a valid token", before(any(), public()), bearer(), Public, &[]),
        ("public rule follows, expired", before(any(), public()), expired(), Public, &[R::TokenExpired]),
        (
            "public rule follows, requirement not met",
            before(admins(), public()),
            bearer(),
            Public,
            &[R::RequirementNotMet],
        ),
        ("deny rule follows", before(any(), json!({ "deny": true })), bearer(), Deny(R::DeniedByRule), &[]),
        (
            "deny rule in shadow mode",
            before(json!({ "deny": true }), any()),
            bearer(),
            Allow,
            &[R::DeniedByRule],
        ),
        (
            "optional rule follows, no token",
            before(any(), json!({ "requires": {}, "mode": "optional" })),
            Auth::Missing,
            Pass("anonymous"),
            &[R::TokenMissing],
        ),
        (
            "optional rule follows, expired",
            before(any(), json!({ "requires": {}, "mode": "optional" })),
            expired(),
            Deny(R::TokenExpired),
            &[R::TokenExpired],
        ),
        ("no rule follows, a valid token", mode("shadow", any()), bearer(), Deny(R::NoRuleMatches), &[]),
        (
            "no rule follows, no token",
            mode("shadow", any()),
            Auth::Missing,
            Deny(R::TokenMissing),
            &[R::TokenMissing],
        ),
        (
            "several shadow rules, one for another path",
            with_public_rule(json!([
                { "match": {}, "requires": { "scopes": ["b"] }, "mode": "shadow" },
                { "match": { "path": "/other" }, "deny": true, "mode": "shadow" },
                { "match": { "path": "/" }, "requires": {}, "mode": "shadow" },
                { "match": { "prefix": "/" }, "requires": { "groups": ["Admins"] }, "mode": "shadow" },
            ])),
            bearer(),
            Public,
            &[R::InsufficientScope, R::RequirementNotMet],
        ),
        (
            "remote_ip, address unknown: the rule would deny",
            with_public_rule(json!([
                { "match": { "remote_ip": ["10.0.0.0/8"] }, "requires": {}, "mode": "shadow" },
                { "match": { "path": "/other", "remote_ip": ["10.0.0.0/8"] }, "deny": true, "mode": "shadow" },
            ])),
            Auth::Missing,
            Public,
            &[R::RemoteIpUnknown],
        ),
        (
            "a shadow rule after the deciding rule is not evaluated",
            rules(json!([
                { "match": {}, "public": true }, { "match": {}, "deny": true, "mode": "shadow" },
            ])),
            bearer(),
            Public,
            &[],
        ),
        (
            "policy and rule in shadow mode",
            with(before(strict(), admins()), json!({ "mode": "shadow" })),
            bearer(),
            Shadow(R::RequirementNotMet, true),
            &[R::InsufficientScope],
        ),
    ];
    let others: Vec<ShadowRow> = vec![
        (
            "remote_ip, another address: the rule does not match",
            with_public_rule(json!([
                { "match": { "remote_ip": ["10.0.0.0/8"] }, "deny": true, "mode": "shadow" },
            ])),
            get("/").at_address("11.0.0.1"),
            Auth::Missing,
            Public,
            &[],
        ),
        (
            "an ambiguous path is denied before the shadow rule",
            before(any(), public()),
            get("/a/../b"),
            bearer(),
            Deny(R::PathAmbiguous),
            &[],
        ),
        (
            "route policy in shadow mode, the rules deny",
            policies(watched(), json!([{ "match": {}, "requires": { "scopes": ["b"] } }])),
            at_route(),
            bearer(),
            scopes(&["b"]),
            &[R::RequirementNotMet],
        ),
        (
            "route policy in shadow mode, no rule matches",
            policies(watched(), json!([{ "match": { "path": "/a" }, "public": true }])),
            at_route(),
            bearer(),
            Deny(R::NoRuleMatches),
            &[R::RequirementNotMet],
        ),
        (
            "route policy and rule in shadow mode, then a public rule",
            policies(
                watched(),
                json!([
                    { "match": {}, "requires": { "scopes": ["b"] }, "mode": "shadow" },
                    { "match": {}, "public": true },
                ]),
            ),
            at_route(),
            bearer(),
            Public,
            &[R::RequirementNotMet, R::InsufficientScope],
        ),
        (
            "enforced route policy, a shadow rule is not evaluated",
            policies(
                json!({ "requires": {} }),
                json!([{ "match": {}, "deny": true, "mode": "shadow" }, { "match": {}, "public": true }]),
            ),
            at_route(),
            bearer(),
            Allow,
            &[],
        ),
    ];
    let at_root = at_root
        .into_iter()
        .map(|(name, config, auth, expected, codes)| (name, config, get("/"), auth, expected, codes));
    let row_of = |(name, config, request, auth, expected, codes)| {
        (row(name, config, request, auth, 0, expected), codes)
    };
    at_root.chain(others).map(row_of).collect()
}

/// Returns the decision, and the codes with which shadow rules would have denied the request.
fn decide_with_shadow_codes(
    filter: &Filter,
    request: &Request,
    credentials: &[(&str, &[u8])],
) -> (Verdict, Vec<R>) {
    let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
    let pseudo = [(":method", request.method), (":authority", request.authority), (":path", &request.path)];
    let pseudo = pseudo.into_iter().map(|(name, value)| (name, value.as_bytes()));
    let all: Vec<_> = pseudo.chain(credentials.iter().copied()).chain(headers).collect();
    let route_policy = request.route_policy.map(str::as_bytes);
    let head = RequestHead { route_policy, remote_ip: request.remote_ip, ..RequestHead::new(&all) };
    let mut observer = MetricsObserver::default();
    let environment = Environment::new(UnixTime::from_seconds(NOW), &Software);
    let verdict = filter.decide_with_observer(&head, &environment, &mut observer);
    let MetricsObserver { shadow_denials, .. } = observer;
    (verdict, shadow_denials)
}

#[test]
fn shadow_rule_reports_its_code_and_the_next_rule_decides() {
    for (row, codes) in rows_with_shadow_codes() {
        let filter = filter(&row.config);
        let credentials = row.credentials();
        let headers: Vec<_> = credentials.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        for suffix in ["", ", token cached"] {
            let (verdict, shadows) = decide_with_shadow_codes(&filter, &row.request, &headers);
            assert_eq!((outcome(verdict), &*shadows), (row.expected.clone(), codes), "{}{suffix}", row.name);
        }
    }
}

#[test]
fn shadow_rule_without_keys_starts_a_fetch_and_does_not_wait() {
    let row = rows_without_keys()
        .into_iter()
        .find(|row| row.name == "a rule in shadow mode before a public rule")
        .unwrap();
    let credentials = row.credentials();
    let headers: Vec<_> = credentials.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let (verdict, shadows) = decide_with_shadow_codes(&cold(&row.config), &row.request, &headers);
    let Verdict::Allow(permit) = verdict else { panic!("{verdict:?}") };
    assert_eq!(shadows, [R::KeysUnavailable]);
    assert!(permit.pending_fetch().is_some() && !permit.is_verified());
}

#[test]
fn shadow_rule_before_public_rule_sets_no_identity_headers() {
    let headers = json!([{ "header_name": "x-okta-sub", "claim_name": "sub" }]);
    let config = |rules: Value| config(json!({}), json!({ "claim_to_headers": headers, "rules": rules }));
    let token = format!("Bearer {}", Token::user().compact());
    let count = |rules: Value| match decide_with(
        &filter(&config(rules)),
        &get("/"),
        &[("authorization", token.as_bytes())],
        NOW,
    ) {
        Verdict::Allow(permit) => permit.identity_headers().len(),
        other => panic!("{other:?}"),
    };
    let shadow = json!({ "match": {}, "requires": {}, "mode": "shadow" });
    assert_eq!(count(json!([shadow, { "match": {}, "public": true }])), 0);
    assert_eq!(count(json!([shadow, { "match": {}, "requires": {} }])), 1);
}
