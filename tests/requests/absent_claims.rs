//! Conditions on a claim that the token lacks, and lists with two accepted values. A condition must
//! not accept a token because it finds nothing to compare, and `not` must not deny it.

use okta_authz_filter::rejection::Rejection as R;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny, StepUp};
use test_support::common::{Outcome, Token, config, get, rules};

use super::{Auth, Row, row};

const CLIENT: &str = "0oa1m2mSvcClnt9A5d07";

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = providers();
    rows.extend(requirements());
    rows.extend(negations());
    rows
}

/// The `client_ids` of a provider, in each profile.
fn providers() -> Vec<Row> {
    let accepts = |profile: &str| {
        config(json!({ "token_profile": profile, "client_ids": ["0oaOther", CLIENT] }), json!({}))
    };
    let user = |changes: Value| Token::user().claims(changes);
    let neither = || json!({ "cid": null, "client_id": null });
    let table = [
        ("client, profile any, cid", "any", user(json!({})), Allow),
        ("client, profile any, client_id", "any", user(json!({ "cid": null, "client_id": CLIENT })), Allow),
        ("client, profile any, neither", "any", user(neither()), Deny(R::ClientNotAllowed)),
        ("client, profile any, empty", "any", user(json!({ "cid": "" })), Deny(R::ClientNotAllowed)),
        (
            "client, profile any, another cid before client_id",
            "any",
            user(json!({ "cid": "0oaX", "client_id": CLIENT })),
            Deny(R::ClientNotAllowed),
        ),
        ("client, profile okta, neither", "okta", user(neither()), Deny(R::NotAnAccessToken)),
        (
            "client, profile rfc9068, neither",
            "rfc9068",
            Token::rfc9068().claims(neither()),
            Deny(R::NotAnAccessToken),
        ),
        (
            "client, profile rfc9068, cid only",
            "rfc9068",
            Token::rfc9068().claims(json!({ "client_id": "0oaX", "cid": CLIENT })),
            Deny(R::ClientNotAllowed),
        ),
    ];
    let row_of = |(name, profile, token, expected)| {
        row(name, accepts(profile), get("/"), Auth::Bearer(token), 0, expected)
    };
    table.into_iter().map(row_of).collect()
}

/// A requirement of a rule with profile `any`, which requires no claim but `exp` and `aud`.
fn requiring(requires: Value) -> Value {
    let rules = json!([{ "match": {}, "requires": requires }]);
    config(json!({ "token_profile": "any" }), json!({ "rules": rules }))
}

/// Returns each condition with a name, the claims that it reads, and its outcome without them.
fn conditions() -> Vec<(&'static str, Value, Value, Outcome)> {
    let unmet = || Deny(R::RequirementNotMet);
    let claim = |condition: Value| json!({ "claims": [condition] });
    vec![
        (
            "client_ids",
            json!({ "client_ids": ["0oaOther", CLIENT] }),
            json!({ "cid": null, "client_id": null }),
            unmet(),
        ),
        (
            "subjects",
            json!({ "subjects": ["other", "joe.user@example.com"] }),
            json!({ "sub": null }),
            unmet(),
        ),
        ("groups", json!({ "groups": ["Admins", "Everyone"] }), json!({ "groups": null }), unmet()),
        ("equals", claim(json!({ "name": "tier", "equals": 1 })), json!({ "tier": null }), unmet()),
        ("any_of", claim(json!({ "name": "tier", "any_of": [0, 1] })), json!({ "tier": null }), unmet()),
        ("exists", claim(json!({ "name": "tier", "exists": true })), json!({ "tier": null }), unmet()),
        (
            "acr_values",
            json!({ "acr_values": ["a", "phr"] }),
            json!({ "acr": null }),
            StepUp(R::AcrInsufficient, &["a", "phr"], None),
        ),
        (
            "max_age",
            json!({ "max_age": "1h" }),
            json!({ "auth_time": null }),
            StepUp(R::AuthenticationTooOld, &[], Some(3600)),
        ),
        ("actor", json!({ "actor": { "subjects": ["agent", "other"] } }), json!({ "act": null }), unmet()),
        (
            "authorization_details",
            json!({ "authorization_details": [{ "type": "payment" }] }),
            json!({ "authorization_details": null }),
            unmet(),
        ),
    ]
}

/// Returns a token that meets every condition of [`conditions`].
fn complete() -> Token {
    let details = json!([{ "type": "payment" }]);
    Token::user().claims(json!({ "acr": "phr", "act": { "sub": "agent" }, "authorization_details": details }))
}

fn named(prefix: &str, name: &str) -> &'static str {
    format!("{prefix}: {name}").leak()
}

fn requirements() -> Vec<Row> {
    let rows_of = |(name, requires, absent, expected): (&'static str, Value, Value, Outcome)| {
        let send = |token| (requiring(requires.clone()), get("/"), Auth::Bearer(token));
        let (config, request, auth) = send(complete());
        let met = row(named("present", name), config, request, auth, 0, Allow);
        let (config, request, auth) = send(complete().claims(absent));
        [met, row(named("absent", name), config, request, auth, 0, expected)]
    };
    let mut rows: Vec<Row> = conditions().into_iter().flat_map(rows_of).collect();
    let variable = json!([{ "match": { "path_template": "/t/{id}" },
        "requires": { "claims": [{ "name": "tier", "path_variable": "id" }] } }]);
    let token = Token::user().claims(json!({ "tier": null }));
    let expected = Deny(R::RequirementNotMet);
    rows.push(row("absent: path_variable", rules(variable), get("/t/1"), Auth::Bearer(token), 0, expected));
    rows
}

fn negations() -> Vec<Row> {
    let rows_of = |(name, requires, absent, _): (&'static str, Value, Value, Outcome)| {
        let config = || requiring(json!({ "not": requires.clone() }));
        let denied = Auth::Bearer(complete());
        let allowed = Auth::Bearer(complete().claims(absent));
        [
            row(named("not, present", name), config(), get("/"), denied, 0, Deny(R::RequirementNotMet)),
            row(named("not, absent", name), config(), get("/"), allowed, 0, Allow),
        ]
    };
    let can_be_negated = |(name, ..): &(&str, Value, Value, Outcome)| *name != "authorization_details";
    conditions().into_iter().filter(can_be_negated).flat_map(rows_of).collect()
}
