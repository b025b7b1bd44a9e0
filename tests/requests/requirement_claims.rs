//! The requirement `claims`: names and values of claims, and path variables.

use okta_authz_filter::rejection::Rejection as R;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny};
use test_support::common::{Outcome, Token, get, rules, with};

use super::{Auth, Row, row};

/// Returns a token with the claim `tier` in exactly this JSON text.
fn with_tier(written: &str) -> Token {
    let payload = Token::user().payload.replace(r#""tier":1"#, &format!(r#""tier":{written}"#));
    Token::user().raw_payload(&payload)
}

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = values();
    rows.extend(path_variables());
    rows
}

fn values() -> Vec<Row> {
    let unmet = || Deny(R::RequirementNotMet);
    let claim = |changes: Value| Token::user().claims(changes);
    let tier = |test: Value| json!({ "claims": [with(json!({ "name": "tier" }), test)] });
    let table: Vec<(&'static str, Value, Token, Outcome)> = vec![
        ("claims, equals", tier(json!({ "equals": 1 })), Token::user(), Allow),
        ("claims, equals, another value", tier(json!({ "equals": 2 })), Token::user(), unmet()),
        ("claims, any_of", tier(json!({ "any_of": [0, 1] })), Token::user(), Allow),
        ("claims, any_of, another value", tier(json!({ "any_of": [0, 2] })), Token::user(), unmet()),
        ("claims, 1 equals 1.0", tier(json!({ "equals": 1.0 })), Token::user(), Allow),
        ("claims, exists", tier(json!({ "exists": true })), Token::user(), Allow),
        ("claims, exists: false, present", tier(json!({ "exists": false })), Token::user(), unmet()),
        ("claims, exists, absent", tier(json!({ "exists": true })), claim(json!({ "tier": null })), unmet()),
        (
            "claims, exists: false, absent",
            tier(json!({ "exists": false })),
            claim(json!({ "tier": null })),
            Allow,
        ),
        ("claims, exists, null", tier(json!({ "exists": true })), with_tier("null"), unmet()),
        ("claims, exists: false, null", tier(json!({ "exists": false })), with_tier("null"), Allow),
        ("claims, exists, false", tier(json!({ "exists": true })), with_tier("false"), Allow),
        ("claims, exists, an empty string", tier(json!({ "exists": true })), with_tier(r#""""#), Allow),
        ("claims, exists, a list of null", tier(json!({ "exists": true })), with_tier("[null]"), Allow),
        (
            "claims, exists, member of null",
            json!({ "claims": [{ "name": "tier.x", "exists": true }] }),
            with_tier("null"),
            unmet(),
        ),
        (
            "claims, exists, null member of an object",
            json!({ "claims": [{ "name": "tier.x", "exists": true }] }),
            with_tier(r#"{"x":null}"#),
            unmet(),
        ),
        ("claims, 1.00 equals 1", tier(json!({ "equals": 1 })), with_tier("1.00"), Allow),
        ("claims, 10e-1 equals 1", tier(json!({ "equals": 1 })), with_tier("10e-1"), Allow),
        ("claims, 1e3 equals 1000", tier(json!({ "equals": 1000 })), with_tier("1e3"), Allow),
        ("claims, -0.0 equals 0", tier(json!({ "equals": 0 })), with_tier("-0.0"), Allow),
        (
            "claims, any_of, a list of floats",
            tier(json!({ "any_of": [2, 1] })),
            with_tier("[0.5,1.0]"),
            Allow,
        ),
        ("claims, nearly 1", tier(json!({ "equals": 1 })), with_tier("1.00000000000000000001"), unmet()),
        ("claims, nearly 0", tier(json!({ "equals": 0 })), with_tier("1e-400"), unmet()),
        (
            "claims, 2^53 - 1 as a float",
            tier(json!({ "equals": 9_007_199_254_740_991_u64 })),
            with_tier("9007199254740991.0"),
            Allow,
        ),
        (
            "claims, 2^53 + 1 as a float",
            tier(json!({ "equals": 9_007_199_254_740_993_u64 })),
            with_tier("9007199254740993.0"),
            Allow,
        ),
        (
            "claims, 2^53 + 1 as a float does not equal 2^53",
            tier(json!({ "equals": 9_007_199_254_740_992_u64 })),
            with_tier("9007199254740993.0"),
            unmet(),
        ),
        (
            "claims, a float above the largest integer",
            tier(json!({ "equals": u64::MAX })),
            with_tier("18446744073709551616.0"),
            unmet(),
        ),
        ("claims, a fraction", tier(json!({ "equals": 1.5 })), with_tier("15e-1"), Allow),
        (
            "claims, a fraction of many digits",
            tier(json!({ "equals": 0.123_456_789_012_345_67 })),
            with_tier("0.12345678901234567"),
            Allow,
        ),
        (
            "claims, a string does not equal a number",
            tier(json!({ "equals": 1 })),
            with_tier(r#""1""#),
            unmet(),
        ),
        ("claims, true does not equal a number", tier(json!({ "equals": 1 })), with_tier("true"), unmet()),
        (
            "claims, a list that contains the value",
            json!({ "claims": [{ "name": "tier", "equals": 1 }] }),
            claim(json!({ "tier": [0, 1] })),
            Allow,
        ),
        (
            "claims, a dotted name is a path",
            json!({ "claims": [{ "name": "a.b", "equals": "x" }] }),
            claim(json!({ "a": { "b": "x" } })),
            Allow,
        ),
        (
            "claims, a dotted name is not a claim with dots",
            json!({ "claims": [{ "name": "a.b", "equals": "x" }] }),
            claim(json!({ "a.b": "x" })),
            unmet(),
        ),
        (
            "claims, a name with dots, as a list",
            json!({ "claims": [{ "name": ["a.b"], "equals": "x" }] }),
            claim(json!({ "a.b": "x" })),
            Allow,
        ),
        (
            "claims, exists, user tokens only",
            json!({ "claims": [{ "name": "uid", "exists": true }] }),
            Token::machine(),
            unmet(),
        ),
        (
            "claims, one of two",
            json!({ "claims": [{ "name": "tier", "equals": 1 }, { "name": "ver", "equals": 2 }] }),
            Token::user(),
            unmet(),
        ),
        // A comparison as f64 would confuse these two tenants.
        (
            "claims, large integers",
            json!({ "claims": [{ "name": "t", "equals": 9_007_199_254_740_993_u64 }] }),
            claim(json!({ "t": 9_007_199_254_740_992_u64 })),
            unmet(),
        ),
    ];
    let row_of = |(name, requires, token, expected)| {
        let config = rules(json!([{ "match": {}, "requires": requires }]));
        row(name, config, get("/items"), Auth::Bearer(token), 0, expected)
    };
    table.into_iter().map(row_of).collect()
}

/// Path variables and numbers: the filter compares the value, not the JSON text.
fn path_variables() -> Vec<Row> {
    let unmet = || Deny(R::RequirementNotMet);
    let row_of = |(name, written, path, expected)| {
        let claims = json!([{ "name": "tier", "path_variable": "id" }]);
        let config =
            rules(json!([{ "match": { "path_template": "/t/{id}" }, "requires": { "claims": claims } }]));
        row(name, config, get(path), Auth::Bearer(with_tier(written)), 0, expected)
    };
    let table = [
        ("path variable, a float", "1.0", "/t/1", Allow),
        ("path variable, an exponent", "1e3", "/t/1000", Allow),
        ("path variable, the exponent as text", "1e3", "/t/1e3", unmet()),
        ("path variable, a fraction", "1.5", "/t/1.5", unmet()),
    ];
    table.into_iter().map(row_of).collect()
}
