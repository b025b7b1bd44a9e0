//! Tokens that the issuer did not sign.

use okta_authz_filter::filter::Filter;
use okta_authz_filter::rejection::Rejection as R;
use rsa::RsaPublicKey;
use rsa::pkcs1::EncodeRsaPublicKey as _;
use rsa::pkcs8::{EncodePublicKey as _, LineEnding};
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny, Wait};
use test_support::common::{KID, RSA_A, RSA_B, Signer, Token, b64, config, filter, present};
use test_support::common::{rsa_jwk, with};

use super::{assert_denied, assert_outcomes};

fn okta() -> Filter {
    filter(&config(json!({}), json!({})))
}

/// Returns a filter that allows every algorithm, so that it rejects no token because of its
/// configuration.
fn all_algorithms() -> Filter {
    let names = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
    filter(&config(json!({ "algorithms": names }), json!({})))
}

#[test]
fn token_with_none_or_symmetric_algorithm_is_rejected() {
    let filter = all_algorithms();
    let head = |alg: &str| Token::user().head(json!({ "alg": alg }));
    let mut cases = Vec::new();
    for alg in [
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        " ",
        "RS256 ",
        " RS256",
        "rs256",
        "Rs256",
        "RS-256",
        "RS256\u{0}",
        "SHA256withRSA",
        "dir",
        "ES256K",
        "HS256",
        "HS384",
        "HS512",
        "A256GCMKW",
    ] {
        cases.push((format!("{alg:?}, signed with the real key"), head(alg).compact()));
        cases.push((
            format!("{alg:?}, one byte of signature"),
            head(alg).signed_by(Signer::Fixed(vec![0])).compact(),
        ));
    }
    let public = RsaPublicKey::from(&*RSA_A);
    for (name, secret) in [
        ("the modulus", public.n().to_bytes_be()),
        ("the modulus in base64url", b64(public.n().to_bytes_be()).into_bytes()),
        ("DER SubjectPublicKeyInfo", public.to_public_key_der().unwrap().into_vec()),
        ("DER RSAPublicKey", public.to_pkcs1_der().unwrap().into_vec()),
        ("PEM", public.to_public_key_pem(LineEnding::LF).unwrap().into_bytes()),
        ("PEM without the last line break", public.to_public_key_pem(LineEnding::LF).unwrap().trim().into()),
        ("PEM with CR LF", public.to_public_key_pem(LineEnding::CRLF).unwrap().into_bytes()),
        ("PEM of RSAPublicKey", public.to_pkcs1_pem(LineEnding::LF).unwrap().into_bytes()),
        ("the JWK", rsa_jwk(&RSA_A).to_string().into_bytes()),
        ("nothing", Vec::new()),
    ] {
        cases.push((
            format!("HS256 with {name}"),
            head("HS256").signed_by(Signer::Hs256(secret.clone())).compact(),
        ));
        // The same signature with the name of the asymmetric algorithm.
        let token = Token::user().signed_by(Signer::Hs256(secret)).compact();
        assert_eq!(present(&filter, token), Deny(R::SignatureInvalid), "RS256 with an HMAC under {name}");
    }
    assert_denied(&filter, R::AlgorithmNotAllowed, cases);
    assert_denied(
        &filter,
        R::TokenMalformed,
        ["none", "RS256"].map(|alg| (alg, head(alg).signed_by(Signer::Fixed(Vec::new())).compact())),
    );
}

#[test]
fn token_with_algorithm_of_another_key_is_rejected() {
    let head = |kid: &str, alg: &str| Token::user().head(json!({ "kid": kid, "alg": alg }));
    let mut cases = vec![
        ("RS384, key for RS256", head(KID, "RS384").signed_by(Signer::Rs384), R::KeyMismatch),
        ("PS256, key for RS256", head(KID, "PS256").signed_by(Signer::Ps256), R::KeyMismatch),
        ("ES256, RSA key", head(KID, "ES256").signed_by(Signer::Es256), R::KeyMismatch),
        ("ES256, RSA key without alg", head("untied", "ES256").signed_by(Signer::Es256), R::KeyMismatch),
        ("RS256, EC key", head("ec", "RS256"), R::KeyMismatch),
        ("EdDSA, EC key", head("ec", "EdDSA"), R::KeyMismatch),
        ("ES384, key of P-256", head("ec", "ES384").signed_by(Signer::Es256), R::KeyMismatch),
        ("ES256 with zeros", head("ec", "ES256").signed_by(Signer::Fixed(vec![0; 64])), R::SignatureInvalid),
        (
            "ES256, one byte short",
            head("ec", "ES256").signed_by(Signer::Fixed(vec![1; 63])),
            R::SignatureInvalid,
        ),
        ("PS256 signature with alg RS256", Token::user().signed_by(Signer::Ps256), R::SignatureInvalid),
        ("RS256 signature with alg PS256", head("untied", "PS256"), R::SignatureInvalid),
        ("RS384 signature with alg RS256", Token::user().signed_by(Signer::Rs384), R::SignatureInvalid),
    ];
    for (name, bytes) in [
        ("zeros", vec![0; 256]),
        ("one", [vec![0; 255], vec![1]].concat()),
        ("the modulus", RSA_A.n().to_bytes_be()),
        ("all ones", vec![0xff; 256]),
        ("one byte short", vec![1; 255]),
        ("one byte more", vec![0; 257]),
    ] {
        cases.push((name, Token::user().signed_by(Signer::Fixed(bytes)), R::SignatureInvalid));
    }
    let cases =
        cases.into_iter().map(|(name, token, rejection)| (name.to_owned(), token.compact(), Deny(rejection)));
    assert_outcomes(&all_algorithms(), cases);
    // A valid signature with a leading zero byte is another encoding of the same number.
    let valid = Token::user();
    let input = format!("{}.{}", b64(&valid.header), b64(&valid.payload));
    let longer = [vec![0], valid.signer.sign(input.as_bytes())].concat();
    assert_eq!(present(&okta(), format!("{input}.{}", b64(longer))), Deny(R::SignatureInvalid));
}

