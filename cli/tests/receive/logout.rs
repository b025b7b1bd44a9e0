//! Calls of Universal Logout.

use serde_json::{Value, json};
use stand_in_okta::signals::{SignalSpec, post};
use stand_in_okta::{Kind, Server, TokenSpec};

use test_support::receiver::{LOGOUT_URL, Receiver, now, okta};

const USER: &str = "00ujmkLgagxeRrAg20g3";

#[test]
fn logout_of_each_subject_makes_an_entry_of_the_present() {
    let okta = okta();
    let receiver = Receiver::start("logout", &okta, |_| {});
    let token = || okta.logout_token(LOGOUT_URL, &SignalSpec::default());
    let email = json!({ "format": "email", "email": "Joe@Example.com" });
    for (sub_id, member, value) in
        [(okta.user_subject(USER), "uid", USER), (email, "email", "joe@example.com")]
    {
        let earliest = now() + 1;
        let response = receiver.logout(&token(), &sub_id);
        assert_eq!((response.status, response.body.as_str()), (204, ""), "{response:?}");
        let entries = receiver.entries();
        let entry = entries.iter().find(|entry| entry[member] == value).unwrap();
        let before = entry["authenticated_before"].as_i64().unwrap();
        assert!((earliest..=now() + 1).contains(&before), "{entry}");
        assert_eq!(entry["until"], json!(before - 1 + 86_400));
    }
    let log = receiver.log_text();
    assert!(!log.contains(USER) && !log.contains('@') && !log.contains("eyJ"), "{log}");
}

