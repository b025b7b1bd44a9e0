//! Headers as the host hands them over: all in one piece, which costs one call and one allocation however many there are.
//!
//! Source: proxy-wasm/spec, abi-versions/v0.2.1, "Serialized map": the number of pairs, the lengths of each name and
//! value, then all of these, each ended by a zero byte. Numbers have 32 bits and are little-endian.

use super::Header;

/// Reads a serialized map; `None` for what is not one, and for names that are not UTF-8.
pub fn parse(bytes: &[u8]) -> Option<Vec<Header<'_>>> {
    let (count, rest) = number(bytes)?;
    let (mut lengths, mut texts) = rest.split_at_checked(count.checked_mul(8)?)?;
    let mut headers = Vec::with_capacity(count);
    while !lengths.is_empty() {
        let (name_len, rest) = number(lengths)?;
        let (value_len, rest) = number(rest)?;
        lengths = rest;
        let (name, rest) = text(texts, name_len)?;
        let (value, rest) = text(rest, value_len)?;
        texts = rest;
        headers.push((str::from_utf8(name).ok()?, value));
    }
    texts.is_empty().then_some(headers)
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

fn text(bytes: &[u8], len: usize) -> Option<(&[u8], &[u8])> {
    let (text, rest) = bytes.split_at_checked(len)?;
    Some((text, rest.strip_prefix(b"\0")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_read_whole_or_not_at_all() {
        let map = b"\x02\0\0\0\x01\0\0\0\x02\0\0\0\x02\0\0\0\0\0\0\0a\0\xff\0\0bc\0\0";
        assert_eq!(parse(map).unwrap(), [("a", &b"\xff\0"[..]), ("bc", &b""[..])]);
        assert_eq!(parse(b"\0\0\0\0").unwrap(), []);
        for len in 0..map.len() {
            assert_eq!(parse(&map[..len]), None, "{len} bytes of it");
        }
        assert_eq!(parse(&[&map[..], b"\0"].concat()), None, "one byte more");
        assert_eq!(parse(b"\xff\xff\xff\xff\0\0\0\0"), None, "a count that lies");
        assert_eq!(parse(b"\x01\0\0\0\x01\0\0\0\0\0\0\0\xff\0\0"), None, "a name that is not UTF-8");
        assert_eq!(parse(b"\x01\0\0\0\x01\0\0\0\0\0\0\0ab\0"), None, "no end of the name");
    }
}
