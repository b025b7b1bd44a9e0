//! Checks that the filter rejects a configuration with a reason, or decides requests by it, and
//! that it allows no request without a valid token unless it is public or in shadow mode.
#![no_main]

use libfuzzer_sys::fuzz_target;
use okta_authz_filter::config::Config;
use okta_authz_filter::crypto::{SignatureError, SignatureInput, SignatureVerifier};
use okta_authz_filter::filter::{Environment, Filter, PermitReason, Verdict};
use okta_authz_filter::refresh::state::WorkerId;
use okta_authz_filter::request::RequestHead;
use okta_authz_filter::time::UnixTime;

/// A verifier that rejects every signature.
struct NeverValid;

impl SignatureVerifier for NeverValid {
    fn verify(&self, _: &SignatureInput<'_>) -> Result<(), SignatureError> {
        Err(SignatureError::Invalid)
    }
}

fuzz_target!(|document: &[u8]| {
    let config = match Config::from_bytes(document) {
        Ok(config) => config,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let filter = Filter::new(config, WorkerId(1));
    for path in ["/", "/items/1?access_token=a.b.c", "/a%2e"] {
        let headers = [
            (":method", &b"GET"[..]),
            (":authority", b"api.example.com"),
            (":path", path.as_bytes()),
            ("authorization", b"Bearer eyJhbGciOiJSUzI1NiJ9.e30.AA"),
        ];
        let head = RequestHead::new(&headers);
        if let Verdict::Allow(permit) =
            filter.decide(&head, &Environment::new(UnixTime::from_seconds(1_700_000_000), &NeverValid))
        {
            let reason = permit.reason();
            assert!(matches!(reason, PermitReason::Public | PermitReason::Shadow(_)), "{reason:?}");
        }
    }
});
