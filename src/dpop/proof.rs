//! The checks of a proof, and their order (RFC 9449 section 4.3).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{BoundRequest, IssueWindow, Nonces, ProofKey, ProofRequirements, TargetUri};
use crate::crypto::{Algorithm, SignatureError, SignatureInput, SignatureVerifier};
use crate::json::{Tape, ValueRef};
use crate::observer::{Check, DecisionEvent, DecisionObserver};
use crate::rejection::{Rejection, ensure};
use crate::request::RequestHead;
use crate::time::UnixTime;
use crate::token;

/// The maximum length of `jti`, in bytes.
const MAX_JTI_BYTES: usize = 256;
/// The first second after the year 9999. RFC 3339 has no later time.
const MAX_TIME: f64 = 253_402_300_800.0;

/// A well-formed proof. Its key and its signature are not verified.
pub struct UnverifiedProof<'a> {
    /// The JWS Signing Input, as received.
    signing_input: &'a [u8],
    header: Tape,
    claims: Tape,
    signature: Vec<u8>,
}

/// A proof with an acceptable header, whose key is the one to which the token is bound. Its
/// signature is not verified.
pub struct BoundProof<'a> {
    proof: UnverifiedProof<'a>,
    algorithm: Algorithm,
    key: ProofKey,
}

/// A bound proof that has all claims, and whose times are acceptable. Its signature is not
/// verified.
pub struct PrecheckedProof<'a> {
    bound: BoundProof<'a>,
    issued_at: i64,
    expires_at: i64,
    earliest_issued_at: i64,
}

/// A proof with a valid signature under the key to which the token is bound.
pub struct SignedProof<'a>(PrecheckedProof<'a>);

/// A proof for this request and this token, except that an earlier request may have had it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifiedProof {
    /// `jti`, of 1 to 256 bytes.
    pub jti: String,
    /// The SHA-256 thumbprint of the key (RFC 7638).
    pub thumbprint: [u8; 32],
    /// `iat`, in seconds since the epoch, rounded down.
    pub issued_at: i64,
    /// The first second, since the epoch, at which the filter rejects the proof because of its
    /// times or its nonce. A replay record must exist until then.
    pub expires_at: i64,
    /// The earliest `iat` that the filter accepted when the request arrived, in seconds since the
    /// epoch.
    pub earliest_issued_at: i64,
}

impl<'a> UnverifiedProof<'a> {
    /// Parses the proof of a request.
    ///
    /// # Errors
    /// [`Rejection::DpopProofMissing`], [`Rejection::DpopProofRepeated`],
    /// [`Rejection::DpopProofTooLarge`] and [`Rejection::DpopProofMalformed`].
    pub fn parse(
        head: &RequestHead<'a>,
        max_bytes: usize,
        observer: &mut impl DecisionObserver,
    ) -> Result<Self, Rejection> {
        let value = observer.checked(Check::ProofHeader, header_value(head, max_bytes))?;
        observer.checked(Check::ProofForm, Self::decode(value).ok_or(Rejection::DpopProofMalformed))
    }

    /// Decodes the three segments; `None` if one is malformed.
    #[inline(never)]
    fn decode(value: &'a [u8]) -> Option<Self> {
        let mut segments = value.split(|byte| *byte == b'.');
        let (header, payload, signature) = (segments.next()?, segments.next()?, segments.next()?);
        if segments.next().is_some() {
            return None;
        }
        let signing_input = value.get(..header.len().checked_add(payload.len())?.checked_add(1)?)?;
        let object = |segment| Tape::parse(token::decode(segment).ok()?).ok();
        let (header, claims) = (object(header)?, object(payload)?);
        Some(Self { signing_input, header, claims, signature: token::decode(signature).ok()? })
    }

