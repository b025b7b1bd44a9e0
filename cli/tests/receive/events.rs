//! Security event tokens: accepted and rejected ones, and their entries.

use serde_json::{Value, json};
use stand_in_okta::signals::{SignalSpec, post};
use stand_in_okta::{Kind, Server, StandIn, TokenSpec};

use test_support::receiver::{AUDIENCE, Receiver, now, okta};

const USER: &str = "00ujmkLgagxeRrAg20g3";
const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type";

fn session_revoked(event: Value) -> Value {
    json!({ format!("{CAEP}/session-revoked"): event })
}

#[test]
fn event_subject_in_each_place_makes_one_entry() {
    let okta = okta();
    let receiver = Receiver::start("events-subjects", &okta, |_| {});
    let user = |id: &str| okta.user_subject(id);
    let at = now() - 5;
    let email = json!({ "format": "email", "email": "Joe.User@Example.com" });
    let mut count = 0;
    for (name, events, sub_id, expected) in [
        (
            "Okta's session-revoked",
            session_revoked(
                json!({ "subject": { "user": user("00u1") }, "event_timestamp": at * 1000 + 643 }),
            ),
            json!(null),
            json!({ "uid": "00u1" }),
        ),
        (
            "Okta's credential-change",
            json!({ format!("{CAEP}/credential-change"): {
                "subject": user("00u2"), "credential_type": "password", "change_type": "revoke",
                "event_timestamp": at * 1000,
            } }),
            json!(null),
            json!({ "uid": "00u2" }),
        ),
        (
            "SSF 1.0, in seconds",
            session_revoked(json!({ "event_timestamp": at })),
            user("00u3"),
            json!({ "uid": "00u3" }),
        ),
        (
            "SSF 1.0, complex",
            session_revoked(json!({ "event_timestamp": at as f64 + 0.5 })),
            json!({ "format": "complex", "user": user("00u4"), "session": { "format": "opaque", "id": "s" } }),
            json!({ "uid": "00u4" }),
        ),
        (
            "both places, equal",
            session_revoked(json!({ "subject": user("00u5"), "event_timestamp": at })),
            user("00u5"),
            json!({ "uid": "00u5" }),
        ),
        (
            "an e-mail address",
            session_revoked(json!({ "subject": email, "event_timestamp": at })),
            json!(null),
            json!({ "email": "joe.user@example.com" }),
        ),
    ] {
        let spec = SignalSpec::default().claim("sub_id", sub_id);
        let response = receiver.push(&okta.security_event(AUDIENCE, events, &spec));
        assert_eq!((response.status, response.body.as_str()), (202, ""), "{name}: {response:?}");
        count += 1;
        let entries = receiver.entries();
        assert_eq!(entries.len(), count, "{name}");
        let entry = entries.iter().find(|entry| {
            expected.as_object().unwrap().iter().all(|(member, value)| entry[member] == *value)
        });
        let entry = entry.unwrap_or_else(|| panic!("{name}: {entries:?}"));
        // A login within the second of the event is earlier than it.
        assert_eq!(entry["authenticated_before"], json!(at + 1), "{name}");
        assert_eq!(entry["until"], json!(at + 86_400), "{name}");
        assert_eq!(entry.as_object().unwrap().len(), 3, "{name}: {entry}");
    }
    let log = receiver.log_text();
    assert!(!log.contains("00u") && !log.contains('@') && !log.contains("eyJ"), "{log}");
}

