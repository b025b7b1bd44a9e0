//! Known-answer tests, which show at start what a verifier supports.
//!
//! The vectors are the examples of RFC 7515, appendices A.2 (RS256) and A.3 (ES256).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Algorithm, Curve, PublicKey, SignatureError, SignatureInput, SignatureVerifier};

const MESSAGE_RS256: &[u8] = b"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const MESSAGE_ES256: &[u8] = b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const SIGNATURE_RS256: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const SIGNATURE_ES256: &str =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
const N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const E: &str = "AQAB";
const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

/// Returns whether the verifier accepts a valid RS256 signature and rejects an invalid one.
pub fn passes_rsa_kat(verifier: &dyn SignatureVerifier) -> bool {
    let key = || PublicKey::rsa(&bytes(N)?, &bytes(E)?).ok();
    key().is_some_and(|key| passes_kat(verifier, Algorithm::RS256, &key, MESSAGE_RS256, SIGNATURE_RS256))
}

/// Returns whether the verifier accepts a valid ES256 signature and rejects an invalid one.
pub fn passes_ecdsa_kat(verifier: &dyn SignatureVerifier) -> bool {
    let key = || PublicKey::ec(Curve::P256, &bytes(X)?, &bytes(Y)?).ok();
    key().is_some_and(|key| passes_kat(verifier, Algorithm::ES256, &key, MESSAGE_ES256, SIGNATURE_ES256))
}

fn passes_kat(
    verifier: &dyn SignatureVerifier,
    algorithm: Algorithm,
    key: &PublicKey,
    message: &[u8],
    signature: &str,
) -> bool {
    let Some(valid) = bytes(signature) else { return false };
    let mut invalid = valid.clone();
    if let Some(last) = invalid.last_mut() {
        *last ^= 1;
    }
    let verify = |signature: &[u8]| verifier.verify(&SignatureInput { algorithm, key, message, signature });
    verify(&valid) == Ok(()) && verify(&invalid) == Err(SignatureError::Invalid)
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::super::software::Software;
    use super::*;

    struct Always(Result<(), SignatureError>);

    impl SignatureVerifier for Always {
        fn verify(&self, _: &SignatureInput<'_>) -> Result<(), SignatureError> {
            self.0
        }
    }

    #[test]
    fn kat_passes_only_if_verifier_accepts_and_rejects() {
        assert!(passes_rsa_kat(&Software) && passes_ecdsa_kat(&Software));
        for result in [Ok(()), Err(SignatureError::Invalid), Err(SignatureError::Unavailable)] {
            assert!(!passes_rsa_kat(&Always(result)) && !passes_ecdsa_kat(&Always(result)));
        }
    }
}
