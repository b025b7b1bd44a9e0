//! Codec of serialized maps, in which the host and the filter exchange headers.
//!
//! One map has all headers, so the filter reads them with one host call and one allocation. The
//! format is in the proxy-wasm specification, ABI version 0.2.1, "Serialized map": the number of
//! pairs, the lengths of each name and value, then each name and value followed by a zero byte.
//! Numbers are 32-bit and little-endian.

use crate::request::Header;

/// Parses a serialized map; `None` if it is malformed or has a name that is not UTF-8.
pub fn parse(bytes: &[u8]) -> Option<Vec<Header<'_>>> {
    let (count, rest) = split_number(bytes)?;
    let (mut lengths, mut texts) = rest.split_at_checked(count.checked_mul(8)?)?;
    let mut headers = Vec::with_capacity(count);
    while !lengths.is_empty() {
        let (name_len, rest) = split_number(lengths)?;
        let (value_len, rest) = split_number(rest)?;
        lengths = rest;
        let (name, rest) = split_text(texts, name_len)?;
        let (value, rest) = split_text(rest, value_len)?;
        texts = rest;
        headers.push((str::from_utf8(name).ok()?, value));
    }
    texts.is_empty().then_some(headers)
}

/// Serializes headers.
pub fn serialize<V: AsRef<[u8]>>(headers: &[(&str, V)]) -> Vec<u8> {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = number(headers.len()).to_vec();
    for (name, value) in headers {
        bytes.extend_from_slice(&number(name.len()));
        bytes.extend_from_slice(&number(value.as_ref().len()));
    }
    for (name, value) in headers {
        for text in [name.as_bytes(), value.as_ref()] {
            bytes.extend_from_slice(text);
            bytes.push(0);
        }
    }
    bytes
}

fn split_number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

fn split_text(bytes: &[u8], len: usize) -> Option<(&[u8], &[u8])> {
    let (text, rest) = bytes.split_at_checked(len)?;
    Some((text, rest.strip_prefix(b"\0")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &[u8] = b"\x02\0\0\0\x01\0\0\0\x02\0\0\0\x02\0\0\0\0\0\0\0a\0\xff\0\0bc\0\0";

    #[test]
    fn parse_malformed_map_is_none() {
        assert_eq!(parse(MAP).unwrap(), [("a", &b"\xff\0"[..]), ("bc", &b""[..])]);
        assert_eq!(parse(b"\0\0\0\0").unwrap(), []);
        for len in 0..MAP.len() {
            assert_eq!(parse(&MAP[..len]), None, "first {len} bytes");
        }
        assert_eq!(parse(&[MAP, b"\0"].concat()), None, "trailing byte");
        assert_eq!(parse(b"\xff\xff\xff\xff\0\0\0\0"), None, "count beyond the map");
        assert_eq!(parse(b"\x01\0\0\0\x01\0\0\0\0\0\0\0\xff\0\0"), None, "name that is not UTF-8");
        assert_eq!(parse(b"\x01\0\0\0\x01\0\0\0\0\0\0\0ab\0"), None, "no zero byte after the name");
    }

    #[test]
    fn serialize_is_the_inverse_of_parse() {
        assert_eq!(serialize(&parse(MAP).unwrap()), MAP);
        assert_eq!(serialize::<&str>(&[]), b"\0\0\0\0");
        let header = ("a", "\u{e9}".to_owned());
        assert_eq!(serialize(&[header]), b"\x01\0\0\0\x01\0\0\0\x02\0\0\0a\0\xc3\xa9\0");
    }
}
