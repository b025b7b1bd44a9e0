//! Fuzzes the bodies that `okta-authz receive` gets: tokens, their payloads, and logout calls.
#![no_main]

use libfuzzer_sys::fuzz_target;
use okta_authz_filter::json;
use okta_authz_filter::revocation::{
    EventRequirements, LogoutClaims, LogoutRequirements, OrgJwt, SecurityEvent, Subject, logout_subject,
};
use okta_authz_filter::time::UnixTime;

const NOW: i64 = 1_750_000_000;

fuzz_target!(|body: &[u8]| {
    for typ in [SecurityEvent::TYP, LogoutClaims::TYP] {
        if let Ok(jwt) = OrgJwt::parse(body, typ) {
            let _ = (jwt.issuer(), jwt.key_id());
        }
    }
    if let Ok(Subject::Email(email)) = logout_subject(body) {
        assert!(email.contains('@') && email.len() <= 320);
    }
    let Ok(payload) = json::parse_object(body) else { return };
    let issuers = ["https://acme.okta.example".to_owned()];
    let audiences = ["https://r.example/events".to_owned()];
    let now = UnixTime::from_seconds(NOW.unsigned_abs());
    let requirements = EventRequirements { issuers: &issuers, audiences: &audiences };
    if let Ok(event) = SecurityEvent::check(&payload, &requirements, now) {
        // No event revokes tokens of later logins.
        assert!(event.at <= NOW + 300, "{}", event.at);
        assert!(!event.token_id.is_empty());
    }
    let requirements =
        LogoutRequirements { issuers: &issuers, audience: "https://r.example/logout", clients: &audiences };
    let _ = LogoutClaims::check(&payload, &requirements, now);
});
