//! https URLs, cut where an HTTP request wants them cut.

use std::fmt;

/// An https URL without user information and without a fragment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HttpsUrl {
    /// `:authority` of a request: the host, and the port if there is one.
    pub authority: String,
    /// `:path` of a request, with the query; at least `/`.
    pub path: String,
}

impl HttpsUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with its name.
    pub fn parse(url: &str) -> Result<Self, &'static str> {
        if url.contains(['{', '}', '<', '>']) || url.contains("yourOktaDomain") {
            return Err("still has a placeholder in it");
        }
        let Some(rest) = url.strip_prefix("https://") else {
            return Err("must begin with `https://`");
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if !is_authority(authority) {
            return Err("must name a host, without user information");
        }
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) || path.contains('#') {
            return Err("must be a URL without spaces and without a fragment");
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { authority: authority.to_owned(), path })
    }

    /// Whether this is where the other is: the same host, in any case, and the same port.
    pub fn is_at(&self, authority: &str) -> bool {
        let plain = |authority: &str| {
            let lower = authority.to_ascii_lowercase();
            lower.strip_suffix(":443").map_or(lower.clone(), str::to_owned)
        };
        plain(&self.authority) == plain(authority)
    }
}

impl fmt::Display for HttpsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}{}", self.authority, self.path)
    }
}

/// Whether this is a host, perhaps with a port, and no more.
pub fn is_authority(text: &str) -> bool {
    let host_chars = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    !text.is_empty() && text.bytes().all(host_chars)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_comes_back_as_it_was() {
        for (url, authority, path) in [
            ("https://acme.okta.com/oauth2/default", "acme.okta.com", "/oauth2/default"),
            ("https://acme.okta.com", "acme.okta.com", "/"),
            ("https://localhost:8443/k?x=/y", "localhost:8443", "/k?x=/y"),
            ("https://h?x", "h", "/?x"),
        ] {
            let parsed = HttpsUrl::parse(url).unwrap();
            assert_eq!((parsed.authority.as_str(), parsed.path.as_str()), (authority, path), "{url}");
            assert_eq!(HttpsUrl::parse(&parsed.to_string()), Ok(parsed), "{url}");
        }
    }

    #[test]
    fn the_same_place_or_another() {
        let url = HttpsUrl::parse("https://Acme.okta.com/k").unwrap();
        assert!(url.is_at("acme.okta.com") && url.is_at("acme.okta.com:443"));
        for other in
            ["acme.okta.com:8443", "okta.com", "evil.acme.okta.com", "acme.okta.com.evil.example", ""]
        {
            assert!(!url.is_at(other), "{other}");
        }
    }
}
