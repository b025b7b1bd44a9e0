//! Rejected configurations, and workers without a configuration.

use serde_json::json;

use crate::harness::{OKTA, bearer, config, denied, fetch, forwarded, get, process, user};

#[test]
fn configuration_invalid_is_rejected_with_its_reason() {
    let mut misspelled = config();
    misspelled["ruels"] = json!([]);
    let mut empty = config();
    empty["rules"][2]["requires"]["scopes"] = json!([""]);
    for (bytes, reason) in [
        (misspelled.to_string().into_bytes(), "ruels"),
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
        // A host that serves with this configuration gets only denials.
        vm.tick().unwrap();
        for path in ["/healthz", "/me"] {
            let reply = denied(&mut vm, bearer(get(path), &user()));
            assert_eq!((reply.status, reply.code().as_str()), (503, "misconfigured"), "{reason}");
        }
    }
}

#[test]
fn configuration_rejected_replaces_a_valid_one() {
    let process = process();
    let mut vm = crate::harness::worker_with_keys(&process, &OKTA);
    forwarded(&mut vm, bearer(get("/me"), &user()));
    assert!(!vm.configure("{}").unwrap());
    assert_eq!(denied(&mut vm, bearer(get("/me"), &user())).code(), "misconfigured");
    assert!(vm.configure(config().to_string()).unwrap());
    fetch(&mut vm, &OKTA).unwrap();
    forwarded(&mut vm, bearer(get("/me"), &user()));
}

#[test]
fn configuration_missing_denies_every_request() {
    let mut vm = process().worker(&[]).unwrap();
    vm.tick().unwrap();
    assert_eq!(denied(&mut vm, bearer(get("/healthz"), &user())).code(), "misconfigured");
}
