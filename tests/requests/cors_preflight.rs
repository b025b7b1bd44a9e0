//! CORS preflight requests and `bypass_cors_preflight`.

use okta_authz_filter::rejection::Rejection as R;
use serde_json::json;
use test_support::common::Outcome::{Deny, Pass};
use test_support::common::{config, request};

use super::modes::expired;
use super::{Auth, Row, row};

pub(crate) fn rows() -> Vec<Row> {
    let bypass = || config(json!({}), json!({ "bypass_cors_preflight": true }));
    let preflight = |method| {
        request(method, "api.example.com", "/items")
            .header("origin", "https://app.example.com")
            .header("access-control-request-method", "POST")
    };
    let no_bypass = || config(json!({}), json!({}));
    let options = || request("OPTIONS", "api.example.com", "/items");
    vec![
        row("preflight", bypass(), preflight("OPTIONS"), Auth::Missing, 0, Pass("cors_preflight")),
        row(
            "preflight, no bypass",
            no_bypass(),
            preflight("OPTIONS"),
            Auth::Missing,
            0,
            Deny(R::TokenMissing),
        ),
        row(
            "OPTIONS without the headers of a preflight",
            bypass(),
            options(),
            Auth::Missing,
            0,
            Deny(R::TokenMissing),
        ),
        row(
            "GET with the headers of a preflight",
            bypass(),
            preflight("GET"),
            Auth::Missing,
            0,
            Deny(R::TokenMissing),
        ),
        row(
            "preflight, an expired token",
            bypass(),
            preflight("OPTIONS"),
            expired(),
            0,
            Pass("cors_preflight"),
        ),
    ]
}
