//! URLs with the scheme `https`, split into the parts of an HTTP request.

use std::fmt;

use crate::authority::Authority;

/// An https URL without user information and fragment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HttpsUrl {
    /// The `:authority` of a request: the host, and the port if the URL has one.
    pub authority: String,
    /// The `:path` of a request, with the query. It is at least `/`.
    pub path: String,
}

impl HttpsUrl {
    /// Parses a URL.
    ///
    /// # Errors
    /// The problem, as a predicate whose subject is the field of the URL.
    pub fn parse(url: &str) -> Result<Self, &'static str> {
        if url.contains(['{', '}', '<', '>']) || url.contains("yourOktaDomain") {
            return Err("still has a placeholder in it");
        }
        let Some(rest) = url.strip_prefix("https://") else {
            return Err("must begin with `https://`");
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if !is_authority(authority) {
            return Err("must name a host, with an optional port and without user information");
        }
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) || path.contains('#') {
            return Err("must be a URL without spaces and without a fragment");
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { authority: authority.to_owned(), path })
    }

    /// Returns whether the URL has the host and the port of an authority. The default port is 443,
    /// and the case of the host does not matter.
    pub fn is_at(&self, authority: &str) -> bool {
        let (Some(own), Some(other)) = (Authority::parse(&self.authority), Authority::parse(authority))
        else {
            return false;
        };
        let port = |authority: Authority<'_>| authority.port.unwrap_or(443);
        own.host.eq_ignore_ascii_case(other.host) && port(own) == port(other)
    }
}

impl fmt::Display for HttpsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}{}", self.authority, self.path)
    }
}

/// Returns whether a text is a host with an optional port. No label of a host name may be empty,
/// except that a final dot is allowed.
pub(crate) fn is_authority(text: &str) -> bool {
    Authority::parse(text).is_some_and(|Authority { host, .. }| {
        let name = host.strip_suffix('.').unwrap_or(host);
        name.split('.').all(|label| !label.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_url_parse_and_display_are_inverse() {
        for (url, authority, path) in [
            ("https://acme.okta.com/oauth2/default", "acme.okta.com", "/oauth2/default"),
            ("https://acme.okta.com", "acme.okta.com", "/"),
            ("https://localhost:8443/k?x=/y", "localhost:8443", "/k?x=/y"),
            ("https://h?x", "h", "/?x"),
            ("https://[::1]:8443/x", "[::1]:8443", "/x"),
            ("https://127.0.0.1/x", "127.0.0.1", "/x"),
            ("https://acme.okta.com./x", "acme.okta.com.", "/x"),
            ("https://[::ffff:1.2.3.4]/x", "[::ffff:1.2.3.4]", "/x"),
        ] {
            let parsed = HttpsUrl::parse(url).unwrap();
            assert_eq!((parsed.authority.as_str(), parsed.path.as_str()), (authority, path), "{url}");
            assert_eq!(HttpsUrl::parse(&parsed.to_string()), Ok(parsed), "{url}");
        }
    }

    #[test]
    fn https_url_with_malformed_authority_is_rejected() {
        for authority in [
            "",
            ":443",
            "[::",
            "[[::",
            "[::]x",
            "[]",
            "[x]",
            "::1",
            "...",
            ".",
            "acme.okta.com..",
            "acme..okta.com",
            ".okta.com",
            "h:",
            "h:99999",
            "h:65536",
            "h:+1",
            "h:x",
            "a:b:c",
            "a:1:2",
            "user@h",
            "user:password@h",
            "h%2e",
            "h\\",
            "b\u{fc}cher.example",
        ] {
            let problem = Err("must name a host, with an optional port and without user information");
            for path in ["", "/", "/x", "?x"] {
                let url = format!("https://{authority}{path}");
                assert_eq!(HttpsUrl::parse(&url), problem, "{url}");
            }
            assert!(!is_authority(authority), "{authority}");
        }
    }

    #[test]
    fn https_url_is_at_compares_host_and_port() {
        let url = HttpsUrl::parse("https://Acme.okta.com/k").unwrap();
        assert!(url.is_at("acme.okta.com") && url.is_at("acme.okta.com:443"));
        for other in [
            "acme.okta.com:8443",
            "okta.com",
            "evil.acme.okta.com",
            "acme.okta.com.evil.example",
            "acme.okta.com.",
            "acme.okta.com:",
            "",
        ] {
            assert!(!url.is_at(other), "{other}");
        }
        let url = HttpsUrl::parse("https://acme.okta.com:8443/k").unwrap();
        assert!(url.is_at("acme.okta.com:8443") && !url.is_at("acme.okta.com"));
    }
}
