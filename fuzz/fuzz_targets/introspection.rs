//! Fuzzes introspection responses: a request is allowed only if the response is one JSON object with
//! `active: true`, an accepted `aud`, and an `exp` in the future.
#![no_main]

use libfuzzer_sys::fuzz_target;
use okta_authz_filter::config::Config;
use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::filter::{Environment, Filter, Verdict};
use okta_authz_filter::introspection::CallResponse;
use okta_authz_filter::json;
use okta_authz_filter::refresh::state::WorkerId;
use okta_authz_filter::request::RequestHead;
use okta_authz_filter::time::UnixTime;
use serde_json::Value;

const CONFIG: &[u8] = br#"{ "providers": { "okta": {
    "issuer": "https://acme.okta.com/oauth2/default", "audiences": ["api://default"],
    "introspection": { "cluster": "okta", "auth": { "none": {} } }
} } }"#;
const NOW: u64 = 1_750_000_000;

fuzz_target!(|body: &[u8]| {
    let filter = Filter::new(Config::from_bytes(CONFIG).expect("a configuration"), WorkerId(1));
    let headers = [
        (":method", &b"GET"[..]),
        (":path", b"/"),
        (":authority", b"api.example.com"),
        ("authorization", b"Bearer 8xLOxBtZp8Qmv4atR0c2hN9eYwKf1sJdGuB7o"),
    ];
    let head = RequestHead::new(&headers);
    let now = UnixTime::from_seconds(NOW);
    let decide = || filter.decide(&head, &Environment::new(now, &Software));
    assert!(matches!(decide(), Verdict::Wait(_)));
    let (call, _) = filter.take_introspection_calls(now).pop().expect("a call");
    let response = CallResponse { status: 200, headers: &[], body: Some(body.to_vec()) };
    filter.on_introspection_response(call, now, &(), Ok(response));
    match decide() {
        Verdict::Allow(_) => {
            let claims = json::parse_object(body).expect("an object");
            assert_eq!(claims.get("active"), Some(&Value::Bool(true)));
            let expires_at = claims.get("exp").and_then(Value::as_f64).expect("exp");
            assert!(expires_at >= (NOW + 1) as f64, "{expires_at}");
            let is_audience = |value: &Value| value.as_str() == Some("api://default");
            let audience = claims.get("aud").expect("aud");
            assert!(
                is_audience(audience) || audience.as_array().is_some_and(|list| list.iter().any(is_audience))
            );
            assert!(!claims.contains_key("cnf"), "a bound token");
        }
        Verdict::Deny(_) => {}
        other => panic!("{other:?}"),
    }
});
