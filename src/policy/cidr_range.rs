//! Ranges of IP addresses in CIDR notation (RFC 4632 section 3.1, RFC 4291 section 2.3), and the
//! addresses that Envoy writes.
//!
//! This is not the crate `ipnet`, which takes 7 KiB of the module. Its parser also accepts leading
//! zeros, and other software reads `010.0.0.0` as octal.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// A range of IP addresses with a common prefix.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CidrRange {
    /// The first address of the range, in the upper bits.
    network: u128,
    /// The length of the prefix, in bits.
    length: u32,
    is_ipv6: bool,
}

/// The problem of a text that is not a valid range, as a predicate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CidrRangeError(pub &'static str);

/// The length of the prefix of IPv4-mapped IPv6 addresses (RFC 4291 section 2.5.5.2).
const MAPPED_LENGTH: u32 = 96;
/// The number of zero bits with which that prefix begins.
const MAPPED_ZEROS: u32 = 80;
/// The first IPv4-mapped address, `::ffff:0.0.0.0`.
const FIRST_MAPPED: Ipv6Addr = Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0);

impl CidrRange {
    /// Parses `10.0.0.0/8`, `fd00::/8`, or an address. A range of IPv4-mapped IPv6 addresses, such
    /// as `::ffff:10.0.0.0/104`, becomes the range of the IPv4 addresses.
    ///
    /// # Errors
    /// A text that is not a range, a range with host bits, and a range with IPv4-mapped and other
    /// addresses: [`contains`](Self::contains) compares an IPv4-mapped address as an IPv4 address.
    pub fn parse(text: &str) -> Result<Self, CidrRangeError> {
        let malformed =
            CidrRangeError("must be an address, or a network such as `10.0.0.0/8` without host bits");
        let (address, length) = match text.split_once('/') {
            Some((address, length)) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
                (address, Some(length.parse::<u32>().map_err(|_| malformed)?))
            }
            Some(_) => return Err(malformed),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| malformed)?;
        let max_length = if address.is_ipv6() { 128 } else { 32 };
        let length = length.unwrap_or(max_length);
        let network = bits(address);
        // With host bits, `10.0.0.1/8` could mean the address or the network.
        if length > max_length || network & !mask(length, address.is_ipv6()) != 0 {
            return Err(malformed);
        }
        let range = Self { network, length, is_ipv6: address.is_ipv6() };
        let IpAddr::V6(v6) = address else { return Ok(range) };
        match (v6.to_ipv4_mapped(), length.checked_sub(MAPPED_LENGTH)) {
            (Some(v4), Some(length)) => Ok(Self { network: bits(IpAddr::V4(v4)), length, is_ipv6: false }),
            (_, None) if length > MAPPED_ZEROS && range.has(bits(IpAddr::V6(FIRST_MAPPED))) => {
                Err(CidrRangeError(
                    "must not mix IPv4-mapped addresses with others: write an IPv4 network, `10.0.0.0/8`",
                ))
            }
            _ => Ok(range),
        }
    }

    /// Returns whether the range has an address. An IPv4-mapped IPv6 address is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv6() == self.is_ipv6 && self.has(bits(address))
    }

    fn has(&self, bits: u128) -> bool {
        bits & mask(self.length, self.is_ipv6) == self.network
    }
}

/// Returns the bits of an address, those of an IPv4 address in the upper 32 bits.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)) << 96,
        IpAddr::V6(v6) => u128::from(v6),
    }
}

/// Returns the mask of a prefix, aligned as by [`bits`].
fn mask(length: u32, is_ipv6: bool) -> u128 {
    let all = if is_ipv6 { u128::MAX } else { u128::from(u32::MAX) << 96 };
    let keep = u128::MAX.checked_shl(128u32.saturating_sub(length)).unwrap_or(0);
    all & keep
}

