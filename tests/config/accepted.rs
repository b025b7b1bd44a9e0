//! Accepted configurations: each limit from the inside, and the defaults.

mod configs;

use okta_authz_filter::config::Config;
use okta_authz_filter::crypto::Algorithm;
use okta_authz_filter::https_url::HttpsUrl;
use okta_authz_filter::jwks::source::JwksUri;
use okta_authz_filter::refresh::RefreshSchedule;
use okta_authz_filter::verify::TokenProfile;
use serde_json::{Value, json};
use test_support::common::{ISSUER, config, with};

pub(super) use configs::configs;

use super::outcome;

#[test]
fn valid_configuration_is_accepted() {
    for config in configs() {
        assert_eq!(outcome(config.to_string().as_bytes()), "accepted", "{config}");
    }
}

#[test]
fn configuration_without_optional_fields_has_defaults() {
    let config = Config::from_bytes(config(json!({}), json!({})).to_string().as_bytes()).unwrap();
    assert_eq!(
        (config.forward, config.max_token_bytes, config.responses.realm.as_str()),
        (true, 16_384, "api")
    );
    assert!(config.policy.is_empty() && config.claim_to_headers.is_empty());
    let provider = &config.providers[0];
    let expected = &provider.requirements;
    assert_eq!((expected.clock_skew, expected.max_token_age), (60, None));
    assert_eq!((expected.profile, &expected.client_ids), (TokenProfile::Okta, &None));
    assert_eq!(expected.algorithms, [Algorithm::RS256]);
    let remote = provider.remote_jwks.as_ref().unwrap();
    let keys = HttpsUrl::parse("https://acme.okta.com/oauth2/default/v1/keys").unwrap();
    assert_eq!(remote.jwks_uri, JwksUri::Configured(keys));
    let RefreshSchedule { timeout, cache_duration, max_stale } = remote.remote.schedule;
    let seconds =
        [timeout, cache_duration, max_stale, remote.unknown_kid_cooldown].map(|duration| duration.as_secs());
    assert_eq!(seconds, [5, 600, 86_400, 30]);
}

#[test]
fn remote_denylist_without_optional_fields_has_defaults() {
    let remote = json!({ "cluster": "c", "uri": "https://h/list" });
    let config = config(json!({}), json!({ "denylist": { "remote": remote } }));
    let config = Config::from_bytes(config.to_string().as_bytes()).unwrap();
    let RefreshSchedule { timeout, cache_duration, max_stale } =
        config.remote_denylist.unwrap().remote.schedule;
    assert_eq!([timeout, cache_duration, max_stale].map(|duration| duration.as_secs()), [5, 60, 3_600]);
}

#[test]
fn discovery_without_jwks_hosts_allows_the_hosts_of_the_issuers() {
    let jwks_uri = |changes: Value| {
        let config = config(changes, json!({}));
        let config = Config::from_bytes(config.to_string().as_bytes()).unwrap();
        config.providers[0].remote_jwks.as_ref().unwrap().jwks_uri.clone()
    };
    let discovery = json!({ "cluster": "okta", "discovery": true });
    let both = json!([ISSUER, "https://login.acme.com/oauth2/default"]);
    let named = with(discovery.clone(), json!({ "jwks_hosts": ["keys.acme.com"] }));
    for (changes, hosts) in [
        (json!({ "remote_jwks": discovery }), &["acme.okta.com"][..]),
        (
            json!({ "issuer": null, "issuers": both, "remote_jwks": discovery }),
            &["acme.okta.com", "login.acme.com"],
        ),
        (json!({ "remote_jwks": named }), &["keys.acme.com"]),
    ] {
        let JwksUri::Discovered(discovery) = jwks_uri(changes) else { panic!("no discovery") };
        assert_eq!(discovery.hosts(), hosts);
        let first = discovery.candidate_urls()[0].to_string();
        assert_eq!(first, format!("{ISSUER}/.well-known/oauth-authorization-server"));
    }
}
