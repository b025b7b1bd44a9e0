//! Requests that demand a second factor or a recent authentication.

use std::time::Duration;

use serde_json::{Value, json};
use stand_in_okta::StandIn;

use crate::browser::{Browser, GUY, JOE, claims, code_of, error_of, exchange};
use crate::client::{Reply, shared, start};

const TWO_FACTORS: (&str, &str) = ("acr_values", "urn:okta:loa:2fa:any");

fn asks_for_code(page: &Reply) -> bool {
    page.status == 200 && page.body.contains(r#"<input id="code""#)
}

fn asks_for_password(page: &Reply) -> bool {
    page.status == 200 && page.body.contains(r#"<input id="password""#)
}

/// Returns `acr`, `amr` and `auth_time` of the tokens for the code in this redirect.
fn assurance(okta: &StandIn, redirect: &Reply) -> (Value, Value, i64) {
    let tokens = exchange(okta, &code_of(redirect));
    let (access, id) = (claims(&tokens, "access_token"), claims(&tokens, "id_token"));
    assert_eq!(access.get("acr"), id.get("acr"));
    assert_eq!((access.get("amr"), &access["auth_time"]), (None, &id["auth_time"]));
    (access.get("acr").cloned().unwrap_or_default(), id["amr"].clone(), id["auth_time"].as_i64().unwrap())
}

#[test]
fn second_factor_raises_acr_and_auth_time() {
    let okta = start();
    let browser = Browser::new(&okta);
    let (acr, amr, before) = assurance(&okta, &browser.enter_password(&browser.authorize(&[]), JOE));
    assert_eq!((acr, amr), (Value::Null, json!(["pwd"])));

    okta.advance_clock(Duration::from_secs(100));
    let page = browser.authorize(&[TWO_FACTORS]);
    assert!(asks_for_code(&page) && page.body.contains(JOE), "{page:?}");
    let wrong = browser.submit(&page, &[("code", "000000")]);
    assert!(wrong.status == 403 && wrong.body.contains(r#"role="alert""#), "{wrong:?}");
    assert_eq!(browser.submit(&page, &[]).status, 403);
    let (acr, amr, after) = assurance(&okta, &browser.enter_code(&page));
    assert_eq!((acr, amr), (json!("urn:okta:loa:2fa:any"), json!(["mfa", "otp", "pwd"])));
    assert!((100..=110).contains(&(after - before)), "{before} {after}");

    // The session keeps the second factor, and `acr` repeats what a request demands.
    okta.advance_clock(Duration::from_secs(10));
    let silent = [TWO_FACTORS, ("prompt", "none")];
    assert_eq!(assurance(&okta, &browser.authorize(&silent)).2, after);
    let (acr, amr, _) = assurance(&okta, &browser.authorize(&[("prompt", "none")]));
    assert_eq!((acr, amr), (Value::Null, json!(["mfa", "otp", "pwd"])));
}

#[test]
fn second_factor_without_a_session_needs_password_and_code() {
    let okta = shared();
    let browser = Browser::new(okta);
    assert_eq!(error_of(&browser.authorize(&[TWO_FACTORS, ("prompt", "none")])), "login_required");
    let page = browser.authorize(&[TWO_FACTORS]);
    assert!(asks_for_password(&page));
    assert_eq!(browser.enter_code(&page).status, 403, "a code does not replace the password");
    let next = browser.enter_password(&page, JOE);
    assert!(asks_for_code(&next), "{next:?}");
    assert_eq!(browser.cookie("sid"), None, "the sign-in is not complete");
    assert_eq!(assurance(okta, &browser.enter_code(&next)).0, "urn:okta:loa:2fa:any");

    let one_factor = Browser::new(okta);
    one_factor.code(JOE, &[]);
    assert_eq!(error_of(&one_factor.authorize(&[TWO_FACTORS, ("prompt", "none")])), "login_required");
}

#[test]
fn acr_that_cannot_be_met_is_an_error_and_an_unknown_one_is_ignored() {
    let okta = shared();
    let sign_in = |login, acr: &str| {
        let browser = Browser::new(okta);
        browser.enter_password(&browser.authorize(&[("acr_values", acr)]), login)
    };
    let unmet = "unmet_authentication_requirements";
    assert_eq!(error_of(&sign_in(GUY, "urn:okta:loa:2fa:any")), unmet);
    assert_eq!(error_of(&sign_in(JOE, "phr")), unmet);
    assert_eq!(error_of(&sign_in(JOE, "phrh")), unmet);
    for acr in ["urn:okta:loa:1fa:any", "urn:okta:loa:1fa:pwd"] {
        assert_eq!(assurance(okta, &sign_in(GUY, acr)).0, acr);
    }
    assert!(asks_for_code(&sign_in(JOE, "urn:okta:loa:2fa:any:ifpossible")));
    let (acr, amr, _) = assurance(okta, &sign_in(GUY, "urn:okta:loa:2fa:any:ifpossible"));
    assert_eq!((acr, amr), (json!("urn:okta:loa:2fa:any:ifpossible"), json!(["pwd"])));
    assert_eq!(assurance(okta, &sign_in(JOE, "urn:example:gold")).0, Value::Null);
    assert!(asks_for_code(&sign_in(JOE, "urn:example:gold urn:okta:loa:2fa:any")));
}

#[test]
fn old_authentication_is_repeated_if_the_request_demands_it() {
    let okta = start();
    let browser = Browser::new(&okta);
    let (_, _, before) = assurance(&okta, &browser.enter_password(&browser.authorize(&[]), JOE));
    okta.advance_clock(Duration::from_secs(60));
    assert_eq!(assurance(&okta, &browser.authorize(&[("max_age", "90")])).2, before);
    assert_eq!(error_of(&browser.authorize(&[("max_age", "30"), ("prompt", "none")])), "login_required");
    let page = browser.authorize(&[("max_age", "30")]);
    assert!(asks_for_password(&page) && page.body.contains(&format!("value=\"{JOE}\"")), "{page:?}");
    let (_, _, after) = assurance(&okta, &browser.enter_password(&page, JOE));
    assert!(after - before >= 60, "{before} {after}");
    for change in [("max_age", "0"), ("prompt", "login")] {
        let page = browser.authorize(&[change]);
        assert!(asks_for_password(&page), "{change:?}");
        code_of(&browser.enter_password(&page, JOE));
    }
    // A new password does not renew the second factor.
    let page = browser.authorize(&[TWO_FACTORS]);
    code_of(&browser.enter_code(&page));
    let page = browser.enter_password(&browser.authorize(&[TWO_FACTORS, ("max_age", "0")]), JOE);
    assert!(asks_for_code(&page), "{page:?}");
}
