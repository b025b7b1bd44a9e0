//! Token sources: headers, cookies and WebSocket subprotocols.

use okta_authz_filter::rejection::Rejection as R;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny, Pass};
use test_support::common::{Token, b64, config, get, rules, with};

use super::{Auth, Row, query_parameter_sources, row};

const PROTOCOL: &str = "base64url.bearer.authorization.k8s.io.";

/// Returns a configuration with every kind of source.
pub(super) fn all_sources() -> Value {
    let sources = json!({
        "from_headers": [{ "name": "X-Api-Token", "value_prefix": "Token " }, { "name": "x-plain-token" }],
        "from_cookies": ["session_token"], "from_params": ["access_token", "a"],
        "from_websocket_protocol": true,
    });
    config(json!({}), sources)
}

pub(crate) fn rows() -> Vec<Row> {
    let token = Token::user().compact();
    let all = all_sources;
    let only = |name: &str, value: Value| config(json!({}), json!({ name: value }));
    let sent = |headers: &[(&'static str, &str)]| {
        let value = |text: &str| text.replace("TOKEN", &token);
        headers.iter().fold(get("/items"), |request, (name, text)| request.header(name, value(text)))
    };
    let protocol = format!("{PROTOCOL}{}", b64(&token));
    let ws = |value: &str| get("/items").header("sec-websocket-protocol", value.replace("ENTRY", &protocol));
    let long = Token::user().claims(json!({ "x": "x".repeat(1024) })).compact();
    let mut rows = Vec::new();
    let mut add = |name, config, request, expected| {
        rows.push(row(name, config, request, Auth::Missing, 0, expected));
    };

    // `Authorization` is the only source that needs no configuration.
    let none = || config(json!({}), json!({}));
    let (api, cookie) = (("x-api-token", "Token TOKEN"), ("cookie", "session_token=TOKEN"));
    add("off: header", none(), sent(&[api]), Deny(R::TokenMissing));
    add("off: cookie", none(), sent(&[cookie]), Deny(R::TokenMissing));
    add("off: subprotocol", none(), ws("ENTRY"), Deny(R::TokenMissing));
    add(
        "a configured source does not enable another",
        only("from_cookies", json!(["session_token"])),
        sent(&[api]),
        Deny(R::TokenMissing),
    );
    add(
        "Authorization, with other sources configured",
        all(),
        sent(&[("authorization", "Bearer TOKEN")]),
        Allow,
    );
    add(
        "Authorization with another scheme, and a cookie",
        all(),
        sent(&[("authorization", "Basic eA=="), cookie]),
        Allow,
    );

    for (name, value, expected) in [
        ("header", "Token TOKEN", Allow),
        ("header, more space", "  Token   TOKEN ", Allow),
        ("header, prefix in another case", "token TOKEN", Deny(R::CredentialsAmbiguous)),
        ("header, another prefix", "Bearer TOKEN", Deny(R::CredentialsAmbiguous)),
        ("header, no prefix", "TOKEN", Deny(R::CredentialsAmbiguous)),
        ("header, prefix alone", "Token ", Deny(R::TokenMissing)),
        ("header, prefix alone, as Envoy trims it", "Token", Deny(R::TokenMissing)),
        ("header, prefix and a tab", "Token\tTOKEN", Deny(R::CredentialsAmbiguous)),
        ("header, prefix without a space", "TokenTOKEN", Deny(R::CredentialsAmbiguous)),
        ("header, empty", "", Deny(R::TokenMissing)),
        ("header, two tokens", "Token TOKEN,TOKEN", Deny(R::MultipleCredentials)),
        ("header, two with prefixes", "Token TOKEN, Token TOKEN", Deny(R::MultipleCredentials)),
        ("header, two with a space", "Token TOKEN TOKEN", Deny(R::MultipleCredentials)),
        ("header, opaque", "Token 00abc", Deny(R::TokenOpaque)),
    ] {
        add(name, all(), sent(&[("x-api-token", value)]), expected);
    }
    add("header without a prefix", all(), sent(&[("x-plain-token", "TOKEN")]), Allow);
    add(
        "header without a prefix, with one",
        all(),
        sent(&[("x-plain-token", "Bearer TOKEN")]),
        Deny(R::MultipleCredentials),
    );
    add("header, empty, and a cookie", all(), sent(&[("x-plain-token", ""), cookie]), Allow);
    add("header with a similar name", all(), sent(&[("x_plain_token", "TOKEN")]), Deny(R::TokenMissing));

    for (name, value, expected) in [
        ("cookie", "session_token=TOKEN", Allow),
        ("cookie among others", "a=b; session_token=TOKEN; c", Allow),
        ("cookie in quotes", "session_token=\"TOKEN\"", Allow),
        ("cookie with white space", "a=b;  session_token = TOKEN ;c", Allow),
        ("cookie in another case", "Session_Token=TOKEN", Deny(R::TokenMissing)),
        ("cookie of a longer name", "xsession_token=TOKEN", Deny(R::TokenMissing)),
        ("cookie in the value of another", "a=session_token=TOKEN", Deny(R::TokenMissing)),
        ("cookie, empty", "session_token=", Deny(R::TokenMissing)),
        ("cookie, empty quotes", "session_token=\"\"", Deny(R::TokenMissing)),
        ("cookie, no value", "session_token", Deny(R::TokenMissing)),
        ("cookie, half a quote", "session_token=\"TOKEN", Deny(R::TokenMalformed)),
        ("cookie, one quote", "session_token=\"", Deny(R::TokenOpaque)),
        ("cookie, encoded", "session_token=%22TOKEN", Deny(R::TokenMalformed)),
        ("cookie, twice", "session_token=TOKEN; session_token=TOKEN", Deny(R::MultipleCredentials)),
        (
            "cookie, twice, one of them invalid",
            "session_token=x; session_token=TOKEN",
            Deny(R::MultipleCredentials),
        ),
    ] {
        add(name, all(), sent(&[("cookie", value)]), expected);
    }
    add("cookie in the second header", all(), sent(&[("cookie", "a=b"), cookie]), Allow);
    add("cookie in both headers", all(), sent(&[cookie, cookie]), Deny(R::MultipleCredentials));

    let dotless = format!("{PROTOCOL}{}", b64("opaque"));
    for (name, value, expected) in [
        ("subprotocol", "ENTRY", Allow),
        ("subprotocol among others", "chat, ENTRY ,v2", Allow),
        ("subprotocol, empty", PROTOCOL, Deny(R::TokenMissing)),
        ("subprotocol, in another case", &protocol.replace("base64url", "Base64url"), Deny(R::TokenMissing)),
        ("subprotocol, twice", "ENTRY, ENTRY", Deny(R::MultipleCredentials)),
        ("subprotocol, opaque", &dotless, Deny(R::TokenOpaque)),
        ("subprotocol, padded", "ENTRY=", Deny(R::TokenMalformed)),
        ("subprotocol, not base64url", "ENTRY+", Deny(R::TokenMalformed)),
        (
            "subprotocol, two entries, both broken",
            &format!("{PROTOCOL}+,{PROTOCOL}+"),
            Deny(R::MultipleCredentials),
        ),
    ] {
        add(name, all(), ws(value), expected);
    }
    add(
        "subprotocols in two headers",
        all(),
        sent(&[("sec-websocket-protocol", "chat"), ("sec-websocket-protocol", &protocol)]),
        Allow,
    );

    // Two sources.
    for (name, other) in [
        ("Authorization and header", api),
        ("Authorization and cookie", cookie),
        ("Authorization and subprotocol", ("sec-websocket-protocol", protocol.as_str())),
    ] {
        add(name, all(), sent(&[("authorization", "Bearer TOKEN"), other]), Deny(R::MultipleCredentials));
    }
    add("header and cookie", all(), sent(&[api, cookie]), Deny(R::MultipleCredentials));
    add(
        "two headers that are sources",
        all(),
        sent(&[api, ("x-plain-token", "TOKEN")]),
        Deny(R::MultipleCredentials),
    );
    add(
        "two Authorizations and a cookie",
        all(),
        sent(&[("authorization", "Bearer TOKEN"), ("authorization", "Bearer TOKEN"), cookie]),
        Deny(R::MultipleCredentials),
    );

    // A valid token, and a value that an upstream may read as another token.
    let bearer = ("authorization", "Bearer TOKEN");
    for (name, other) in [
        ("beside: tab after the scheme", ("authorization", "Bearer\tx")),
        ("beside: no-break space after the scheme", ("authorization", "Bearer\u{a0}x")),
        ("beside: scheme in another case, tab", ("authorization", "bEARER\tx")),
        ("beside: Basic and a bearer token, joined", ("authorization", "Basic eA==,Bearer\tx")),
        ("beside: prefix in another case", ("x-api-token", "token x")),
        ("beside: another prefix", ("x-api-token", "Bearer x")),
        ("beside: no prefix", ("x-api-token", "x")),
        ("beside: prefix and a tab", ("x-api-token", "Token\tx")),
        ("beside: cookie in another case", ("cookie", "Session_Token=x")),
        ("beside: cookie after a comma", ("cookie", "a=1, session_token=x")),
        ("beside: cookie after a space", ("cookie", "a=1 session_token=x")),
        ("beside: cookie with a dot", ("cookie", "session.token=x")),
        ("beside: cookie with a bracket", ("cookie", "session[token=x")),
        ("beside: cookie, encoded", ("cookie", "session%5Ftoken=x")),
        ("beside: cookie in quotes", ("cookie", "\"session_token\"=x")),
        ("beside: cookie after Version", ("cookie", "$Version=1; session_token=x")),
        ("beside: cookie without a name", ("cookie", "=session_token=x")),
        ("beside: cookie, broken value", ("cookie", "session_token=\"x")),
        ("beside: subprotocol in another case", ("sec-websocket-protocol", &protocol.to_lowercase())),
    ] {
        let valid = if other.0 == "authorization" { cookie } else { bearer };
        add(name, all(), sent(&[valid, other]), Deny(R::MultipleCredentials));
    }
    add(
        "beside: one header, with its prefix and without",
        all(),
        sent(&[api, ("x-api-token", "token x")]),
        Deny(R::MultipleCredentials),
    );
    for (name, cookie) in [
        ("beside: cookie, no-break space", &b"\xa0session_token=BAD"[..]),
        ("beside: cookie, next line", b"\x85session_token=BAD"),
        ("beside: cookie, no-break space after the name", b"session_token\xa0=BAD"),
        ("beside: cookie, no-break space in UTF-8", b"\xc2\xa0session_token=BAD"),
        ("beside: cookie, em space", b"a=1; \xe2\x80\x83session_token=BAD"),
        ("beside: cookie, file separator", b"\x1csession_token=BAD"),
    ] {
        let request = sent(&[("cookie", "session_token=TOKEN")]).header("cookie", cookie);
        add(name, all(), request, Deny(R::MultipleCredentials));
    }
    for (name, other) in [
        ("beside: Basic", ("authorization", "Basic eA==")),
        ("beside: Digest", ("authorization", "Digest username=\"a\", realm=\"b\", bearer=\"c\"")),
        ("beside: prefix alone", ("x-api-token", "Token")),
        (
            "beside: another cookie",
            ("cookie", "a=b, c=d; session_token2=x; xsession_token=y; e=session_token=x"),
        ),
        ("beside: cookie without a value", ("cookie", "session_token")),
        ("beside: another header", ("x-api-token-2", "x")),
        ("beside: another subprotocol", ("sec-websocket-protocol", "base64url.bearer, chat")),
    ] {
        let valid = if other.0 == "authorization" { cookie } else { bearer };
        add(name, all(), sent(&[valid, other]), Allow);
    }

    // `max_token_bytes` limits the token, not its encoding.
    let small = || with(all(), json!({ "max_token_bytes": 1024 }));
    for (name, (header, value)) in [
        ("header, too large", ("x-plain-token", long.clone())),
        ("cookie, too large", ("cookie", format!("session_token={long}"))),
        ("subprotocol, too large", ("sec-websocket-protocol", format!("{PROTOCOL}{}", b64(&long)))),
    ] {
        add(name, small(), get("/items").header(header, value), Deny(R::TokenTooLarge));
    }

    // An optional rule reads every source.
    let optional = rules(json!([{ "match": {}, "mode": "optional", "requires": {} }]));
    let optional = with(
        optional,
        json!({ "from_cookies": ["session_token"], "from_headers": [{ "name": "x-api-token", "value_prefix": "Token " }] }),
    );
    let (request, expected) = (sent(&[("x-api-token", "token TOKEN")]), Deny(R::CredentialsAmbiguous));
    rows.push(row("optional, no prefix", optional.clone(), request, Auth::Missing, 0, expected));
    for (name, value, expected) in [
        ("optional, no token", "a=b", Pass("anonymous")),
        ("optional, a token", "session_token=TOKEN", Allow),
        ("optional, an invalid token", "session_token=x", Deny(R::TokenOpaque)),
    ] {
        let request = sent(&[("cookie", value)]);
        rows.push(row(name, optional.clone(), request, Auth::Missing, 0, expected));
    }
    rows.extend(query_parameter_sources::rows());
    rows
}
