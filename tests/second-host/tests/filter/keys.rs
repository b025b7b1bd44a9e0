//! Fetches of keys, and requests that wait for them.

use okta_authz_second_host::Outcome;
use stand_in_okta::{Options, Rotation, Server, StandIn, TokenSpec};

use crate::harness::{
    OKTA, bearer, configured, denied, fetch, forwarded, get, key_set, now, only_callout, process, response,
    user, worker_with_keys,
};

#[test]
fn tick_fetches_the_keys_through_the_cluster() {
    let mut vm = configured(&process());
    assert_eq!(vm.callouts().len(), 0, "on_configure fetches nothing");
    assert_eq!(vm.tick_period(), Some(1), "the first tick comes at once");
    vm.tick().unwrap();
    assert_eq!(vm.tick_period(), Some(100));
    let callout = only_callout(&mut vm);
    assert_eq!((callout.cluster.as_str(), callout.timeout_millis), ("okta", 5_000));
    assert_eq!(callout.context, 1, "the root context");
    let names = [":method", ":scheme", ":authority", ":path"];
    assert_eq!(
        names.map(|name| callout.header(name).unwrap()),
        ["GET", "https", "acme.okta.example", "/oauth2/default/v1/keys"]
    );
    vm.respond(&callout, key_set(&OKTA)).unwrap();
    vm.tick().unwrap();
    forwarded(&mut vm, bearer(get("/me"), &user()));
}

#[test]
fn request_before_the_first_keys_waits_and_is_decided() {
    let mut vm = configured(&process());
    let (waiting, outcome) = vm.request(bearer(get("/me"), &user())).unwrap();
    assert_eq!(outcome, Outcome::Held);
    assert_eq!(vm.body(waiting, 10).unwrap(), Outcome::Held, "the body is held too");
    let (forged, outcome) = vm.request(bearer(get("/me"), &forgery())).unwrap();
    assert_eq!(outcome, Outcome::Held);
    let (ended, _) = vm.request(bearer(get("/me"), &user())).unwrap();
    vm.end(ended).unwrap();
    fetch(&mut vm, &OKTA).unwrap();
    assert!(matches!(vm.outcome(waiting), Outcome::Forwarded(_)), "{}", vm.logs());
    let Outcome::Responded(reply) = vm.outcome(forged) else { panic!("{:?}", vm.outcome(forged)) };
    assert_eq!((reply.status, reply.code().as_str()), (401, "signature_invalid"));
}

/// Returns a token with valid content and the signature of another org.
fn forgery() -> String {
    let other_org = StandIn::start(Options::default());
    other_org.mint(Server::Default, &TokenSpec::user().header("kid", OKTA.kid(Server::Default)))
}

#[test]
fn keys_unavailable_is_503() {
    let error_page = response("503", "upstream connect error");
    let html = response("200", "<html>");
    for failure in [None, error_page, html, response("200", r#"{"keys":[]}"#), response("200", "")] {
        let process = process();
        let mut vm = configured(&process);
        let (waiting, outcome) = vm.request(bearer(get("/me"), &user())).unwrap();
        assert_eq!(outcome, Outcome::Held);
        for _ in 0..60 {
            vm.tick().unwrap();
            for callout in vm.callouts() {
                vm.respond(&callout, failure.clone()).unwrap();
            }
            process.wait(100);
        }
        let Outcome::Responded(reply) = vm.outcome(waiting) else { panic!("{:?}", vm.outcome(waiting)) };
        assert_eq!((reply.status, reply.code().as_str()), (503, "keys_unavailable"));
        assert!(reply.header("retry-after").is_some(), "{reply:?}");
        assert_eq!(reply.header("www-authenticate"), None, "the token may be valid");
        assert!(process.count("jwks_fetch_failed") > 1, "the filter retries");
        // A later fetch succeeds.
        process.wait(60_000);
        fetch(&mut vm, &OKTA).unwrap();
        forwarded(&mut vm, bearer(get("/me"), &user()));
    }
}

#[test]
fn unknown_key_id_is_fetched_while_the_request_waits() {
    let okta = StandIn::start(Options::default());
    let process = process();
    let mut vm = worker_with_keys(&process, &okta);
    okta.rotate(Server::Default, Rotation::Manual);
    process.wait(31_000);
    let token = okta.mint(Server::Default, &TokenSpec::user());
    let (waiting, outcome) = vm.request(bearer(get("/me"), &token)).unwrap();
    assert_eq!(outcome, Outcome::Held);
    assert_eq!(vm.tick_period(), Some(1), "the next tick fetches at once");
    fetch(&mut vm, &okta).unwrap();
    assert!(matches!(vm.outcome(waiting), Outcome::Forwarded(_)), "{}", vm.logs());

    // The issuer does not have this key ID.
    process.wait(31_000);
    let made_up = okta.mint(Server::Default, &TokenSpec::user().header("kid", "made-up"));
    let (waiting, outcome) = vm.request(bearer(get("/me"), &made_up)).unwrap();
    assert_eq!(outcome, Outcome::Held);
    fetch(&mut vm, &okta).unwrap();
    let Outcome::Responded(reply) = vm.outcome(waiting) else { panic!("{:?}", vm.outcome(waiting)) };
    assert_eq!((reply.status, reply.code().as_str()), (401, "key_unknown"));
    // The filter does not fetch again at once.
    assert_eq!(denied(&mut vm, bearer(get("/me"), &made_up)).code(), "key_unknown");
    vm.tick().unwrap();
    assert_eq!(vm.callouts().len(), 0);
}

#[test]
fn fetch_of_one_worker_serves_all_workers() {
    let process = process();
    let mut workers = [(); 3].map(|()| configured(&process));
    workers.iter_mut().for_each(|vm| vm.tick().unwrap());
    let callouts: Vec<_> = workers.iter_mut().map(|vm| vm.callouts().len()).collect();
    assert_eq!(callouts, [1, 0, 0], "the first worker has the lease");
    // The first worker stops. The lease expires after two seconds.
    process.wait(2_100);
    workers.iter_mut().skip(1).for_each(|vm| vm.tick().unwrap());
    let callout = only_callout(&mut workers[1]);
    assert_eq!(workers[2].callouts().len(), 0);
    workers[1].respond(&callout, key_set(&OKTA)).unwrap();
    for vm in &mut workers {
        vm.tick().unwrap();
        forwarded(vm, bearer(get("/me"), &user()));
    }
    assert_eq!(process.count("jwks_fetch_success"), 1);
    // A worker that starts later reads the shared keys.
    let mut late = configured(&process);
    late.tick().unwrap();
    assert_eq!(late.callouts().len(), 0);
    forwarded(&mut late, bearer(get("/me"), &user()));
    assert!(now() > 0 && process.shared_names() > 0);
}
