//! The query of a path as `application/x-www-form-urlencoded` (WHATWG URL, section 5): the one reader of parameters, for
//! tokens and for rules.

use std::borrow::Cow;

use crate::lookalike;

/// A parameter under a configured name, with its value as sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reading<'n, 'q> {
    /// A parameter of exactly this name.
    Exact(&'n str, &'q [u8]),
    /// A parameter that a backend can take for one of the configured names: a lookalike, a name with a broken encoding,
    /// or a part behind a `;`, where some backends begin a new parameter.
    Lookalike(&'q [u8]),
}

/// Yields the parameters as they stand, with their encoding.
pub fn parameters(query: &[u8]) -> impl Iterator<Item = &[u8]> {
    query.split(|byte| *byte == b'&')
}

/// Calls `each` with the readings of all parameters under these names.
pub fn readings<'n, 'q>(names: &'n [String], query: &'q [u8], each: &mut dyn FnMut(Reading<'n, 'q>)) {
    if !names.is_empty() {
        parameters(query).for_each(|parameter| readings_of(names, parameter, each));
    }
}

/// Calls `each` with the readings of one parameter.
pub fn readings_of<'n, 'q>(names: &'n [String], parameter: &'q [u8], each: &mut dyn FnMut(Reading<'n, 'q>)) {
    let (name, value) = pair(parameter);
    if let Some(reading) = read(names, name, value) {
        each(reading);
    }
    if !parameter.contains(&b';') {
        return;
    }
    // The part before the first `;` has the name of the whole, unless the name itself has a `;`.
    let skipped = usize::from(!name.contains(&b';'));
    for (name, value) in parameter.split(|byte| *byte == b';').skip(skipped).map(pair) {
        if read(names, name, value).is_some() {
            each(Reading::Lookalike(value));
        }
    }
}

#[inline(never)]
fn read<'n, 'q>(names: &'n [String], name: &[u8], value: &'q [u8]) -> Option<Reading<'n, 'q>> {
    // A name that cannot be decoded can be any name to some backend.
    let Some(decoded) = decode(name) else { return Some(Reading::Lookalike(value)) };
    if let Some(ours) = names.iter().find(|ours| ours.as_bytes() == &*decoded) {
        return Some(Reading::Exact(ours, value));
    }
    is_lookalike(names, &decoded).then_some(Reading::Lookalike(value))
}

/// Returns whether a backend can take the name for one of the configured names, as it stands or after decoding.
#[inline(never)]
pub fn is_lookalike(names: &[String], name: &[u8]) -> bool {
    // Separators in front mean nothing. Without them the first letter tells most names apart.
    let is_separator = |byte: &u8| byte.is_ascii() && !byte.is_ascii_alphanumeric();
    let is_lookalike = |name: &[u8]| {
        let start = name.iter().position(|byte| !is_separator(byte));
        let name = start.and_then(|start| name.get(start..)).unwrap_or(name);
        names.iter().any(|ours| lookalike::is_lookalike(name, ours.as_bytes()))
    };
    if is_lookalike(name) {
        return true;
    }
    if !name.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return false;
    }
    let once = decode_loosely(name);
    // Some backends decode once more than the proxies before them.
    is_lookalike(&once) || is_lookalike(&decode_loosely(&once))
}

/// Name and value of a parameter, with their encoding.
pub fn pair(parameter: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = parameter.splitn(2, |byte| *byte == b'=');
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

/// Undoes percent-encoding and `+`; `None` where it is broken, for backends disagree on what that means.
#[inline(never)]
pub fn decode(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = decode_byte(rest)? {
        decoded.push(byte);
        rest = after;
    }
    Some(Cow::Owned(decoded))
}

/// Undoes percent-encoding and `+`, and keeps each `%` that begins no encoded byte.
fn decode_loosely(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let (byte, after) = decode_byte(rest).flatten().unwrap_or((*first, tail));
        decoded.push(byte);
        rest = after;
    }
    decoded
}

/// Decodes the first byte, and returns it with the rest; nothing at the end, `None` where the encoding is broken.
fn decode_byte(text: &[u8]) -> Option<Option<(u8, &[u8])>> {
    let hex = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(match text {
        [] => None,
        [b'%', high, low, after @ ..] => Some((hex(*high)? << 4 | hex(*low)?, after)),
        [b'%', ..] => return None,
        [b'+', after @ ..] => Some((b' ', after)),
        [byte, after @ ..] => Some((*byte, after)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_are_exact_or_lookalikes() {
        let names = ["a".to_owned(), "b_c".to_owned()];
        let exact = |name: &'static str, value: &'static str| Reading::Exact(name, value.as_bytes());
        let alike = |value: &'static str| Reading::Lookalike(value.as_bytes());
        for (query, expected) in [
            ("", vec![]),
            ("x=1&aa=2&ab&c=a&b=c", vec![]),
            ("a", vec![exact("a", "")]),
            ("a=1&%62%5fc=%32=x", vec![exact("a", "1"), exact("b_c", "%32=x")]),
            ("A=1&b.c=2&b+c=3&B%2DC=4", vec![alike("1"), alike("2"), alike("3"), alike("4")]),
            ("a[]=1&a%5b0%5d=2&%00a=3&a%00x=4", vec![alike("1"), alike("2"), alike("3"), alike("4")]),
            ("%2561=1&%ffa=2&b%ff_c=3", vec![alike("1"), alike("2"), alike("3")]),
            ("%=1&x%zz=2&%u0061=3", vec![alike("1"), alike("2"), alike("3")]),
            ("x=1;a=2", vec![alike("2")]),
            ("x;a=2", vec![alike("2")]),
            ("a;x=2", vec![alike("")]),
            ("a=1;x=2", vec![exact("a", "1;x=2")]),
            ("a=1;A=2", vec![exact("a", "1;A=2"), alike("2")]),
            ("?a=1&x=?a=2&x=%3ba=3", vec![alike("1")]),
        ] {
            let mut found = Vec::new();
            readings(&names, query.as_bytes(), &mut |reading| found.push(reading));
            assert_eq!(found, expected, "{query}");
        }
        readings(&[], b"%=1", &mut |reading| panic!("{reading:?}"));
    }
}
