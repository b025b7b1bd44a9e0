//! The host of a request: a name or an address that the filter and Envoy's virtual hosts read in the same way.
//!
//! Envoy compares `:authority` with the domains of virtual hosts as text, with its port and its final dot. A filter that
//! ignores either lets a request choose one host's rule and another host's routes.

use std::net::Ipv6Addr;

use memchr::memchr;

/// The requirements of the rules on the host.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct HostNeeds {
    /// Whether a rule has `hosts`: then the host has one spelling, without a port.
    pub exact: bool,
    /// Whether Envoy's routes ignore the port (`ignore_port_in_host_matching`): then `exact` allows a port.
    pub ignore_port: bool,
}

/// Returns the host of an authority in lower case, without its port; `None` for everything but a name or an address and
/// at most a port (RFC 9110 section 7.2).
///
/// A final dot and an empty port are `None` in any case. With [`HostNeeds::exact`], so are a port and an IPv6 address in
/// another form than that of RFC 5952.
pub(super) fn host(authority: &[u8], needs: HostNeeds) -> Option<String> {
    let authority = str::from_utf8(authority).ok()?;
    // An IPv6 address has colons of its own.
    let port_at = match memchr(b']', authority.as_bytes()) {
        Some(end) => end.checked_add(1)?,
        None => memchr(b':', authority.as_bytes()).unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(port_at);
    if !port.is_empty() {
        let rejects_ports = needs.exact && !needs.ignore_port;
        if host.is_empty() || rejects_ports || !port.strip_prefix(':').is_some_and(is_port) {
            return None;
        }
    }
    let host = host.to_ascii_lowercase();
    let well_formed = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(text) => {
            let address = text.parse::<Ipv6Addr>().ok()?;
            !needs.exact || address.to_string() == text
        }
        None => {
            let name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            host.bytes().all(name) && !host.ends_with('.')
        }
    };
    well_formed.then_some(host)
}

/// Returns whether these are the digits of a port. Envoy does not strip a number that is too big.
fn is_port(digits: &str) -> bool {
    digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: HostNeeds = HostNeeds { exact: false, ignore_port: false };
    const EXACT: HostNeeds = HostNeeds { exact: true, ignore_port: false };
    const IGNORES_PORT: HostNeeds = HostNeeds { exact: true, ignore_port: true };

    #[test]
    fn host_with_one_reading_is_accepted() {
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
            for needs in [ANY, EXACT, IGNORES_PORT] {
                assert_eq!(
                    host(authority.as_bytes(), needs).as_deref(),
                    Some(expected),
                    "{authority} {needs:?}"
                );
            }
        }
    }

    #[test]
    fn host_with_port_is_ambiguous_where_rules_have_hosts_and_routes_have_ports() {
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
    fn host_with_two_readings_is_ambiguous() {
        for authority in [
            // A final dot, an empty port.
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
            for needs in [ANY, EXACT, IGNORES_PORT] {
                assert_eq!(host(authority.as_bytes(), needs), None, "{authority} {needs:?}");
            }
        }
        assert_eq!(host(b"\xff", ANY), None);
    }

    #[test]
    fn address_in_another_form_is_ambiguous_where_rules_have_hosts() {
        for authority in
            ["[0:0:0:0:0:0:0:1]", "[0::1]", "[::0001]", "[2001:db8:0:0:0:0:0:1]", "[::ffff:0102:0304]"]
        {
            assert!(host(authority.as_bytes(), ANY).is_some(), "{authority}");
            for needs in [EXACT, IGNORES_PORT] {
                assert_eq!(host(authority.as_bytes(), needs), None, "{authority}");
            }
        }
    }
}
