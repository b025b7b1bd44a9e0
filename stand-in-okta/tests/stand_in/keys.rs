//! The key sets and their rotation.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stand_in_okta::{Endpoint, Fault, Rotation, Server, Stage, TokenSpec};

use crate::KEYS;
use crate::client::{get, kids, shared, start, verifies};

#[test]
fn key_set_has_oktas_format() {
    let okta = shared();
    let reply = get(okta, KEYS);
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("application/json;charset=UTF-8"));
    assert_eq!(reply.header("cache-control"), Some("max-age=3832304, must-revalidate"));
    assert!(reply.body.starts_with(r#"{"keys":[{"alg":"RS256","e":"AQAB","n":""#), "{}", reply.body);
    for key in reply.json()["keys"].as_array().unwrap() {
        let names: Vec<&String> = key.as_object().unwrap().keys().collect();
        assert_eq!(names, ["alg", "e", "kid", "kty", "n", "use"]);
        assert_eq!(key["kid"].as_str().unwrap().len(), 43);
        assert_eq!(URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap().len(), 256);
    }
}

#[test]
fn servers_have_distinct_keys() {
    let okta = start();
    let sets =
        ["/oauth2/v1/keys", KEYS, "/oauth2/aus9o8wzkhckw9TLa0h7z/v1/keys"].map(|path| kids(&okta, path));
    assert_eq!(sets.iter().flatten().collect::<BTreeSet<_>>().len(), 6);
    let token = okta.mint(Server::Custom, &TokenSpec::user());
    assert!(verifies(&okta, "/oauth2/aus9o8wzkhckw9TLa0h7z/v1/keys", &token));
    assert!(!verifies(&okta, KEYS, &token));
}

#[test]
fn rotation_of_each_kind_changes_the_published_keys() {
    let okta = start();
    let (active, both) = (okta.kid(Server::Default), kids(&okta, KEYS));
    let next = both.iter().find(|kid| **kid != active).unwrap().clone();
    let old_token = okta.mint(Server::Default, &TokenSpec::user());

    okta.rotate(Server::Default, Rotation::Automatic);
    assert_eq!(okta.kid(Server::Default), next, "the NEXT key becomes ACTIVE");
    assert_eq!(kids(&okta, KEYS).len(), 3);
    assert!(kids(&okta, KEYS).is_superset(&both));
    assert!(verifies(&okta, KEYS, &old_token));

    let before = kids(&okta, KEYS);
    okta.rotate(Server::Default, Rotation::Manual);
    assert!(!before.contains(&okta.kid(Server::Default)), "the ACTIVE key was not published before");
    assert!(kids(&okta, KEYS).contains(&next), "the former key stays published");

    let before = okta.kid(Server::Default);
    okta.rotate(Server::Default, Rotation::EmergencyDouble);
    assert!(!kids(&okta, KEYS).contains(&before), "the former key is not published");
    assert!(verifies(&okta, KEYS, &okta.mint(Server::Default, &TokenSpec::user())));

    for (stage, count) in [(Stage::Active, 1), (Stage::ActiveNext, 2), (Stage::ActiveNextExpired, 3)] {
        okta.set_stage(Server::Default, stage);
        assert_eq!(kids(&okta, KEYS).len(), count, "{stage:?}");
        assert!(kids(&okta, KEYS).contains(&okta.kid(Server::Default)), "{stage:?}");
    }
}

#[test]
fn rotation_with_lag_publishes_the_former_keys() {
    let okta = start();
    let before = kids(&okta, KEYS);
    okta.set_lag(Server::Default, Duration::from_secs(3600));
    okta.rotate(Server::Default, Rotation::Manual);
    assert_eq!(kids(&okta, KEYS), before);
    okta.set_lag(Server::Default, Duration::ZERO);
    okta.rotate(Server::Default, Rotation::Manual);
    assert!(kids(&okta, KEYS).contains(&okta.kid(Server::Default)));
}

#[test]
fn key_set_order_is_random() {
    let okta = start();
    okta.set_stage(Server::Default, Stage::ActiveNextExpired);
    let orders: BTreeSet<String> = (0..60).map(|_| okta.jwks(Server::Default)).collect();
    assert_eq!(orders.len(), 6);
}

#[test]
fn extra_keys_fault_keeps_the_good_keys() {
    let okta = start();
    okta.set_fault_at(Server::Default, Endpoint::Keys, Fault::ExtraKeys);
    assert!(get(&okta, KEYS).json()["keys"].as_array().unwrap().len() > 20);
    assert!(verifies(&okta, KEYS, &okta.mint(Server::Default, &TokenSpec::user())));
}
