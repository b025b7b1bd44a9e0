//! A real good token, changed in every place: it has one spelling, and it is good in that one only.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use okta_authz_filter::filter::Filter;
use okta_authz_filter::rejection::Rejection as R;
use serde_json::json;
use test_support::common::Outcome::{Allow, Deny};
use test_support::common::{Signer, Token, b64, config, filter, present};

use super::{all_denied, none_allowed};

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn okta() -> Filter {
    filter(&config(json!({ "algorithms": ["RS256", "ES256"] }), json!({})))
}

fn rs256() -> Token {
    // Spaces, until no segment is a multiple of three bytes: so each has unused bits at its end, as 256 bytes have.
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
fn a_token_has_one_spelling() {
    let good = rs256().compact();
    assert_eq!(present(&okta(), &good), Allow);
    let segments: Vec<&str> = good.split('.').collect();
    let mut cases = Vec::new();
    for (index, segment) in segments.iter().enumerate() {
        let mut change = |name: String, changed: String| {
            let mut segments = segments.clone();
            segments[index] = &changed;
            let token = segments.join(".");
            if token != good {
                cases.push((format!("segment {index}: {name}"), token));
            }
        };
        for pad in ["=", "==", "===", "%3D", "\u{0}"] {
            change(format!("{pad:?} behind"), format!("{segment}{pad}"));
        }
        for at in [0, 1, 4, segment.len() / 2] {
            for junk in ["=", "\u{0}", "\u{7f}", "\u{85}", "+", "/", "*", "é"] {
                change(format!("{junk:?} at {at}"), format!("{}{junk}{}", &segment[..at], &segment[at..]));
            }
        }
        change("the other alphabet".into(), segment.replace('-', "+").replace('_', "/"));
        // All other last characters that stand for the same bytes.
        let (last, rest) = segment.as_bytes().split_last().unwrap();
        let value = |byte: u8| ALPHABET.iter().position(|have| *have == byte).unwrap();
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
        ("a dot in front", format!(".{}", good.replacen('.', "", 1))),
        ("a dot behind", format!("{good}.")),
        ("two dots", good.replacen('.', "..", 1)),
        ("the signature twice", format!("{good}.{}", segments[2])),
        ("no signature", format!("{}.{}", segments[0], segments[1])),
        ("an empty signature", format!("{}.{}.", segments[0], segments[1])),
        ("quoted", format!("\"{good}\"")),
    ] {
        cases.push((name.to_owned(), changed));
    }
    assert!(cases.len() > 100, "{}", cases.len());
    all_denied(&okta(), R::TokenMalformed, cases);
    // White space inside ends the token for HTTP, and a comma ends the header.
    let (head, tail) = good.split_at(good.len() / 2);
    all_denied(
        &okta(),
        R::MultipleCredentials,
        [" ", "\t", "\n", "\r", "\r\n", "\u{c}", ","]
            .map(|junk| (format!("{junk:?}"), format!("{head}{junk}{tail}"))),
    );
}

#[test]
fn the_signature_covers_the_bytes_and_not_their_meaning() {
    let token = rs256();
    let signature = token.compact().rsplit_once('.').unwrap().1.to_owned();
    let same = |header: &str, payload: &str| format!("{}.{}.{signature}", b64(header), b64(payload));
    let spaced = token.payload.replacen('{', "{ ", 1);
    let sorted = token.header.replace("\"kid\"", "\"\\u006bid\"");
    all_denied(
        &okta(),
        R::SignatureInvalid,
        [
            ("a space in the payload", same(&token.header, &spaced)),
            ("a space behind the payload", same(&token.header, &format!("{} ", token.payload))),
            ("a space in the header", same(&token.header.replacen('{', "{ ", 1), &token.payload)),
            ("an escape in the header", same(&sorted, &token.payload)),
            ("another header member", same(&token.header.replacen('{', r#"{"x":1,"#, 1), &token.payload)),
            ("another scope", same(&token.header, &token.payload.replace("items:read", "items:rule"))),
            ("a longer life", same(&token.header, &token.payload.replace("175000", "275000"))),
        ],
    );
}

#[test]
fn no_byte_can_be_changed() {
    for good in [rs256().compact(), es256().compact()] {
        assert_eq!(present(&okta(), &good), Allow);
        let changed = (0..good.len()).flat_map(|at| {
            let byte = good.as_bytes()[at];
            let next = ALPHABET[ALPHABET.iter().position(|have| *have == byte).map_or(0, |i| (i + 1) % 64)];
            [next, byte ^ 1, byte ^ 0x20, byte ^ 0x80, 0, b'.', b'=']
                .into_iter()
                .filter(move |b| *b != byte)
                .map({
                    let good = good.clone();
                    move |other| {
                        let mut token = good.clone().into_bytes();
                        token[at] = other;
                        token
                    }
                })
        });
        assert!(none_allowed(&okta(), changed) > 6 * good.len());
    }
}

#[test]
fn no_byte_can_be_left_out_or_doubled() {
    for good in [rs256().compact(), es256().compact()] {
        let bytes = good.as_bytes();
        let cut = (0..bytes.len()).map(|len| bytes[..len].to_vec());
        let late = (1..bytes.len()).map(|from| bytes[from..].to_vec());
        let without = (0..bytes.len()).map(|at| [&bytes[..at], &bytes[at + 1..]].concat());
        let doubled = (0..bytes.len()).map(|at| [&bytes[..=at], &bytes[at..]].concat());
        // Two equal neighbours: leaving out either, or doubling either, is the same; none is the token itself.
        assert!(none_allowed(&okta(), cut.chain(late).chain(without).chain(doubled)) > 2000);
    }
}

#[test]
fn segments_of_two_good_tokens_do_not_mix() {
    let filter = okta();
    let (a, b) = (Token::user().compact(), Token::machine().compact());
    let (a, b): (Vec<&str>, Vec<&str>) = (a.split('.').collect(), b.split('.').collect());
    assert_eq!(present(&filter, format!("{}.{}.{}", a[0], b[1], a[2])), Deny(R::SignatureInvalid));
    assert_eq!(present(&filter, format!("{}.{}.{}", a[0], a[1], b[2])), Deny(R::SignatureInvalid));
    assert_eq!(present(&filter, format!("{}.{}.{}", a[1], a[0], a[2])), Deny(R::HeaderMalformed));
}
