//! `Cache-Control` and `Age`: the freshness lifetime of a response (RFC 9111).
//!
//! The filter is a private cache, so it ignores `s-maxage` and `private`.

use std::time::Duration;

/// The maximum of `max-age` and `Age`, in seconds. A larger value counts as this one (RFC 9111
/// section 1.2.2).
const MAX_DELTA_SECONDS: u64 = 2_147_483_648;

/// Returns the freshness lifetime of the lines of `Cache-Control`, which are one field (RFC 9110
/// section 5.3). Returns `None` without `max-age`, `no-store` and `no-cache`.
///
/// The lifetime is zero for `no-store` and for `no-cache` without field names. It is also zero, as
/// section 4.2.1 advises, if `max-age` is not a number of seconds, if two values differ, or if a
/// quoted string does not end.
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
        // With field names, `no-cache` applies to these fields only, which the filter does not
        // keep.
        if is("no-store") || (is("no-cache") && value.as_ref().is_none_or(Vec::is_empty)) {
            return Some(Duration::ZERO);
        }
        if is("max-age") {
            let age = value.and_then(|value| seconds(&value)).unwrap_or_default();
            match found {
                Some(previous) if previous != age => return Some(Duration::ZERO),
                _ => found = Some(age),
            }
        }
    }
    found
}

/// Returns the age of a response on arrival, by its `Age`. Only the first value counts (RFC 9111
/// section 5.1). Returns `None` if it is not a number of seconds.
pub fn age<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Option<Duration> {
    let first = lines.into_iter().next()?.split(|byte| *byte == b',').next()?;
    seconds(first.trim_ascii())
}

/// Splits a field at the commas outside quoted strings. Returns `None` if a quoted string does not
/// end.
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

/// Returns an argument without quotes and escapes (RFC 9110 section 5.6.4).
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

/// Parses a number of seconds, which consists of digits only.
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
    fn max_age_of_each_field_follows_rfc_9111() {
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
    fn age_of_an_invalid_field_is_none() {
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
            let age = age(lines.iter().map(|line| line.as_bytes()));
            assert_eq!(age, expected.map(Duration::from_secs), "{lines:?}");
        }
    }
}
