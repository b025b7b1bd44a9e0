//! Step-up authentication: `acr_values` and `max_age` (RFC 9470).

use okta_authz_filter::rejection::Rejection as R;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny, StepUp};
use test_support::common::{NOW, Outcome, Token, get, rules, scopes};

use super::{Auth, Row, row};

const TWO_FACTORS: &str = "urn:okta:loa:2fa:any";
const PHISHING_RESISTANT: &str = "phr";

pub(crate) fn rows() -> Vec<Row> {
    let strong = || json!({ "acr_values": [TWO_FACTORS, PHISHING_RESISTANT] });
    let recent = || json!({ "max_age": "5m" });
    let both = || json!({ "acr_values": [PHISHING_RESISTANT], "max_age": "5m" });
    let acr = |acr: &str| Token::user().claims(json!({ "acr": acr }));
    // The clock skew of 60 s extends `max_age`.
    let ago = |seconds: u64| Token::user().claims(json!({ "auth_time": NOW - seconds }));
    let at = |auth_time: Value| Token::user().claims(json!({ "auth_time": auth_time }));
    let weak = || StepUp(R::AcrInsufficient, &[TWO_FACTORS, PHISHING_RESISTANT], None);
    let old = || StepUp(R::AuthenticationTooOld, &[], Some(300));
    let table: Vec<(&'static str, Value, Token, Outcome)> = vec![
        ("acr, one of two", strong(), acr(PHISHING_RESISTANT), Allow),
        ("acr, another", strong(), acr("urn:okta:loa:1fa:any"), weak()),
        ("acr, absent", strong(), Token::user(), weak()),
        ("acr, of the wrong type", strong(), Token::user().claims(json!({ "acr": [TWO_FACTORS] })), weak()),
        ("max_age, recent", recent(), ago(200), Allow),
        ("max_age, at the limit", recent(), ago(360), Allow),
        ("max_age, above the limit", recent(), ago(361), old()),
        ("max_age, no auth_time", recent(), Token::machine(), old()),
        ("max_age, of the wrong type", recent(), Token::user().claims(json!({ "auth_time": "1" })), old()),
        ("max_age, 60 s ahead", recent(), at(json!(NOW + 60)), Allow),
        ("max_age, 61 s ahead", recent(), at(json!(NOW + 61)), old()),
        ("max_age, a year ahead", recent(), at(json!(NOW + 31_536_000)), old()),
        ("max_age, in milliseconds", recent(), at(json!((NOW - 10) * 1000)), old()),
        ("max_age, 1e308", recent(), at(json!(1e308)), old()),
        ("max_age, the largest integer", recent(), at(json!(u64::MAX)), old()),
        ("max_age, negative", recent(), at(json!(-1)), old()),
        ("max_age, the smallest integer", recent(), at(json!(i64::MIN)), old()),
        ("max_age, a fraction", recent(), at(json!(NOW as f64 - 200.5)), Allow),
        ("max_age, an empty list", recent(), at(json!([])), old()),
        ("max_age, true", recent(), at(json!(true)), old()),
        (
            "max_age of a year, and 1970",
            json!({ "max_age": "366d" }),
            at(json!(0)),
            StepUp(R::AuthenticationTooOld, &[], Some(366 * 86_400)),
        ),
        (
            "acr and max_age: the response names both",
            both(),
            Token::user(),
            StepUp(R::AcrInsufficient, &[PHISHING_RESISTANT], Some(300)),
        ),
        (
            "acr, and a login too long ago: the response names both",
            both(),
            acr(PHISHING_RESISTANT).claims(json!({ "auth_time": 1 })),
            StepUp(R::AuthenticationTooOld, &[PHISHING_RESISTANT], Some(300)),
        ),
        (
            "acr before scopes",
            json!({ "acr_values": [PHISHING_RESISTANT], "scopes": ["b"] }),
            Token::user(),
            StepUp(R::AcrInsufficient, &[PHISHING_RESISTANT], None),
        ),
        (
            "scopes after acr",
            json!({ "acr_values": [PHISHING_RESISTANT], "scopes": ["b"] }),
            acr(PHISHING_RESISTANT),
            scopes(&["b"]),
        ),
        (
            "no step-up if a group is missing",
            json!({ "acr_values": [PHISHING_RESISTANT], "groups": ["Admins"] }),
            Token::user(),
            Deny(R::RequirementNotMet),
        ),
        (
            "acr in any_of",
            json!({ "any_of": [{ "groups": ["Admins"] }, { "acr_values": [PHISHING_RESISTANT] }] }),
            Token::user(),
            StepUp(R::AcrInsufficient, &[PHISHING_RESISTANT], None),
        ),
        (
            "max_age in all_of",
            json!({ "all_of": [{ "scopes": ["openid"] }, { "max_age": "0s" }] }),
            Token::user(),
            StepUp(R::AuthenticationTooOld, &[], Some(0)),
        ),
    ];
    let row_of = |(name, requires, token, expected)| {
        let config = rules(json!([{ "match": {}, "requires": requires }]));
        row(name, config, get("/items"), Auth::Bearer(token), 0, expected)
    };
    table.into_iter().map(row_of).collect()
}
