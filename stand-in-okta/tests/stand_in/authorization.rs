//! The authorization endpoint: its errors and its response modes.

use serde_json::json;
use stand_in_okta::{BROWSER_CLIENT_ID, DEMO_CLIENT_ID};

use crate::browser::{
    AUTHORIZE, Browser, JOE, REDIRECT_URI, authorize_path, code_of, decode, error_of, exchange,
};
use crate::client::{get, json_of, shared};

#[test]
fn request_with_unregistered_client_or_redirect_uri_gets_a_page_and_no_redirect() {
    let okta = shared();
    let (client, uri) = ("Invalid value for 'client_id'", "must be a Login redirect URI");
    let cases = [
        ("client_id", "", client),
        ("client_id", "0oaunknown", client),
        ("client_id", DEMO_CLIENT_ID, client),
        ("redirect_uri", "", uri),
        ("redirect_uri", "http://evil.example/login/callback", uri),
        ("redirect_uri", "http://localhost:8081/login/callback/", uri),
        ("redirect_uri", "http://localhost:8081/login/callback?next=/", uri),
        ("redirect_uri", "http://localhost:8081@evil.example/login/callback", uri),
        ("redirect_uri", "http://LOCALHOST:8081/login/callback", uri),
        ("redirect_uri", "javascript:alert(1)", uri),
    ];
    for (name, value, text) in cases {
        // Another error of the request does not lead to a redirect either.
        for scope in ["openid", "unknown"] {
            let reply = Browser::new(okta).authorize(&[(name, value), ("scope", scope)]);
            assert_eq!((reply.status, reply.header("location")), (400, None), "{name}={value}");
            assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
            assert!(reply.body.contains(text), "{name}={value}: {}", reply.body);
        }
    }
    let repeated = get(okta, &format!("{}&redirect_uri=http://evil.example/", authorize_path(&[])));
    assert_eq!((repeated.status, repeated.header("location")), (400, None));
}

#[test]
fn invalid_request_redirects_with_error_and_state() {
    let okta = shared();
    let cases = [
        (("response_type", ""), "unsupported_response_type"),
        (("response_type", "token"), "unsupported_response_type"),
        (("response_mode", "form_post"), "invalid_request"),
        (("scope", ""), "invalid_scope"),
        (("scope", "openid unknown"), "invalid_scope"),
        (("scope", "Openid"), "invalid_scope"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge", "short"), "invalid_request"),
        (("code_challenge", "this+is+not+base64url+but+has+43+characters"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("prompt", "none login"), "invalid_request"),
        (("max_age", "-1"), "invalid_request"),
        (("max_age", "soon"), "invalid_request"),
        (("prompt", "none"), "login_required"),
    ];
    for (change, error) in cases {
        assert_eq!(error_of(&Browser::new(okta).authorize(&[change])), error, "{change:?}");
    }
    let stateless = Browser::new(okta).authorize(&[("state", "")]);
    let location = stateless.header("location").unwrap();
    assert!(location.starts_with(&format!("{REDIRECT_URI}?error=invalid_request&")), "{location}");
    assert!(!location.contains("state="), "{location}");
}

#[test]
fn response_mode_decides_how_the_client_receives_the_code() {
    let okta = shared();
    let browser = Browser::new(okta);
    browser.code(JOE, &[]);

    let reply = browser.authorize(&[("response_mode", "query")]);
    exchange(okta, &code_of(&reply));
    let reply = browser.authorize(&[("response_mode", "fragment")]);
    let (uri, fragment) = reply.header("location").unwrap().split_once('#').unwrap();
    assert_eq!((reply.status, uri), (302, REDIRECT_URI));
    assert_eq!(decode(fragment)["state"], "a state/&=");
    exchange(okta, &decode(fragment)["code"]);

    let state = "</script><script>alert(1)</script>";
    let reply = browser.authorize(&[("response_mode", "okta_post_message"), ("state", state)]);
    assert_eq!((reply.status, reply.header("location")), (200, None));
    assert_eq!(reply.body.matches("<script").count(), 1, "{}", reply.body);
    let (_, call) = reply.body.split_once(".postMessage(").unwrap();
    let (message, rest) = call.split_once("}, ").unwrap();
    assert!(rest.starts_with(r#""http://localhost:8081");</script>"#), "{rest}");
    let message = json_of(&format!("{message}}}"));
    assert_eq!(message["state"], state);
    exchange(okta, message["code"].as_str().unwrap());
    let policy = reply.header("content-security-policy").unwrap();
    let (_, nonce) = reply.body.split_once(r#"<script nonce=""#).unwrap();
    assert!(policy.contains(&format!("script-src 'nonce-{}'", &nonce[..22])), "{policy}");
    assert!(policy.ends_with("frame-ancestors http://localhost:8081"), "{policy}");
}

#[test]
fn metadata_names_endpoints_that_exist() {
    let okta = shared();
    for base in ["", "/oauth2/default", "/oauth2/aus9o8wzkhckw9TLa0h7z"] {
        let path = format!("{base}/.well-known/openid-configuration?client_id={BROWSER_CLIENT_ID}");
        let document = get(okta, &path).json();
        let names = [
            ("authorization_endpoint", 400),
            ("token_endpoint", 405),
            ("userinfo_endpoint", 401),
            ("jwks_uri", 200),
            ("introspection_endpoint", 405),
            ("revocation_endpoint", 405),
            ("end_session_endpoint", 400),
        ];
        for (name, status) in names {
            let url = document[name].as_str().unwrap();
            let path = url.strip_prefix("https://acme.okta.example").unwrap();
            assert_eq!(get(okta, path).status, status, "{url}");
        }
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
    }
    assert_eq!(get(okta, AUTHORIZE).status, 400);
}
