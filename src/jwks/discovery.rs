//! Where an issuer's keys are, as the issuer itself says (RFC 8414).
//!
//! The answer is only believed as far as the configuration goes: it must be about our issuer, and the keys must be on a
//! host that was named. So whoever can change the answer cannot send the filter elsewhere for its keys.

use std::fmt;

use crate::https_url::HttpsUrl;
use crate::json::{self, Value};

/// How to find the keys of one issuer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Discovery {
    issuer: String,
    /// Hosts that `jwks_uri` may be on.
    hosts: Vec<String>,
    /// Where the metadata may be, in the order in which they are asked for.
    places: [HttpsUrl; 3],
}

/// Why a document does not say where the keys are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MetadataError {
    /// Not a JSON object, or one with a duplicate member.
    Malformed,
    /// `issuer` is not the one that was asked about (RFC 8414 section 3.3).
    OtherIssuer,
    /// `jwks_uri` is missing or no https URL.
    NoKeys,
    /// `jwks_uri` is on a host that the configuration does not name.
    OtherHost,
}

impl fmt::Display for MetadataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the issuer's metadata are not a JSON object",
            Self::OtherIssuer => "the issuer's metadata are those of another issuer",
            Self::NoKeys => "the issuer's metadata have no `jwks_uri` that is an https URL",
            Self::OtherHost => {
                "the `jwks_uri` in the issuer's metadata is on a host that is not in `jwks_hosts`"
            }
        })
    }
}

impl Discovery {
    /// For an issuer, that is an https URL, with the hosts that its keys may be on.
    pub fn new(issuer: &str, url: &HttpsUrl, hosts: Vec<String>) -> Self {
        let at = |path: String| HttpsUrl { authority: url.authority.clone(), path };
        let path = url.path.trim_end_matches('/');
        let places = [
            // Okta's place for it, then RFC 8414's, then that of issuers that know OpenID Connect only.
            at(format!("{path}/.well-known/oauth-authorization-server")),
            at(format!("/.well-known/oauth-authorization-server{path}")),
            at(format!("{path}/.well-known/openid-configuration")),
        ];
        Self { issuer: issuer.to_owned(), hosts, places }
    }

    /// Where the metadata may be, in the order in which they are to be asked for.
    pub const fn candidate_urls(&self) -> &[HttpsUrl; 3] {
        &self.places
    }

    /// Hosts that `jwks_uri` may be on.
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// Whether keys may come from there.
    pub fn allows(&self, url: &HttpsUrl) -> bool {
        self.hosts.iter().any(|host| url.is_at(host))
    }

    /// What the metadata say.
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
            string("jwks_uri").and_then(|uri| HttpsUrl::parse(uri).ok()).ok_or(MetadataError::NoKeys)?;
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
    fn candidate_urls() {
        let places = |issuer: &str| {
            let discovery = Discovery::new(issuer, &HttpsUrl::parse(issuer).unwrap(), Vec::new());
            discovery.candidate_urls().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            places(ISSUER),
            [
                "https://acme.okta.com/oauth2/default/.well-known/oauth-authorization-server",
                "https://acme.okta.com/.well-known/oauth-authorization-server/oauth2/default",
                "https://acme.okta.com/oauth2/default/.well-known/openid-configuration",
            ]
        );
        assert_eq!(
            places("https://op.example/")[..2],
            ["https://op.example/.well-known/oauth-authorization-server"; 2]
        );
    }

    #[test]
    fn only_what_the_configuration_allows_is_believed() {
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
            ("no keys", format!("{{{ours}}}"), Some(MetadataError::NoKeys)),
            ("keys of the wrong type", format!(r#"{{{ours},"jwks_uri":7}}"#), Some(MetadataError::NoKeys)),
            (
                "without TLS",
                format!(r#"{{{ours},"jwks_uri":"http://acme.okta.com/k"}}"#),
                Some(MetadataError::NoKeys),
            ),
            (
                "a host that nobody named",
                format!(r#"{{{ours},"jwks_uri":"https://evil.example/k"}}"#),
                Some(MetadataError::OtherHost),
            ),
            (
                "a host that only looks like ours",
                format!(r#"{{{ours},"jwks_uri":"https://acme.okta.com@evil.example/k"}}"#),
                Some(MetadataError::NoKeys),
            ),
            (
                "another port of ours",
                format!(r#"{{{ours},"jwks_uri":"https://acme.okta.com:8443/k"}}"#),
                Some(MetadataError::OtherHost),
            ),
        ] {
            assert_eq!(discovery().jwks_uri(document.as_bytes()).err(), expected, "{name}");
        }
    }
}
