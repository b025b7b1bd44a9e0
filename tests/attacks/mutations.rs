//! A valid token with changes at every position. Exactly one encoding of a token is valid.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use okta_authz_filter::filter::Filter;
use okta_authz_filter::rejection::Rejection as R;
use serde_json::json;
use test_support::common::Outcome::{Allow, Deny};
use test_support::common::{Signer, Token, b64, config, filter, present};

use super::{assert_denied, assert_none_allowed};

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn okta() -> Filter {
    filter(&config(json!({ "algorithms": ["RS256", "ES256"] }), json!({})))
}

fn rs256() -> Token {
    // Spaces, until no segment is a multiple of three bytes: each then ends with unused bits, as
    // the signature of 256 bytes does.
    let mut token = Token::user();
    while token.payload.len() % 3 != 1 {
        token.payload = token.payload.replacen('{', "{ ", 1);
    }
    while token.header.len() % 3 != 2 {
        token.header = token.header.replacen('{', "{ ", 1);
    }
    token
}

fn es256() -> Token {
    Token::user().head(json!({ "alg": "ES256", "kid": "ec" })).signed_by(Signer::Es256)
}

#[test]
fn other_encoding_of_valid_token_is_rejected() {
    let valid = rs256().compact();
    assert_eq!(present(&okta(), &valid), Allow);
    let segments: Vec<&str> = valid.split('.').collect();
    let mut cases = Vec::new();
    for (index, segment) in segments.iter().enumerate() {
        let mut change = |name: String, changed: String| {
            let mut segments = segments.clone();
            segments[index] = &changed;
            let token = segments.join(".");
            if token != valid {
                cases.push((format!("segment {index}: {name}"), token));
            }
        };
        for pad in ["=", "==", "===", "%3D", "\u{0}"] {
            change(format!("{pad:?} at the end"), format!("{segment}{pad}"));
        }
        for at in [0, 1, 4, segment.len() / 2] {
            for junk in ["=", "\u{0}", "\u{7f}", "\u{85}", "+", "/", "*", "é"] {
                change(format!("{junk:?} at {at}"), format!("{}{junk}{}", &segment[..at], &segment[at..]));
            }
        }
        change("the standard base64 alphabet".into(), segment.replace('-', "+").replace('_', "/"));
        // All other last characters that decode to the same bytes.
        let (last, rest) = segment.as_bytes().split_last().unwrap();
        let value = |byte: u8| ALPHABET.iter().position(|character| *character == byte).unwrap();
        let unused = match segment.len() % 4 {
            2 => 16,
            3 => 4,
            _ => panic!("segment {index} has no trailing bits to try"),
        };
        for other in ALPHABET[value(*last)..][..unused].iter().skip(1) {
            let changed = [rest, &[*other]].concat();
            change(format!("trailing bits, {}", char::from(*other)), String::from_utf8(changed).unwrap());
        }
        change("percent-encoded".into(), segment.bytes().map(|byte| format!("%{byte:02X}")).collect());
    }
    let standard = |bytes: &str| STANDARD.encode(bytes);
    let token = rs256();
    cases.push((
        "padded header".into(),
        format!("{}.{}.{}", standard(&token.header), segments[1], segments[2]),
    ));
    for (name, changed) in [
        ("a dot at the start", format!(".{}", valid.replacen('.', "", 1))),
        ("a dot at the end", format!("{valid}.")),
        ("two dots", valid.replacen('.', "..", 1)),
        ("the signature twice", format!("{valid}.{}", segments[2])),
        ("no signature", format!("{}.{}", segments[0], segments[1])),
        ("an empty signature", format!("{}.{}.", segments[0], segments[1])),
        ("quoted", format!("\"{valid}\"")),
    ] {
        cases.push((name.to_owned(), changed));
    }
    assert!(cases.len() > 100, "{}", cases.len());
    assert_denied(&okta(), R::TokenMalformed, cases);
    // White space ends the token, and a comma ends the value of the header.
    let (head, tail) = valid.split_at(valid.len() / 2);
    assert_denied(
        &okta(),
        R::MultipleCredentials,
        [" ", "\t", "\n", "\r", "\r\n", "\u{c}", ","]
            .map(|junk| (format!("{junk:?}"), format!("{head}{junk}{tail}"))),
    );
}

