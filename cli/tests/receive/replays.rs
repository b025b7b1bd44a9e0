//! Events that a sender repeats after the store has forgotten them.

use serde_json::json;
use stand_in_okta::signals::SignalSpec;

use test_support::receiver::{AUDIENCE, Receiver, now, okta};

#[test]
fn event_of_an_old_token_with_a_time_in_the_future_makes_no_entry() {
    let okta = okta();
    let receiver =
        Receiver::start("events-replay", &okta, |config| config["denylist"] = json!({ "retention": "1h" }));
    let kind = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
    for (age, entries) in [(86_400, 0), (4_000, 0), (3_000, 1)] {
        let issued_at = now() - age;
        let event = json!({ "subject": okta.user_subject("00u1"), "event_timestamp": now() + 86_400 });
        let spec = SignalSpec::default().claim("iat", issued_at);
        let token = okta.security_event(AUDIENCE, json!({ kind: event }), &spec);
        assert_eq!(receiver.push(&token).status, 202);
        assert_eq!(receiver.entries().len(), entries, "{age}");
    }
    let before = receiver.entries()[0]["authenticated_before"].as_i64().unwrap();
    assert!(before <= now() - 3_000 + 301, "bounded by `iat` plus the clock skew: {before}");
}
