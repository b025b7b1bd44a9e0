//! Grammar of an authority: a host and an optional port (RFC 3986 section 3.2, RFC 9110 section
//! 7.2).
//!
//! The filter reads the `:authority` of requests and the hosts of configured URLs with this
//! grammar. It is stricter than RFC 3986: it has no user information, no percent-encoding and no
//! empty port, because servers and proxies read those differently.

use std::net::Ipv6Addr;

use memchr::memchr;

/// Host and port of an authority.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Authority<'a> {
    /// The host as written, an IPv6 address with its brackets. It can be empty if there is no port.
    pub(crate) host: &'a str,
    /// The address, if the host is an IPv6 address.
    pub(crate) ipv6: Option<Ipv6Addr>,
    /// The port, from 0 to 65535.
    pub(crate) port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Parses an authority; `None` for a text outside the grammar.
    #[inline(never)]
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        // The colons of an IPv6 address are between brackets.
        let host_end = match memchr(b']', text.as_bytes()) {
            Some(bracket) => bracket.checked_add(1)?,
            None => memchr(b':', text.as_bytes()).unwrap_or(text.len()),
        };
        let (host, port) = text.split_at(host_end);
        let port = match port {
            "" => None,
            _ if host.is_empty() => return None,
            _ => Some(parse_port(port.strip_prefix(':')?)?),
        };
        let ipv6 = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(address) => Some(address.parse().ok()?),
            None if is_host_name(host) => None,
            None => return None,
        };
        Some(Self { host, ipv6, port })
    }
}

/// Returns whether a text has only the characters of a host name: letters, digits, `-`, `.` and
/// `_`.
pub(crate) fn is_host_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

fn parse_port(digits: &str) -> Option<u16> {
    // `parse` accepts a sign.
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authority_parse_separates_host_and_port() {
        for (text, host, is_ipv6, port) in [
            ("", "", false, None),
            ("Acme.okta.com", "Acme.okta.com", false, None),
            ("acme.okta.com:8443", "acme.okta.com", false, Some(8443)),
            ("h:0443", "h", false, Some(443)),
            ("127.0.0.1:0", "127.0.0.1", false, Some(0)),
            ("[::1]", "[::1]", true, None),
            ("[2001:DB8::1]:65535", "[2001:DB8::1]", true, Some(65535)),
        ] {
            let parsed = Authority::parse(text).unwrap();
            assert_eq!((parsed.host, parsed.ipv6.is_some(), parsed.port), (host, is_ipv6, port), "{text}");
        }
    }
}