/// Returns invalid tokens, each with the `err` of RFC 8935.
fn invalid(okta: &StandIn) -> Vec<(&'static str, String, &'static str)> {
    let valid = || okta.session_revoked(USER);
    let sign = |spec: &SignalSpec| okta.security_event(AUDIENCE, valid(), spec);
    let spec = SignalSpec::default;
    let with_events = |events: Value| okta.security_event(AUDIENCE, events, &spec());
    let subject = |subject: Value| with_events(session_revoked(json!({ "subject": subject })));
    let good = sign(&spec());
    let (signing_input, signature) = good.rsplit_once('.').unwrap();
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    let mut two = valid();
    two.as_object_mut().unwrap().insert("https://example.com/event".to_owned(), json!({}));
    let other_org = json!({ "format": "iss_sub", "iss": "https://evil.okta.example", "sub": USER });
    let unequal = spec().claim("sub_id", okta.user_subject("00u1"));
    vec![
        ("no token", String::new(), "invalid_request"),
        ("an opaque text", "abc".to_owned(), "invalid_request"),
        ("no signature", format!("{signing_input}."), "invalid_request"),
        (
            "another signature",
            format!("{signing_input}.{flipped}{}", &signature[1..]),
            "authentication_failed",
        ),
        ("no typ", sign(&spec().header("typ", Value::Null)), "invalid_request"),
        ("typ JWT", sign(&spec().header("typ", "JWT")), "invalid_request"),
        ("typ of a logout", sign(&spec().header("typ", "global-token-revocation+jwt")), "invalid_request"),
        ("alg none", sign(&spec().header("alg", "none")), "invalid_key"),
        ("alg HS256", sign(&spec().header("alg", "HS256")), "invalid_key"),
        ("no kid", sign(&spec().header("kid", Value::Null)), "invalid_key"),
        ("crit", sign(&spec().header("crit", json!(["exp"]))), "invalid_request"),
        ("the key of a custom server", sign(&spec().signed_by(Server::Default)), "invalid_key"),
        (
            "the key of a custom server under the kid of the org",
            sign(&spec().signed_by(Server::Default).header("kid", okta.kid(Server::Org))),
            "authentication_failed",
        ),
        ("an access token", okta.mint(Server::Default, &TokenSpec::user()), "invalid_request"),
        ("an ID token", okta.mint(Server::Default, &TokenSpec::new(Kind::IdToken)), "invalid_request"),
        ("a token of the org", okta.mint(Server::Org, &TokenSpec::new(Kind::OrgAccess)), "invalid_request"),
        (
            "an ID token of the org with this typ",
            okta.mint(Server::Org, &TokenSpec::new(Kind::IdToken).header("typ", "secevent+jwt")),
            "invalid_audience",
        ),
        ("no iss", sign(&spec().claim("iss", Value::Null)), "invalid_issuer"),
        ("another iss", sign(&spec().claim("iss", "https://evil.okta.example")), "invalid_issuer"),
        (
            "iss of a custom server",
            sign(&spec().claim("iss", okta.issuer(Server::Default))),
            "invalid_issuer",
        ),
        ("no aud", sign(&spec().claim("aud", Value::Null)), "invalid_audience"),
        ("another aud", sign(&spec().claim("aud", "https://other.example.com")), "invalid_audience"),
        ("aud with a query", sign(&spec().claim("aud", format!("{AUDIENCE}?a=b"))), "invalid_audience"),
        ("aud with a number", sign(&spec().claim("aud", json!([AUDIENCE, 1]))), "invalid_audience"),
        ("no jti", sign(&spec().claim("jti", Value::Null)), "invalid_request"),
        ("an empty jti", sign(&spec().claim("jti", "")), "invalid_request"),
        ("a jti of 257 bytes", sign(&spec().claim("jti", "a".repeat(257))), "invalid_request"),
        ("no iat", sign(&spec().claim("iat", Value::Null)), "invalid_request"),
        ("iat is a text", sign(&spec().claim("iat", "1")), "invalid_request"),
        ("iat in the future", sign(&spec().claim("iat", now() + 400)), "invalid_request"),
        ("exp in the past", sign(&spec().claim("exp", now() - 400)), "invalid_request"),
        ("sub", sign(&spec().claim("sub", USER)), "invalid_request"),
        ("no events", with_events(Value::Null), "invalid_request"),
        ("events without an event", with_events(json!({})), "invalid_request"),
        ("events is a list", with_events(json!([valid()])), "invalid_request"),
        ("two events", with_events(two), "invalid_request"),
        ("an unknown event", with_events(json!({ "https://example.com/event": {} })), "invalid_request"),
        ("an event that is no object", with_events(session_revoked(json!(true))), "invalid_request"),
        ("no subject", with_events(session_revoked(json!({}))), "invalid_request"),
        ("a subject without format", subject(json!({ "iss": "i", "sub": "s" })), "invalid_request"),
        ("a subject of another format", subject(json!({ "format": "opaque", "id": "1" })), "invalid_request"),
        ("a subject of another org", subject(other_org), "invalid_request"),
        ("two subjects that differ", sign(&unequal), "invalid_request"),
        (
            "event_timestamp is a text",
            with_events(session_revoked(
                json!({ "subject": okta.user_subject(USER), "event_timestamp": "1" }),
            )),
            "invalid_request",
        ),
    ]
}

