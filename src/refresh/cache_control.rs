//! `Cache-Control` and `Age`, as far as they say how long a response may be kept (RFC 9111).
//!
//! The filter keeps what it has fetched for itself, as a private cache does, so `s-maxage` and `private` do not matter.

use std::time::Duration;

/// The longest `max-age`, in seconds. A larger value means this one (RFC 9111 section 1.2.2).
const MAX_DELTA_SECONDS: u64 = 2_147_483_648;

/// Returns how long a response stays fresh by its `Cache-Control`, which may stand on several lines (RFC 9110 section 5.3);
/// `None` where the field says nothing about it.
///
/// Zero for `no-store` and for `no-cache` without field names; zero as well, as section 4.2.1 advises, where `max-age` is no
/// number of seconds, where two values differ, and where a quoted string does not end.
pub fn max_age<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Option<Duration> {
    let field = lines.into_iter().collect::<Vec<_>>().join(&b", "[..]);
    let Some(directives) = directives(&field) else { return Some(Duration::ZERO) };
    let mut found = None;
    for directive in directives {
        let (name, value) = match directive.iter().position(|byte| *byte == b'=') {
            Some(at) => {
                (directive.get(..at).unwrap_or_default(), directive.get(at.saturating_add(1)..).map(unquoted))
            }
            None => (directive, None),
        };
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        // With names of fields, `no-cache` is about these fields, which the filter does not keep.
        if is("no-store") || (is("no-cache") && value.as_ref().is_none_or(Vec::is_empty)) {
            return Some(Duration::ZERO);
        }
        if is("max-age") {
            let age = value.and_then(|value| seconds(&value)).unwrap_or_default();
            match found {
                Some(before) if before != age => return Some(Duration::ZERO),
                _ => found = Some(age),
            }
        }
    }
    found
}

/// Returns how old a response was when it arrived, by its `Age`. A value that is no number of seconds is ignored, and so is
/// all but the first (RFC 9111 section 5.1).
pub fn age<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Option<Duration> {
    let first = lines.into_iter().next()?.split(|byte| *byte == b',').next()?;
    seconds(first.trim_ascii())
}

/// Splits a field at its commas, but for those in quoted strings; `None` if one of these does not end.
fn directives(field: &[u8]) -> Option<Vec<&[u8]>> {
    let (mut directives, mut start) = (Vec::new(), 0_usize);
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in field.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                directives.push(field.get(start..at)?.trim_ascii());
                start = at.saturating_add(1);
            }
            _ => {}
        }
    }
    directives.push(field.get(start..)?.trim_ascii());
    (!quoted).then_some(directives)
}

/// Returns an argument without the quotes and escapes that it may have (RFC 9110 section 5.6.4).
fn unquoted(value: &[u8]) -> Vec<u8> {
    let Some(inner) = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) else {
        return value.to_vec();
    };
    let (mut plain, mut escaped) = (Vec::with_capacity(inner.len()), false);
    for byte in inner {
        if *byte == b'\\' && !escaped {
            escaped = true;
        } else {
            plain.push(*byte);
            escaped = false;
        }
    }
    plain
}

/// Reads a number of seconds: digits, and nothing else.
fn seconds(digits: &[u8]) -> Option<Duration> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = str::from_utf8(digits).ok()?.parse().unwrap_or(MAX_DELTA_SECONDS);
    Some(Duration::from_secs(number.min(MAX_DELTA_SECONDS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_age_of_each_field_is_that_of_rfc_9111() {
        for (lines, expected) in [
            (&["max-age=3832304, must-revalidate"][..], Some(3_832_304)),
            (&["must-revalidate,MAX-AGE=60"], Some(60)),
            (&["\tmax-age=60 ,"], Some(60)),
            (&["no-cache"], Some(0)),
            (&["No-Store, max-age=60"], Some(0)),
            (&["public"], None),
            (&[""], None),
            (&[], None),
            (&["s-maxage=5"], None),
            (&["s-maxage=5, max-age=60"], Some(60)),
            (&["x-max-age=5"], None),
            // Several lines are one field.
            (&["public", "max-age=60"], Some(60)),
            (&["max-age=60", "no-store"], Some(0)),
            (&["max-age=60", "", "public"], Some(60)),
            (&["no-store", "max-age=60"], Some(0)),
            // Quoted strings.
            (&["max-age=\"60\""], Some(60)),
            (&["max-age=\"\\6\\0\""], Some(60)),
            (&["private=\"set-cookie, no-store\", max-age=60"], Some(60)),
            (&["ext=\"a\\\", no-store, b\", max-age=60"], Some(60)),
            (&["ext=\"max-age=5\""], None),
            (&["ext=\"no-store"], Some(0)),
            (&["ext=\"a", "max-age=60"], Some(0)),
            (&["ext=\"a\\\"", "max-age=60"], Some(0)),
            (&["no-cache=\"set-cookie\", max-age=60"], Some(60)),
            (&["no-cache=\"\", max-age=60"], Some(0)),
            (&["no-store=\"x\", max-age=60"], Some(0)),
            // Duplicates.
            (&["max-age=60, max-age=60"], Some(60)),
            (&["max-age=60", "max-age=\"60\""], Some(60)),
            (&["max-age=60, max-age=600"], Some(0)),
            (&["max-age=600", "max-age=60"], Some(0)),
            (&["max-age=60, max-age=x"], Some(0)),
            // Not a number of seconds.
            (&["max-age"], Some(0)),
            (&["max-age="], Some(0)),
            (&["max-age=\"\""], Some(0)),
            (&["max-age=-1"], Some(0)),
            (&["max-age=+60"], Some(0)),
            (&["max-age=6e1"], Some(0)),
            (&["max-age=60.0"], Some(0)),
            (&["max-age= 60"], Some(0)),
            (&["max-age=60s"], Some(0)),
            (&["max-age=60;no-store"], Some(0)),
            (&["max-age=99999999999999999999"], Some(MAX_DELTA_SECONDS)),
            (&["max-age=4294967296"], Some(MAX_DELTA_SECONDS)),
            (&["max-age=007"], Some(7)),
        ] {
            let lines = lines.iter().map(|line| line.as_bytes());
            assert_eq!(max_age(lines.clone()), expected.map(Duration::from_secs), "{lines:?}");
        }
        assert_eq!(max_age([&b"max-age=\xff"[..]]), Some(Duration::ZERO));
        assert_eq!(max_age([&b"x=\"\xff\", max-age=1"[..]]), Some(Duration::from_secs(1)));
    }

    #[test]
    fn age_of_a_broken_field_is_none() {
        for (lines, expected) in [
            (&["5"][..], Some(5)),
            (&[" 5 "], Some(5)),
            (&["5, 7"], Some(5)),
            (&["5", "7"], Some(5)),
            (&[], None),
            (&[""], None),
            (&["x", "5"], None),
            (&["-5"], None),
            (&["99999999999999999999"], Some(MAX_DELTA_SECONDS)),
        ] {
            let told = age(lines.iter().map(|line| line.as_bytes()));
            assert_eq!(told, expected.map(Duration::from_secs), "{lines:?}");
        }
    }
}
