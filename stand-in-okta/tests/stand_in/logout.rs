//! The logout endpoint.

use stand_in_okta::{Kind, Server, TokenSpec};

use crate::browser::{ADA, Browser, JOE, error_of, form};
use crate::client::{Reply, shared};

const LOGOUT: &str = "/oauth2/default/v1/logout";
const PAGE: &str = "http://localhost:8081/";

fn logout(browser: &Browser<'_>, hint: &str, changes: &[(&str, &str)]) -> Reply {
    let fields = [&[("id_token_hint", hint)], changes].concat();
    browser.get(&format!("{LOGOUT}?{}", form(&fields)))
}

fn signed_in<'a>(login: &str) -> (Browser<'a>, String) {
    let browser = Browser::new(shared());
    let tokens = browser.tokens(login, "openid");
    (browser, tokens["id_token"].as_str().unwrap().to_owned())
}

fn has_session(browser: &Browser<'_>) -> bool {
    let reply = browser.authorize(&[("prompt", "none")]);
    reply.header("location").unwrap().contains("code=") || error_of(&reply) != "login_required"
}

#[test]
fn logout_ends_the_session_and_redirects_with_state() {
    for by_form in [false, true] {
        let (browser, hint) = signed_in(JOE);
        assert!(has_session(&browser));
        let cookie = browser.cookie("sid").unwrap();
        let fields = [("post_logout_redirect_uri", PAGE), ("state", "a b&c")];
        let reply = if by_form {
            browser.post(LOGOUT, &form(&[&[("id_token_hint", hint.as_str())], &fields[..]].concat()))
        } else {
            logout(&browser, &hint, &fields)
        };
        let expected = "http://localhost:8081/?state=a+b%26c";
        assert_eq!((reply.status, reply.header("location")), (302, Some(expected)));
        assert_eq!(browser.cookie("sid"), None, "the browser forgets the cookie");
        browser.set_cookie("sid", &cookie);
        assert!(!has_session(&browser), "the server has ended the session too");
    }
}

#[test]
fn logout_without_redirect_uri_shows_a_page() {
    let (browser, hint) = signed_in(JOE);
    let reply = logout(&browser, &hint, &[]);
    assert_eq!((reply.status, reply.header("location")), (200, None));
    assert!(reply.body.contains("<h1>Signed out</h1>") && !has_session(&browser));
}

#[test]
fn invalid_logout_request_keeps_the_session() {
    let okta = shared();
    let (browser, hint) = signed_in(JOE);
    let foreign = okta.mint(Server::Default, &TokenSpec::new(Kind::IdToken));
    let other_server = okta.mint(Server::Custom, &TokenSpec::new(Kind::IdToken).claim("aud", "x"));
    let forged = format!("{}x", hint.rsplit_once('.').unwrap().0);
    for bad in ["", "x", &foreign, &other_server, &forged] {
        let reply = logout(&browser, bad, &[("post_logout_redirect_uri", PAGE)]);
        assert_eq!((reply.status, reply.header("location")), (400, None), "{bad}");
    }
    for uri in ["http://evil.example/", "http://localhost:8081/x", "javascript:alert(1)"] {
        let reply = logout(&browser, &hint, &[("post_logout_redirect_uri", uri)]);
        assert_eq!((reply.status, reply.header("location")), (400, None), "{uri}");
    }
    assert!(has_session(&browser));
}

#[test]
fn logout_with_the_id_token_of_another_user_keeps_the_session() {
    let (browser, _) = signed_in(JOE);
    let (_, of_ada) = signed_in(ADA);
    let reply = logout(&browser, &of_ada, &[("post_logout_redirect_uri", PAGE)]);
    assert_eq!(reply.status, 302);
    assert!(has_session(&browser));
}
