//! The sign-in page: its forms, its protection against other sites, and its limits.

use std::time::Duration;

use stand_in_okta::{USER_PASSWORD, USERS};

use crate::browser::{
    ADA, Browser, JOE, REDIRECT_URI, code_of, error_of, exchange, form, query_of, state_token,
};
use crate::client::{get, shared, start};

#[test]
fn page_shows_users_and_password_and_permits_no_scripts() {
    let okta = shared();
    let page = Browser::new(okta).authorize(&[]);
    assert_eq!((page.status, page.header("cache-control")), (200, Some("no-cache, no-store")));
    let policy = page.header("content-security-policy").unwrap();
    let expected = "default-src 'none'; style-src 'self'; form-action 'self' http://localhost:8081; \
                    base-uri 'none'; frame-ancestors 'none'";
    assert_eq!(policy, expected);
    for user in &USERS {
        assert!(page.body.contains(user.login), "{}", user.login);
    }
    assert!(page.body.contains(USER_PASSWORD));
    assert!(!page.body.contains("<script"), "{}", page.body);
    // Each field has a label, and the page has a language and one heading.
    for name in ["username", "password"] {
        assert!(page.body.contains(&format!(r#"<label for="{name}">"#)), "{name}");
        assert!(page.body.contains(&format!(r#"<input id="{name}""#)), "{name}");
    }
    assert!(page.body.contains(r#"<html lang="en">"#) && page.body.matches("<h1>").count() == 1);
    let style = get(okta, "/signin/style.css");
    assert_eq!((style.status, style.header("content-type")), (200, Some("text/css; charset=utf-8")));
}

#[test]
fn values_of_the_client_and_the_user_are_escaped() {
    let okta = shared();
    let browser = Browser::new(okta);
    let hostile = r#""><script>alert('1')</script>&"#;
    let escaped = "value=\"&quot;&gt;&lt;script&gt;";
    let page = browser.authorize(&[("login_hint", hostile)]);
    assert!(page.body.contains(escaped) && !page.body.contains("<script"), "{}", page.body);
    let again = browser.submit(&page, &[("username", hostile), ("password", "wrong")]);
    assert!(again.body.contains(escaped) && !again.body.contains("<script"), "{}", again.body);
    let repeated = get(okta, &format!("/oauth2/default/v1/authorize?{0}&{0}", form(&[("<script>", "1")])));
    assert!(repeated.body.contains("&lt;script&gt;") && !repeated.body.contains("<script"));
    // The state is in a header of the response.
    let state = "a\r\nset-cookie: sid=1";
    let redirect = browser.enter_password(&browser.authorize(&[("state", state)]), JOE);
    assert_eq!(query_of(&redirect, REDIRECT_URI)["state"], state);
    assert_eq!(redirect.headers("set-cookie").len(), 1, "{redirect:?}");
}

#[test]
fn login_hint_is_the_default_login_name() {
    let page = Browser::new(shared()).authorize(&[("login_hint", ADA)]);
    assert!(page.body.contains(&format!("value=\"{ADA}\"")), "{}", page.body);
}

#[test]
fn wrong_password_shows_the_form_again_and_the_fifth_ends_the_sign_in() {
    let okta = shared();
    let browser = Browser::new(okta);
    let page = browser.authorize(&[]);
    let wrong = [(JOE, "wrong"), ("mallory@example.com", USER_PASSWORD), (JOE, ""), ("", "")];
    for (login, password) in wrong {
        let again = browser.submit(&page, &[("username", login), ("password", password)]);
        assert_eq!(again.status, 403, "{login}");
        assert!(again.body.contains(r#"<p role="alert">Unable to sign in</p>"#), "{}", again.body);
        assert_eq!(state_token(&again), state_token(&page));
        assert_eq!(browser.cookie("sid"), None);
    }
    let fifth = browser.submit(&page, &[("username", JOE), ("password", "wrong")]);
    assert!(fifth.status == 403 && fifth.body.contains("Too many attempts"), "{fifth:?}");
    assert_eq!(browser.enter_password(&page, JOE).status, 400, "the sign-in has ended");
    // A new sign-in succeeds after one wrong password.
    let page = browser.authorize(&[]);
    let again = browser.submit(&page, &[("username", JOE), ("password", "wrong")]);
    exchange(okta, &code_of(&browser.enter_password(&again, JOE)));
}

#[test]
fn form_of_another_browser_is_rejected() {
    let okta = shared();
    let attacker = Browser::new(okta);
    let page = attacker.authorize(&[]);
    let victim = Browser::new(okta);
    assert_eq!(victim.enter_password(&page, JOE).status, 400, "without the cookie");
    victim.authorize(&[]);
    assert_eq!(victim.enter_password(&page, JOE).status, 400, "with the cookie of another browser");
    assert_eq!(victim.cookie("sid"), None);
    for body in ["", "stateToken=", "stateToken=unknown", "stateToken=a&stateToken=b"] {
        assert_eq!(attacker.post("/signin", body).status, 400, "{body}");
    }
    code_of(&attacker.enter_password(&page, JOE));
    assert_eq!(attacker.enter_password(&page, JOE).status, 400, "each form is valid once");
}

#[test]
fn session_cookie_is_new_after_each_sign_in() {
    let okta = shared();
    let browser = Browser::new(okta);
    browser.set_cookie("sid", "fixed-by-an-attacker");
    browser.set_cookie("DT", "not 43 characters");
    browser.code(JOE, &[]);
    let first = browser.cookie("sid").unwrap();
    assert_eq!((first.len(), browser.cookie("DT").unwrap().len()), (43, 43));
    code_of(&browser.enter_password(&browser.authorize(&[("prompt", "login")]), ADA));
    assert_ne!(browser.cookie("sid").unwrap(), first);
    let former = Browser::new(okta);
    former.set_cookie("sid", &first);
    assert_eq!(error_of(&former.authorize(&[("prompt", "none")])), "login_required");
}

#[test]
fn sign_ins_expire_and_are_bounded() {
    let okta = start();
    let browser = Browser::new(&okta);
    let page = browser.authorize(&[]);
    okta.advance_clock(Duration::from_secs(3601));
    assert_eq!(browser.enter_password(&page, JOE).status, 400);

    let first = browser.authorize(&[]);
    okta.advance_clock(Duration::from_secs(1));
    for _ in 0..1000 {
        Browser::new(&okta).authorize(&[]);
    }
    assert_eq!(browser.enter_password(&first, JOE).status, 400, "the oldest sign-in was dropped");
}
