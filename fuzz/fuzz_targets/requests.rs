//! Fuzzes requests, with one header on each line, for a filter whose configuration has every
//! feature. With a verifier that rejects every signature, no request is allowed as verified. With
//! one that accepts every signature, nothing panics.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use okta_authz_filter::config::Config;
use okta_authz_filter::crypto::{SignatureError, SignatureInput, SignatureVerifier};
use okta_authz_filter::filter::{Environment, Filter, PermitReason, Verdict};
use okta_authz_filter::refresh::state::WorkerId;
use okta_authz_filter::request::{Header, RequestHead};
use okta_authz_filter::time::UnixTime;

const CONFIGURATION: &str = include_str!("configuration.json");
/// A time in Unix seconds at which the tokens of `fuzz/seeds` are valid.
const NOW: u64 = 1_700_000_000;
const MAX_HEADERS: usize = 64;

/// A verifier with a fixed result.
struct FixedResult(Result<(), SignatureError>);

impl SignatureVerifier for FixedResult {
    fn verify(&self, _: &SignatureInput<'_>) -> Result<(), SignatureError> {
        self.0
    }
}

static CONFIG: LazyLock<Config> =
    LazyLock::new(|| Config::from_bytes(CONFIGURATION.as_bytes()).expect("a configuration"));

fuzz_target!(|request: &[u8]| {
    let headers: Vec<Header<'_>> = request
        .split(|byte| *byte == b'\n')
        .take(MAX_HEADERS)
        .filter_map(|line| {
            let colon = line.iter().skip(1).position(|byte| *byte == b':')? + 1;
            let name = str::from_utf8(&line[..colon]).ok()?;
            // Envoy passes header names in lower case and values without surrounding white space.
            (!name.bytes().any(|byte| byte.is_ascii_uppercase()))
                .then_some((name, line[colon + 1..].trim_ascii()))
        })
        .collect();
    let head = RequestHead::new(&headers);
    for result in [Err(SignatureError::Invalid), Ok(())] {
        let filter = Filter::new(CONFIG.clone(), WorkerId(1));
        // The second decision uses the cached token, if the token was valid.
        let verdicts = [(); 2].map(|()| {
            filter.decide(&head, &Environment::new(UnixTime::from_seconds(NOW), &FixedResult(result)))
        });
        for verdict in &verdicts {
            match verdict {
                Verdict::Allow(permit) => {
                    assert!(result.is_ok() || permit.reason() != PermitReason::Verified);
                    assert!(
                        permit
                            .identity_headers()
                            .iter()
                            .all(|(name, _)| filter.config().is_identity_header(name))
                    );
                }
                Verdict::Deny(denial) => {
                    assert!(filter.reply(denial, &head, UnixTime::from_seconds(NOW)).status >= 400)
                }
                Verdict::LocalResponse(_) | Verdict::Wait(_) => {}
            }
        }
        let [first, second] = &verdicts;
        assert_eq!(std::mem::discriminant(first), std::mem::discriminant(second));
        let _ = filter.config().token_sources.strip(&head, filter.config().forward);
    }
});
