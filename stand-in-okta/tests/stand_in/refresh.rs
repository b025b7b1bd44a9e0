//! Refresh tokens: rotation, reuse, scopes and revocation.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use stand_in_okta::{BROWSER_CLIENT_ID, DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, Server, StandIn, TokenSpec};

use crate::browser::{Browser, JOE, TOKEN, claims, form};
use crate::client::{Reply, basic, post, shared, start};

const OFFLINE: &str = "openid profile offline_access items:read";
const REVOKE: &str = "/oauth2/default/v1/revoke";

fn refresh(okta: &StandIn, token: &Value, changes: &[(&str, &str)]) -> Reply {
    let fixed = [
        ("grant_type", "refresh_token"),
        ("client_id", BROWSER_CLIENT_ID),
        ("refresh_token", token.as_str().unwrap()),
    ];
    post(okta, TOKEN, "", &form(&[&fixed, changes].concat()))
}

fn active(okta: &StandIn, tokens: &Value) -> Value {
    let token = tokens["access_token"].as_str().unwrap();
    let body = form(&[("client_id", BROWSER_CLIENT_ID), ("token", token)]);
    post(okta, "/oauth2/default/v1/introspect", "", &body).json()["active"].clone()
}

fn is_invalid_grant(reply: &Reply) -> bool {
    reply.status == 400 && reply.json()["error"] == "invalid_grant"
}

#[test]
fn refresh_rotates_the_token_and_keeps_the_authentication() {
    let okta = start();
    let first = Browser::new(&okta).tokens(JOE, OFFLINE);
    okta.advance_clock(Duration::from_secs(600));
    let second = refresh(&okta, &first["refresh_token"], &[]).json();
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(second["scope"], OFFLINE);
    let [old, new] = [&first, &second].map(|tokens| claims(tokens, "access_token"));
    assert_ne!(old["jti"], new["jti"]);
    assert!(new["jti"].as_str().unwrap().contains(".oar"));
    for name in ["auth_time", "uid", "sub", "cid", "scp", "groups"] {
        assert_eq!(old[name], new[name], "{name}");
    }
    assert!(new["iat"].as_i64().unwrap() - old["iat"].as_i64().unwrap() >= 600);
    let [old, new] = [&first, &second].map(|tokens| claims(tokens, "id_token"));
    assert_eq!((&old["nonce"], new.get("nonce")), (&json!("a nonce"), None));
    assert_eq!((&old["auth_time"], &old["sub"]), (&new["auth_time"], &new["sub"]));
    // The chain continues with the new token.
    assert_eq!(refresh(&okta, &second["refresh_token"], &[]).status, 200);
}

#[test]
fn reuse_of_a_rotated_token_revokes_the_family() {
    let okta = shared();
    let first = Browser::new(okta).tokens(JOE, OFFLINE);
    let other = Browser::new(okta).tokens(JOE, OFFLINE);
    let second = refresh(okta, &first["refresh_token"], &[]).json();
    assert_eq!((active(okta, &first), active(okta, &second)), (json!(true), json!(true)));
    assert!(is_invalid_grant(&refresh(okta, &first["refresh_token"], &[])));
    assert!(is_invalid_grant(&refresh(okta, &second["refresh_token"], &[])), "the current token too");
    assert_eq!((active(okta, &first), active(okta, &second)), (json!(false), json!(false)));
    assert_eq!(active(okta, &other), true, "another sign-in of the user is another family");
    assert_eq!(refresh(okta, &other["refresh_token"], &[]).status, 200);
}