#[test]
fn invalid_event_is_rejected_with_its_error_code() {
    let okta = okta();
    let receiver = Receiver::start("events-invalid", &okta, |_| {});
    for (name, token, expected) in invalid(&okta) {
        let response = receiver.push(&token);
        assert_eq!(response.status, 400, "{name}: {response:?}");
        let body: Value = serde_json::from_str(&response.body).unwrap();
        assert_eq!(body["err"], expected, "{name}: {body}");
        assert!(body["description"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
    }
    let token = okta.security_event(AUDIENCE, okta.session_revoked(USER), &SignalSpec::default());
    let headers = [("content-type", "application/json")];
    assert_eq!(post(receiver.public, "/events", &headers, &token).unwrap().status, 400);
    assert_eq!(receiver.entries(), Vec::<Value>::new());
    let log = receiver.log_text();
    assert!(!log.contains(USER) && !log.contains("eyJ"), "{log}");
}

#[test]
fn event_about_the_stream_is_acknowledged_without_an_entry() {
    let okta = okta();
    let receiver = Receiver::start("events-stream", &okta, |config| {
        config["orgs"][0]["events"]["credential_change"] = json!(false);
    });
    let ssf = "https://schemas.openid.net/secevent/ssf/event-type";
    for events in [
        json!({ format!("{ssf}/verification"): { "state": "abc" } }),
        json!({ format!("{ssf}/stream-updated"): { "status": "paused" } }),
        okta.credential_change(USER),
    ] {
        let token = okta.security_event(AUDIENCE, events, &SignalSpec::default());
        assert_eq!(receiver.push(&token).status, 202);
    }
    assert_eq!(receiver.entries(), Vec::<Value>::new());
    let ignored = r#"okta_authz_receive_requests_total{endpoint="events",result="ignored"}"#;
    assert_eq!(receiver.metric(ignored), Some(3));
}

#[test]
fn event_received_again_is_acknowledged_without_an_effect() {
    let okta = okta();
    let receiver = Receiver::start("events-again", &okta, |_| {});
    let spec = SignalSpec::default().claim("jti", "set-1");
    let first = okta.security_event(AUDIENCE, okta.session_revoked("00u1"), &spec);
    assert_eq!(receiver.push(&first).status, 202);
    let before = receiver.entries();
    assert_eq!(receiver.push(&first).status, 202);
    // Another event under the ID of the first one.
    let other = okta.security_event(AUDIENCE, okta.session_revoked("00u2"), &spec);
    assert_eq!(receiver.push(&other).status, 202);
    assert_eq!(receiver.entries(), before);
    let duplicate = r#"okta_authz_receive_requests_total{endpoint="events",result="duplicate"}"#;
    assert_eq!(receiver.metric(duplicate), Some(2));
}

#[test]
fn events_about_one_user_make_one_entry_with_the_latest_times() {
    let okta = okta();
    let receiver = Receiver::start("events-merged", &okta, |config| {
        config["orgs"][0]["token_issuers"] =
            json!(["https://acme.okta.example/oauth2/default", "https://acme.okta.example/oauth2/aus1"]);
    });
    let at = now();
    for before in [100, 10, 50] {
        let event = json!({ "subject": okta.user_subject("00u1"), "event_timestamp": at - before });
        let token = okta.security_event(AUDIENCE, session_revoked(event), &SignalSpec::default());
        assert_eq!(receiver.push(&token).status, 202);
    }
    let entries = receiver.entries();
    assert_eq!(entries.len(), 2, "{entries:?}");
    for (entry, server) in entries.iter().zip(["aus1", "default"]) {
        assert_eq!(
            *entry,
            json!({
                "uid": "00u1", "issuer": format!("https://acme.okta.example/oauth2/{server}"),
                "authenticated_before": at - 9, "until": at - 10 + 86_400,
            })
        );
    }
}

#[test]
fn event_older_than_the_retention_makes_no_entry() {
    let okta = okta();
    let receiver =
        Receiver::start("events-old", &okta, |config| config["denylist"] = json!({ "retention": "1h" }));
    for (age, entries) in [(3_700, 0), (3_500, 1)] {
        let event = json!({ "subject": okta.user_subject("00u1"), "event_timestamp": now() - age });
        let token = okta.security_event(AUDIENCE, session_revoked(event), &SignalSpec::default());
        assert_eq!(receiver.push(&token).status, 202);
        assert_eq!(receiver.entries().len(), entries, "{age}");
    }
}

#[test]
fn event_of_a_custom_domain_or_in_the_future_is_bounded_by_the_present() {
    let okta = okta();
    let receiver = Receiver::start("events-domain", &okta, |_| {});
    let domain = "https://login.acme.example";
    let subject = json!({ "format": "iss_sub", "iss": domain, "sub": "00u1" });
    let event = json!({ "subject": subject, "event_timestamp": now() + 86_400 });
    let spec = SignalSpec::default().claim("iss", domain);
    assert_eq!(receiver.push(&okta.security_event(AUDIENCE, session_revoked(event), &spec)).status, 202);
    let before = receiver.entries()[0]["authenticated_before"].as_i64().unwrap();
    assert!((now() - 5..=now() + 1).contains(&before), "{before}");
}

#[test]
fn event_without_the_authorization_of_the_stream_is_rejected() {
    let okta = okta();
    let directory = test_support::receiver::directory("events-authorization");
    let mut config = test_support::receiver::config(&okta, &directory);
    config["orgs"][0]["events"]["authorization"] = json!({ "env": "STREAM" });
    let receiver = Receiver::run(&directory, &config, &[("STREAM", "Bearer stream-secret\n")]);
    receiver.wait_for_log("keys_fetched");
    let token = okta.security_event(AUDIENCE, okta.session_revoked(USER), &SignalSpec::default());
    let typ = ("content-type", "application/secevent+jwt");
    let push = |headers: &[(&str, &str)]| post(receiver.public, "/events", headers, &token).unwrap();
    for headers in [&[typ][..], &[typ, ("authorization", "Bearer stream-secre")]] {
        let response = push(headers);
        assert_eq!(response.status, 400);
        assert!(response.body.contains(r#""err":"authentication_failed""#), "{response:?}");
    }
    assert_eq!(push(&[typ, ("authorization", "Bearer stream-secret")]).status, 202);
    assert!(!receiver.log_text().contains("stream-secret"));
}
