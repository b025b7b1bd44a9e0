//! Query parameters, in the format `application/x-www-form-urlencoded` (WHATWG URL, section 5).
//!
//! Token sources and rules use this module, so that they agree on the parameters of a request.

use std::borrow::Cow;

use crate::lookalike;
use crate::percent_encoding::{Octet, Octets};

/// The match of a query parameter with a configured name. The value is as sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ParameterMatch<'n, 'q> {
    /// A parameter with exactly this name.
    Exact(&'n str, &'q [u8]),
    /// A parameter that an upstream could read under a configured name: one with a name that is a
    /// lookalike or has a malformed encoding, or a part after a `;`, where some upstreams begin a
    /// new parameter.
    Lookalike(&'q [u8]),
}

/// Returns the parameters as sent, with their encoding.
pub fn parameters(query: &[u8]) -> impl Iterator<Item = &[u8]> {
    query.split(|byte| *byte == b'&')
}

/// Calls `each` for every parameter of a query that has, or could have, one of the names.
pub(crate) fn match_parameters<'n, 'q>(
    names: &'n [String],
    query: &'q [u8],
    each: &mut dyn FnMut(ParameterMatch<'n, 'q>),
) {
    if !names.is_empty() {
        parameters(query).for_each(|parameter| match_parameter(names, parameter, each));
    }
}

/// Calls `each` for every match of one parameter with the names.
pub(crate) fn match_parameter<'n, 'q>(
    names: &'n [String],
    parameter: &'q [u8],
    each: &mut dyn FnMut(ParameterMatch<'n, 'q>),
) {
    let (name, value) = pair(parameter);
    if let Some(matched) = match_name(names, name, value) {
        each(matched);
    }
    if !parameter.contains(&b';') {
        return;
    }
    // The part before the first `;` has the name of the match above, unless that name has a `;`.
    let skipped = usize::from(!name.contains(&b';'));
    for (name, value) in parameter.split(|byte| *byte == b';').skip(skipped).map(pair) {
        if match_name(names, name, value).is_some() {
            each(ParameterMatch::Lookalike(value));
        }
    }
}

/// Compares the name of a parameter, as sent, with the configured names.
#[inline(never)]
fn match_name<'n, 'q>(names: &'n [String], name: &[u8], value: &'q [u8]) -> Option<ParameterMatch<'n, 'q>> {
    // Upstreams decode a malformed name in different ways, so it could be any name.
    let Some(decoded) = decode(name) else { return Some(ParameterMatch::Lookalike(value)) };
    if let Some(configured) = names.iter().find(|configured| configured.as_bytes() == &*decoded) {
        return Some(ParameterMatch::Exact(configured, value));
    }
    is_lookalike(names, &decoded).then_some(ParameterMatch::Lookalike(value))
}

/// Returns whether an upstream could read the name as one of the configured names, as sent or after
/// decoding it once or twice.
#[inline(never)]
pub(crate) fn is_lookalike(names: &[String], name: &[u8]) -> bool {
    // Upstreams ignore leading separators. Without them, most names differ in the first letter.
    let is_separator = |byte: &u8| byte.is_ascii() && !byte.is_ascii_alphanumeric();
    let is_lookalike = |name: &[u8]| {
        let start = name.iter().position(|byte| !is_separator(byte));
        let name = start.and_then(|start| name.get(start..)).unwrap_or(name);
        names.iter().any(|configured| lookalike::is_lookalike(name, configured.as_bytes()))
    };
    if is_lookalike(name) {
        return true;
    }
    if !has_encoding(name) {
        return false;
    }
    let once = decode_leniently(name);
    // Some upstreams decode a second time what a proxy has decoded already.
    is_lookalike(&once) || is_lookalike(&decode_leniently(&once))
}

/// Splits a parameter into its name and its value, both as sent.
pub fn pair(parameter: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = parameter.splitn(2, |byte| *byte == b'=');
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

/// Decodes percent-encoding and `+`; `None` for a `%` without two hexadecimal digits, which
/// upstreams decode in different ways.
#[inline(never)]
pub fn decode(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !has_encoding(text) {
        return Some(Cow::Borrowed(text));
    }
    let decoded = Octets::new(text).map(|octet| match octet {
        Octet::LonePercent => None,
        octet => Some(decode_octet(octet)),
    });
    decoded.collect::<Option<Vec<_>>>().map(Cow::Owned)
}

/// Decodes percent-encoding and `+`, and keeps each `%` without two hexadecimal digits.
fn decode_leniently(text: &[u8]) -> Vec<u8> {
    Octets::new(text).map(decode_octet).collect()
}

const fn decode_octet(octet: Octet) -> u8 {
    match octet {
        Octet::Literal(b'+') => b' ',
        Octet::Literal(byte) | Octet::Encoded(byte) => byte,
        Octet::LonePercent => b'%',
    }
}

fn has_encoding(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'%' | b'+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn match_parameters_match_is_exact_or_lookalike() {
        let names = ["a".to_owned(), "b_c".to_owned()];
        let exact = |name: &'static str, value: &'static str| ParameterMatch::Exact(name, value.as_bytes());
        let lookalike = |value: &'static str| ParameterMatch::Lookalike(value.as_bytes());
        for (query, expected) in [
            ("", vec![]),
            ("x=1&aa=2&ab&c=a&b=c", vec![]),
            ("a", vec![exact("a", "")]),
            ("a=1&%62%5fc=%32=x", vec![exact("a", "1"), exact("b_c", "%32=x")]),
            ("A=1&b.c=2&b+c=3&B%2DC=4", vec![lookalike("1"), lookalike("2"), lookalike("3"), lookalike("4")]),
            (
                "a[]=1&a%5b0%5d=2&%00a=3&a%00x=4",
                vec![lookalike("1"), lookalike("2"), lookalike("3"), lookalike("4")],
            ),
            ("%2561=1&%ffa=2&b%ff_c=3", vec![lookalike("1"), lookalike("2"), lookalike("3")]),
            ("%=1&x%zz=2&%u0061=3", vec![lookalike("1"), lookalike("2"), lookalike("3")]),
            ("x=1;a=2", vec![lookalike("2")]),
            ("x;a=2", vec![lookalike("2")]),
            ("a;x=2", vec![lookalike("")]),
            ("a=1;x=2", vec![exact("a", "1;x=2")]),
            ("a=1;A=2", vec![exact("a", "1;A=2"), lookalike("2")]),
            ("?a=1&x=?a=2&x=%3ba=3", vec![lookalike("1")]),
        ] {
            let mut found = Vec::new();
            match_parameters(&names, query.as_bytes(), &mut |matched| found.push(matched));
            assert_eq!(found, expected, "{query}");
        }
        match_parameters(&[], b"%=1", &mut |matched| panic!("{matched:?}"));
    }
}
