//! The authorization code flow with PKCE: from the sign-in page to the tokens.

use std::time::Duration;

use serde_json::json;
use stand_in_okta::{BROWSER_CLIENT_ID, DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, Server};

use crate::KEYS;
use crate::browser::{
    ADA, AUTHORIZE, Browser, JOE, REDIRECT_URI, TOKEN, authorize_path, challenge, claims, code_of, exchange,
    exchange_with, form, query_of, token_form,
};
use crate::client::{basic, json_of, parts, post, shared, start, verifies};

#[test]
fn code_flow_issues_tokens_with_oktas_claims() {
    let okta = shared();
    let browser = Browser::new(okta);
    let redirect = browser.enter_password(&browser.authorize(&[]), ADA);
    let query = query_of(&redirect, REDIRECT_URI);
    assert_eq!(query.keys().collect::<Vec<_>>(), ["code", "state"]);
    assert_eq!(query["state"], "a state/&=");

    let reply = exchange_with(okta, &query["code"], &[]);
    assert_eq!(reply.header("cache-control"), Some("no-cache, no-store"));
    let tokens = reply.json();
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(3600)));
    assert_eq!(tokens["scope"], "openid profile items:read");
    assert_eq!(tokens.get("refresh_token"), None);
    for name in ["access_token", "id_token"] {
        let token = tokens[name].as_str().unwrap();
        assert!(verifies(okta, KEYS, token), "{name}");
        assert_eq!(parts(token)[0], format!(r#"{{"kid":"{}","alg":"RS256"}}"#, okta.kid(Server::Default)));
    }

    let access = claims(&tokens, "access_token");
    let id = claims(&tokens, "id_token");
    let iat = access["iat"].as_i64().unwrap();
    let jti = access["jti"].as_str().unwrap();
    assert!(jti.starts_with("AT.") && jti.len() == 46, "{jti}");
    let expected = json!({
        "ver": 1, "jti": jti, "iss": okta.issuer(Server::Default), "aud": "api://default", "iat": iat,
        "exp": iat + 3600, "cid": BROWSER_CLIENT_ID, "uid": "00uada7Kq3nBvTz5W0g7",
        "scp": ["openid", "profile", "items:read"], "auth_time": access["auth_time"], "sub": ADA,
        "groups": ["Everyone", "Admins"],
    });
    assert_eq!(access, expected);
    let at_hash = id["at_hash"].as_str().unwrap();
    assert!(challenge(tokens["access_token"].as_str().unwrap()).starts_with(&at_hash[..21]), "{at_hash}");
    assert!(id["jti"].as_str().unwrap().starts_with("ID."));
    let expected = json!({
        "sub": "00uada7Kq3nBvTz5W0g7", "name": "Ada Admin", "ver": 1, "iss": okta.issuer(Server::Default),
        "aud": BROWSER_CLIENT_ID, "iat": id["iat"], "exp": id["iat"].as_i64().unwrap() + 3600,
        "jti": id["jti"], "amr": ["pwd"], "idp": "00o47ijbqfgnq5gj00g7", "nonce": "a nonce",
        "preferred_username": ADA, "auth_time": access["auth_time"], "at_hash": at_hash,
    });
    assert_eq!(id, expected);
    assert!((0..=5).contains(&(iat - access["auth_time"].as_i64().unwrap())), "{access}");
}

#[test]
fn scope_decides_which_tokens_and_claims_are_issued() {
    let okta = shared();
    let tokens = Browser::new(okta).tokens(JOE, "items:read");
    assert_eq!((tokens.get("id_token"), tokens.get("refresh_token")), (None, None));
    assert_eq!(claims(&tokens, "access_token")["scp"], json!(["items:read"]));

    let tokens = Browser::new(okta).tokens(JOE, "openid email offline_access");
    assert_eq!(tokens["refresh_token"].as_str().unwrap().len(), 43);
    assert!(claims(&tokens, "access_token")["jti"].as_str().unwrap().contains(".oar"));
    let id = claims(&tokens, "id_token");
    assert_eq!((&id["email"], id.get("name")), (&json!(JOE), None));
}

#[test]
fn session_when_sufficient_issues_a_code_without_a_page() {
    let okta = shared();
    let browser = Browser::new(okta);
    let first = claims(&browser.tokens(JOE, "openid"), "access_token");
    let again = claims(&exchange(okta, &code_of(&browser.authorize(&[("prompt", "none")]))), "access_token");
    assert_eq!((&first["auth_time"], &first["uid"]), (&again["auth_time"], &again["uid"]));
    assert_eq!(Browser::new(okta).authorize(&[]).status, 200, "another browser has no session");
}

#[test]
fn code_with_wrong_pkce_verifier_is_rejected_and_spent() {
    let okta = shared();
    let wrong = "x".repeat(43);
    let plain_challenge = challenge(&wrong);
    for verifier in [wrong.as_str(), "", "short", plain_challenge.as_str(), &"x".repeat(129)] {
        let code = Browser::new(okta).code(JOE, &[]);
        let reply = exchange_with(okta, &code, &[("code_verifier", verifier)]);
        assert_eq!((reply.status, &reply.json()["error"]), (400, &json!("invalid_grant")), "{verifier}");
        assert_eq!(reply.json()["error_description"], "PKCE verification failed.");
        assert_eq!(exchange_with(okta, &code, &[]).status, 400, "the failed request used the code");
    }
}

#[test]
fn code_when_replayed_is_rejected_and_its_tokens_are_revoked() {
    let okta = shared();
    let code = Browser::new(okta).code(JOE, &[("scope", "openid offline_access")]);
    let tokens = exchange(okta, &code);
    let basic = basic(DEMO_CLIENT_ID, DEMO_CLIENT_SECRET);
    let active = || {
        let token = tokens["access_token"].as_str().unwrap();
        post(okta, "/oauth2/default/v1/introspect", &basic, &form(&[("token", token)])).json()["active"]
            .clone()
    };
    assert_eq!(active(), true);
    let replay = exchange_with(okta, &code, &[]);
    assert_eq!((replay.status, &replay.json()["error"]), (400, &json!("invalid_grant")));
    assert_eq!(active(), false);
    let refresh = form(&[
        ("grant_type", "refresh_token"),
        ("client_id", BROWSER_CLIENT_ID),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
    ]);
    assert_eq!(post(okta, TOKEN, "", &refresh).json()["error"], "invalid_grant");
}

#[test]
fn token_request_that_does_not_match_the_code_is_rejected() {
    let okta = shared();
    let rejected = |changes: &[(&str, &str)], status: u16, error: &str| {
        let code = Browser::new(okta).code(JOE, &[]);
        let reply = exchange_with(okta, &code, changes);
        assert_eq!((reply.status, &reply.json()["error"]), (status, &json!(error)), "{changes:?}");
    };
    rejected(&[("redirect_uri", "http://localhost:8081/")], 400, "invalid_grant");
    rejected(&[("redirect_uri", "")], 400, "invalid_grant");
    rejected(&[("code", "unknown")], 400, "invalid_grant");
    rejected(&[("code", "")], 400, "invalid_request");
    rejected(&[("client_id", "0oaunknown")], 401, "invalid_client");
    rejected(&[("client_id", "")], 401, "invalid_client");
    rejected(&[("client_secret", "guess")], 401, "invalid_client");
    let service = [("client_id", DEMO_CLIENT_ID), ("client_secret", DEMO_CLIENT_SECRET)];
    rejected(&service, 400, "invalid_grant");
    rejected(&[("grant_type", "client_credentials")], 400, "unauthorized_client");
    rejected(&[("grant_type", "password")], 400, "unsupported_grant_type");

    // Another authorization server of the org did not issue the code.
    let code = Browser::new(okta).code(JOE, &[]);
    let fields = token_form(&code, &[]);
    let other = post(okta, "/oauth2/aus9o8wzkhckw9TLa0h7z/v1/token", "", &fields);
    assert_eq!((other.status, &other.json()["error"]), (400, &json!("invalid_grant")));
    let repeated = post(okta, TOKEN, "", &format!("{fields}&code={code}"));
    assert_eq!((repeated.status, &repeated.json()["error"]), (400, &json!("invalid_request")));
    assert_eq!(post(okta, TOKEN, "", &fields).status, 200, "neither request has used the code");
}

#[test]
fn code_and_session_expire() {
    let okta = start();
    let browser = Browser::new(&okta);
    let in_time = browser.code(JOE, &[]);
    okta.advance_clock(Duration::from_secs(55));
    assert_eq!(exchange_with(&okta, &in_time, &[]).status, 200);
    let late = code_of(&browser.authorize(&[]));
    okta.advance_clock(Duration::from_secs(61));
    assert_eq!(exchange_with(&okta, &late, &[]).json()["error"], "invalid_grant");
    okta.advance_clock(Duration::from_secs(2 * 3600));
    assert!(browser.authorize(&[]).body.contains("Sign in"));
}

#[test]
fn each_server_issues_its_own_tokens() {
    let okta = shared();
    let servers = [
        (Server::Custom, "/oauth2/aus9o8wzkhckw9TLa0h7z", json!(["Everyone", "Admins"])),
        (Server::Org, "/oauth2", json!(null)),
    ];
    for (server, base, groups) in servers {
        let browser = Browser::new(okta);
        let path = authorize_path(&[("scope", "openid")]).replace(AUTHORIZE, &format!("{base}/v1/authorize"));
        let code = code_of(&browser.enter_password(&browser.get(&path), ADA));
        let tokens = post(okta, &format!("{base}/v1/token"), "", &token_form(&code, &[])).json();
        let access = claims(&tokens, "access_token");
        assert_eq!(
            (&access["iss"], &access["aud"]),
            (&json!(okta.issuer(server)), &json!(okta.audience(server)))
        );
        assert_eq!(access.get("groups").cloned().unwrap_or_default(), groups);
        let typ = json_of(&parts(tokens["access_token"].as_str().unwrap())[0]).get("typ").is_some();
        assert_eq!(typ, server == Server::Org);
        assert!(verifies(okta, &format!("{base}/v1/keys"), tokens["id_token"].as_str().unwrap()));
    }
}
