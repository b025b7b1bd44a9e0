//! Times of tokens: each limit one second before, at, and after.

use okta_authz_filter::rejection::Rejection as R;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny};
use test_support::common::{NOW, Token, config, get};

use super::{Auth, Row, row};

pub(crate) fn rows() -> Vec<Row> {
    let plain = || config(json!({}), json!({}));
    let strict = || config(json!({ "clock_skew": "0s" }), json!({}));
    let aged = || config(json!({ "max_token_age": "1h", "clock_skew": "10s" }), json!({}));
    let any_aged = || config(json!({ "max_token_age": "1h", "token_profile": "any" }), json!({}));
    let any = || config(json!({ "token_profile": "any" }), json!({}));
    let token = |claims: Value| Auth::Bearer(Token::user().claims(claims));
    let exp = || token(json!({ "exp": NOW + 1000 }));
    let nbf = || token(json!({ "nbf": NOW + 1000 }));
    let iat = || token(json!({ "iat": NOW + 1000 }));
    let old = || token(json!({ "iat": NOW, "exp": NOW + 90_000 }));
    let items = || get("/items");
    vec![
        row("exp, no skew, the second before", strict(), items(), exp(), 999, Allow),
        row("exp, no skew, at", strict(), items(), exp(), 1000, Deny(R::TokenExpired)),
        row("exp, no skew, the second after", strict(), items(), exp(), 1001, Deny(R::TokenExpired)),
        row("exp, 60 s by default, before", plain(), items(), exp(), 1059, Allow),
        row("exp, 60 s by default, at", plain(), items(), exp(), 1060, Deny(R::TokenExpired)),
        row("exp, 60 s by default, after", plain(), items(), exp(), 1061, Deny(R::TokenExpired)),
        row("nbf, no skew, the second before", strict(), items(), nbf(), 999, Deny(R::TokenNotYetValid)),
        row("nbf, no skew, at", strict(), items(), nbf(), 1000, Allow),
        row("nbf, no skew, the second after", strict(), items(), nbf(), 1001, Allow),
        row("nbf, 60 s by default, before", plain(), items(), nbf(), 939, Deny(R::TokenNotYetValid)),
        row("nbf, 60 s by default, at", plain(), items(), nbf(), 940, Allow),
        row("nbf, 60 s by default, after", plain(), items(), nbf(), 941, Allow),
        row("iat, no skew, the second before", strict(), items(), iat(), 999, Deny(R::IssuedInFuture)),
        row("iat, no skew, at", strict(), items(), iat(), 1000, Allow),
        row("iat, no skew, the second after", strict(), items(), iat(), 1001, Allow),
        row("iat, 60 s by default, before", plain(), items(), iat(), 939, Deny(R::IssuedInFuture)),
        row("iat, 60 s by default, at", plain(), items(), iat(), 940, Allow),
        row("iat, 60 s by default, after", plain(), items(), iat(), 941, Allow),
        row("max_token_age and skew, before", aged(), items(), old(), 3609, Allow),
        row("max_token_age and skew, at", aged(), items(), old(), 3610, Allow),
        row("max_token_age and skew, after", aged(), items(), old(), 3611, Deny(R::TokenTooOld)),
        row("no max_token_age", plain(), items(), old(), 80_000, Allow),
        row("no exp", plain(), items(), token(json!({ "exp": null })), 0, Deny(R::ExpirationMissing)),
        row("no iat", plain(), items(), token(json!({ "iat": null })), 0, Deny(R::IssueTimeMissing)),
        row("no iat, profile any", any(), items(), token(json!({ "iat": null })), 0, Allow),
        row(
            "no iat, profile any, max_token_age",
            any_aged(),
            items(),
            token(json!({ "iat": null })),
            0,
            Deny(R::IssueTimeMissing),
        ),
        row(
            "exp, the fraction is ignored",
            strict(),
            items(),
            token(json!({ "exp": 1_750_000_000.9 })),
            0,
            Deny(R::TokenExpired),
        ),
        row(
            "nbf, the fraction counts",
            strict(),
            items(),
            token(json!({ "nbf": 1_750_000_000.1 })),
            0,
            Deny(R::TokenNotYetValid),
        ),
        row("exp as a float", plain(), items(), token(json!({ "exp": 1_750_001_000.0 })), 0, Allow),
        row(
            "exp above 2^53 - 1",
            plain(),
            items(),
            token(json!({ "exp": 9_007_199_254_740_992_u64 })),
            0,
            Deny(R::ClaimsMalformed),
        ),
        row("exp negative", plain(), items(), token(json!({ "exp": -1 })), 0, Deny(R::ClaimsMalformed)),
        row(
            "exp a string",
            plain(),
            items(),
            token(json!({ "exp": "1760000000" })),
            0,
            Deny(R::ClaimsMalformed),
        ),
        row("exp zero", plain(), items(), token(json!({ "exp": 0 })), 0, Deny(R::TokenExpired)),
    ]
}
