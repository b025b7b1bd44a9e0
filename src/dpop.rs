//! DPoP (RFC 9449): proofs that the client of a request has the private key to which the access
//! token is bound.
//!
//! A proof is a JWT in the `DPoP` header. The client signs it for one request: it names the method,
//! the URL and the access token. [`verify_proof`] makes every check of section 4.3 except the
//! replay check, which needs shared state. The filter calls it for a verified token with `cnf.jkt`.
//!
//! Each step makes a type that proves the step:
//!
//! | type | proof |
//! |---|---|
//! | [`UnverifiedProof`] | The request has one `DPoP` header with a well-formed JWT. |
//! | [`BoundProof`] | Its header is acceptable, and the token is bound to its key. |
//! | [`PrecheckedProof`] | It has all claims, and its times are acceptable. |
//! | [`SignedProof`] | Its signature is valid under its key. |
//! | [`VerifiedProof`] | It is for this request and this token, and its nonce is valid. |
//!
//! The filter compares the key with `cnf.jkt` before it verifies the signature. So a client without
//! a valid token and its public key cannot cause a signature check.

mod nonce;
mod proof;
mod proof_key;
pub mod replay;
mod settings;
mod target_uri;

use std::time::Duration;

use crate::crypto::{Algorithm, SignatureVerifier};
use crate::observer::DecisionObserver;
use crate::policy::{AllowedInPaths, NormalizedRequest};
use crate::rejection::Rejection;
use crate::request::RequestHead;
use crate::time::UnixTime;

pub use nonce::Nonces;
pub use proof::{BoundProof, PrecheckedProof, SignedProof, UnverifiedProof, VerifiedProof};
pub use proof_key::ProofKey;
pub use replay::ReplayMemory;
pub use settings::{DpopSettings, NonceSettings};
pub(crate) use settings::{parse_nonce_keys, random_values};
pub use target_uri::{ExternalUrl, Scheme, SchemeSource, TargetUri, TargetUriSource};

/// The tolerance for `iat` with a valid nonce, in seconds. The nonce has the time of the filter, so
/// the clock of the client matters less (RFC 9449 section 11.1).
const NONCE_TOLERANCE: i64 = 300;

/// The requirements of a configuration for proofs.
#[derive(Clone, Debug)]
pub struct ProofRequirements {
    /// Accepted values of `alg`.
    pub algorithms: Vec<Algorithm>,
    /// The maximum age of a proof since `iat`, in seconds, without the clock skew.
    pub max_age: i64,
    /// The clock skew tolerance for `iat`, `exp` and `nbf`, in seconds.
    pub clock_skew: i64,
    /// The maximum length of a proof, in bytes.
    pub max_proof_bytes: usize,
    /// The source of the URL with which the filter compares `htu`.
    pub target_uri: TargetUriSource,
    /// The characters that paths may have (`allow_in_paths`). They must be those with which the
    /// request was normalized.
    pub allowed_in_paths: AllowedInPaths,
}

/// A request with a bound token.
#[derive(Clone, Copy, Debug)]
pub struct BoundRequest<'a> {
    /// The head, with the `DPoP` header.
    pub head: &'a RequestHead<'a>,
    /// The normalized form of the head.
    pub request: &'a NormalizedRequest<'a>,
    /// The SHA-256 digest of the access token, as the client sent it.
    pub token_sha256: &'a [u8; 32],
    /// The decoded `cnf.jkt` of the token: the SHA-256 thumbprint of a key (RFC 9449 section 6.1).
    pub jkt: &'a [u8; 32],
    /// The time at which the request arrived. It is not the time of the decision, because a request
    /// that waits for a document must not expire its proof.
    pub arrived_at: UnixTime,
}

/// The interval of the accepted values of `iat`, in seconds since the epoch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct IssueWindow {
    earliest: i64,
    latest: i64,
}

impl ProofRequirements {
    /// Returns the accepted values of `iat` at the time `now`.
    ///
    /// With nonces, the interval is at least 5 minutes to both sides. A proof without a valid nonce
    /// then fails at the check of the nonce: the client receives one, and can repeat the request
    /// although its clock is wrong.
    fn issue_window(&self, now: UnixTime, nonces: Option<&Nonces>) -> IssueWindow {
        let (before, after) = self.tolerances(nonces.is_some());
        let now = now.seconds();
        IssueWindow { earliest: now.saturating_sub(before), latest: now.saturating_add(after) }
    }

    /// Returns how much earlier and how much later than now `iat` can be, in seconds.
    fn tolerances(&self, has_nonces: bool) -> (i64, i64) {
        let tolerance = if has_nonces { NONCE_TOLERANCE } else { 0 };
        let before = self.max_age.saturating_add(self.clock_skew).max(tolerance);
        (before, self.clock_skew.max(tolerance))
    }

    /// Returns the maximum age and the clock skew of the proofs that a replay memory must remember.
    pub(crate) fn replay_window(&self, has_nonces: bool) -> (Duration, Duration) {
        let (before, after) = self.tolerances(has_nonces);
        let seconds = |seconds: i64| Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        (seconds(before.saturating_sub(after)), seconds(after))
    }
}

/// Verifies the proof of a request, except that it is new: the caller must also check that no
/// earlier request had the proof.
///
/// # Errors
/// The rejection of the first check that fails, in the order of [`Check`](crate::observer::Check).
/// [`Rejection::CryptoUnavailable`] if the verifier cannot check the signature.
pub fn verify_proof(
    bound: &BoundRequest<'_>,
    requirements: &ProofRequirements,
    nonces: Option<&Nonces>,
    verifier: &dyn SignatureVerifier,
    observer: &mut impl DecisionObserver,
) -> Result<VerifiedProof, Rejection> {
    let proof = UnverifiedProof::parse(bound.head, requirements.max_proof_bytes, observer)?;
    let proof = proof.bind(&requirements.algorithms, bound.jkt, verifier, observer)?;
    let proof = proof.precheck(requirements, nonces, bound.arrived_at, observer)?;
    proof.verify(verifier, observer)?.accept(bound, requirements, nonces, observer)
}
