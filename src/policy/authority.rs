//! Host of a request, for rules that have `hosts`.
//!
//! Envoy compares `:authority` with the domains of virtual hosts as text, including the port and a
//! final dot. If the filter ignored either, a request could match the rule of one host and the
//! routes of another.

use std::borrow::Cow;

use crate::authority::Authority;

/// Requirements of the rules on the spelling of the host.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct HostRequirements {
    /// Whether a rule has `hosts`. Then the host must have one spelling and no port.
    pub exact: bool,
    /// Whether Envoy's routes ignore the port (`ignore_port_in_host_matching`). Then `exact` allows
    /// a port.
    pub ignore_port: bool,
}

/// Returns the host of an authority in lower case, without its port; `None` for a final dot and for
/// a text outside the [grammar](crate::authority).
///
/// With [`HostRequirements::exact`], the result is also `None` for a port, unless the routes ignore
/// it, and for an IPv6 address in another form than that of RFC 5952.
pub(super) fn host(authority: &[u8], requirements: HostRequirements) -> Option<Cow<'_, str>> {
    let Authority { host, ipv6, port } = Authority::parse(str::from_utf8(authority).ok()?)?;
    if host.ends_with('.') || (requirements.exact && !requirements.ignore_port && port.is_some()) {
        return None;
    }
    let has_upper_case = host.bytes().fold(false, |found, byte| found | byte.is_ascii_uppercase());
    let host = if has_upper_case { Cow::Owned(host.to_ascii_lowercase()) } else { Cow::Borrowed(host) };
    let is_canonical = !requirements.exact
        || ipv6.is_none_or(|address| host.get(1..host.len().saturating_sub(1)) == Some(&address.to_string()));
    is_canonical.then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: HostRequirements = HostRequirements { exact: false, ignore_port: false };
    const EXACT: HostRequirements = HostRequirements { exact: true, ignore_port: false };
    const IGNORES_PORT: HostRequirements = HostRequirements { exact: true, ignore_port: true };

    #[test]
    fn host_with_one_spelling_is_accepted() {
        for (authority, expected) in [
            ("API.example.com", "api.example.com"),
            ("api_1.example.com", "api_1.example.com"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("[2001:DB8::1]", "[2001:db8::1]"),
            ("[::FFFF:1.2.3.4]", "[::ffff:1.2.3.4]"),
            ("", ""),
        ] {
            for requirements in [ANY, EXACT, IGNORES_PORT] {
                assert_eq!(
                    host(authority.as_bytes(), requirements).as_deref(),
                    Some(expected),
                    "{authority} {requirements:?}"
                );
            }
        }
    }

    #[test]
    fn host_with_port_is_none_if_exact_and_routes_have_ports() {
        for (authority, expected) in [
            ("api.example.com:8443", "api.example.com"),
            ("API.example.com:0", "api.example.com"),
            ("api.example.com:65535", "api.example.com"),
            ("api.example.com:0000000000080", "api.example.com"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("[::1]:80", "[::1]"),
        ] {
            assert_eq!(host(authority.as_bytes(), ANY).as_deref(), Some(expected), "{authority}");
            assert_eq!(host(authority.as_bytes(), IGNORES_PORT).as_deref(), Some(expected), "{authority}");
            assert_eq!(host(authority.as_bytes(), EXACT), None, "{authority}");
        }
    }

    #[test]
    fn host_outside_the_grammar_is_none() {
        for authority in [
            // A final dot or an empty port.
            "api.example.com.",
            "api.example.com..",
            "api.example.com.:80",
            "api.example.com:",
            "api.example.com.:",
            "[::1]:",
            "[::1].",
            "[::1].:80",
            ".",
            ":",
            // Not a port.
            ":80",
            "api.example.com:65536",
            "api.example.com:99999",
            "api.example.com:4294967376",
            "api.example.com:+80",
            "api.example.com:-80",
            "api.example.com: 80",
            "api.example.com:80 ",
            "api.example.com:80:80",
            "api.example.com::80",
            "api.example.com:http",
            "api.example.com:\u{0663}",
            // Not a host.
            "user@api.example.com",
            "user:80@api.example.com",
            "api%2eexample.com",
            "api.example.com/",
            "http://api.example.com",
            "a,b",
            " api.example.com",
            "[::1",
            "[::1]x",
            "x[::1]",
            "::1",
            "x]",
            "[]",
            "[:]",
            "[x]",
            "[1.2.3.4]",
            "[::1.]",
            "[::1%25lo]",
            "b\u{fc}cher.example",
        ] {
            for requirements in [ANY, EXACT, IGNORES_PORT] {
                assert_eq!(host(authority.as_bytes(), requirements), None, "{authority} {requirements:?}");
            }
        }
        assert_eq!(host(b"\xff", ANY), None);
    }

    #[test]
    fn host_ipv6_address_in_another_form_is_none_if_exact() {
        for authority in
            ["[0:0:0:0:0:0:0:1]", "[0::1]", "[::0001]", "[2001:db8:0:0:0:0:0:1]", "[::ffff:0102:0304]"]
        {
            assert!(host(authority.as_bytes(), ANY).is_some(), "{authority}");
            for requirements in [EXACT, IGNORES_PORT] {
                assert_eq!(host(authority.as_bytes(), requirements), None, "{authority}");
            }
        }
    }
}