#[test]
fn refresh_request_that_does_not_match_the_grant_is_rejected() {
    let okta = shared();
    let tokens = Browser::new(okta).tokens(JOE, OFFLINE);
    let token = &tokens["refresh_token"];
    assert!(is_invalid_grant(&refresh(okta, &json!("unknown"), &[])));
    let service = form(&[("grant_type", "refresh_token"), ("refresh_token", token.as_str().unwrap())]);
    assert!(is_invalid_grant(&post(okta, TOKEN, &basic(DEMO_CLIENT_ID, DEMO_CLIENT_SECRET), &service)));
    let body = format!("{service}&client_id={BROWSER_CLIENT_ID}");
    let other_server = post(okta, "/oauth2/aus9o8wzkhckw9TLa0h7z/v1/token", "", &body);
    assert!(is_invalid_grant(&other_server));
    let missing = post(okta, TOKEN, "", &format!("grant_type=refresh_token&client_id={BROWSER_CLIENT_ID}"));
    assert_eq!((missing.status, &missing.json()["error"]), (400, &json!("invalid_request")));
    let more = refresh(okta, token, &[("scope", "openid items:write")]);
    assert_eq!((more.status, &more.json()["error"]), (400, &json!("invalid_scope")));

    let fewer = refresh(okta, token, &[("scope", "items:read")]).json();
    assert_eq!((&fewer["scope"], fewer.get("id_token")), (&json!("items:read"), None));
    assert_eq!(claims(&fewer, "access_token")["scp"], json!(["items:read"]));
    let all = refresh(okta, &fewer["refresh_token"], &[]).json();
    assert_eq!(all["scope"], OFFLINE, "the grant still has all scopes");
}

#[test]
fn refresh_token_that_is_unused_for_seven_days_expires() {
    let okta = start();
    let day = Duration::from_secs(24 * 3600);
    let first = Browser::new(&okta).tokens(JOE, OFFLINE);
    okta.advance_clock(day * 6);
    let second = refresh(&okta, &first["refresh_token"], &[]).json();
    okta.advance_clock(day * 6);
    let third = refresh(&okta, &second["refresh_token"], &[]).json();
    okta.advance_clock(day * 7 + Duration::from_secs(1));
    assert!(is_invalid_grant(&refresh(&okta, &third["refresh_token"], &[])));
}

#[test]
fn public_client_revokes_only_its_own_tokens() {
    let okta = shared();
    let revoke = |token: &str| {
        let reply = post(okta, REVOKE, "", &form(&[("client_id", BROWSER_CLIENT_ID), ("token", token)]));
        assert_eq!((reply.status, reply.body.as_str()), (200, ""));
    };
    let tokens = Browser::new(okta).tokens(JOE, OFFLINE);
    revoke(tokens["access_token"].as_str().unwrap());
    assert_eq!(active(okta, &tokens), false);
    let next = refresh(okta, &tokens["refresh_token"], &[]).json();
    assert_eq!(active(okta, &next), true, "the refresh token is still valid");
    revoke(next["refresh_token"].as_str().unwrap());
    assert_eq!(active(okta, &next), false, "with the refresh token its access tokens are revoked");
    assert!(is_invalid_grant(&refresh(okta, &next["refresh_token"], &[])));

    let foreign = json!({ "access_token": okta.mint(Server::Default, &TokenSpec::machine()) });
    revoke(foreign["access_token"].as_str().unwrap());
    assert_eq!(active(okta, &foreign), true);

    // @okta/okta-auth-js sends the client ID in the header, without a colon.
    let tokens = Browser::new(okta).tokens(JOE, OFFLINE);
    let body = form(&[("token", tokens["access_token"].as_str().unwrap())]);
    let id_only = format!("Basic {}", STANDARD.encode(BROWSER_CLIENT_ID));
    assert_eq!(post(okta, REVOKE, &basic(BROWSER_CLIENT_ID, "guess"), &body).status, 401);
    assert_eq!(active(okta, &tokens), true);
    assert_eq!(post(okta, REVOKE, &id_only, &body).status, 200);
    assert_eq!(active(okta, &tokens), false);
    let service = format!("Basic {}", STANDARD.encode(DEMO_CLIENT_ID));
    assert_eq!(post(okta, REVOKE, &service, &body).status, 401, "the service needs its secret");
    revoke("unknown");
    assert_eq!(post(okta, REVOKE, "", &form(&[("token", "unknown")])).status, 401);
    assert_eq!(post(okta, REVOKE, "", &form(&[("client_id", "0oaunknown"), ("token", "x")])).status, 401);
}
