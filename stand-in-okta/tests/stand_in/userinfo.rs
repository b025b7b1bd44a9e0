//! The userinfo endpoint.

use serde_json::{Value, json};
use stand_in_okta::{Server, TokenSpec};

use crate::browser::{ADA, Browser, JOE};
use crate::client::{Reply, request, shared};

const USERINFO: &str = "/oauth2/default/v1/userinfo";

fn userinfo(authorization: &str) -> Reply {
    request(shared(), "GET", USERINFO, authorization, "").unwrap()
}

fn bearer(tokens: &Value, name: &str) -> String {
    format!("Bearer {}", tokens[name].as_str().unwrap())
}

#[test]
fn scopes_decide_which_claims_are_returned() {
    let tokens = Browser::new(shared()).tokens(ADA, "openid");
    assert_eq!(userinfo(&bearer(&tokens, "access_token")).json(), json!({ "sub": "00uada7Kq3nBvTz5W0g7" }));

    let tokens = Browser::new(shared()).tokens(JOE, "openid profile email");
    let expected = json!({
        "sub": "00ujmkLgagxeRrAg20g3", "name": "Joe User", "given_name": "Joe", "family_name": "User",
        "preferred_username": JOE, "locale": "en_US", "zoneinfo": "America/Los_Angeles", "email": JOE,
        "email_verified": true,
    });
    for method in ["GET", "POST"] {
        let authorization = bearer(&tokens, "access_token");
        let reply = request(shared(), method, USERINFO, &authorization, "").unwrap();
        assert_eq!((reply.status, reply.json()), (200, expected.clone()), "{method}");
        assert_eq!(reply.header("cache-control"), Some("no-cache, no-store"));
    }
}

#[test]
fn request_without_a_valid_access_token_is_rejected() {
    let okta = shared();
    let tokens = Browser::new(okta).tokens(JOE, "openid");
    let mint = |spec: &TokenSpec| format!("Bearer {}", okta.mint(Server::Default, spec));
    let invalid = r#"Bearer error="invalid_token", error_description="The access token is invalid""#;
    let revoked = TokenSpec::user().claim("jti", "AT.revoked-for-userinfo");
    okta.revoke("AT.revoked-for-userinfo");
    let cases = [
        ("no token", String::new(), "Bearer"),
        ("another scheme", "Basic eDp5".to_owned(), "Bearer"),
        ("no JWT", "Bearer x".to_owned(), invalid),
        ("ID token", bearer(&tokens, "id_token"), invalid),
        ("expired", mint(&TokenSpec::user().issued_at(1)), invalid),
        ("revoked", mint(&revoked), invalid),
        ("machine", mint(&TokenSpec::machine().scopes(&["openid"])), invalid),
        ("unknown user", mint(&TokenSpec::user().claim("uid", "00uunknown")), invalid),
        ("another server", format!("Bearer {}", okta.mint(Server::Custom, &TokenSpec::user())), invalid),
    ];
    for (name, authorization, challenge) in cases {
        let reply = userinfo(&authorization);
        assert_eq!((reply.status, reply.header("www-authenticate")), (401, Some(challenge)), "{name}");
        assert_eq!(reply.body, "", "{name}");
    }
    let reply = userinfo(&mint(&TokenSpec::user().scopes(&["items:read"])));
    assert_eq!(reply.status, 403);
    assert!(reply.header("www-authenticate").unwrap().contains(r#"error="insufficient_scope""#));
}
