//! DPoP proofs (RFC 9449) of one client.

use serde_json::json;

use crate::tokens::{Signer, b64, random_text, sha256};

/// A client with a P-256 key, to which its tokens are bound.
pub struct DpopClient {
    signer: Signer,
    /// The encoded header of its proofs.
    header: String,
    thumbprint: [u8; 32],
}

/// The parts of a proof that do not change its length.
pub struct ProofSpec<'a> {
    /// The URL of a `GET` request.
    pub url: &'a str,
    /// The digest of the token, from [`access_token_hash`].
    pub token_hash: &'a str,
    /// The time of the proof, in Unix seconds.
    pub issued_at: u64,
}

impl DpopClient {
    /// Makes a client with a new key.
    pub fn new() -> Self {
        let signer = Signer::es256();
        let key = &signer.jwks()["keys"][0];
        // The map of serde_json sorts its members, as RFC 7638 requires.
        let jwk = json!({ "crv": key["crv"], "kty": key["kty"], "x": key["x"], "y": key["y"] });
        let header = json!({ "typ": "dpop+jwt", "alg": signer.algorithm(), "jwk": jwk });
        let thumbprint = sha256(jwk.to_string().as_bytes());
        Self { header: b64(header.to_string().as_bytes()), thumbprint, signer }
    }

    /// Returns the thumbprint of the key (RFC 7638).
    pub const fn thumbprint(&self) -> &[u8; 32] {
        &self.thumbprint
    }

    /// Makes a proof. Its random `jti` makes it unique. All proofs for URLs of one length have one
    /// length.
    pub fn proof(&self, ProofSpec { url, token_hash, issued_at }: &ProofSpec<'_>) -> String {
        let jti = random_text();
        let payload =
            format!(r#"{{"ath":"{token_hash}","htm":"GET","htu":"{url}","iat":{issued_at},"jti":"{jti}"}}"#);
        let message = format!("{}.{}", self.header, b64(payload.as_bytes()));
        let signature = b64(&self.signer.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

impl Default for DpopClient {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the value of `ath` for a token.
pub fn access_token_hash(token: &str) -> String {
    b64(&sha256(token.as_bytes()))
}
