//! Two receivers that share a PostgreSQL database. `make receive-postgres` starts the database and
//! sets the variables of the environment.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stand_in_okta::StandIn;
use stand_in_okta::signals::{SignalSpec, push_event};

use test_support::receiver::{AUDIENCE, LOGOUT_URL, Receiver, config, directory, okta};

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: `make receive-postgres` sets it"))
}

/// Returns the URL of a new database.
fn new_database(name: &str) -> String {
    let (url, _) =
        variable("OKTA_AUTHZ_POSTGRES_URL").rsplit_once('/').map(|(url, _)| (url.to_owned(), ())).unwrap();
    let created = std::process::Command::new("psql")
        .args(["--quiet", "--no-psqlrc", "--command", &format!("CREATE DATABASE {name}")])
        .arg(format!("{url}/postgres?sslmode=require"))
        .output()
        .unwrap();
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
    format!("{url}/{name}")
}

fn start(name: &str, okta: &StandIn, url: &str, change: impl FnOnce(&mut Value)) -> Receiver {
    let directory = directory(name);
    let mut config = config(okta, &directory);
    config["storage"] =
        json!({ "postgres": { "url": { "env": "DATABASE" }, "ca": variable("OKTA_AUTHZ_POSTGRES_CA") } });
    change(&mut config);
    let receiver = Receiver::run(&directory, &config, &[("DATABASE", url)]);
    receiver.wait_for_log("keys_fetched");
    receiver
}

#[test]
fn postgres_two_receivers_serve_equal_lists_and_reject_a_replay() {
    let (okta, url) = (okta(), new_database("two"));
    let [first, second] = ["a", "b"].map(|name| start(&format!("postgres-{name}"), &okta, &url, |_| {}));
    let logout = okta.logout_token(LOGOUT_URL, &SignalSpec::default());
    assert_eq!(first.logout(&logout, &okta.user_subject("00u1")).status, 204);
    // The second one may serve a list that is one second old.
    #[allow(clippy::disallowed_methods, reason = "a deadline for another process")]
    let start = Instant::now();
    while second.entries().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(3), "the entry is not on the second receiver");
        std::thread::sleep(Duration::from_millis(20));
    }
    println!("an entry is on the other receiver after {:?}", start.elapsed());
    assert_eq!(second.logout(&logout, &okta.user_subject("00u2")).status, 401);
    let spec = SignalSpec::default().claim("jti", "set-1");
    let event = okta.security_event(AUDIENCE, okta.session_revoked("00u3"), &spec);
    assert_eq!((first.push(&event).status, second.push(&event).status), (202, 202));
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!((first.entries().len(), second.entries().len()), (2, 2));
    let etag = |receiver: &Receiver| receiver.get("/denylist", &[]).header("etag").map(str::to_owned);
    assert_eq!(etag(&first), etag(&second));
    let duplicate = r#"okta_authz_receive_requests_total{endpoint="events",result="duplicate"}"#;
    assert_eq!(second.metric(duplicate), Some(1));
}

#[test]
fn postgres_receivers_killed_in_turn_lose_nothing() {
    let (okta, url) = (okta(), new_database("crashes"));
    let survivor = start("postgres-survivor", &okta, &url, |_| {});
    let mut acknowledged = BTreeSet::new();
    for crash in 0..4 {
        let receiver = start("postgres-crash", &okta, &url, |_| {});
        for number in 0..10 {
            for address in [receiver.public, survivor.public] {
                let user = format!("00u{crash}x{number}x{}", address.port());
                let token =
                    okta.security_event(AUDIENCE, okta.session_revoked(&user), &SignalSpec::default());
                assert_eq!(push_event(address, "/events", &token).unwrap().status, 202);
                acknowledged.insert(user);
            }
        }
        receiver.kill();
        std::thread::sleep(Duration::from_millis(1_100));
        let found: BTreeSet<String> =
            survivor.entries().iter().map(|entry| entry["uid"].as_str().unwrap().to_owned()).collect();
        assert_eq!(found, acknowledged, "crash {crash}");
    }
    println!("{} events acknowledged in 4 crashes, none lost", acknowledged.len());
}

#[test]
fn postgres_full_list_gives_503() {
    let (okta, url) = (okta(), new_database("full_list"));
    let receiver =
        start("postgres-full", &okta, &url, |config| config["denylist"] = json!({ "max_entries": 1 }));
    assert_eq!(receiver.revoke_session(&okta, "00u1").status, 202);
    assert_eq!(receiver.revoke_session(&okta, "00u2").status, 503);
    assert_eq!(receiver.revoke_session(&okta, "00u1").status, 202);
    assert_eq!(receiver.entries().len(), 1);
}

#[test]
fn postgres_entry_that_ended_leaves_the_list() {
    let (okta, url) = (okta(), new_database("ended"));
    let receiver =
        start("postgres-ended", &okta, &url, |config| config["denylist"] = json!({ "retention": "5m" }));
    let uri = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
    let at = test_support::receiver::now() - 297;
    let event = json!({ uri: { "subject": okta.user_subject("00u1"), "event_timestamp": at } });
    assert_eq!(receiver.push(&okta.security_event(AUDIENCE, event, &SignalSpec::default())).status, 202);
    assert_eq!(receiver.entries().len(), 1);
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(receiver.entries().len(), 0);
}

#[test]
fn postgres_untrusted_certificate_or_wrong_password_is_an_error_without_the_password() {
    let (okta, url) = (okta(), variable("OKTA_AUTHZ_POSTGRES_URL"));
    let directory = directory("postgres-errors");
    let ca = variable("OKTA_AUTHZ_POSTGRES_CA");
    let wrong = url.replace("okta_authz:", "okta_authz:wrong");
    let own_ca = directory.join("ca.pem");
    let unreachable = "postgresql://okta_authz:secret@localhost:1/postgres".to_owned();
    for (name, url, ca) in [
        ("another authority", &url, own_ca.to_str().unwrap()),
        ("a wrong password", &wrong, ca.as_str()),
        ("no server", &unreachable, ca.as_str()),
        ("no URL", &"postgresql://a:secret@[".to_owned(), ca.as_str()),
    ] {
        let mut config = config(&okta, &directory);
        config["storage"] = json!({ "postgres": { "url": { "env": "DATABASE" }, "ca": ca } });
        let file = directory.join("receive.yaml");
        std::fs::write(&file, config.to_string()).unwrap();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_okta-authz"))
            .args(["receive".as_ref(), file.as_os_str()])
            .env("DATABASE", url)
            .output()
            .unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        println!("{name}: {}", message.trim_end());
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(message.contains("storage.postgres"), "{name}: {message}");
        let password = url.split([':', '@']).nth(2).unwrap();
        assert!(!message.contains(password), "{name}: {message}");
    }
}