#[test]
fn invalid_logout_has_the_status_of_its_error() {
    let okta = okta();
    let receiver = Receiver::start("logout-invalid", &okta, |config| {
        let mut other = config["orgs"][0].clone();
        other["issuer"] = json!("https://other.okta.example");
        other["aliases"] = json!([]);
        config["orgs"].as_array_mut().unwrap().push(other);
    });
    let spec = SignalSpec::default;
    let sign = |spec: &SignalSpec| okta.logout_token(LOGOUT_URL, spec);
    let user = okta.user_subject(USER);
    let good = sign(&spec());
    let forged = format!("{}AA", &good[..good.len() - 2]);
    for (name, token, expected) in [
        ("an opaque token", "abc".to_owned(), 401),
        ("another signature", forged, 401),
        ("typ JWT", sign(&spec().header("typ", "JWT")), 401),
        ("no typ", sign(&spec().header("typ", Value::Null)), 401),
        ("typ of an event", sign(&spec().header("typ", "secevent+jwt")), 401),
        ("alg HS256", sign(&spec().header("alg", "HS256")), 401),
        ("the key of a custom server", sign(&spec().signed_by(Server::Default)), 401),
        (
            "the key of a custom server under the kid of the org",
            sign(&spec().signed_by(Server::Custom).header("kid", okta.kid(Server::Org))),
            401,
        ),
        ("an access token", okta.mint(Server::Default, &TokenSpec::user()), 401),
        ("an ID token of the org", okta.mint(Server::Org, &TokenSpec::new(Kind::IdToken)), 401),
        ("another iss", sign(&spec().claim("iss", "https://evil.okta.example")), 401),
        ("aud with a query", sign(&spec().claim("aud", format!("{LOGOUT_URL}?a=b"))), 401),
        ("aud with a final slash", sign(&spec().claim("aud", format!("{LOGOUT_URL}/"))), 401),
        ("aud of the events", sign(&spec().claim("aud", test_support::receiver::AUDIENCE)), 401),
        ("no jti", sign(&spec().claim("jti", Value::Null)), 401),
        ("no exp", sign(&spec().claim("exp", Value::Null)), 401),
        ("exp in the past", sign(&spec().claim("exp", now() - 301)), 401),
        ("nbf in the future", sign(&spec().claim("nbf", now() + 400)), 401),
        ("another client", sign(&spec().claim("sub", "0oaother")), 403),
        ("no sub", sign(&spec().claim("sub", Value::Null)), 403),
    ] {
        let response = receiver.logout(&token, &user);
        assert_eq!(response.status, expected, "{name}: {response:?}");
    }
    let iss_sub = |iss: &str| json!({ "format": "iss_sub", "iss": iss, "sub": USER });
    for (name, sub_id, expected) in [
        ("no subject", Value::Null, 400),
        ("a text", json!(USER), 400),
        ("no format", json!({ "sub": USER }), 400),
        ("an unknown format", json!({ "format": "phone_number", "phone_number": "+1" }), 400),
        ("no sub", json!({ "format": "iss_sub", "iss": "https://acme.okta.example" }), 400),
        ("a subject of another configured org", iss_sub("https://other.okta.example"), 403),
        ("a subject of an unknown org", iss_sub("https://evil.okta.example"), 404),
        (
            "an empty user ID",
            json!({ "format": "iss_sub", "iss": "https://acme.okta.example", "sub": "" }),
            422,
        ),
        ("an e-mail address without @", json!({ "format": "email", "email": "joe" }), 422),
    ] {
        let response = receiver.logout(&sign(&spec()), &sub_id);
        assert_eq!(response.status, expected, "{name}: {response:?}");
    }
    let json = ("content-type", "application/json");
    let authorization = format!("Bearer {}", sign(&spec()));
    let bearer = ("authorization", authorization.as_str());
    let basic = ("authorization", "Basic YTpi");
    let body = json!({ "sub_id": user }).to_string();
    for (name, headers, body, expected) in [
        ("no token", &[json][..], body.as_str(), 401),
        ("another scheme", &[json, basic], body.as_str(), 401),
        ("two tokens", &[json, bearer, bearer], body.as_str(), 401),
        ("another content type", &[("content-type", "text/plain"), bearer], body.as_str(), 400),
        ("no JSON", &[json, bearer], "{", 400),
        ("a member twice", &[json, bearer], r#"{"sub_id":1,"sub_id":2}"#, 400),
    ] {
        let response = post(receiver.public, "/logout", headers, body).unwrap();
        assert_eq!(response.status, expected, "{name}: {response:?}");
    }
    assert_eq!(receiver.entries(), Vec::<Value>::new());
}

#[test]
fn logout_token_used_again_is_rejected() {
    let okta = okta();
    let receiver = Receiver::start("logout-again", &okta, |_| {});
    let token = okta.logout_token(LOGOUT_URL, &SignalSpec::default());
    // A rejected call does not use the token up.
    assert_eq!(receiver.logout(&token, &json!({ "format": "opaque", "id": "1" })).status, 400);
    assert_eq!(receiver.logout(&token, &okta.user_subject("00u1")).status, 204);
    // The body is not signed: an attacker with a used token could log out any user.
    for user in ["00u1", "00u2"] {
        assert_eq!(receiver.logout(&token, &okta.user_subject(user)).status, 401, "{user}");
    }
    assert_eq!(receiver.entries().len(), 1);
    // An event and a logout call may have equal IDs.
    let spec = SignalSpec::default().claim("jti", "equal");
    assert_eq!(
        receiver.logout(&okta.logout_token(LOGOUT_URL, &spec), &okta.user_subject("00u3")).status,
        204
    );
    let event = okta.security_event(test_support::receiver::AUDIENCE, okta.session_revoked("00u4"), &spec);
    assert_eq!(receiver.push(&event).status, 202);
    assert_eq!(receiver.entries().len(), 3);
}

#[test]
fn org_without_logout_or_events_rejects_them() {
    let okta = okta();
    let only = |name: &str, removed: &str| {
        Receiver::start(name, &okta, |config| {
            config["orgs"][0].as_object_mut().unwrap().remove(removed);
        })
    };
    let token = okta.logout_token(LOGOUT_URL, &SignalSpec::default());
    let events = only("logout-off", "logout");
    assert_eq!(events.logout(&token, &okta.user_subject(USER)).status, 401);
    assert_eq!(events.revoke_session(&okta, USER).status, 202);
    let logout = only("events-off", "events");
    assert_eq!(logout.logout(&token, &okta.user_subject(USER)).status, 204);
    let response = logout.revoke_session(&okta, USER);
    assert!(response.status == 400 && response.body.contains("invalid_issuer"), "{response:?}");
}

#[test]
fn logout_call_revokes_logins_up_to_the_time_of_okta() {
    let okta = okta();
    let receiver = Receiver::start("logout-clock", &okta, |_| {});
    // Okta's clock is ahead of the receiver's, or the call took a while.
    for (user, offset, earliest) in [("00u1", 120, 120), ("00u2", -120, 0)] {
        let issued_at = now() + offset;
        let spec = SignalSpec::default().claim("iat", issued_at);
        let response = receiver.logout(&okta.logout_token(LOGOUT_URL, &spec), &okta.user_subject(user));
        assert_eq!(response.status, 204);
        let entries = receiver.entries();
        let entry = entries.iter().find(|entry| entry["uid"] == user).unwrap();
        let before = entry["authenticated_before"].as_i64().unwrap();
        assert!((now() - 5 + earliest..=now() + 1 + earliest).contains(&before), "{entry}");
    }
}
