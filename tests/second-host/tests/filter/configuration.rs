//! Configurations that are refused, and what a worker does without one.

use serde_json::json;

use crate::scene::{OKTA, bearer, config, fetch, get, passed, process, refused, user};

#[test]
fn a_configuration_is_refused_with_its_reason() {
    let mut misspelt = config();
    misspelt["ruels"] = json!([]);
    let mut empty = config();
    empty["rules"][2]["requires"]["scopes"] = json!([""]);
    for (bytes, reason) in [
        (misspelt.to_string().into_bytes(), "ruels"),
        (empty.to_string().into_bytes(), "rules[2].requires.scopes[0]: must not be empty"),
        (b"{}".to_vec(), "providers"),
        (b"".to_vec(), "configuration rejected"),
        (b"\xff\xfe\xfd".to_vec(), "configuration rejected"),
        (b"[".repeat(100_000), "configuration rejected"),
    ] {
        let process = process();
        let mut vm = process.worker(&[]).unwrap();
        assert!(!vm.configure(&bytes).unwrap(), "{reason}");
        assert!(vm.logs().contains(reason), "{reason}: {}", vm.logs());
        // A host that serves with it all the same gets nobody through.
        vm.tick().unwrap();
        for path in ["/healthz", "/me"] {
            let reply = refused(&mut vm, bearer(get(path), &user()));
            assert_eq!((reply.status, reply.code().as_str()), (503, "misconfigured"), "{reason}");
        }
    }
}

#[test]
fn a_refused_configuration_takes_the_place_of_a_good_one() {
    let process = process();
    let mut vm = crate::scene::warm(&process, &OKTA);
    passed(&mut vm, bearer(get("/me"), &user()));
    assert!(!vm.configure("{}").unwrap());
    assert_eq!(refused(&mut vm, bearer(get("/me"), &user())).code(), "misconfigured");
    assert!(vm.configure(config().to_string()).unwrap());
    fetch(&mut vm, &OKTA).unwrap();
    passed(&mut vm, bearer(get("/me"), &user()));
}

#[test]
fn without_a_configuration_nobody_gets_through() {
    let mut vm = process().worker(&[]).unwrap();
    vm.tick().unwrap();
    assert_eq!(refused(&mut vm, bearer(get("/healthz"), &user())).code(), "misconfigured");
}
