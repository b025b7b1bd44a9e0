//! DPoP (RFC 9449): the keys of clients, their proofs, and access tokens that are bound to them.
//!
//! ```ignore
//! let key = DpopKey::new(Algorithm::ES256);
//! let token = Token::user().bound_to_key(&key).compact();
//! let proof = Proof::new(&key, "GET", "https://api.example.com/items/1", NOW).of_token(&token);
//! let right = proof.compact();
//! let wrong = proof.clone().claim("htm", "POST").compact();
//! ```

mod es512;
mod keys;
mod proofs;

pub use es512::Es512Verifier;
pub use keys::{DpopKey, thumbprint};
pub use okta_authz_filter::crypto::Algorithm;
pub use proofs::Proof;

use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};

use crate::common::{Token, b64};

/// Returns `ath` of a token: its SHA-256 hash as base64url text (RFC 9449 section 4.2).
pub fn token_hash(token: &str) -> String {
    b64(digest(&SHA256, token.as_bytes()))
}

/// Returns `x5t#S256` of a certificate in DER: its SHA-256 hash as base64url text (RFC 8705 section
/// 3.1).
pub fn certificate_hash(der: &[u8]) -> String {
    b64(digest(&SHA256, der))
}

impl Token {
    /// Binds the token to a key: sets `cnf.jkt` and keeps the other members of `cnf`.
    pub fn bound_to_key(self, key: &DpopKey) -> Self {
        self.confirmation("jkt", &key.thumbprint())
    }

    /// Binds the token to a certificate in DER: sets `cnf["x5t#S256"]` and keeps the other members
    /// of `cnf`.
    pub fn bound_to_certificate(self, der: &[u8]) -> Self {
        self.confirmation("x5t#S256", &certificate_hash(der))
    }

    /// Sets a member of `cnf` and keeps the others.
    pub fn confirmation(self, name: &str, value: &str) -> Self {
        let claims: Value = serde_json::from_str(&self.payload).unwrap();
        let mut members: Map<String, Value> = claims["cnf"].as_object().cloned().unwrap_or_default();
        members.insert(name.to_owned(), Value::from(value));
        self.claims(serde_json::json!({ "cnf": members }))
    }
}

#[cfg(test)]
mod tests {
    use okta_authz_filter::crypto::software::Software;
    use okta_authz_filter::crypto::{Algorithm, Curve, PublicKey, SignatureInput, SignatureVerifier as _};
    use serde_json::json;

    use super::*;

    /// Returns header and payload, and whether the signature is valid under the key of the header.
    fn read(proof: &str) -> (Value, Value, bool) {
        let segments: Vec<&str> = proof.split('.').collect();
        let [header, payload, signature] = segments[..] else { panic!("{proof}") };
        let json = |segment| serde_json::from_slice::<Value>(&unb64(segment)).unwrap();
        let (head, claims) = (json(header), json(payload));
        let algorithm = Algorithm::from_name(head["alg"].as_str().unwrap()).unwrap();
        let key = public_key(&head["jwk"]);
        let message = format!("{header}.{payload}");
        let signature = unb64(signature);
        let input =
            SignatureInput { algorithm, key: &key, message: message.as_bytes(), signature: &signature };
        (head, claims, Software.verify(&input).is_ok())
    }

    fn public_key(jwk: &Value) -> PublicKey {
        let number = |name: &str| unb64(jwk[name].as_str().unwrap());
        let ec = |curve| PublicKey::ec(curve, &number("x"), &number("y"));
        let key = match jwk["crv"].as_str() {
            None => PublicKey::rsa(&number("n"), &number("e")),
            Some("P-256") => ec(Curve::P256),
            Some("P-384") => ec(Curve::P384),
            Some("P-521") => ec(Curve::P521),
            Some(_) => PublicKey::ed25519(&number("x")),
        };
        key.unwrap()
    }

    fn unb64(text: &str) -> Vec<u8> {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    #[test]
    fn thumbprint_equals_the_examples_of_the_rfcs() {
        // RFC 9449 section 4.2 and 6.1.
        let key = json!({
            "kty": "EC", "crv": "P-256", "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
            "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
        });
        assert_eq!(thumbprint(&key), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
        // RFC 9449 section 7.1.
        let token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
        assert_eq!(token_hash(token), "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
    }

    #[test]
    fn proof_is_valid_by_default_and_invalid_after_each_change() {
        // The software backend has no P-521. The tests of the stand-in verify ES512.
        for algorithm in Algorithm::ALL.into_iter().filter(|other| *other != Algorithm::ES512) {
            let key = DpopKey::new(algorithm);
            let proof = Proof::new(&key, "GET", "https://api.example.com/", 1).of_token("x");
            let (header, claims, valid) = read(&proof.compact());
            assert!(valid, "{algorithm}");
            assert_eq!(header, json!({ "typ": "dpop+jwt", "alg": algorithm.name(), "jwk": key.jwk() }));
            assert_eq!((&claims["htm"], &claims["ath"]), (&json!("GET"), &json!(token_hash("x"))));
            assert!(!read(&proof.clone().flipped_signature().compact()).2, "{algorithm}");
            assert!(!read(&proof.clone().signed_by(&DpopKey::other(algorithm)).compact()).2, "{algorithm}");
            assert!(read(&proof.clone().with_key(&DpopKey::other(algorithm)).compact()).2, "{algorithm}");
            assert_ne!(key.thumbprint(), DpopKey::other(algorithm).thumbprint());
            if algorithm.curve().is_some() {
                assert!(!read(&proof.clone().der_signature().compact()).2, "{algorithm}");
            }
        }
    }

    #[test]
    fn proof_members_can_be_replaced_removed_and_repeated() {
        let key = DpopKey::new(Algorithm::ES256);
        let proof = Proof::new(&key, "GET", "https://api.example.com/", 1);
        let header =
            |proof: &Proof| String::from_utf8(unb64(proof.compact().split('.').next().unwrap())).unwrap();
        assert!(header(&proof).starts_with(r#"{"typ":"dpop+jwt","alg":"ES256","jwk":{"#));
        assert_eq!(
            header(&proof.clone().without_header("jwk").header("typ", Value::Null).repeated_header("alg", 1)),
            r#"{"typ":null,"alg":"ES256","alg":1}"#
        );
        assert_eq!(proof.compact(), proof.clone().compact(), "a clone has the `jti` of its original");
        assert_ne!(proof.compact(), proof.clone().renewed().compact());
        assert!(proof.padded().contains('='));
        for length in [600, 601, 602, 603, 8192, 8193] {
            let long = proof.clone().of_length(length).compact();
            assert_eq!((long.len(), read(&long).2), (length, true));
        }
    }

    #[test]
    fn token_is_bound_to_a_key_a_certificate_or_both() {
        let key = DpopKey::new(Algorithm::ES256);
        let confirmation =
            |token: Token| serde_json::from_str::<Value>(&token.payload).unwrap()["cnf"].clone();
        let (jkt, x5t) = (key.thumbprint(), certificate_hash(b"der"));
        assert_eq!(confirmation(Token::user().bound_to_key(&key)), json!({ "jkt": jkt }));
        let both = Token::user().bound_to_certificate(b"der").bound_to_key(&key);
        assert_eq!(confirmation(both), json!({ "jkt": jkt, "x5t#S256": x5t }));
    }
}