#[test]
fn key_in_the_token_is_ignored() {
    let jwk = with(rsa_jwk(&RSA_B), json!({ "kid": KID, "alg": "RS256", "use": "sig" }));
    let members: Vec<(&str, Value)> = vec![
        ("jwk", jwk.clone()),
        ("jku", json!("https://evil.example/keys")),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!(["MIIC"])),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!("AAAA")),
        ("keys", json!([jwk])),
    ];
    let mut cases = Vec::new();
    for (name, value) in members {
        let forged = Token::user().head(json!({ name: value })).signed_by(Signer::Rs256(&RSA_B));
        cases.push((format!("{name}, the real kid"), forged.compact(), Deny(R::SignatureInvalid)));
        let unknown = forged.clone().head(json!({ "kid": "evil" }));
        cases.push((format!("{name}, an unknown kid"), unknown.compact(), Wait(R::KeyUnknown)));
        let unnamed = forged.head(json!({ "kid": null }));
        cases.push((format!("{name}, no kid"), unnamed.compact(), Deny(R::KeyIdMissing)));
        // The filter ignores these members: a token that the issuer signed is valid with them.
        let ignored = Token::user().head(json!({ name: value }));
        cases.push((format!("{name}, really signed"), ignored.compact(), Allow));
    }
    assert_outcomes(&okta(), cases);
}

#[test]
fn token_with_critical_extension_is_rejected() {
    let head = |members: Value| Token::user().head(members).compact();
    assert_denied(
        &okta(),
        R::CriticalExtension,
        [
            ("crit", head(json!({ "crit": ["exp"] }))),
            ("crit, empty", head(json!({ "crit": [] }))),
            ("crit, a string", head(json!({ "crit": "exp" }))),
            ("b64 false", head(json!({ "b64": false }))),
            ("b64 true", head(json!({ "b64": true }))),
            ("b64 and crit", head(json!({ "b64": false, "crit": ["b64"] }))),
            (
                "crit null",
                Token::user()
                    .raw_header(&format!(r#"{{"alg":"RS256","kid":"{KID}","crit":null}}"#))
                    .compact(),
            ),
        ],
    );
}

#[test]
fn unknown_key_id_waits_and_malformed_key_id_is_rejected() {
    let kid = |kid: Value| Token::user().head(json!({ "kid": kid })).compact();
    let unknown = [
        "../../etc/passwd",
        "/dev/null",
        "..\\..\\windows",
        "https://evil.example/k",
        "' OR '1'='1",
        "a\u{0}b",
        "\u{0}",
        " ",
        "\r\nx: y",
        "${jndi:ldap://e}",
        "constructor",
        "__proto__",
        "*",
        "kid",
        "é",
    ];
    let cases = unknown.map(|name| (format!("{name:?}"), kid(json!(name)), Wait(R::KeyUnknown)));
    assert_outcomes(&okta(), cases);
    let similar = [
        ("a space at the end", format!("{KID} ")),
        ("a space at the start", format!(" {KID}")),
        ("lower case", KID.to_lowercase()),
        ("one character short", KID[..42].to_owned()),
        ("256 bytes", "k".repeat(256)),
    ];
    assert_outcomes(
        &okta(),
        similar.map(|(name, id)| (name.to_owned(), kid(json!(id)), Wait(R::KeyUnknown))),
    );
    assert_denied(
        &okta(),
        R::HeaderMalformed,
        [
            ("empty", kid(json!(""))),
            ("257 bytes", kid(json!("k".repeat(257)))),
            ("10 kB", kid(json!("k".repeat(10_000)))),
            ("a number", kid(json!(1))),
            ("a list", kid(json!([KID]))),
            ("an object", kid(json!({ "kid": KID }))),
        ],
    );
}
