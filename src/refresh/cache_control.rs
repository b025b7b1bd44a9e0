//! `Cache-Control`, as far as it says how long a response may be kept (RFC 9111 section 5.2.2).

use std::time::Duration;

/// `max-age`; zero for `no-cache` and `no-store`; `None` where the header says nothing about it.
pub fn max_age(cache_control: &[u8]) -> Option<Duration> {
    let directives = cache_control.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let mut age = None;
    for directive in directives {
        let (name, value) = match directive.iter().position(|byte| *byte == b'=') {
            Some(at) => (directive.get(..at)?, directive.get(at.saturating_add(1)..)?),
            None => (directive, &[][..]),
        };
        if name.eq_ignore_ascii_case(b"no-cache") || name.eq_ignore_ascii_case(b"no-store") {
            return Some(Duration::ZERO);
        }
        if name.eq_ignore_ascii_case(b"max-age") {
            let digits = str::from_utf8(value).ok()?.trim_matches('"');
            age = digits.parse().ok().map(Duration::from_secs);
        }
    }
    age
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives() {
        for (header, expected) in [
            ("max-age=3832304, must-revalidate", Some(3_832_304)),
            ("must-revalidate,MAX-AGE=60", Some(60)),
            ("max-age=\"60\"", Some(60)),
            ("no-cache", Some(0)),
            ("no-store, max-age=60", Some(0)),
            ("public", None),
            ("", None),
            ("max-age", None),
            ("max-age=-1", None),
            ("max-age=99999999999999999999", None),
            ("s-maxage=5", None),
        ] {
            assert_eq!(max_age(header.as_bytes()), expected.map(Duration::from_secs), "{header}");
        }
        assert_eq!(max_age(b"max-age=\xff"), None);
    }
}
