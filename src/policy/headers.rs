//! Headers, as far as rules look at them.
//!
//! Backends disagree on which of two headers of the same name counts, on the names that they take for it, and on what bytes
//! outside UTF-8 mean. So the filter rejects a request in which a header that a rule looks at has more than one reading.

use super::RequiredInputs;
use crate::headers;
use crate::rejection::Rejection;
use crate::request::Header;

/// Fields whose value can have commas: lists by their definition (RFC 9110 section 5.5), dates, products with comments, and
/// URLs. In the value of any other field a comma can be where Envoy or a proxy has joined two headers.
const FIELDS_WITH_COMMAS: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "access-control-request-headers",
    "baggage",
    "cache-control",
    "cdn-loop",
    "connection",
    "content-encoding",
    "content-language",
    "date",
    "forwarded",
    "grpc-accept-encoding",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "link",
    "pragma",
    "prefer",
    "priority",
    "range",
    "referer",
    "sec-ch-ua",
    "sec-ch-ua-full-version-list",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
    "te",
    "tracestate",
    "trailer",
    "upgrade",
    "user-agent",
    "via",
    "x-forwarded-client-cert",
    "x-forwarded-for",
];

/// Returns whether a value of this header can have a comma and be one value.
pub fn can_have_commas(name: &str) -> bool {
    FIELDS_WITH_COMMAS.contains(&name)
}

/// Checks that each header that a rule looks at has one reading.
///
/// # Errors
/// [`Rejection::HeaderAmbiguous`] for a header that is there twice, for a name that a backend can take for it, for one that
/// `Connection` names, and for a value with a comma, unless the field can have one, with control characters, with white space
/// around it, or that is not UTF-8; [`Rejection::ValueTooLong`] for a value that is longer than rules match.
pub(super) fn check(needs: &RequiredInputs, headers: &[Header<'_>]) -> Result<(), Rejection> {
    if needs.headers.is_empty() {
        return Ok(());
    }
    let inspected = |name: &str| needs.headers.iter().any(|ours| ours == name);
    let reads_as_inspected = |name: &str| needs.headers.iter().any(|ours| headers::is_lookalike(name, ours));
    let ambiguous = |(position, (name, value)): (usize, &Header<'_>)| {
        if inspected(name) {
            let before = headers.iter().take(position).any(|(earlier, _)| earlier == name);
            return before || !has_one_reading(value) || (value.contains(&b',') && !can_have_commas(name));
        }
        // A proxy behind removes the headers that `Connection` names (RFC 9110 section 7.6.1). Envoy hands it on for upgrades.
        let mut named =
            value.split(|byte| *byte == b',').filter_map(|name| str::from_utf8(name.trim_ascii()).ok());
        (*name == "connection" && named.any(reads_as_inspected)) || reads_as_inspected(name)
    };
    // The names in `Connection` are compared with those that rules look at.
    let too_long = |(name, value): &Header<'_>| {
        value.len() > needs.reading.max_match_bytes && (*name == "connection" || inspected(name))
    };
    if headers.iter().any(too_long) {
        return Err(Rejection::ValueTooLong);
    }
    if headers.iter().enumerate().any(ambiguous) { Err(Rejection::HeaderAmbiguous) } else { Ok(()) }
}

/// Returns whether all recipients read these bytes as the same text. Some trim white space, also outside ASCII, and
/// JavaScript a byte order mark too; a pattern's `.` does not match a line break, and C ends a text at a zero byte.
pub(super) fn has_one_reading(value: &[u8]) -> bool {
    let control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
    let is_trimmed = |character: char| character.is_whitespace() || character == '\u{feff}';
    str::from_utf8(value).is_ok_and(|text| text.trim_matches(is_trimmed) == text)
        && !value.iter().any(control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_inspected_header_has_one_reading_or_none() {
        let headers = ["x-tenant", "user-agent", "path"].map(str::to_owned).to_vec();
        let needs = RequiredInputs { headers, ..RequiredInputs::default() };
        let one = |name: &'static str, value: &'static [u8]| vec![(name, value)];
        for (headers, expected) in [
            (vec![], true),
            (one("x-tenant", b"admin"), true),
            (one("x-tenant", b"\xef\xbb\xbfadmin"), false),
            (one("x-tenant", b"admin\xef\xbb\xbf"), false),
            (one("x-tenant", b"ad\xef\xbb\xbfmin"), true),
            (one("x-tenant", b""), true),
            (one("x-tenant", "\u{e9}\t \u{e9}".as_bytes()), true),
            (one("x-tenant", "admin\u{a0}".as_bytes()), false),
            (one("x-tenant", "\u{2003}admin".as_bytes()), false),
            (one("x-tenant-id", b"a,b\xff"), true),
            (one("xtenant", b"a,b\xff"), true),
            (one(":path", b"/a,b"), true),
            (one("user-agent", b"Mozilla/5.0 (KHTML, like Gecko)"), true),
            (vec![("x-other", b"a"), ("x-tenant", b"a"), ("x-other", b"b,\xff")], true),
            (vec![("x-tenant", b"a"), ("x-tenant", b"a")], false),
            (vec![("x-tenant", b"a"), ("x-other", b""), ("x-tenant", b"")], false),
            (vec![("user-agent", b"a"), ("user-agent", b"a")], false),
            (one("x-tenant", b"admin,"), false),
            (one("x-tenant", b",admin"), false),
            (one("x-tenant", b"a, b"), false),
            (one("x-tenant", b"admin\xff"), false),
            (one("user-agent", b"admin\xff"), false),
            (one("x-tenant", b"admin\0"), false),
            (one("x-tenant", b"a\nb"), false),
            (one("x_tenant", b"a"), false),
            (one("x.tenant", b""), false),
            (one("x--tenant", b"a"), false),
            (one("-x-tenant", b"a"), false),
            (one("x-tenant_", b"a"), false),
            (one("user_agent", b"a"), false),
            (vec![("x-tenant", b"a"), ("x_tenant", b"b")], false),
            (vec![("x-tenant", b"a"), ("connection", b"upgrade, x-other")], true),
            (vec![("x-tenant", b"a"), ("connection", b"upgrade, X-Tenant")], false),
            (vec![("connection", b"x_tenant,upgrade")], false),
        ] {
            assert_eq!(check(&needs, &headers).is_ok(), expected, "{headers:?}");
        }
        let long = b"x,".repeat(5000);
        assert_eq!(check(&needs, &[("connection", &long[..])]), Err(Rejection::ValueTooLong));
        assert_eq!(check(&needs, &[("x-other", &long[..])]), Ok(()));
        assert_eq!(check(&RequiredInputs::default(), &[("connection", &long[..])]), Ok(()));
        assert_eq!(check(&RequiredInputs::default(), &[("x-tenant", b"a"), ("x-tenant", b"\xff")]), Ok(()));
        let both = RequiredInputs { headers: vec!["x-a".into(), "x_a".into()], ..RequiredInputs::default() };
        assert_eq!(check(&both, &[("x-a", b"1"), ("x_a", b"2")]), Ok(()), "each has a rule of its own");
    }
}
