//! Ranges of IP addresses (RFC 4632, RFC 4291 section 2.3).

use std::net::{IpAddr, Ipv6Addr};

/// All addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AddressRange {
    /// Bits of the network; those behind are zero.
    network: u128,
    length: u32,
    v6: bool,
}

impl AddressRange {
    /// Reads `10.0.0.0/8`, `fd00::/8`, or a single address.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
                (address, Some(length.parse::<u32>().ok()?))
            }
            Some(_) => return None,
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let whole = if address.is_ipv6() { 128 } else { 32 };
        let length = length.unwrap_or(whole);
        if length > whole {
            return None;
        }
        let network = bits(address);
        // `10.0.0.1/8` is a slip: one address was meant, or the network.
        (network & !mask(length, address.is_ipv6()) == 0).then_some(Self {
            network,
            length,
            v6: address.is_ipv6(),
        })
    }

    /// Whether the address is in the range. An IPv4 address that came as an IPv6 one is the same address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv6() == self.v6 && bits(address) & mask(self.length, self.v6) == self.network
    }
}

/// The address in the upper bits.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)) << 96,
        IpAddr::V6(v6) => u128::from(v6),
    }
}

fn mask(length: u32, v6: bool) -> u128 {
    let all = if v6 { u128::MAX } else { u128::from(u32::MAX) << 96 };
    let keep = u128::MAX.checked_shl(128u32.saturating_sub(length)).unwrap_or(0);
    all & keep
}

/// The address in a text that Envoy writes: `10.0.0.1:443`, `[::1]:443`, or without a port.
pub fn parse_peer(text: &str) -> Option<IpAddr> {
    if let Ok(peer) = text.parse::<std::net::SocketAddr>() {
        return Some(peer.ip());
    }
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    bare.map_or_else(|| text.parse().ok(), |v6| v6.parse::<Ipv6Addr>().ok().map(IpAddr::V6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
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
            ("203.0.113.8/30", &["203.0.113.8", "203.0.113.11"], &["203.0.113.12", "203.0.113.7"]),
        ] {
            let range = AddressRange::parse(range).unwrap();
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
        ] {
            assert_eq!(AddressRange::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn peers() {
        for (text, expected) in [
            ("10.0.0.1:443", Some("10.0.0.1")),
            ("[::1]:443", Some("::1")),
            ("[::1]", Some("::1")),
            ("::1", Some("::1")),
            ("10.0.0.1", Some("10.0.0.1")),
            ("/tmp/socket", None),
            ("", None),
        ] {
            assert_eq!(parse_peer(text).map(|address| address.to_string()).as_deref(), expected, "{text}");
        }
    }
}
