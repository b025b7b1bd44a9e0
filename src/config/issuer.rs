//! `issuer` and `issuers`, with checks for common mistakes with Okta.

use super::error::ConfigError;
use super::field_path::FieldPath;
use crate::https_url::HttpsUrl;
use crate::verify::TokenProfile;

/// The domains of Okta orgs.
const OKTA_DOMAINS: &[&str] = &["okta.com", "oktapreview.com", "okta-emea.com", "okta-gov.com", "okta.mil"];

/// Checks an issuer.
///
/// The filter compares issuers exactly, so it would reject every token if the issuer had a mistake.
/// An issuer on a domain of Okta must be that of a custom authorization server, in every profile:
/// access tokens of the org authorization server are not for this API.
pub(super) fn check(at: &FieldPath<'_>, issuer: &str, profile: TokenProfile) -> Result<(), ConfigError> {
    let url = HttpsUrl::parse(issuer).map_err(|problem| at.error(problem))?;
    if issuer.contains('?') {
        return Err(at.error("must not have a query (RFC 8414 section 2)"));
    }
    let host = url.authority.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let host = host.trim_end_matches('.');
    let is_on_domain =
        |domain: &&str| host.strip_suffix(*domain).is_some_and(|org| org.is_empty() || org.ends_with('.'));
    if profile != TokenProfile::Okta && !OKTA_DOMAINS.iter().any(is_on_domain) {
        return Ok(());
    }
    if issuer.ends_with('/') {
        return Err(at.error(
            "must not end with `/`: no issuer of Okta does, and the filter compares issuers exactly",
        ));
    }
    let (_, domain) = host.rsplit_once("-admin.").unwrap_or_default();
    if OKTA_DOMAINS.contains(&domain) {
        return Err(at.error("must not be the address of the Admin Console: remove `-admin`"));
    }
    if host.ends_with(".com.com") {
        return Err(at.error("must not end with `.com.com`"));
    }
    let id = url.path.strip_prefix("/oauth2/").unwrap_or_default();
    // `.` and `%` could lead to another path, such as that of the org authorization server.
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        return Err(at.error(
            "must be the issuer of a custom authorization server, `https://{domain}/oauth2/{id}`: \
             access tokens of the org authorization server are only for Okta's own APIs",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(issuer: &str, profile: TokenProfile) -> Option<String> {
        check(&FieldPath::Root, issuer, profile).err().map(|error| error.problem)
    }

    #[test]
    fn check_okta_issuer_with_mistake_is_an_error() {
        for good in [
            "https://acme.okta.com/oauth2/default",
            "https://acme.oktapreview.com/oauth2/aus59pz16qgMvHvBS0g7",
            "https://login.acme.com/oauth2/default",
            "https://localhost:8443/oauth2/default",
        ] {
            assert_eq!(problem(good, TokenProfile::Okta), None, "{good}");
        }
        for (bad, text) in [
            ("", "https://"),
            ("acme.okta.com/oauth2/default", "https://"),
            ("http://acme.okta.com/oauth2/default", "https://"),
            ("https://", "host"),
            ("https:///oauth2/default", "host"),
            ("https://user@acme.okta.com/oauth2/default", "host"),
            ("https://{yourOktaDomain}/oauth2/default", "placeholder"),
            ("https://acme.okta.com/oauth2/default/", "end with"),
            ("https://acme.okta.com/oauth2/default?x=1", "query"),
            ("https://acme.okta.com/oauth2/default#x", "fragment"),
            ("https://acme.okta.com/oauth2/de fault", "spaces"),
            ("https://acme-admin.okta.com/oauth2/default", "Admin Console"),
            ("https://acme.okta.com.com/oauth2/default", ".com.com"),
            ("https://acme.okta.com", "custom authorization server"),
            ("https://acme.okta.com/oauth2", "custom authorization server"),
            ("https://acme.okta.com/oauth2/default/v1", "custom authorization server"),
        ] {
            let problem = problem(bad, TokenProfile::Okta).unwrap_or_default();
            assert!(problem.contains(text), "{bad}: {problem}");
        }
    }

    #[test]
    fn check_okta_domain_without_custom_server_is_an_error_in_every_profile() {
        for profile in [TokenProfile::Okta, TokenProfile::Any, TokenProfile::Rfc9068] {
            for host in [
                "acme.okta.com",
                "ACME.OKTA.COM",
                "acme.okta.com:443",
                "acme.okta.com.",
                "okta.com",
                "acme.oktapreview.com",
                "acme.okta-emea.com",
                "acme.okta-gov.com",
                "acme.okta.mil",
                "a.b.okta.com",
            ] {
                for path in [
                    "",
                    "/",
                    "/oauth2",
                    "/oauth2/",
                    "/oauth2/default/",
                    "/oauth2/default/v1",
                    "/oauth2/.",
                    "/oauth2/..",
                    "/oauth2/%2e%2E",
                    "/oauth2/a;b",
                    "/x",
                ] {
                    assert!(problem(&format!("https://{host}{path}"), profile).is_some(), "{host}{path}");
                }
                assert_eq!(problem(&format!("https://{host}/oauth2/default"), profile), None, "{host}");
            }
            assert!(problem("https://acme-admin.okta.com/oauth2/default", profile).is_some());
        }
        for good in ["https://notokta.com", "https://acme.okta.com.example", "https://okta.com.example/"] {
            assert_eq!(problem(good, TokenProfile::Any), None, "{good}");
        }
    }

    #[test]
    fn check_other_domain_accepts_any_path() {
        for good in ["https://issuer.example", "https://issuer.example/", "https://issuer.example/a/b"] {
            assert_eq!(problem(good, TokenProfile::Any), None, "{good}");
            assert_eq!(problem(good, TokenProfile::Rfc9068), None, "{good}");
        }
        assert!(problem("http://issuer.example", TokenProfile::Any).is_some());
        assert!(problem("https://issuer.example?x", TokenProfile::Any).is_some());
    }
}
