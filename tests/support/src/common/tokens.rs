//! Tokens with exact bytes, and their signers.

use std::sync::LazyLock;

use p256::ecdsa::signature::Signer as _;
use ring::hmac;
use rsa::RsaPrivateKey;
use rsa::sha2::{Sha256, Sha384};
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _, Signer as _};
use serde_json::{Value, json};

use super::{ISSUER, KID, NOW, OTHER_ISSUER, OTHER_KID, P256, RSA_A, RSA_B, b64, with};

/// The algorithm and key that sign a token.
#[derive(Clone)]
pub enum Signer {
    Rs256(&'static LazyLock<RsaPrivateKey>),
    Rs384,
    Ps256,
    Es256,
    /// HMAC with this secret, for the attack that uses a public key as a shared secret.
    Hs256(Vec<u8>),
    /// These bytes in place of a signature.
    Fixed(Vec<u8>),
}

impl Signer {
    /// Signs the message.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Rs256(key) => {
                rsa::pkcs1v15::SigningKey::<Sha256>::new((**key).clone()).sign(message).to_vec()
            }
            Self::Rs384 => rsa::pkcs1v15::SigningKey::<Sha384>::new(RSA_A.clone()).sign(message).to_vec(),
            Self::Ps256 => rsa::pss::SigningKey::<Sha256>::new(RSA_A.clone())
                .sign_with_rng(&mut rsa::rand_core::OsRng, message)
                .to_vec(),
            Self::Es256 => {
                let signature: p256::ecdsa::Signature = p256::ecdsa::SigningKey::from(&*P256).sign(message);
                signature.to_bytes().to_vec()
            }
            Self::Hs256(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                hmac::sign(&key, message).as_ref().to_vec()
            }
            Self::Fixed(bytes) => bytes.clone(),
        }
    }
}

/// A token: the exact bytes of header and payload, and the signer.
#[derive(Clone)]
pub struct Token {
    pub header: String,
    pub payload: String,
    pub signer: Signer,
}

impl Token {
    /// Makes a user's access token of a custom authorization server, with Okta's reserved claims
    /// and two custom ones.
    pub fn user() -> Self {
        let claims = json!({
            "ver": 1, "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE", "iss": ISSUER,
            "aud": "api://default", "iat": NOW - 100, "exp": NOW + 3500, "cid": "0oa1m2mSvcClnt9A5d07",
            "uid": "00ujmkLgagxeRrAg20g3", "scp": ["openid", "items:read"], "auth_time": NOW - 200,
            "sub": "joe.user@example.com", "groups": ["Everyone", "IT, EMEA"], "tier": 1,
        });
        Self {
            header: format!(r#"{{"kid":"{KID}","alg":"RS256"}}"#),
            payload: claims.to_string(),
            signer: Signer::Rs256(&RSA_A),
        }
    }

    /// Makes a machine's access token: it has no user, and the client is the subject.
    pub fn machine() -> Self {
        Self::user().claims(json!({
            "uid": null, "auth_time": null, "groups": null, "sub": "0oa1m2mSvcClnt9A5d07",
        }))
    }

    /// Makes a user's access token of the other issuer.
    pub fn other() -> Self {
        Self::user()
            .claims(json!({ "iss": OTHER_ISSUER }))
            .head(json!({ "kid": OTHER_KID }))
            .signed_by(Signer::Rs256(&RSA_B))
    }

    /// Makes an RFC 9068 access token.
    pub fn rfc9068() -> Self {
        Self::user().head(json!({ "typ": "at+jwt" })).claims(json!({
            "cid": null, "uid": null, "scp": null, "ver": null,
            "client_id": "0oa1m2mSvcClnt9A5d07", "scope": "openid items:read",
        }))
    }

    /// Makes an ID token, with the issuer, the key and the header of an access token.
    pub fn id_token() -> Self {
        Self::user().claims(json!({
            "cid": null, "scp": null, "uid": null, "aud": "0oa1m2mSvcClnt9A5d07", "sub": "00ujmkLgagxeRrAg20g3",
            "jti": "ID.dz6ibX-YnBNlt14huAtBULam_Z0_wPG0ig5SWCy8XQU", "nonce": "YsG76jo", "amr": ["pwd"],
        }))
    }

    /// Sets claims. A null removes a claim.
    pub fn claims(mut self, changes: Value) -> Self {
        self.payload = with(serde_json::from_str(&self.payload).unwrap(), changes).to_string();
        self
    }

    /// Sets header members. A null removes a member.
    pub fn head(mut self, changes: Value) -> Self {
        self.header = with(serde_json::from_str(&self.header).unwrap(), changes).to_string();
        self
    }

    /// Sets the exact header.
    pub fn raw_header(mut self, header: &str) -> Self {
        self.header = header.to_owned();
        self
    }

    /// Sets the exact payload.
    pub fn raw_payload(mut self, payload: &str) -> Self {
        self.payload = payload.to_owned();
        self
    }

    /// Sets the signer.
    pub fn signed_by(mut self, signer: Signer) -> Self {
        self.signer = signer;
        self
    }

    /// Signs the token and returns the compact JWS.
    pub fn compact(&self) -> String {
        let input = format!("{}.{}", b64(&self.header), b64(&self.payload));
        let signature = self.signer.sign(input.as_bytes());
        format!("{input}.{}", b64(signature))
    }
}
