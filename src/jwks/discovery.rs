//! Authorization server metadata (RFC 8414), which contains the `jwks_uri` of an issuer.
//!
//! The filter accepts metadata only if `issuer` is the configured issuer and `jwks_uri` is on a
//! configured host. So an attacker who can change the metadata cannot make the filter fetch keys
//! from another host.

use std::fmt;

use crate::https_url::HttpsUrl;
use crate::json::{self, Value};

/// The discovery of the `jwks_uri` of one issuer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Discovery {
    issuer: String,
    /// The authorities that `jwks_uri` may have.
    hosts: Vec<String>,
    candidate_urls: [HttpsUrl; 3],
}

/// The reason why metadata does not give a `jwks_uri`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MetadataError {
    /// The document is not a JSON object, or a member occurs twice.
    Malformed,
    /// `issuer` is not the configured issuer (RFC 8414 section 3.3).
    OtherIssuer,
    /// `jwks_uri` is missing or not an https URL.
    NoJwksUri,
    /// `jwks_uri` is on a host that is not in `jwks_hosts`.
    OtherHost,
}

impl fmt::Display for MetadataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the authorization server metadata is not a JSON object",
            Self::OtherIssuer => "`issuer` in the authorization server metadata is not the configured issuer",
            Self::NoJwksUri => "the authorization server metadata has no `jwks_uri` that is an https URL",
            Self::OtherHost => {
                "`jwks_uri` in the authorization server metadata is on a host that is not in `jwks_hosts`"
            }
        })
    }
}

impl Discovery {
    /// Creates the discovery of an issuer. `url` is the issuer as a URL, and `hosts` are the
    /// authorities that `jwks_uri` may have.
    pub fn new(issuer: &str, url: &HttpsUrl, hosts: Vec<String>) -> Self {
        let with_path = |path: String| HttpsUrl { authority: url.authority.clone(), path };
        let path = url.path.trim_end_matches('/');
        let candidate_urls = [
            // The path of Okta, of RFC 8414 section 3.1, and of OpenID Connect Discovery.
            with_path(format!("{path}/.well-known/oauth-authorization-server")),
            with_path(format!("/.well-known/oauth-authorization-server{path}")),
            with_path(format!("{path}/.well-known/openid-configuration")),
        ];
        Self { issuer: issuer.to_owned(), hosts, candidate_urls }
    }

    /// Returns the URLs that may have the metadata, in the order in which the filter requests them.
    pub const fn candidate_urls(&self) -> &[HttpsUrl; 3] {
        &self.candidate_urls
    }

    /// Returns the authorities that `jwks_uri` may have.
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// Returns whether `jwks_uri` may be this URL.
    pub fn allows(&self, url: &HttpsUrl) -> bool {
        self.hosts.iter().any(|host| url.is_at(host))
    }

    /// Returns the `jwks_uri` of a metadata document.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub fn jwks_uri(&self, metadata: &[u8]) -> Result<HttpsUrl, MetadataError> {
        let members = json::parse_object(metadata).map_err(|_| MetadataError::Malformed)?;
        let string = |name| members.get(name).and_then(Value::as_str);
        if string("issuer") != Some(&self.issuer) {
            return Err(MetadataError::OtherIssuer);
        }
        let url =
            string("jwks_uri").and_then(|uri| HttpsUrl::parse(uri).ok()).ok_or(MetadataError::NoJwksUri)?;
        if self.allows(&url) { Ok(url) } else { Err(MetadataError::OtherHost) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://acme.okta.com/oauth2/default";

    fn discovery() -> Discovery {
        Discovery::new(ISSUER, &HttpsUrl::parse(ISSUER).unwrap(), vec!["acme.okta.com".to_owned()])
    }

    #[test]
    fn candidate_urls_of_an_issuer_are_in_order() {
        let urls = |issuer: &str| {
            let discovery = Discovery::new(issuer, &HttpsUrl::parse(issuer).unwrap(), Vec::new());
            discovery.candidate_urls().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            urls(ISSUER),
            [
                "https://acme.okta.com/oauth2/default/.well-known/oauth-authorization-server",
                "https://acme.okta.com/.well-known/oauth-authorization-server/oauth2/default",
                "https://acme.okta.com/oauth2/default/.well-known/openid-configuration",
            ]
        );
        assert_eq!(
            urls("https://op.example/")[..2],
            ["https://op.example/.well-known/oauth-authorization-server"; 2]
        );
    }

    #[test]
    fn jwks_uri_of_another_issuer_or_host_is_an_error() {
        let keys = r#""jwks_uri":"https://acme.okta.com/oauth2/default/v1/keys""#;
        let ours = format!(r#""issuer":"{ISSUER}""#);
        for (name, document, expected) in [
            ("good", format!("{{{ours},{keys}}}"), None),
            ("HTML", "<!doctype html>".to_owned(), Some(MetadataError::Malformed)),
            ("truncated", format!("{{{ours}"), Some(MetadataError::Malformed)),
            ("an array", "[]".to_owned(), Some(MetadataError::Malformed)),
            ("two issuers", format!("{{{ours},{ours},{keys}}}"), Some(MetadataError::Malformed)),
            ("no issuer", format!("{{{keys}}}"), Some(MetadataError::OtherIssuer)),
            (
                "another server of the org",
                format!(r#"{{"issuer":"https://acme.okta.com",{keys}}}"#),
                Some(MetadataError::OtherIssuer),
            ),
            (
                "the issuer with a slash",
                format!(r#"{{"issuer":"{ISSUER}/",{keys}}}"#),
                Some(MetadataError::OtherIssuer),
            ),
            ("no keys", format!("{{{ours}}}"), Some(MetadataError::NoJwksUri)),
            ("keys of the wrong type", format!(r#"{{{ours},"jwks_uri":7}}"#), Some(MetadataError::NoJwksUri)),
            (
                "without TLS",
                format!(r#"{{{ours},"jwks_uri":"http://acme.okta.com/k"}}"#),
                Some(MetadataError::NoJwksUri),
            ),
            (
                "a host that is not configured",
                format!(r#"{{{ours},"jwks_uri":"https://evil.example/k"}}"#),
                Some(MetadataError::OtherHost),
            ),
            (
                "the configured host as user info",
                format!(r#"{{{ours},"jwks_uri":"https://acme.okta.com@evil.example/k"}}"#),
                Some(MetadataError::NoJwksUri),
            ),
            (
                "another port of the configured host",
                format!(r#"{{{ours},"jwks_uri":"https://acme.okta.com:8443/k"}}"#),
                Some(MetadataError::OtherHost),
            ),
        ] {
            assert_eq!(discovery().jwks_uri(document.as_bytes()).err(), expected, "{name}");
        }
    }
}
