//! Access log of the filter state: each request has its decision, and a claim cannot inject a field.

use stand_in_okta::TokenSpec;
use test_support::client::get;

use super::harness::Harness;

#[test]
fn access_log_has_the_decision_and_no_token() {
    let path = test_support::scratch("access-log").join("access.log");
    let _ = std::fs::remove_file(&path);
    let harness = Harness::new("access-log", |config| config.access_log(&path));
    harness.warm_up();
    let (good, expired) = (harness.user_token(), harness.mint(&TokenSpec::user().lifetime(-120)));
    harness.send(&get("/me?x=1").bearer(&good));
    harness.send(&get("/me").bearer(&expired));
    harness.send(&get("/"));
    let wanted = [
        "/me 200 via_upstream decision=allow code=allowed sub=joe.user@example.com cid=",
        "/me 401 okta_authz{token_expired} decision=deny code=token_expired sub=- cid=-",
        "/ 200 via_upstream decision=allow code=public sub=- cid=-",
    ];
    let mut log = String::new();
    // Envoy writes its access log when a second has passed.
    for _ in 0..100 {
        log = std::fs::read_to_string(&path).unwrap_or_default();
        if wanted.iter().all(|line| log.contains(line)) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    for line in wanted {
        assert!(log.contains(line), "{line} in:\n{log}");
    }
    let everything = log + &harness.envoy.log();
    for token in [&good, &expired] {
        for segment in token.split('.') {
            assert!(!everything.contains(segment), "a segment of a token is in a log");
        }
    }
}

#[test]
fn access_log_claim_with_spaces_cannot_inject_a_field() {
    let log = test_support::scratch("injected").join("access.log");
    let harness = Harness::new("injected", |config| config.access_log(&log));
    harness.warm_up();
    let forged = "joe code=public sub=root";
    let token = harness.mint(&TokenSpec::user().claim("sub", forged).claim("cid", format!("{forged} \"")));
    let response = harness.send(&get("/me").bearer(&token));
    assert_eq!(response.json()["headers"]["x-okta-sub"][0], forged, "a header keeps its spaces");
    let written = || std::fs::read_to_string(&log).unwrap_or_default();
    for _ in 0..100 {
        if written().contains("root") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let written = written();
    let line = written.lines().find(|line| line.contains("root")).expect("the request is in the log");
    let fields = |name: &str| line.split(' ').filter(|field| field.starts_with(name)).collect::<Vec<_>>();
    assert_eq!(fields("code="), ["code=allowed"], "{line}");
    assert_eq!(fields("sub="), ["sub=joe%20code=public%20sub=root"], "{line}");
    assert_eq!(fields("cid="), ["cid=joe%20code=public%20sub=root%20%22"], "{line}");
}
