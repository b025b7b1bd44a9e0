//! Requests, one header on each line, to a filter that has something of everything. None whose signature does not hold is let
//! through as if it did; with one that always holds, nothing panics either.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use okta_authz_filter::config::Config;
use okta_authz_filter::crypto::{SignatureError, SignatureInput, SignatureVerifier};
use okta_authz_filter::filter::{Filter, PermitReason, Verdict};
use okta_authz_filter::refresh::state::WorkerId;
use okta_authz_filter::request::{Header, RequestHead};
use okta_authz_filter::time::UnixTime;

const CONFIGURATION: &str = include_str!("configuration.json");
/// In the middle of the life of the tokens in `fuzz/seeds`.
const NOW: u64 = 1_700_000_000;
const MAX_HEADERS: usize = 64;

struct Always(Result<(), SignatureError>);

impl SignatureVerifier for Always {
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
            // As Envoy hands them over.
            (!name.bytes().any(|byte| byte.is_ascii_uppercase()))
                .then_some((name, line[colon + 1..].trim_ascii()))
        })
        .collect();
    let head = RequestHead::new(&headers);
    for holds in [Err(SignatureError::Invalid), Ok(())] {
        let filter = Filter::new(CONFIG.clone(), WorkerId(1));
        // The second time from memory, if it was good.
        let verdicts = [(); 2].map(|()| filter.decide(&head, UnixTime::from_seconds(NOW), &Always(holds)));
        for verdict in &verdicts {
            match verdict {
                Verdict::Allow(permit) => {
                    assert!(holds.is_ok() || permit.reason() != PermitReason::Verified);
                    assert!(
                        permit
                            .identity_headers()
                            .iter()
                            .all(|(name, _)| filter.config().is_identity_header(name))
                    );
                }
                Verdict::Deny(denial) => assert!(filter.reply(denial, &head).status >= 400),
                Verdict::Answer(_) | Verdict::Wait(_) => {}
            }
        }
        let [first, second] = &verdicts;
        assert_eq!(std::mem::discriminant(first), std::mem::discriminant(second));
        let _ = filter.config().token_sources.strip(&head, filter.config().forward);
    }
});
