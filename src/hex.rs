//! Hexadecimal digits, in any letter case.

/// Returns the octet of two digits; `None` if a character is not a hexadecimal digit.
pub(crate) fn octet(high: u8, low: u8) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

/// Returns the octets of pairs of digits; `None` for an odd number of characters, and for another
/// character.
#[inline(never)]
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| octet(*high, *low)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decode_of_each_text_is_its_octets_or_none() {
        for (text, expected) in [
            ("", Some(&[][..])),
            ("00fF", Some(&[0, 0xff])),
            ("aB9", None),
            ("0g", None),
            ("+f", None),
            ("\u{e9}", None),
        ] {
            assert_eq!(decode(text.as_bytes()).as_deref(), expected, "{text}");
        }
    }
}
