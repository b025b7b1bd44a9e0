//! The URL for which a proof is valid (`htu`, RFC 9449 section 4.3), and the URL of a request.
//!
//! Two URLs are equal if scheme, host, port and path are equal after normalization. The filter
//! normalizes paths like those of requests: rules cannot distinguish two paths with one canonical
//! form, so `htu` need not either.

use std::fmt;

use crate::authority::Authority;
use crate::https_url::is_authority;
use crate::policy::{AllowedInPaths, CanonicalPath, NormalizationOptions, NormalizedRequest};
use crate::request::RequestHead;

/// A scheme of HTTP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(missing_docs, reason = "registered names")]
pub enum Scheme {
    Http,
    Https,
}

/// A URL without query and fragment, in normalized form.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TargetUri {
    scheme: Scheme,
    /// The host in lower case, without a final dot. An IPv6 address has the form of RFC 5952, in
    /// brackets.
    host: String,
    port: u16,
    /// The canonical path, at least `/`.
    path: String,
}

/// The source of the URL of a request.
#[derive(Clone, Debug)]
pub enum TargetUriSource {
    /// The scheme, then `:authority` and `:path`.
    Request(SchemeSource),
    /// The URL that has the host of the request, then `:path` (`external_urls`).
    External(Vec<ExternalUrl>),
}

/// The source of the scheme of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SchemeSource {
    /// A fixed scheme.
    Fixed(Scheme),
    /// `X-Forwarded-Proto`, which Envoy sets.
    Forwarded,
}

/// A URL at which clients reach the requests of some hosts.
#[derive(Clone, Debug)]
pub struct ExternalUrl {
    /// Its path is a prefix without a final slash, so it can be empty.
    url: TargetUri,
    hosts: Vec<String>,
}

impl Scheme {
    /// Returns the scheme with a name in any letter case (RFC 3986 section 6.2.2.1).
    fn from_name(name: &[u8]) -> Option<Self> {
        [Self::Http, Self::Https]
            .into_iter()
            .find(|scheme| name.eq_ignore_ascii_case(scheme.name().as_bytes()))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl TargetUri {
    /// Parses the `htu` of a proof; `None` for a text that is not an http or https URL, has user
    /// information, or has a path that upstreams interpret in different ways. Ignores query and
    /// fragment.
    pub fn parse(htu: &str, allowed: AllowedInPaths) -> Option<Self> {
        let url = htu.split(['?', '#']).next()?;
        if !url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            return None;
        }
        let (scheme, rest) = url.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = if path.is_empty() { "/" } else { path };
        Self::new(Scheme::from_name(scheme.as_bytes())?, authority, canonical(path, allowed)?)
    }

    fn new(scheme: Scheme, authority: &str, path: String) -> Option<Self> {
        if !is_authority(authority) {
            return None;
        }
        let authority = Authority::parse(authority)?;
        let port = authority.port.unwrap_or(scheme.default_port());
        Some(Self { scheme, host: normalized_host(authority), port, path })
    }
}

/// Writes the URL with the decoded path.
impl fmt::Display for TargetUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.host)?;
        if self.port != self.scheme.default_port() {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.path)
    }
}

impl TargetUriSource {
    /// Returns the URL of a request; `None` if the configuration has no URL for its host, the scheme
    /// is unknown, or the path is `*` without `OPTIONS`.
    pub fn of(&self, head: &RequestHead<'_>, request: &NormalizedRequest<'_>) -> Option<TargetUri> {
        let authority = str::from_utf8(head.authority).ok()?;
        // The target of CONNECT and of `OPTIONS *` has the empty path (RFC 9110 section 7.1).
        let path = match request.path.as_str() {
            "*" if head.method == b"OPTIONS" => "",
            path if matches!(path.as_bytes(), [] | [b'/', ..]) => path,
            _ => return None,
        };
        let mut uri = match self {
            Self::Request(source) => TargetUri::new(source.of(head)?, authority, path.to_owned())?,
            Self::External(urls) => {
                let host = normalized_host(Authority::parse(authority)?);
                let ExternalUrl { url, .. } = urls.iter().find(|url| url.hosts.contains(&host))?;
                TargetUri { path: [&url.path, path].concat(), ..url.clone() }
            }
        };
        if uri.path.is_empty() {
            uri.path.push('/');
        }
        Some(uri)
    }
}

impl SchemeSource {
    fn of(self, head: &RequestHead<'_>) -> Option<Scheme> {
        match self {
            Self::Fixed(scheme) => Some(scheme),
            Self::Forwarded => {
                let mut values = head.header_values("x-forwarded-proto");
                let scheme = Scheme::from_name(values.next()?)?;
                values.next().is_none().then_some(scheme)
            }
        }
    }
}

impl ExternalUrl {
    /// Creates an entry from a URL. Its requests have the host of the URL, unless
    /// [`ExternalUrl::with_hosts`] sets others.
    ///
    /// # Errors
    /// The problem, as a predicate whose subject is the field of the URL.
    pub fn new(url: &str, allowed: AllowedInPaths) -> Result<Self, &'static str> {
        if url.contains(['?', '#']) {
            return Err("must not have a query or a fragment");
        }
        let mut url = TargetUri::parse(url, allowed).ok_or(
            "must be an http or https URL without user information, \
             whose path has no dot segments and no ambiguous characters",
        )?;
        if url.scheme == Scheme::Http && !matches!(&*url.host, "localhost" | "127.0.0.1" | "[::1]") {
            return Err("must begin with `https://`, unless the host is `localhost`");
        }
        if url.path.ends_with('/') {
            url.path.pop();
        }
        Ok(Self { hosts: vec![url.host.clone()], url })
    }

    /// Sets the hosts of the requests that clients send to the URL.
    ///
    /// # Errors
    /// The problem, as a predicate whose subject is the field of the hosts.
    pub fn with_hosts(self, hosts: &[String]) -> Result<Self, &'static str> {
        let parse = |host: &str| {
            let authority = Authority::parse(host).filter(|authority| authority.port.is_none())?;
            is_authority(host).then(|| normalized_host(authority))
        };
        let hosts: Option<Vec<_>> = hosts.iter().map(|host| parse(host)).collect();
        let hosts = hosts.filter(|hosts| !hosts.is_empty());
        Ok(Self { hosts: hosts.ok_or("must have host names or IP addresses without ports")?, ..self })
    }

    /// Returns the normalized hosts. A configuration must not have a host in two entries.
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }
}

/// Returns a host in lower case and without a final dot, or an IPv6 address in the form of RFC
/// 5952.
fn normalized_host(authority: Authority<'_>) -> String {
    match authority.ipv6 {
        Some(address) => format!("[{address}]"),
        None => authority.host.strip_suffix('.').unwrap_or(authority.host).to_ascii_lowercase(),
    }
}

/// Returns the canonical form of a path. The length of a proof limits the length of the path.
fn canonical(path: &str, allowed: AllowedInPaths) -> Option<String> {
    let options = NormalizationOptions { allowed, max_match_bytes: usize::MAX };
    Some(CanonicalPath::new(path.as_bytes(), options).ok()?.as_str().to_owned())
}
