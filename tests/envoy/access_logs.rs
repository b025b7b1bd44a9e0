//! Access log of the filter state: each request has its decision, and a claim cannot inject a
//! field.

use stand_in_okta::TokenSpec;
use test_support::client::get;

use super::harness::{Harness, access_log_path, wait_for_access_log};

#[test]
fn access_log_has_the_decision_and_no_token() {
    let path = access_log_path("access-log");
    let harness = Harness::new("access-log", |config| config.access_log(&path));
    harness.warm_up();
    let (valid, expired) = (harness.user_token(), harness.mint(&TokenSpec::user().lifetime(-120)));
    harness.send(&get("/me?x=1").bearer(&valid));
    harness.send(&get("/me").bearer(&expired));
    harness.send(&get("/"));
    let expected = [
        "/me 200 via_upstream decision=allow code=allowed sub=joe.user@example.com cid=",
        "/me 401 okta_authz{token_expired} decision=deny code=token_expired sub=- cid=-",
        "/ 200 via_upstream decision=allow code=public sub=- cid=-",
    ];
    let log = wait_for_access_log(&path, |log| expected.iter().all(|line| log.contains(line)));
    for line in expected {
        assert!(log.contains(line), "{line} is not in:\n{log}");
    }
    let logs = log + &harness.envoy.log();
    for token in [&valid, &expired] {
        for segment in token.split('.') {
            assert!(!logs.contains(segment), "a log has a segment of a token");
        }
    }
}

// An access log without entries in `filter_state` still shows every denial.
#[test]
fn access_log_without_selected_names_has_only_denials() {
    let path = access_log_path("access-log-default");
    let harness = Harness::new("access-log-default", |mut config| {
        config.plugin().as_object_mut().unwrap().remove("filter_state").expect("the reference has it");
        config.access_log(&path)
    });
    harness.warm_up();
    let (valid, expired) = (harness.user_token(), harness.mint(&TokenSpec::user().lifetime(-120)));
    harness.send(&get("/me").bearer(&valid));
    harness.send(&get("/me").bearer(&expired));
    harness.send(&get("/"));
    let expected = [
        "/me 200 via_upstream decision=- code=- sub=- cid=-",
        "/me 401 okta_authz{token_expired} decision=deny code=token_expired sub=- cid=-",
        "/ 200 via_upstream decision=- code=- sub=- cid=-",
    ];
    let log = wait_for_access_log(&path, |log| expected.iter().all(|line| log.contains(line)));
    for line in expected {
        assert!(log.contains(line), "{line} is not in:\n{log}");
    }
    assert!(!log.contains("decision=allow"), "{log}");
}

#[test]
fn access_log_claim_with_spaces_cannot_inject_a_field() {
    let path = access_log_path("injected");
    let harness = Harness::new("injected", |config| config.access_log(&path));
    harness.warm_up();
    let forged = "joe code=public sub=root";
    let token = harness.mint(&TokenSpec::user().claim("sub", forged).claim("cid", format!("{forged} \"")));
    let response = harness.send(&get("/me").bearer(&token));
    assert_eq!(response.json()["headers"]["x-okta-sub"][0], forged, "the identity header keeps spaces");
    let log = wait_for_access_log(&path, |log| log.contains("root"));
    let line = log.lines().find(|line| line.contains("root")).expect("the log has the request");
    let fields = |name: &str| line.split(' ').filter(|field| field.starts_with(name)).collect::<Vec<_>>();
    assert_eq!(fields("code="), ["code=allowed"], "{line}");
    assert_eq!(fields("sub="), ["sub=joe%20code=public%20sub=root"], "{line}");
    assert_eq!(fields("cid="), ["cid=joe%20code=public%20sub=root%20%22"], "{line}");
}