/// Parses the address in an attribute of Envoy: `10.0.0.1:443`, `[::1]:443`, or without a port. The
/// result does not have the zone of a link-local address, `[fe80::1%eth0]:443`.
pub fn parse_socket_ip(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    let (bracketed, port) = match text.strip_prefix('[') {
        Some(inner) => inner.split_once(']').map(|(address, port)| (Some(address), port))?,
        None => (None, ""),
    };
    if !port.is_empty() && port.strip_prefix(':')?.parse::<u16>().is_err() {
        return None;
    }
    let address = bracketed.unwrap_or(text);
    match address.split_once('%') {
        Some((v6, _)) => v6.parse().ok().map(IpAddr::V6),
        None if bracketed.is_some() => address.parse().ok().map(IpAddr::V6),
        None => address.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cidr_range_contains_addresses_with_its_prefix() {
        for (range, inside, outside) in [
            (
                "10.0.0.0/8",
                &["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"][..],
                &["11.0.0.0", "9.255.255.255"][..],
            ),
            ("192.168.1.7", &["192.168.1.7"], &["192.168.1.8", "::1"]),
            ("0.0.0.0/0", &["0.0.0.0", "255.255.255.255"], &["::", "fd00::1"]),
            ("::/0", &["::", "fd00::1"], &["10.0.0.1"]),
            ("fd00::/8", &["fd00::1", "fdff::"], &["fc00::1", "fe00::"]),
            ("::1", &["::1"], &["::2", "127.0.0.1"]),
            (
                "::ffff:127.0.0.0/104",
                &["127.0.0.1", "127.255.255.255", "::ffff:127.0.0.1"],
                &["128.0.0.0", "::1"],
            ),
            ("::ffff:7f00:0/104", &["127.0.0.1"], &["128.0.0.0"]),
            ("::ffff:10.0.0.1", &["10.0.0.1", "::ffff:10.0.0.1"], &["10.0.0.2", "::10.0.0.1"]),
            ("::ffff:0:0/96", &["0.0.0.0", "255.255.255.255"], &["::1", "fd00::1"]),
            ("::/96", &["::1", "::10.0.0.1"], &["10.0.0.1"]),
            ("203.0.113.8/30", &["203.0.113.8", "203.0.113.11"], &["203.0.113.12", "203.0.113.7"]),
        ] {
            let range = CidrRange::parse(range).unwrap();
            assert!(inside.iter().all(|text| range.contains(text.parse().unwrap())), "{range:?}");
            assert!(!outside.iter().any(|text| range.contains(text.parse().unwrap())), "{range:?}");
        }
        for bad in [
            "",
            "10",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "::/129",
            "10.0.0.0/+8",
            "a/8",
            "10.0.0.0/8/8",
            "/8",
            "10.0.0.0/-8",
            "10.0.0.0 /8",
            "010.0.0.0/8",
            "10.0.0/8",
            "10.0.0.0/99999999999",
            "::ffff:127.0.0.1/104",
            "::ffff:0:0/90",
            "::ffff:0:0/95",
            "::ffc0:0:0/90",
            "::fffe:0:0/95",
            "fe80::1%eth0",
        ] {
            assert!(CidrRange::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn parse_socket_ip_reads_each_form_of_envoy() {
        for (text, expected) in [
            ("10.0.0.1:443", Some("10.0.0.1")),
            ("[::1]:443", Some("::1")),
            ("[::1]", Some("::1")),
            ("::1", Some("::1")),
            ("10.0.0.1", Some("10.0.0.1")),
            ("[fe80::1%eth0]:443", Some("fe80::1")),
            ("[fe80::1%3]:443", Some("fe80::1")),
            ("fe80::1%eth0", Some("fe80::1")),
            ("[::ffff:10.0.0.1]:443", Some("::ffff:10.0.0.1")),
            ("[::1]x", None),
            ("[::1]:x", None),
            ("[10.0.0.1]", None),
            ("10.0.0.1%eth0", None),
            ("[::1", None),
            ("/tmp/socket", None),
            ("@/tmp/socket", None),
            ("", None),
        ] {
            assert_eq!(
                parse_socket_ip(text).map(|address| address.to_string()).as_deref(),
                expected,
                "{text}"
            );
        }
    }
}
