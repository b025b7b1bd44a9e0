//! The keys of the org: rotation, outage, and unknown key IDs.

use stand_in_okta::signals::SignalSpec;
use stand_in_okta::{Endpoint, Fault, Rotation, Server};

use test_support::receiver::{AUDIENCE, LOGOUT_URL, Receiver, config, directory, okta};

#[test]
fn event_with_a_new_key_is_accepted_after_one_fetch() {
    let okta = okta();
    let receiver = Receiver::start("keys-rotation", &okta, |_| {});
    okta.rotate(Server::Org, Rotation::Manual);
    assert_eq!(receiver.revoke_session(&okta, "00u1").status, 202);
    assert_eq!(okta.key_fetches(Server::Org), 2);
    // Unknown key IDs cause no further fetch during the cooldown.
    for number in 0..20 {
        let spec = SignalSpec::default().header("kid", format!("made-up-{number}"));
        let response = receiver.push(&okta.security_event(AUDIENCE, okta.session_revoked("00u2"), &spec));
        assert_eq!(response.status, 400);
        assert!(response.body.contains("invalid_key"), "{response:?}");
    }
    assert_eq!(okta.key_fetches(Server::Org), 2);
    assert_eq!(receiver.revoke_session(&okta, "00u3").status, 202);
    assert_eq!(okta.key_fetches(Server::Default), 0);
}

#[test]
fn event_without_keys_gets_503_and_the_denylist_is_served() {
    let okta = okta();
    okta.set_fault_at(Server::Org, Endpoint::Keys, Fault::Status(503));
    let directory = directory("keys-outage");
    let receiver = Receiver::run(&directory, &config(&okta, &directory), &[]);
    receiver.wait_for_log("keys_fetch_failed");
    // The sender retries after 503. The receiver must not reject an event that it cannot check.
    assert_eq!(receiver.revoke_session(&okta, "00u1").status, 503);
    let logout = okta.logout_token(LOGOUT_URL, &SignalSpec::default());
    assert_eq!(receiver.logout(&logout, &okta.user_subject("00u1")).status, 503);
    assert_eq!((receiver.entries().len(), receiver.get("/readyz", &[]).status), (0, 200));
    okta.set_fault_at(Server::Org, Endpoint::Keys, Fault::None);
    receiver.wait_for_log("keys_fetched");
    assert_eq!(receiver.revoke_session(&okta, "00u1").status, 202);
    // Keys stay in use during a later outage.
    okta.set_fault_at(Server::Org, Endpoint::Keys, Fault::Reset);
    assert_eq!(receiver.revoke_session(&okta, "00u2").status, 202);
}
