//! Tokens in the making, and those who sign them.

use std::sync::LazyLock;

use p256::ecdsa::signature::Signer as _;
use rsa::RsaPrivateKey;
use rsa::sha2::{Digest as _, Sha256, Sha384};
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _, Signer as _};
use serde_json::{Value, json};

use super::{ISSUER, KID, NOW, OTHER_ISSUER, OTHER_KID, P256, RSA_A, RSA_B, b64, with};

#[derive(Clone)]
pub enum Signer {
    Rs256(&'static LazyLock<RsaPrivateKey>),
    Rs384,
    Ps256,
    Es256,
    Hs256(Vec<u8>),
    Fixed(Vec<u8>),
}

impl Signer {
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
            Self::Hs256(secret) => hmac_sha256(secret, message),
            Self::Fixed(bytes) => bytes.clone(),
        }
    }
}

/// RFC 2104, for the attack that takes a public key for a shared secret.
fn hmac_sha256(secret: &[u8], message: &[u8]) -> Vec<u8> {
    let mut key = if secret.len() > 64 { Sha256::digest(secret).to_vec() } else { secret.to_vec() };
    key.resize(64, 0);
    let pad = |byte: u8| key.iter().map(|k| k ^ byte).collect::<Vec<u8>>();
    let inner = Sha256::digest([&pad(0x36)[..], message].concat());
    Sha256::digest([&pad(0x5c)[..], &inner[..]].concat()).to_vec()
}

/// A token in the making: exact bytes of header and payload, and who signs.
#[derive(Clone)]
pub struct Token {
    pub header: String,
    pub payload: String,
    pub signer: Signer,
}

impl Token {
    /// A user's access token of a custom authorization server (Okta's reserved claims and two custom ones).
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

    /// A machine's: no user, and the client is the subject.
    pub fn machine() -> Self {
        Self::user().claims(json!({
            "uid": null, "auth_time": null, "groups": null, "sub": "0oa1m2mSvcClnt9A5d07",
        }))
    }

    /// A user's, of the other issuer.
    pub fn other() -> Self {
        Self::user()
            .claims(json!({ "iss": OTHER_ISSUER }))
            .head(json!({ "kid": OTHER_KID }))
            .signed_by(Signer::Rs256(&RSA_B))
    }

    /// An RFC 9068 access token.
    pub fn rfc9068() -> Self {
        Self::user().head(json!({ "typ": "at+jwt" })).claims(json!({
            "cid": null, "uid": null, "scp": null, "ver": null,
            "client_id": "0oa1m2mSvcClnt9A5d07", "scope": "openid items:read",
        }))
    }

    /// An ID token: same issuer, same key, same header as an access token.
    pub fn id_token() -> Self {
        Self::user().claims(json!({
            "cid": null, "scp": null, "uid": null, "aud": "0oa1m2mSvcClnt9A5d07", "sub": "00ujmkLgagxeRrAg20g3",
            "jti": "ID.dz6ibX-YnBNlt14huAtBULam_Z0_wPG0ig5SWCy8XQU", "nonce": "YsG76jo", "amr": ["pwd"],
        }))
    }

    /// Claims set, or removed where null.
    pub fn claims(mut self, changes: Value) -> Self {
        self.payload = with(serde_json::from_str(&self.payload).unwrap(), changes).to_string();
        self
    }

    /// Header members set, or removed where null.
    pub fn head(mut self, changes: Value) -> Self {
        self.header = with(serde_json::from_str(&self.header).unwrap(), changes).to_string();
        self
    }

    pub fn raw_header(mut self, header: &str) -> Self {
        self.header = header.to_owned();
        self
    }

    pub fn raw_payload(mut self, payload: &str) -> Self {
        self.payload = payload.to_owned();
        self
    }

    pub fn signed_by(mut self, signer: Signer) -> Self {
        self.signer = signer;
        self
    }

    pub fn compact(&self) -> String {
        let input = format!("{}.{}", b64(&self.header), b64(&self.payload));
        let signature = self.signer.sign(input.as_bytes());
        format!("{input}.{}", b64(signature))
    }
}
