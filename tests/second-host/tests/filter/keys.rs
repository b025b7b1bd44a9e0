//! How keys come, and what becomes of requests that wait for them.

use okta_authz_second_host::Outcome;
use stand_in_okta::{Options, Rotation, Server, StandIn, TokenSpec};

use crate::scene::{
    OKTA, answer, bearer, configured, fetch, get, key_set, now, passed, process, refused, the_callout, user,
    warm,
};

#[test]
fn keys_are_fetched_by_a_tick_through_the_cluster() {
    let mut vm = configured(&process());
    assert_eq!(vm.callouts().len(), 0, "on_configure fetches nothing");
    assert_eq!(vm.tick_period(), Some(1), "the first tick comes at once");
    vm.tick().unwrap();
    assert_eq!(vm.tick_period(), Some(100));
    let callout = the_callout(&mut vm);
    assert_eq!((callout.cluster.as_str(), callout.timeout_millis), ("okta", 5_000));
    assert_eq!(callout.context, 1, "it is the root's");
    let names = [":method", ":scheme", ":authority", ":path"];
    assert_eq!(
        names.map(|name| callout.header(name).unwrap()),
        ["GET", "https", "acme.okta.example", "/oauth2/default/v1/keys"]
    );
    vm.answer(&callout, key_set(&OKTA)).unwrap();
    vm.tick().unwrap();
    passed(&mut vm, bearer(get("/me"), &user()));
}

#[test]
fn a_request_waits_for_the_first_keys_and_goes_on() {
    let mut vm = configured(&process());
    let (waiting, outcome) = vm.request(bearer(get("/me"), &user())).unwrap();
    assert_eq!(outcome, Outcome::Waits);
    assert_eq!(vm.body(waiting, 10).unwrap(), Outcome::Waits, "its body waits with it");
    let (forged, outcome) = vm.request(bearer(get("/me"), &forgery())).unwrap();
    assert_eq!(outcome, Outcome::Waits);
    let (gone, _) = vm.request(bearer(get("/me"), &user())).unwrap();
    vm.end(gone).unwrap();
    fetch(&mut vm, &OKTA).unwrap();
    assert!(matches!(vm.outcome(waiting), Outcome::SharedStreamState(_)), "{}", vm.logs());
    let Outcome::Answered(reply) = vm.outcome(forged) else { panic!("{:?}", vm.outcome(forged)) };
    assert_eq!((reply.status, reply.code().as_str()), (401, "signature_invalid"));
}

/// A good token's content with another org's signature.
fn forgery() -> String {
    let elsewhere = StandIn::start(Options::default());
    elsewhere.mint(Server::Default, &TokenSpec::user().header("kid", OKTA.kid(Server::Default)))
}

#[test]
fn keys_that_never_come_are_503() {
    let error_page = answer("503", "upstream connect error");
    let html = answer("200", "<html>");
    for failure in [None, error_page, html, answer("200", r#"{"keys":[]}"#), answer("200", "")] {
        let process = process();
        let mut vm = configured(&process);
        let (waiting, outcome) = vm.request(bearer(get("/me"), &user())).unwrap();
        assert_eq!(outcome, Outcome::Waits);
        for _ in 0..60 {
            vm.tick().unwrap();
            for callout in vm.callouts() {
                vm.answer(&callout, failure.clone()).unwrap();
            }
            process.wait(100);
        }
        let Outcome::Answered(reply) = vm.outcome(waiting) else { panic!("{:?}", vm.outcome(waiting)) };
        assert_eq!((reply.status, reply.code().as_str()), (503, "keys_unavailable"));
        assert!(reply.header("retry-after").is_some(), "{reply:?}");
        assert_eq!(reply.header("www-authenticate"), None, "the token may well be good");
        assert!(process.count("jwks_fetch_failed") > 1, "it is asked for again");
        // Then they come after all.
        process.wait(60_000);
        fetch(&mut vm, &OKTA).unwrap();
        passed(&mut vm, bearer(get("/me"), &user()));
    }
}

#[test]
fn an_unknown_key_is_fetched_while_its_request_waits() {
    let okta = StandIn::start(Options::default());
    let process = process();
    let mut vm = warm(&process, &okta);
    okta.rotate(Server::Default, Rotation::Manual);
    process.wait(31_000);
    let token = okta.mint(Server::Default, &TokenSpec::user());
    let (waiting, outcome) = vm.request(bearer(get("/me"), &token)).unwrap();
    assert_eq!(outcome, Outcome::Waits);
    assert_eq!(vm.tick_period(), Some(1), "the tick that fetches comes at once");
    fetch(&mut vm, &okta).unwrap();
    assert!(matches!(vm.outcome(waiting), Outcome::SharedStreamState(_)), "{}", vm.logs());

    // One that the issuer does not have either.
    process.wait(31_000);
    let made_up = okta.mint(Server::Default, &TokenSpec::user().header("kid", "made-up"));
    let (waiting, outcome) = vm.request(bearer(get("/me"), &made_up)).unwrap();
    assert_eq!(outcome, Outcome::Waits);
    fetch(&mut vm, &okta).unwrap();
    let Outcome::Answered(reply) = vm.outcome(waiting) else { panic!("{:?}", vm.outcome(waiting)) };
    assert_eq!((reply.status, reply.code().as_str()), (401, "key_unknown"));
    // And it is not asked for again at once.
    assert_eq!(refused(&mut vm, bearer(get("/me"), &made_up)).code(), "key_unknown");
    vm.tick().unwrap();
    assert_eq!(vm.callouts().len(), 0);
}

#[test]
fn one_fetch_serves_all_workers() {
    let process = process();
    let mut workers = [(); 3].map(|()| configured(&process));
    workers.iter_mut().for_each(|vm| vm.tick().unwrap());
    let asked: Vec<_> = workers.iter_mut().map(|vm| vm.callouts().len()).collect();
    assert_eq!(asked, [1, 0, 0], "the first has the lease");
    // It ticks no more; the lease is over after two seconds.
    process.wait(2_100);
    workers.iter_mut().skip(1).for_each(|vm| vm.tick().unwrap());
    let callout = the_callout(&mut workers[1]);
    assert_eq!(workers[2].callouts().len(), 0);
    workers[1].answer(&callout, key_set(&OKTA)).unwrap();
    for vm in &mut workers {
        vm.tick().unwrap();
        passed(vm, bearer(get("/me"), &user()));
    }
    assert_eq!(process.count("jwks_fetch_success"), 1);
    // One that comes later finds them there.
    let mut late = configured(&process);
    late.tick().unwrap();
    assert_eq!(late.callouts().len(), 0);
    passed(&mut late, bearer(get("/me"), &user()));
    assert!(now() > 0 && process.shared_names() > 0);
}
