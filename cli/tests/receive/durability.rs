//! Crashes and restarts: the receiver loses nothing that it acknowledged.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use stand_in_okta::signals::{SignalSpec, push_event};

use test_support::receiver::{AUDIENCE, LOGOUT_URL, Receiver, config, directory, okta};

/// The number of times that the test kills the receiver.
const CRASHES: usize = 12;

#[test]
fn receiver_killed_after_an_acknowledgment_keeps_the_entry() {
    let okta = okta();
    let directory = directory("durability");
    let config = config(&okta, &directory);
    let mut acknowledged = BTreeSet::new();
    for crash in 0..CRASHES {
        let receiver = Receiver::run(&directory, &config, &[]);
        let found: BTreeSet<String> =
            receiver.entries().iter().map(|entry| entry["uid"].as_str().unwrap().to_owned()).collect();
        let lost: Vec<_> = acknowledged.difference(&found).collect();
        assert!(lost.is_empty(), "lost after crash {crash}: {lost:?}");
        receiver.wait_for_log("keys_fetched");
        if crash % 2 == 0 {
            // Killed right after one acknowledgment.
            let user = format!("00u{crash}");
            assert_eq!(receiver.revoke_session(&okta, &user).status, 202);
            receiver.kill();
            acknowledged.insert(user);
        } else {
            // Killed while two senders push.
            acknowledged.extend(push_until_killed(&okta, receiver, crash));
        }
    }
    assert!(acknowledged.len() >= CRASHES, "{}", acknowledged.len());
    println!("{} events acknowledged in {CRASHES} crashes, none lost", acknowledged.len());
}

/// Pushes events on two threads, kills the receiver meanwhile, and returns the users of the
/// acknowledged events.
fn push_until_killed(okta: &stand_in_okta::StandIn, receiver: Receiver, crash: usize) -> Vec<String> {
    let (address, killed) = (receiver.public, AtomicBool::new(false));
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..2)
            .map(|sender| {
                let killed = &killed;
                scope.spawn(move || {
                    let mut users = Vec::new();
                    for number in 0.. {
                        let user = format!("00u{crash}x{sender}x{number}");
                        let events = okta.session_revoked(&user);
                        let token = okta.security_event(AUDIENCE, events, &SignalSpec::default());
                        match push_event(address, "/events", &token) {
                            Ok(response) if response.status == 202 => users.push(user),
                            _ if killed.load(Ordering::SeqCst) => break,
                            other => panic!("{other:?}"),
                        }
                    }
                    users
                })
            })
            .collect();
        std::thread::sleep(std::time::Duration::from_millis(300 + 40 * crash as u64));
        killed.store(true, Ordering::SeqCst);
        receiver.kill();
        senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
    })
}

#[test]
fn restarted_receiver_remembers_events_and_logout_calls() {
    let okta = okta();
    let directory = directory("durability-memory");
    let config = config(&okta, &directory);
    let receiver = Receiver::run(&directory, &config, &[]);
    receiver.wait_for_log("keys_fetched");
    let spec = SignalSpec::default().claim("jti", "set-1");
    let event = okta.security_event(AUDIENCE, okta.session_revoked("00u1"), &spec);
    let logout = okta.logout_token(LOGOUT_URL, &SignalSpec::default());
    assert_eq!(receiver.push(&event).status, 202);
    assert_eq!(receiver.logout(&logout, &okta.user_subject("00u2")).status, 204);
    let (entries, etag) =
        (receiver.entries(), receiver.get("/denylist", &[]).header("etag").map(str::to_owned));
    receiver.kill();

    let receiver = Receiver::run(&directory, &config, &[]);
    receiver.wait_for_log("keys_fetched");
    assert_eq!(receiver.entries(), entries);
    assert_eq!(receiver.get("/denylist", &[]).header("etag").map(str::to_owned), etag);
    assert_eq!(receiver.push(&event).status, 202);
    let other = okta.security_event(AUDIENCE, okta.session_revoked("00u3"), &spec);
    assert_eq!(receiver.push(&other).status, 202);
    assert_eq!(receiver.logout(&logout, &okta.user_subject("00u4")).status, 401);
    assert_eq!(receiver.entries(), entries);
}

#[test]
fn database_has_user_ids_and_is_readable_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let okta = okta();
    let directory = directory("durability-mode");
    let receiver = Receiver::run(&directory, &config(&okta, &directory), &[]);
    let mode = std::fs::metadata(directory.join("revocations.redb")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(receiver.terminate(), Some(0));
}

#[test]
fn signal_completes_the_request_in_flight() {
    use std::io::{Read as _, Write as _};
    let okta = okta();
    let receiver = Receiver::start("durability-signal", &okta, |_| {});
    let token = okta.security_event(AUDIENCE, okta.session_revoked("00u1"), &SignalSpec::default());
    let mut stream = std::net::TcpStream::connect(receiver.public).unwrap();
    let head = format!(
        "POST /events HTTP/1.1\r\nhost: h\r\ncontent-type: application/secevent+jwt\r\ncontent-length: {}\r\n\r\n",
        token.len()
    );
    let (first, second) = token.split_at(100);
    stream.write_all(format!("{head}{first}").as_bytes()).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    let stopping = std::thread::spawn(move || receiver.terminate());
    std::thread::sleep(std::time::Duration::from_millis(300));
    stream.write_all(second.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 202"), "{response}");
    assert_eq!(stopping.join().unwrap(), Some(0));
}

#[test]
fn second_receiver_on_one_file_does_not_start() {
    let okta = okta();
    let directory = directory("durability-lock");
    let config = config(&okta, &directory);
    let _first = Receiver::run(&directory, &config, &[]);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_okta-authz"))
        .args(["receive".as_ref(), directory.join("receive.yaml").as_os_str()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("storage.path: ") && message.contains("revocations.redb"), "{message}");
}

#[test]
fn receiver_accepts_events_again_after_the_disk_was_full() {
    let okta = okta();
    let directory = directory("disk-full");
    let config = config(&okta, &directory);
    let users = |receiver: &Receiver| {
        let entries = receiver.entries();
        entries.iter().map(|entry| entry["uid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let receiver = Receiver::run_with_file_limit(&directory, &config);
    receiver.wait_for_log("keys_fetched");
    assert_eq!(receiver.revoke_session(&okta, "00u1").status, 202);
    let spec = SignalSpec::default().claim("jti", "set-2");
    let event = okta.security_event(AUDIENCE, okta.session_revoked("00u2"), &spec);
    receiver.limit_file_size("1");
    for _ in 0..3 {
        assert_eq!(receiver.push(&event).status, 503);
        assert_eq!(users(&receiver), ["00u1"], "the last list is served");
    }
    assert!(receiver.metric("okta_authz_receive_store_errors_total") >= Some(3));
    receiver.limit_file_size("unlimited");
    assert_eq!(receiver.push(&event).status, 202, "{}", receiver.log_text());
    assert_eq!(users(&receiver), ["00u1", "00u2"]);
    receiver.kill();
    let receiver = Receiver::run(&directory, &config, &[]);
    assert_eq!(users(&receiver), ["00u1", "00u2"], "the entries are on the disk");
}
