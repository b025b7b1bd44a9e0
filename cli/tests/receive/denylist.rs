//! The served denylist, with its ETag and its secret.

use okta_authz_filter::denylist::Denylist;
use okta_authz_filter::refresh::source::Document as _;
use serde_json::{Value, json};
use stand_in_okta::signals::{SignalSpec, post};

use test_support::receiver::{AUDIENCE, Receiver, config, directory, now, okta};

#[test]
fn denylist_changes_its_etag_with_its_entries() {
    let okta = okta();
    let receiver = Receiver::start("denylist-etag", &okta, |_| {});
    let empty = receiver.get("/denylist", &[]);
    assert_eq!((empty.status, empty.body.as_str()), (200, r#"{"entries":[]}"#));
    assert_eq!(empty.header("cache-control"), Some("no-cache"));
    assert_eq!(empty.header("content-type"), Some("application/json"));
    let etag = empty.header("etag").unwrap().to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"') && etag.len() == 34, "{etag}");
    for matching in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
        let response = receiver.get("/denylist", &[("if-none-match", &matching)]);
        assert_eq!((response.status, response.body.as_str()), (304, ""), "{matching}");
        assert_eq!(response.header("etag"), Some(etag.as_str()));
        assert_eq!(response.header("cache-control"), Some("no-cache"));
    }
    assert_eq!(receiver.revoke_session(&okta, "00u1").status, 202);
    let changed = receiver.get("/denylist", &[("if-none-match", &etag)]);
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(etag.as_str()));
    assert_eq!(Denylist::read(changed.body.as_bytes()).map(|list| list.count()), Ok(1));
}

#[test]
fn denylist_with_a_secret_is_sent_to_its_bearer_only() {
    let okta = okta();
    let directory = directory("denylist-secret");
    let secret = directory.join("secret");
    std::fs::write(&secret, "feed-secret\n").unwrap();
    let mut config = config(&okta, &directory);
    config["denylist"] = json!({ "secret": { "file": secret } });
    let receiver = Receiver::run(&directory, &config, &[]);
    for authorization in [None, Some("Bearer feed-secre"), Some("Basic feed-secret"), Some("Bearer ")] {
        let headers = authorization.map(|value| [("authorization", value)]);
        let response = receiver.get("/denylist", headers.as_ref().map_or(&[], |headers| &headers[..]));
        assert_eq!((response.status, response.header("www-authenticate")), (401, Some("Bearer")));
    }
    assert_eq!(receiver.get("/denylist", &[("authorization", "Bearer feed-secret")]).status, 200);
    for open in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(receiver.get(open, &[]).status, 200, "{open}");
    }
}

#[test]
fn internal_and_public_endpoints_are_on_their_own_address() {
    let okta = okta();
    let receiver = Receiver::start("denylist-addresses", &okta, |_| {});
    let get_public = |path: &str| test_support::client::Client::to(receiver.public).get(path).status;
    for path in ["/denylist", "/metrics", "/healthz", "/readyz", "/"] {
        assert_eq!(get_public(path), 404, "{path}");
    }
    assert_eq!((get_public("/events"), get_public("/logout")), (405, 405));
    for path in ["/events", "/logout"] {
        assert_eq!(post(receiver.internal, path, &[], "").unwrap().status, 404, "{path}");
    }
}

#[test]
fn entry_is_removed_when_it_ends() {
    let okta = okta();
    let receiver =
        Receiver::start("denylist-end", &okta, |config| config["denylist"] = json!({ "retention": "5m" }));
    let uri = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
    let push = |user: &str, age: i64| {
        let event = json!({ uri: { "subject": okta.user_subject(user), "event_timestamp": now() - age } });
        receiver.push(&okta.security_event(AUDIENCE, event, &SignalSpec::default())).status
    };
    assert_eq!((push("00u1", 297), push("00u2", 0)), (202, 202));
    let users = || -> Vec<Value> { receiver.entries().iter().map(|entry| entry["uid"].clone()).collect() };
    assert_eq!(users(), [json!("00u1"), json!("00u2")]);
    let etag = receiver.get("/denylist", &[]).header("etag").unwrap().to_owned();
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert_eq!(users(), [json!("00u2")]);
    assert_eq!(receiver.get("/denylist", &[("if-none-match", &etag)]).status, 200);
}

#[test]
fn metrics_count_requests_and_entries() {
    let okta = okta();
    let receiver = Receiver::start("denylist-metrics", &okta, |_| {});
    receiver.revoke_session(&okta, "00u1");
    receiver.push("abc");
    receiver.entries();
    let requests = |endpoint: &str, result: &str| {
        let labels = format!(r#"{{endpoint="{endpoint}",result="{result}"}}"#);
        receiver.metric(&format!("okta_authz_receive_requests_total{labels}"))
    };
    assert_eq!(requests("events", "accepted"), Some(1));
    assert_eq!(requests("events", "malformed"), Some(1));
    assert_eq!(requests("denylist", "sent"), Some(1));
    assert_eq!(receiver.metric("okta_authz_receive_entries"), Some(1));
    assert_eq!(receiver.metric("okta_authz_receive_max_entries"), Some(10_000));
    assert_eq!(receiver.metric("okta_authz_receive_store_errors_total"), Some(0));
    let keys = r#"okta_authz_receive_keys_fetched_timestamp_seconds{org="https://acme.okta.example"}"#;
    let fetched_at = i64::try_from(receiver.metric(keys).unwrap()).unwrap();
    assert!((now() - 60..=now()).contains(&fetched_at));
}