    /// Checks the header, and that the token is bound to its key.
    ///
    /// # Errors
    /// [`Rejection::DpopTypeNotAllowed`], [`Rejection::DpopCriticalExtension`],
    /// [`Rejection::DpopAlgorithmNotAllowed`], [`Rejection::DpopKeyPrivate`],
    /// [`Rejection::DpopKeyMalformed`] and [`Rejection::DpopKeyMismatch`].
    pub fn bind(
        self,
        algorithms: &[Algorithm],
        jkt: &[u8; 32],
        verifier: &dyn SignatureVerifier,
        observer: &mut impl DecisionObserver,
    ) -> Result<BoundProof<'a>, Rejection> {
        observer.checked(Check::ProofType, self.check_type())?;
        let is_allowed =
            |algorithm: &Algorithm| algorithms.contains(algorithm) && verifier.supports(*algorithm);
        let algorithm = self.string("alg").and_then(Algorithm::from_name).filter(is_allowed);
        let algorithm =
            observer.checked(Check::ProofAlgorithm, algorithm.ok_or(Rejection::DpopAlgorithmNotAllowed))?;
        let key = observer.checked(Check::ProofKey, ProofKey::parse(self.header.get("jwk"), algorithm))?;
        let is_bound = key.thumbprint() == jkt;
        observer.checked(Check::ProofBinding, ensure(is_bound, Rejection::DpopKeyMismatch))?;
        Ok(BoundProof { proof: self, algorithm, key })
    }

    /// Checks `typ`, and that the header demands no extension. `b64` changes the signing input, and
    /// RFC 7797 section 6 requires it in `crit`.
    fn check_type(&self) -> Result<(), Rejection> {
        ensure(self.string("typ") == Some("dpop+jwt"), Rejection::DpopTypeNotAllowed)?;
        let is_extended = self.header.get("crit").is_some() || self.header.get("b64").is_some();
        ensure(!is_extended, Rejection::DpopCriticalExtension)
    }

    /// Returns a member of the header if it is a string.
    fn string(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(|value| value.as_str())
    }
}

impl<'a> BoundProof<'a> {
    /// Checks the presence and the types of the claims, and the times.
    ///
    /// # Errors
    /// [`Rejection::DpopClaimMissing`], [`Rejection::DpopProofMalformed`],
    /// [`Rejection::DpopProofExpired`] and [`Rejection::DpopProofFromTheFuture`].
    pub fn precheck(
        self,
        requirements: &ProofRequirements,
        nonces: Option<&Nonces>,
        arrived_at: UnixTime,
        observer: &mut impl DecisionObserver,
    ) -> Result<PrecheckedProof<'a>, Rejection> {
        let issued_at = observer.checked(Check::ProofClaims, self.check_claims())?;
        let window = requirements.issue_window(arrived_at, nonces);
        let times = self.check_times(issued_at, window, requirements.clock_skew, arrived_at);
        let expires_at = observer.checked(Check::ProofTimes, times)?;
        Ok(PrecheckedProof { bound: self, issued_at, expires_at, earliest_issued_at: window.earliest })
    }

    /// Checks that all claims are present and have their types. Returns `iat`, rounded down.
    #[inline(never)]
    fn check_claims(&self) -> Result<i64, Rejection> {
        let claim = |name| self.proof.claims.get(name).ok_or(Rejection::DpopClaimMissing);
        let string = |name| claim(name)?.as_str().ok_or(Rejection::DpopProofMalformed);
        let jti = string("jti")?;
        ensure((1..=MAX_JTI_BYTES).contains(&jti.len()), Rejection::DpopProofMalformed)?;
        string("htm")?;
        string("htu")?;
        let issued_at = numeric_date(&claim("iat")?)?.floor();
        string("ath")?;
        Ok(issued_at as i64)
    }

    /// Checks the times. Returns the first second at which they expire the proof.
    #[inline(never)]
    fn check_times(
        &self,
        issued_at: i64,
        window: IssueWindow,
        clock_skew: i64,
        arrived_at: UnixTime,
    ) -> Result<i64, Rejection> {
        let now = arrived_at.seconds();
        let optional = |name| self.proof.claims.get(name).map(|value| numeric_date(&value)).transpose();
        // Rounding never extends the validity of a proof.
        let expiration = optional("exp")?.map(|exp| (exp.floor() as i64).saturating_add(clock_skew));
        let not_before = optional("nbf")?.map(|nbf| (nbf.ceil() as i64).saturating_sub(clock_skew));
        let age_limit = now.saturating_sub(window.earliest).saturating_add(1);
        let end = issued_at.saturating_add(age_limit).min(expiration.unwrap_or(i64::MAX));
        ensure(now < end, Rejection::DpopProofExpired)?;
        let start = not_before.unwrap_or(i64::MIN);
        ensure(issued_at <= window.latest && start <= now, Rejection::DpopProofFromTheFuture)?;
        Ok(end)
    }
}

