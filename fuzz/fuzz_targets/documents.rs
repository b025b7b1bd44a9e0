//! Fuzzes the parsers of fetched documents, and of the bytes that the host passes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use okta_authz_filter::crypto::{Algorithm, envoy};
use okta_authz_filter::denylist::Denylist;
use okta_authz_filter::header_map;
use okta_authz_filter::https_url::HttpsUrl;
use okta_authz_filter::jwks::KeySet;
use okta_authz_filter::jwks::discovery::Discovery;
use okta_authz_filter::refresh::cache_control;
use okta_authz_filter::refresh::source::Document as _;

fuzz_target!(|document: &[u8]| {
    if let Ok(keys) = KeySet::parse(document) {
        for algorithm in Algorithm::ALL {
            if let Ok(candidates) = keys.find(None, algorithm) {
                assert!(candidates.iter().all(|key| key.supports(algorithm)));
            }
        }
    }
    if let Ok(list) = Denylist::read(document) {
        assert!(list.count() <= okta_authz_filter::denylist::MAX_ENTRIES);
    }
    let issuer = "https://acme.okta.example/oauth2/default";
    let url = HttpsUrl::parse(issuer).expect("a URL");
    let discovery = Discovery::new(issuer, &url, vec!["acme.okta.example".to_owned()]);
    if let Ok(url) = discovery.jwks_uri(document) {
        assert!(discovery.allows(&url));
    }
    if let Some(headers) = header_map::parse(document) {
        assert_eq!(header_map::serialize(&headers), document);
    }
    let _ = cache_control::max_age(document.split(|byte| *byte == b'\n'));
    // Envoy encodes a valid signature in exactly one way.
    assert_eq!(envoy::parse_result(document).is_ok(), document == [8, 1]);
});