#[test]
fn token_with_equivalent_json_in_other_bytes_is_rejected() {
    let token = rs256();
    let signature = token.compact().rsplit_once('.').unwrap().1.to_owned();
    let with_signature =
        |header: &str, payload: &str| format!("{}.{}.{signature}", b64(header), b64(payload));
    let spaced = token.payload.replacen('{', "{ ", 1);
    let sorted = token.header.replace("\"kid\"", "\"\\u006bid\"");
    assert_denied(
        &okta(),
        R::SignatureInvalid,
        [
            ("a space in the payload", with_signature(&token.header, &spaced)),
            (
                "a space at the end of the payload",
                with_signature(&token.header, &format!("{} ", token.payload)),
            ),
            ("a space in the header", with_signature(&token.header.replacen('{', "{ ", 1), &token.payload)),
            ("an escape in the header", with_signature(&sorted, &token.payload)),
            (
                "another header member",
                with_signature(&token.header.replacen('{', r#"{"x":1,"#, 1), &token.payload),
            ),
            (
                "another scope",
                with_signature(&token.header, &token.payload.replace("items:read", "items:rule")),
            ),
            ("a later expiration", with_signature(&token.header, &token.payload.replace("175000", "275000"))),
        ],
    );
}

#[test]
fn token_with_one_changed_byte_is_rejected() {
    for valid in [rs256().compact(), es256().compact()] {
        assert_eq!(present(&okta(), &valid), Allow);
        let changed = (0..valid.len()).flat_map(|at| {
            let byte = valid.as_bytes()[at];
            let next = ALPHABET
                [ALPHABET.iter().position(|character| *character == byte).map_or(0, |i| (i + 1) % 64)];
            [next, byte ^ 1, byte ^ 0x20, byte ^ 0x80, 0, b'.', b'=']
                .into_iter()
                .filter(move |b| *b != byte)
                .map({
                    let valid = valid.clone();
                    move |other| {
                        let mut token = valid.clone().into_bytes();
                        token[at] = other;
                        token
                    }
                })
        });
        assert!(assert_none_allowed(&okta(), changed) > 6 * valid.len());
    }
}

#[test]
fn token_with_missing_or_doubled_bytes_is_rejected() {
    for valid in [rs256().compact(), es256().compact()] {
        let bytes = valid.as_bytes();
        let prefixes = (0..bytes.len()).map(|len| bytes[..len].to_vec());
        let suffixes = (1..bytes.len()).map(|from| bytes[from..].to_vec());
        let without = (0..bytes.len()).map(|at| [&bytes[..at], &bytes[at + 1..]].concat());
        let doubled = (0..bytes.len()).map(|at| [&bytes[..=at], &bytes[at..]].concat());
        // Some results are equal, because neighboring bytes are; none equals the token.
        assert!(assert_none_allowed(&okta(), prefixes.chain(suffixes).chain(without).chain(doubled)) > 2000);
    }
}

#[test]
fn token_with_segments_of_two_valid_tokens_is_rejected() {
    let filter = okta();
    let (a, b) = (Token::user().compact(), Token::machine().compact());
    let (a, b): (Vec<&str>, Vec<&str>) = (a.split('.').collect(), b.split('.').collect());
    assert_eq!(present(&filter, format!("{}.{}.{}", a[0], b[1], a[2])), Deny(R::SignatureInvalid));
    assert_eq!(present(&filter, format!("{}.{}.{}", a[0], a[1], b[2])), Deny(R::SignatureInvalid));
    assert_eq!(present(&filter, format!("{}.{}.{}", a[1], a[0], a[2])), Deny(R::HeaderMalformed));
}
