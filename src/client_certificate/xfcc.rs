//! Envoy's header `x-forwarded-client-cert`: a list of elements, one for each proxy, separated by
//! commas. An element is a list of pairs, separated by semicolons. A value can be in quotation
//! marks, in which a backslash escapes the next character.
//!
//! The parser is strict: a quotation mark that neither begins nor ends a value makes the whole
//! header invalid. Otherwise a part that a client wrote could change where the element of a proxy
//! begins.

use super::{CertificateDigest, encoding};

/// The pairs of one element, reduced to the certificate.
#[derive(Clone, Copy, Default)]
struct Element {
    digest: Option<CertificateDigest>,
    hashes: usize,
}

/// Returns the digest of the certificate in an element. `hop` is the number of elements after it:
/// each proxy appends its element, so only the elements at the end are from trusted proxies.
///
/// Returns `None` if the header is malformed, or has too few elements, and if the element does not
/// have exactly one `Hash` of 64 hexadecimal digits.
pub fn digest(value: &[u8], hop: usize) -> Option<CertificateDigest> {
    let mut elements = Vec::new();
    let mut element = Element::default();
    let mut rest = value;
    loop {
        let (name, after) = rest.split_at_checked(rest.iter().position(|byte| *byte == b'=')?)?;
        let name = name.trim_ascii();
        if name.is_empty() || name.iter().any(|byte| b",;\"".contains(byte)) {
            return None;
        }
        let (text, end) = split_value(after.get(1..)?)?;
        if name.eq_ignore_ascii_case(b"hash") {
            element.hashes = element.hashes.saturating_add(1);
            element.digest = encoding::hex_digest(text);
        }
        match end {
            [b';', next @ ..] => rest = next,
            [b',', next @ ..] => {
                elements.push(std::mem::take(&mut element));
                rest = next;
            }
            _ => break,
        }
    }
    elements.push(element);
    let index = elements.len().checked_sub(1)?.checked_sub(hop)?;
    let element = elements.get(index)?;
    element.digest.filter(|_| element.hashes == 1)
}

/// Splits the value at the beginning of a text from the rest, which is empty or begins with a
/// separator.
fn split_value(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_separator = |byte: &u8| matches!(byte, b',' | b';');
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(is_separator).unwrap_or(text.len());
        let (value, rest) = text.split_at_checked(end)?;
        return (!value.contains(&b'"')).then(|| (value.trim_ascii(), rest));
    };
    let mut is_escaped = false;
    let end = quoted.iter().position(|byte| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    })?;
    let (value, rest) = quoted.split_at_checked(end)?;
    let rest = rest.get(1..)?.trim_ascii_start();
    rest.first().is_none_or(is_separator).then_some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "BbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBbBb";

    fn read(template: &str, hop: usize) -> Option<u8> {
        let value = template.replace("{a}", A).replace("{b}", B);
        let digest = digest(value.as_bytes(), hop)?;
        assert!(digest.iter().all(|byte| *byte == digest[0]));
        Some(digest[0])
    }

    #[test]
    fn digest_of_an_element_is_that_of_its_hop() {
        for (value, expected) in [
            ("Hash={a}", [Some(0xaa), None, None]),
            ("hash={b}", [Some(0xbb), None, None]),
            (
                "By=spiffe://a/ns/b;HASH=\"{a}\";Subject=\"\";URI=,By=x;Hash={b}",
                [Some(0xbb), Some(0xaa), None],
            ),
            ("Hash={a}, Hash={b} ,By=x", [None, Some(0xbb), Some(0xaa)]),
            // The commas and semicolons of a subject.
            (
                r#"Hash={a};Subject="CN=b\,c;Hash={b},Hash={b}\"",By=x;Hash={b}"#,
                [Some(0xbb), Some(0xaa), None],
            ),
            (r#"Subject="CN=\\";Hash={a}"#, [Some(0xaa), None, None]),
            (r#"Subject="CN=\\\";Hash={b}";Hash={a}"#, [Some(0xaa), None, None]),
            ("By=;Cert=\"-----BEGIN%20CERTIFICATE-----%0A\";DNS=a;DNS=b;Hash={a}", [Some(0xaa), None, None]),
            // Two hashes, or another form.
            ("Hash={a};Hash={b}", [None; 3]),
            ("Hash={a};hash={a},Hash={b}", [Some(0xbb), None, None]),
            ("By=x;Subject=\"Hash={a}\"", [None; 3]),
            ("Hash=", [None; 3]),
            ("Hash={a}00", [None; 3]),
            ("Hash=\"{a}", [None; 3]),
            ("XHash={a}", [None; 3]),
        ] {
            assert_eq!([0, 1, 2].map(|hop| read(value, hop)), expected, "{value}");
        }
        assert_eq!(read("Hash={a}", usize::MAX), None);
    }

    #[test]
    fn malformed_header_has_no_element() {
        for value in [
            "",
            ",",
            "Hash",
            "=x,Hash={a}",
            "Hash={a},",
            "Hash={a};",
            ",Hash={a}",
            "x,Hash={a}",
            "By=x;;Hash={a}",
            // A quotation mark that a client has sent before the element of the proxy.
            "x=\",By=p;Hash={a};Subject=\"CN=c\"",
            "x=\"y\"z,Hash={a}",
            "x=y\"z\",Hash={a}",
            "x\"=y,Hash={a}",
            "x=\"y\\\",Hash={a}",
            r#"x="a,By=b;Hash={b};Subject="CN=c\,O=a\;Hash={a},CN=\"d""#,
        ] {
            assert_eq!([0, 1, 2].map(|hop| read(value, hop)), [None; 3], "{value}");
        }
    }
}