impl<'a> PrecheckedProof<'a> {
    /// Verifies the signature over the received bytes.
    ///
    /// # Errors
    /// [`Rejection::DpopSignatureInvalid`]. [`Rejection::CryptoUnavailable`] if the verifier cannot
    /// check the signature.
    pub fn verify(
        self,
        verifier: &dyn SignatureVerifier,
        observer: &mut impl DecisionObserver,
    ) -> Result<SignedProof<'a>, Rejection> {
        let BoundProof { proof, algorithm, key } = &self.bound;
        let input = SignatureInput {
            algorithm: *algorithm,
            key: key.public_key(),
            message: proof.signing_input,
            signature: &proof.signature,
        };
        let result = verifier.verify(&input).map_err(|error| match error {
            SignatureError::Invalid => Rejection::DpopSignatureInvalid,
            SignatureError::Unavailable => Rejection::CryptoUnavailable,
        });
        observer.checked(Check::ProofSignature, result)?;
        Ok(SignedProof(self))
    }
}

impl SignedProof<'_> {
    /// Checks that the proof is for this request and this token, and the nonce.
    ///
    /// # Errors
    /// [`Rejection::DpopMethodMismatch`], [`Rejection::DpopUrlMismatch`],
    /// [`Rejection::DpopTokenMismatch`], [`Rejection::DpopNonceRequired`] and
    /// [`Rejection::DpopNonceStale`].
    pub fn accept<O: DecisionObserver>(
        self,
        bound: &BoundRequest<'_>,
        requirements: &ProofRequirements,
        nonces: Option<&Nonces>,
        observer: &mut O,
    ) -> Result<VerifiedProof, Rejection> {
        let Self(PrecheckedProof { bound: proof, issued_at, mut expires_at, earliest_issued_at }) = self;
        let claim = |name| proof.proof.claims.get(name).and_then(|value| value.as_str()).unwrap_or_default();
        // Methods are case-sensitive (RFC 9110 section 9.1).
        let is_method = claim("htm").as_bytes() == bound.head.method;
        observer.checked(Check::ProofMethod, ensure(is_method, Rejection::DpopMethodMismatch))?;
        let expected = requirements.target_uri.of(bound.head, bound.request);
        let htu = TargetUri::parse(claim("htu"), requirements.allowed_in_paths);
        if O::ENABLED {
            observer.record(DecisionEvent::ProofTargetCompared(claim("htu"), expected.as_ref()));
        }
        let is_target = htu.is_some() && htu == expected;
        observer.checked(Check::ProofUrl, ensure(is_target, Rejection::DpopUrlMismatch))?;
        let is_token = claim("ath") == URL_SAFE_NO_PAD.encode(bound.token_sha256);
        observer.checked(Check::ProofToken, ensure(is_token, Rejection::DpopTokenMismatch))?;
        if let Some(nonces) = nonces {
            let nonce = proof.proof.claims.get("nonce");
            let nonce = nonce.as_ref().and_then(ValueRef::as_str).unwrap_or_default();
            let end = observer.checked(Check::ProofNonce, nonces.check(nonce, bound.arrived_at))?;
            expires_at = expires_at.min(end);
        }
        let (jti, thumbprint) = (claim("jti").to_owned(), *proof.key.thumbprint());
        Ok(VerifiedProof { jti, thumbprint, issued_at, expires_at, earliest_issued_at })
    }
}

/// Returns the value of the only `DPoP` header. Envoy keeps repeated headers separate; another
/// proxy may have joined them with a comma, which a proof cannot contain.
fn header_value<'a>(head: &RequestHead<'a>, max_bytes: usize) -> Result<&'a [u8], Rejection> {
    let mut values = head.header_values("dpop");
    let value = values.next().ok_or(Rejection::DpopProofMissing)?;
    ensure(values.next().is_none() && !value.contains(&b','), Rejection::DpopProofRepeated)?;
    ensure(value.len() <= max_bytes, Rejection::DpopProofTooLarge)?;
    Ok(value)
}

/// Parses a NumericDate (RFC 7519 section 2) before the year 10000.
fn numeric_date(value: &ValueRef<'_>) -> Result<f64, Rejection> {
    let seconds = value.as_f64().filter(|seconds| seconds.is_finite() && *seconds < MAX_TIME);
    seconds.ok_or(Rejection::DpopProofMalformed)
}
