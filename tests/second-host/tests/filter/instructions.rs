//! The wasm instructions of a request. They include the SDK and the C library, which the native
//! counts of `make bench-instructions` do not have, and they do not depend on the machine.

use okta_authz_second_host::{Headers, Vm};
use serde_json::json;
use stand_in_okta::{Server, TokenSpec};

use crate::harness::{OKTA, bearer, config, fetch, get, process, send};

/// The limit of instructions for a cached token of a user, 1 KiB long: about a fifth more than the
/// filter needs.
const CACHED: u64 = 21_000;

/// Starts a worker that has the keys and writes only the permit.
fn worker() -> Vm {
    let mut config = config();
    config["claim_to_headers"] = json!([]);
    config["forward"] = json!(true);
    config["filter_state"] = json!([]);
    let mut vm = process().worker(&[]).unwrap();
    assert!(vm.configure(config.to_string()).unwrap(), "{}", vm.logs());
    fetch(&mut vm, &OKTA).unwrap();
    vm
}

/// Returns the number of instructions for a request after equal ones.
fn instructions(vm: &mut Vm, headers: &Headers) -> u64 {
    for _ in 0..10 {
        send(vm, headers.clone());
    }
    let before = vm.instructions();
    send(vm, headers.clone());
    vm.instructions() - before
}

fn token(groups: usize) -> String {
    let groups: Vec<_> = (0..groups).map(|number| format!("department-{number:03}-of-the-company")).collect();
    OKTA.mint(Server::Default, &TokenSpec::user().claim("groups", groups))
}

#[test]
fn request_takes_a_bounded_number_of_instructions() {
    let mut vm = worker();
    let cached = instructions(&mut vm, &bearer(get("/me"), &token(0)));
    let cached_large = instructions(&mut vm, &bearer(get("/me"), &token(100)));
    let expired = OKTA.mint(Server::Default, &TokenSpec::user().claim("exp", 1_700_000_000));
    let expired = instructions(&mut vm, &bearer(get("/me"), &expired));
    let missing = instructions(&mut vm, &get("/me"));
    println!("cached token: {cached}; with 100 groups: {cached_large}; expired: {expired}; none: {missing}");
    assert!(cached < CACHED, "{cached}");
    // 4 KiB more: less than four instructions for each byte.
    assert!(cached_large - cached < 16_000, "{cached} and {cached_large}");
}
