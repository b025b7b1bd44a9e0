//! Issuers and URLs, and the mistakes that people make with Okta's.

use super::error::{ConfigError, Path};
use crate::https_url::HttpsUrl;
use crate::verify::TokenProfile;

/// The domains below which Okta's orgs are.
const OKTA_CELLS: &[&str] = &["okta.com", "oktapreview.com", "okta-emea.com", "okta-gov.com", "okta.mil"];

/// Checks an issuer. It is compared exactly, so what is wrong here would refuse every token; or, with Okta's org
/// authorization server, accept tokens that are not for this API. An issuer on a domain of Okta's must be one of a custom
/// authorization server in every profile.
pub(super) fn check(at: &Path, issuer: &str, profile: TokenProfile) -> Result<(), ConfigError> {
    let url = HttpsUrl::parse(issuer).map_err(|problem| at.error(problem))?;
    if issuer.contains('?') {
        return Err(at.error("must not have a query (RFC 8414 section 2)"));
    }
    let host = url.authority.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let host = host.trim_end_matches('.');
    let is_in_cell =
        |cell: &&str| host.strip_suffix(*cell).is_some_and(|org| org.is_empty() || org.ends_with('.'));
    if profile != TokenProfile::Okta && !OKTA_CELLS.iter().any(is_in_cell) {
        return Ok(());
    }
    if issuer.ends_with('/') {
        return Err(at.error("must not end with `/`: Okta's issuers do not, and they are compared exactly"));
    }
    let (_, domain) = host.rsplit_once("-admin.").unwrap_or_default();
    if OKTA_CELLS.contains(&domain) {
        return Err(at.error("is the address of the Admin Console; leave out `-admin`"));
    }
    if host.ends_with(".com.com") {
        return Err(at.error("ends with `.com.com`"));
    }
    let id = url.path.strip_prefix("/oauth2/").unwrap_or_default();
    // `.` and `%` could make another path of it, such as that of the org authorization server.
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        return Err(at.error(
            "must be that of a custom authorization server, `https://{domain}/oauth2/{id}`: \
             access tokens of the org authorization server are for Okta alone",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(issuer: &str, profile: TokenProfile) -> Option<String> {
        check(&Path::root(), issuer, profile).err().map(|error| error.problem)
    }

    #[test]
    fn okta_issuers() {
        for good in [
            "https://acme.okta.com/oauth2/default",
            "https://acme.oktapreview.com/oauth2/aus59pz16qgMvHvBS0g7",
            "https://login.acme.com/oauth2/default",
            "https://localhost:8443/oauth2/default",
        ] {
            assert_eq!(problem(good, TokenProfile::Okta), None, "{good}");
        }
        for (bad, says) in [
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
            assert!(problem.contains(says), "{bad}: {problem}");
        }
    }

    #[test]
    fn okta_domain_without_custom_server_is_rejected_in_every_profile() {
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
    fn other_issuers_may_look_as_they_like() {
        for good in ["https://issuer.example", "https://issuer.example/", "https://issuer.example/a/b"] {
            assert_eq!(problem(good, TokenProfile::Any), None, "{good}");
            assert_eq!(problem(good, TokenProfile::Rfc9068), None, "{good}");
        }
        assert!(problem("http://issuer.example", TokenProfile::Any).is_some());
        assert!(problem("https://issuer.example?x", TokenProfile::Any).is_some());
    }
}
