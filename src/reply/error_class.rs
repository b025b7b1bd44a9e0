//! The error class of a rejection.

use crate::rejection::Rejection;

/// The error class of a rejection. It determines the status and the error code.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum ErrorClass {
    NoCredentials,
    InvalidRequest,
    PathTooLong,
    InvalidToken,
    InvalidDpopProof,
    DpopNonceRequired,
    InsufficientAuthentication,
    InsufficientScope,
    Unavailable,
    ServerError,
}

impl ErrorClass {
    /// Returns the class of a rejection.
    pub(super) const fn of(rejection: Rejection) -> Self {
        use Rejection as R;
        match rejection {
            R::TokenMissing => Self::NoCredentials,
            R::MultipleCredentials
            | R::CredentialsAmbiguous
            | R::PathAmbiguous
            | R::HostAmbiguous
            | R::MethodAmbiguous
            | R::QueryAmbiguous
            | R::HeaderAmbiguous
            | R::ValueTooLong => Self::InvalidRequest,
            R::PathTooLong => Self::PathTooLong,
            R::TokenTooLarge
            | R::TokenOpaque
            | R::TokenEncrypted
            | R::TokenMalformed
            | R::HeaderMalformed
            | R::CriticalExtension
            | R::ClaimsMalformed
            | R::IssuerUnknown
            | R::AlgorithmNotAllowed
            | R::OrgServerToken
            | R::TypeNotAllowed
            | R::KeyIdMissing
            | R::KeyUnknown
            | R::KeyMismatch
            | R::SignatureInvalid
            | R::ExpirationMissing
            | R::TokenExpired
            | R::TokenNotYetValid
            | R::IssueTimeMissing
            | R::IssuedInFuture
            | R::TokenTooOld
            | R::AudienceNotAllowed
            | R::NotAnAccessToken
            | R::ClientNotAllowed
            | R::TokenInactive
            | R::TokenBound
            | R::TokenNotBound
            | R::DpopSchemeRequired
            | R::CertificateMissing
            | R::CertificateUnreadable
            | R::CertificateMismatch
            | R::SenderConstraintRequired
            // RFC 9449 section 7.1, last example
            | R::DpopKeyMismatch
            | R::TokenRevoked => Self::InvalidToken,
            R::DpopProofMissing
            | R::DpopProofRepeated
            | R::DpopProofTooLarge
            | R::DpopProofMalformed
            | R::DpopTypeNotAllowed
            | R::DpopCriticalExtension
            | R::DpopAlgorithmNotAllowed
            | R::DpopKeyPrivate
            | R::DpopKeyMalformed
            | R::DpopClaimMissing
            | R::DpopProofExpired
            | R::DpopProofFromTheFuture
            | R::DpopSignatureInvalid
            | R::DpopMethodMismatch
            | R::DpopUrlMismatch
            | R::DpopTokenMismatch
            | R::DpopProofReplayed => Self::InvalidDpopProof,
            R::DpopNonceRequired | R::DpopNonceStale => Self::DpopNonceRequired,
            R::AcrInsufficient | R::AuthenticationTooOld => Self::InsufficientAuthentication,
            R::NoRuleMatches
            | R::DeniedByRule
            | R::RoutePolicyUnknown
            | R::RemoteIpUnknown
            | R::InsufficientScope
            | R::RequirementNotMet => Self::InsufficientScope,
            R::KeysUnavailable
            | R::KeysStale
            | R::DenylistUnavailable
            | R::CryptoUnavailable
            | R::IntrospectionUnavailable
            | R::IntrospectionLimited
            | R::DpopReplayUnavailable => Self::Unavailable,
            R::Misconfigured => Self::ServerError,
        }
    }

    /// Returns the HTTP status code (RFC 6750 section 3.1, RFC 9110 section 15).
    pub(super) const fn status(self) -> u32 {
        match self {
            Self::InvalidRequest => 400,
            Self::PathTooLong => 414,
            Self::NoCredentials
            | Self::InvalidToken
            | Self::InvalidDpopProof
            | Self::DpopNonceRequired
            | Self::InsufficientAuthentication => 401,
            Self::InsufficientScope => 403,
            Self::Unavailable | Self::ServerError => 503,
        }
    }

    /// Returns the error code of RFC 6750 section 3.1, RFC 6749 section 4.1.2.1 RFC 9470 section 3, or
    /// RFC 9449 sections 7.1 and 9.
    pub(super) const fn error(self) -> &'static str {
        match self {
            Self::NoCredentials => "unauthorized",
            Self::InvalidRequest | Self::PathTooLong => "invalid_request",
            Self::InvalidToken => "invalid_token",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::DpopNonceRequired => "use_dpop_nonce",
            Self::InsufficientAuthentication => "insufficient_user_authentication",
            Self::InsufficientScope => "insufficient_scope",
            Self::Unavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }
}
