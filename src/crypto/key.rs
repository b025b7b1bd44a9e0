//! Public keys. Each constructor checks the limits of its key type.

use std::fmt;

use super::{Algorithm, p521, spki};

/// The minimum of NIST SP 800-131A and RFC 7518 section 3.3.
const MIN_RSA_BITS: usize = 2048;
/// A verification with a larger key takes more than a millisecond of native code.
const MAX_RSA_BITS: usize = 8192;
/// BoringSSL's maximum. The usual exponent is 65537.
const MAX_RSA_EXPONENT_BITS: usize = 33;

/// An elliptic curve of RFC 7518 section 6.2.1.1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(missing_docs, reason = "registered names")]
pub enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    /// Returns the registered name, the `crv` of a JWK (RFC 7518 section 6.2.1.1).
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// Returns the length of a coordinate, and of r and s in a signature, in octets.
    pub(crate) const fn coordinate_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// The reason why a public key is rejected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyError {
    /// The RSA modulus has fewer than 2048 or more than 8192 bits.
    ModulusSize,
    /// The RSA modulus is even, or the exponent is even, 1, or longer than 33 bits.
    NotRsa,
    /// The point is not on the curve or has a small order, or a coordinate has the wrong length.
    NotOnCurve,
}

/// A public key.
#[derive(Clone, Eq, PartialEq)]
pub struct PublicKey {
    material: Material,
    spki: Box<[u8]>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Material {
    Rsa {
        n: Box<[u8]>,
        e: Box<[u8]>,
    },
    Ec {
        curve: Curve,
        /// The uncompressed SEC 1 form.
        point: Box<[u8]>,
    },
    Ed25519 {
        x: [u8; 32],
    },
}

impl PublicKey {
    /// Creates an RSA key from its big-endian modulus `n` and exponent `e` (RFC 7518 section
    /// 6.3.1).
    ///
    /// # Errors
    /// [`KeyError::ModulusSize`] and [`KeyError::NotRsa`].
    pub fn rsa(n: &[u8], e: &[u8]) -> Result<Self, KeyError> {
        let (n, e) = (strip_zeros(n), strip_zeros(e));
        let modulus_bits = bit_len(n);
        if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&modulus_bits) {
            return Err(KeyError::ModulusSize);
        }
        let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
        if !is_odd(n) || !is_odd(e) || e == [1] || bit_len(e) > MAX_RSA_EXPONENT_BITS {
            return Err(KeyError::NotRsa);
        }
        let spki = spki::rsa(n, e).into();
        Ok(Self { material: Material::Rsa { n: n.into(), e: e.into() }, spki })
    }

    /// Creates an elliptic curve key from its coordinates (RFC 7518 section 6.2.1).
    ///
    /// # Errors
    /// [`KeyError::NotOnCurve`].
    pub fn ec(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, KeyError> {
        let len = curve.coordinate_len();
        if x.len() != len || y.len() != len {
            return Err(KeyError::NotOnCurve);
        }
        let point: Box<[u8]> = [&[4], x, y].concat().into();
        let on_curve = match curve {
            Curve::P256 => p256::PublicKey::from_sec1_bytes(&point).is_ok(),
            Curve::P384 => p384::PublicKey::from_sec1_bytes(&point).is_ok(),
            Curve::P521 => p521::is_on_curve(x, y),
        };
        if !on_curve {
            return Err(KeyError::NotOnCurve);
        }
        let spki = spki::ec(curve, &point).into();
        Ok(Self { material: Material::Ec { curve, point }, spki })
    }

    /// Creates an Ed25519 key (RFC 8037 section 2).
    ///
    /// # Errors
    /// [`KeyError::NotOnCurve`], also for a point of small order, with which a signature is valid
    /// for several messages.
    pub fn ed25519(x: &[u8]) -> Result<Self, KeyError> {
        let x: [u8; 32] = x.try_into().map_err(|_| KeyError::NotOnCurve)?;
        jwt_simple::algorithms::Ed25519PublicKey::from_bytes(&x).map_err(|_| KeyError::NotOnCurve)?;
        let spki = spki::ed25519(&x).into();
        Ok(Self { material: Material::Ed25519 { x }, spki })
    }

    /// Returns whether the key is for an algorithm, by key type and curve (RFC 7518 section 3.1).
    pub fn supports(&self, algorithm: Algorithm) -> bool {
        match &self.material {
            Material::Rsa { .. } => algorithm.is_rsa(),
            Material::Ec { curve, .. } => algorithm.curve() == Some(*curve),
            Material::Ed25519 { .. } => algorithm == Algorithm::EdDSA,
        }
    }

    /// Returns the key as a DER SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7). The constructor
    /// encodes it once.
    pub(crate) fn spki(&self) -> &[u8] {
        &self.spki
    }

    pub(super) fn material(&self) -> &Material {
        &self.material
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.material {
            Material::Rsa { n, .. } => format!("RSA-{}", bit_len(n)),
            Material::Ec { curve, .. } => format!("{curve:?}"),
            Material::Ed25519 { .. } => "Ed25519".to_owned(),
        };
        f.debug_tuple("PublicKey").field(&kind).finish()
    }
}

fn strip_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn bit_len(number: &[u8]) -> usize {
    let first = number.first().map_or(0, |byte| byte.leading_zeros() as usize);
    number.len().saturating_mul(8).saturating_sub(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modulus(bits: usize) -> Vec<u8> {
        let mut n = vec![0xff; bits.div_ceil(8)];
        if let Some(first) = n.first_mut() {
            *first >>= (8 - bits % 8) % 8;
        }
        n
    }

    #[test]
    fn rsa_modulus_and_exponent_outside_limits_are_rejected() {
        let e: &[u8] = &[1, 0, 1];
        for (bits, expected) in [(2047, false), (2048, true), (8192, true), (8193, false), (0, false)] {
            assert_eq!(PublicKey::rsa(&modulus(bits), e).is_ok(), expected, "{bits}");
        }
        let n = modulus(2048);
        for (name, e, expected) in [
            ("65537", &[1, 0, 1][..], true),
            ("with a leading zero", &[0, 1, 0, 1], true),
            ("3", &[3], true),
            ("1", &[1], false),
            ("even", &[2], false),
            ("zero", &[0], false),
            ("empty", &[], false),
            ("34 bits", &[2, 0, 0, 0, 1], false),
        ] {
            assert_eq!(PublicKey::rsa(&n, e).is_ok(), expected, "{name}");
        }
        let mut even = n;
        *even.last_mut().unwrap() = 2;
        assert_eq!(PublicKey::rsa(&even, e), Err(KeyError::NotRsa));
    }

    #[test]
    fn point_outside_its_curve_is_rejected() {
        assert_eq!(PublicKey::ec(Curve::P256, &[1; 32], &[1; 32]), Err(KeyError::NotOnCurve));
        assert_eq!(PublicKey::ec(Curve::P384, &[1; 48], &[1; 48]), Err(KeyError::NotOnCurve));
        assert_eq!(PublicKey::ec(Curve::P521, &[1; 65], &[1; 66]), Err(KeyError::NotOnCurve));
        assert_eq!(PublicKey::ed25519(&[0; 32]), Err(KeyError::NotOnCurve));
        assert_eq!(PublicKey::ed25519(&[0; 31]), Err(KeyError::NotOnCurve));
    }
}
