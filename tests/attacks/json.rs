//! JSON: duplicate members, malformed documents, nesting and size.

use okta_authz_filter::filter::Filter;
use okta_authz_filter::rejection::Rejection as R;
use serde_json::json;
use test_support::common::Outcome::{Allow, Deny};
use test_support::common::{KID, Token, config, filter, present};

use super::{assert_denied, assert_outcomes};

fn okta() -> Filter {
    filter(&config(json!({}), json!({})))
}

#[test]
fn token_with_duplicate_members_is_rejected() {
    let head = |more: &str| {
        Token::user().raw_header(&format!(r#"{{"kid":"{KID}","alg":"RS256",{more}}}"#)).compact()
    };
    assert_denied(
        &okta(),
        R::HeaderMalformed,
        [
            r#""alg":"none""#,
            r#""alg":"RS256""#,
            r#""\u0061lg":"none""#,
            r#""al\u0067":"RS256""#,
            r#""kid":"x""#,
            r#""\u006bid":"x""#,
            r#""typ":"JWT","typ":"at+jwt""#,
            r#""x":1,"x":1"#,
            r#""jwk":{"kty":"RSA","kty":"oct"}"#,
            r#""x":[{"a":1,"\u0061":2}]"#,
        ]
        .map(|more| (more, head(more))),
    );
    let payload = |more: &str| {
        let payload = Token::user().payload;
        Token::user().raw_payload(&format!("{},{more}}}", payload.strip_suffix('}').unwrap())).compact()
    };
    assert_denied(
        &okta(),
        R::ClaimsMalformed,
        [
            r#""exp":9999999999"#,
            r#""\u0065xp":9999999999"#,
            r#""e\u0078p":9999999999"#,
            r#""iss":"https://evil.example""#,
            r#""aud":"api://other""#,
            r#""scp":["admin"]"#,
            r#""s\u0063p":["admin"]"#,
            r#""groups":["Admins"]"#,
            r#""sub":"root""#,
            r#""x":{"a":1,"a":1}"#,
            r#""x":[[{"a":1,"\u0061":1}]]"#,
            r#""x":1,"y":2,"x":3"#,
            r#""":1,"":2"#,
        ]
        .map(|more| (more, payload(more))),
    );
    assert_eq!(
        present(&okta(), payload(r#""x":[{"a":1},{"a":1}],"Exp":1,"exp ":1,"":1"#)),
        Allow,
        "no duplicates"
    );
}

#[test]
fn segment_that_is_not_a_json_object_is_rejected() {
    let documents = [
        "",
        "null",
        "true",
        "1",
        "\"x\"",
        "[]",
        "[{}]",
        "{",
        "}",
        "{}x",
        "{},{}",
        "{'alg':'RS256'}",
        "{alg:1}",
        "{\"a\":1,}",
        "{\"a\":NaN}",
        "{\"a\":01}",
        "{\"a\":1e999}",
        "\u{feff}{}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\n\"}",
        "{/**/}",
        "{\"a\":\"\\x41\"}",
        "{\"a\":+1}",
    ];
    for document in documents {
        let (header, payload) = (Token::user().raw_header(document), Token::user().raw_payload(document));
        // An empty segment is malformed before the filter parses JSON.
        let [in_header, in_payload] = if document.is_empty() {
            [R::TokenMalformed; 2]
        } else {
            [R::HeaderMalformed, R::ClaimsMalformed]
        };
        assert_eq!(present(&okta(), header.compact()), Deny(in_header), "header {document:?}");
        assert_eq!(present(&okta(), payload.compact()), Deny(in_payload), "payload {document:?}");
    }
}

#[test]
fn deeply_nested_segment_is_rejected() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let objects = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    let payload =
        |value: &str| Token::user().raw_payload(&format!(r#"{{"x":{value},{}"#, &Token::user().payload[1..]));
    let header =
        |value: &str| Token::user().raw_header(&format!(r#"{{"x":{value},{}"#, &Token::user().header[1..]));
    let mut cases = vec![("shallow".to_owned(), payload(&nested(100)).compact(), Allow)];
    for depth in [128, 1000, 5000] {
        cases.push((
            format!("payload, {depth} lists"),
            payload(&nested(depth)).compact(),
            Deny(R::ClaimsMalformed),
        ));
        cases.push((
            format!("header, {depth} lists"),
            header(&nested(depth)).compact(),
            Deny(R::HeaderMalformed),
        ));
    }
    for depth in [128, 1500] {
        cases.push((
            format!("payload, {depth} objects"),
            payload(&objects(depth)).compact(),
            Deny(R::ClaimsMalformed),
        ));
    }
    assert_outcomes(&okta(), cases);
}

#[test]
fn token_above_max_token_bytes_is_rejected() {
    const LIMIT: usize = 16 * 1024;
    // 3 bytes of padding in the payload add 4 characters. Padding in the header adds the remaining
    // ones.
    let sized = |target: usize| {
        for header in 0..4 {
            for payload in (target * 3 / 4).saturating_sub(1200)..target {
                let token = Token::user()
                    .claims(json!({ "pad": "x".repeat(payload) }))
                    .head(json!({ "pad": "x".repeat(header) }));
                // The length after base64url, without the cost of a signature.
                let len = |bytes: usize| (bytes * 4).div_ceil(3);
                match len(token.header.len()) + len(token.payload.len()) + len(256) + 2 {
                    total if total == target => return token.compact(),
                    total if total > target => break,
                    _ => {}
                }
            }
        }
        panic!("no token of {target} bytes")
    };
    for (size, expected) in [(LIMIT - 1, Allow), (LIMIT, Allow), (LIMIT + 1, Deny(R::TokenTooLarge))] {
        let token = sized(size);
        assert_eq!(token.len(), size);
        assert_eq!(present(&okta(), token), expected, "{size}");
    }
    for junk in ["a".repeat(LIMIT + 1), ".".repeat(LIMIT + 1), "A.".repeat(1 << 20)] {
        assert_eq!(present(&okta(), junk), Deny(R::TokenTooLarge));
    }
    assert_eq!(present(&okta(), ".".repeat(LIMIT)), Deny(R::TokenMalformed));
}
