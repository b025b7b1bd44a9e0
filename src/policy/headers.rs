//! Headers that rules match.
//!
//! Upstreams differ in which of two headers with one name they use, in the names that they treat as
//! equal, and in the meaning of bytes outside UTF-8. So the filter rejects a request in which a
//! header that a rule matches is ambiguous.

use super::RequiredInputs;
use crate::headers;
use crate::rejection::Rejection;
use crate::request::Header;

/// Fields whose value can contain commas: lists (RFC 9110 section 5.5), dates, products with
/// comments, and URLs. A proxy that joins two headers puts a comma between them, so a comma in any
/// other field is ambiguous.
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

/// Returns whether a single value of this header can contain a comma.
pub(crate) fn can_have_commas(name: &str) -> bool {
    FIELDS_WITH_COMMAS.contains(&name)
}

/// Checks that each header that a rule matches is unambiguous.
///
/// # Errors
/// [`Rejection::HeaderAmbiguous`] for a header that occurs twice, for a header whose name an
/// upstream can treat as equal, and for a header that `Connection` names; also for a value with a
/// comma, unless the field can contain one, with control characters, with white space around it,
/// encoded as [`is_mcp_encoded`] describes, or that is not UTF-8. [`Rejection::ValueTooLong`] for a
/// value with more than `max_match_bytes` bytes.
pub(super) fn check(inputs: &RequiredInputs, headers: &[Header<'_>]) -> Result<(), Rejection> {
    if inputs.headers.is_empty() {
        return Ok(());
    }
    let is_matched = |name: &str| inputs.headers.iter().any(|matched| matched == name);
    let is_lookalike = |name: &str| inputs.headers.iter().any(|matched| headers::is_lookalike(name, matched));
    let is_ambiguous = |(position, (name, value)): (usize, &Header<'_>)| {
        if is_matched(name) {
            let is_duplicate = headers.iter().take(position).any(|(earlier, _)| earlier == name);
            return is_duplicate
                || !is_unambiguous(value)
                || is_mcp_encoded(name, value)
                || (value.contains(&b',') && !can_have_commas(name));
        }
        // An upstream proxy removes the headers that `Connection` names (RFC 9110 section 7.6.1).
        // Envoy forwards `Connection` for upgrades.
        let mut connection_options =
            value.split(|byte| *byte == b',').filter_map(|name| str::from_utf8(name.trim_ascii()).ok());
        (*name == "connection" && connection_options.any(is_lookalike)) || is_lookalike(name)
    };
    // The filter compares the names in `Connection`, too, so their length is bounded.
    let is_too_long = |(name, value): &Header<'_>| {
        value.len() > inputs.normalization.max_match_bytes && (*name == "connection" || is_matched(name))
    };
    if headers.iter().any(is_too_long) {
        return Err(Rejection::ValueTooLong);
    }
    if headers.iter().enumerate().any(is_ambiguous) { Err(Rejection::HeaderAmbiguous) } else { Ok(()) }
}

/// Returns whether a value is encoded as the Model Context Protocol encodes values of its headers:
/// `=?base64?...?=`. The upstream decodes the value, and a rule would compare the encoded text.
pub(crate) fn is_mcp_encoded(name: &str, value: &[u8]) -> bool {
    const PREFIX: &[u8] = b"=?base64?";
    name.starts_with("mcp-")
        && value.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// Returns whether all upstreams read these bytes as one text. Some trim white space, also outside
/// ASCII. JavaScript trims a byte order mark. The `.` of a pattern does not match a line break, and
/// a C string ends at a zero byte.
pub(super) fn is_unambiguous(value: &[u8]) -> bool {
    let is_control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
    let is_trimmed = |character: char| character.is_whitespace() || character == '\u{feff}';
    str::from_utf8(value).is_ok_and(|text| text.trim_matches(is_trimmed) == text)
        && !value.iter().any(is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_matched_header_ambiguous_is_an_error() {
        let headers = ["x-tenant", "user-agent", "path", "mcp-name"].map(str::to_owned).to_vec();
        let inputs = RequiredInputs { headers, ..RequiredInputs::default() };
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
            (one("mcp-name", b"get_weather"), true),
            (one("mcp-name", b"=?utf-8?B?YQ==?="), true),
            (one("mcp-name", b"=?base64?YQ==?="), false),
            (one("mcp-name", b"=?BASE64?YQ==?="), false),
            (one("mcp-name", b"=?base64?"), false),
            (one("mcp-method", b"=?base64?YQ==?="), true),
            (one("x-tenant", b"=?base64?YQ==?="), true),
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
            assert_eq!(check(&inputs, &headers).is_ok(), expected, "{headers:?}");
        }
        let long = b"x,".repeat(5000);
        assert_eq!(check(&inputs, &[("connection", &long[..])]), Err(Rejection::ValueTooLong));
        assert_eq!(check(&inputs, &[("x-other", &long[..])]), Ok(()));
        assert_eq!(check(&RequiredInputs::default(), &[("connection", &long[..])]), Ok(()));
        assert_eq!(check(&RequiredInputs::default(), &[("x-tenant", b"a"), ("x-tenant", b"\xff")]), Ok(()));
        let both = RequiredInputs { headers: vec!["x-a".into(), "x_a".into()], ..RequiredInputs::default() };
        assert_eq!(
            check(&both, &[("x-a", b"1"), ("x_a", b"2")]),
            Ok(()),
            "rules match each of the two names"
        );
    }
}
