//! The reasons why the filter rejects a request.
//!
//! The variants are ordered by subject. Each has a stable [`Rejection::code`] and a
//! sentence; neither contains data of the request. [`crate::reply`] determines the HTTP response.

use std::fmt;

/// Declares the enum, its codes and its sentences in one list.
macro_rules! rejections {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal: $sentence:literal,)+) => {
        /// The reason why the filter rejects a request. Its [`Display`](fmt::Display) is a
        /// sentence.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Rejection {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Rejection {
            /// All rejections, by subject.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the stable code. The body, the counters, the access log and
            /// `%RESPONSE_CODE_DETAILS%` contain it.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }
        }

        impl Rejection {
            /// Returns whether the filter makes this check before it examines a token.
            pub(crate) const fn precedes_token(self) -> bool {
                matches!(
                    self,
                    Self::PathAmbiguous
                        | Self::PathTooLong
                        | Self::HostAmbiguous
                        | Self::MethodAmbiguous
                        | Self::QueryAmbiguous
                        | Self::HeaderAmbiguous
                        | Self::ValueTooLong
                        | Self::RemoteIpUnknown
                        | Self::TokenMissing
                        | Self::MultipleCredentials
                        | Self::CredentialsAmbiguous
                )
            }
        }

        impl fmt::Display for Rejection {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $sentence,)+
                })
            }
        }
    };
}

rejections! {
    /// The plugin configuration is invalid, and Envoy sent a request to the filter nevertheless.
    Misconfigured = "misconfigured": "the gateway's authorization filter is not configured",
    /// The upstream may interpret the path differently: an encoded slash or dot, `//`, `;`.
    PathAmbiguous = "path_ambiguous": "the request path is ambiguous",
    /// The path, without the query, is longer than `max_match_bytes` (RFC 9110 section 15.5.15).
    PathTooLong = "path_too_long": "the request path is too long",
    /// `:authority` is not a host with an optional port, so the upstream may interpret it
    /// differently.
    HostAmbiguous = "host_ambiguous": "the request host is ambiguous",
    /// The method has lower-case letters. Methods are case-sensitive (RFC 9110 section 9.1), but
    /// not every upstream distinguishes `post` from `POST`.
    MethodAmbiguous = "method_ambiguous": "the request method is ambiguous",
    /// A query parameter that a rule matches occurs twice, or has more than one interpretation.
    QueryAmbiguous = "query_ambiguous": "the request query is ambiguous",
    /// A header that a rule matches occurs twice, or has more than one interpretation.
    HeaderAmbiguous = "header_ambiguous": "a request header is ambiguous",
    /// A header or a query parameter that a rule matches is longer than `max_match_bytes`.
    ValueTooLong = "value_too_long": "a request value is too long",
    /// A rule matches the address of the client, and Envoy does not provide the address.
    RemoteIpUnknown = "remote_ip_unknown": "the address of the client is unknown",
    /// The route names a policy that the configuration does not have.
    RoutePolicyUnknown = "route_policy_unknown": "the route's policy is unknown",
    /// The request has no bearer token: no `Authorization`, an empty one, or another scheme (RFC
    /// 6750 section 3.1).
    TokenMissing = "token_missing": "a bearer token is required",
    /// The request has more than one token (RFC 6750 section 2), or a token and a value that the
    /// upstream may interpret as another.
    MultipleCredentials = "multiple_credentials": "more than one credential was sent",
    /// A header that is a token source lacks its configured prefix, and no other source has a
    /// token.
    CredentialsAmbiguous = "credentials_ambiguous": "the request credentials are ambiguous",
    /// The token is longer than `max_token_bytes`.
    TokenTooLarge = "token_too_large": "the access token is too large",
    /// The token has one segment, for example a refresh token or an API key, so the filter cannot
    /// verify it.
    TokenOpaque = "token_opaque": "the access token is not a JWT",
    /// The token has five segments, so it is a JWE (RFC 7516). The filter has no key to decrypt it.
    TokenEncrypted = "token_encrypted": "the access token is encrypted",
    /// The token is not three non-empty segments of canonical base64url without padding (RFC 7515
    /// section 7.1).
    TokenMalformed = "token_malformed": "the access token is malformed",
    /// The JOSE header is not a JSON object without duplicate members, or a member has the wrong
    /// type.
    HeaderMalformed = "header_malformed": "the access token's header is malformed",
    /// The JOSE header has `crit` or `b64`. The filter supports no extension (RFC 7515 section
    /// 4.1.11).
    CriticalExtension = "critical_extension": "the access token's header demands an unknown extension",
    /// The payload is not a JSON object without duplicate members, or a registered claim has the
    /// wrong type.
    ClaimsMalformed = "claims_malformed": "the access token's claims are malformed",
    /// No provider accepts `iss`.
    IssuerUnknown = "issuer_unknown": "the access token's issuer is not accepted",
    /// The provider does not accept `alg` (RFC 8725 section 3.1).
    AlgorithmNotAllowed = "algorithm_not_allowed": "the access token's algorithm is not accepted",
    /// `typ` is that of Okta's org authorization server. Only Okta may validate its tokens.
    OrgServerToken = "org_server_token": "tokens of the org authorization server are not accepted",
    /// The token profile does not accept `typ` (RFC 8725 section 3.11, RFC 9068 section 4).
    TypeNotAllowed = "type_not_allowed": "the access token's type is not accepted",
    /// The token has no `kid`, and the profile requires one.
    KeyIdMissing = "key_id_missing": "the access token has no key ID",
    /// The filter has not fetched the keys of the provider yet, or they had no usable key.
    KeysUnavailable = "keys_unavailable": "the keys to verify access tokens are not available yet",
    /// The last fetched keys are older than `max_stale`.
    KeysStale = "keys_stale": "the keys to verify access tokens are too old",
    /// No key of the issuer has the `kid`, also after a refresh.
    KeyUnknown = "key_unknown": "the access token's key is unknown",
    /// The key with the `kid` is for another algorithm or use.
    KeyMismatch = "key_mismatch": "the access token's key does not fit its algorithm",
    /// Neither Envoy's cryptography nor the fallback supports the algorithm with this key.
    CryptoUnavailable = "crypto_unavailable": "the access token's signature cannot be checked here",
    /// The signature is invalid.
    SignatureInvalid = "signature_invalid": "the access token's signature is invalid",
    /// The introspection endpoint says that the token is not active (RFC 7662 section 2.2).
    TokenInactive = "token_inactive": "the access token is not active",
    /// The introspection endpoint cannot be reached, or its response is not valid.
    IntrospectionUnavailable = "introspection_unavailable": "the access token cannot be introspected at the moment",
    /// The filter has reached its limit of introspection calls, or the endpoint has (429).
    IntrospectionLimited = "introspection_limited": "too many access tokens must be introspected at the moment",
    /// The token has no `exp`, which RFC 9068 section 2.2 requires.
    ExpirationMissing = "expiration_missing": "the access token has no expiration time",
    /// `exp` has passed.
    TokenExpired = "token_expired": "the access token expired",
    /// `nbf` is in the future.
    TokenNotYetValid = "token_not_yet_valid": "the access token is not valid yet",
    /// The token has no `iat`, and the profile or `max_token_age` requires it.
    IssueTimeMissing = "issue_time_missing": "the access token has no issue time",
    /// `iat` is in the future.
    IssuedInFuture = "issued_in_future": "the access token was issued in the future",
    /// The token is older than `max_token_age`.
    TokenTooOld = "token_too_old": "the access token was issued too long ago",
    /// The provider does not accept `aud`.
    AudienceNotAllowed = "audience_not_allowed": "the access token is for another audience",
    /// The claims are not those of an access token of the profile. The token is an ID token, an
    /// ID-JAG, or a token of another profile.
    NotAnAccessToken = "not_an_access_token": "the token is not an access token",
    /// The provider does not accept the client ID.
    ClientNotAllowed = "client_not_allowed": "the access token's client is not accepted",
    /// The token has `cnf`: it is bound to a key or a certificate, whose proof the filter does not
    /// verify (RFC 7800, RFC 8705, RFC 9449).
    TokenBound = "token_bound": "the access token is bound to a proof of possession",
    /// The request uses the scheme `DPoP`, and the token is not bound to a key (RFC 9449 section
    /// 7.1).
    TokenNotBound = "token_not_bound": "the access token is not bound to a DPoP key",
    /// The token is bound to a DPoP key, and the request does not use the scheme `DPoP` (RFC 9449
    /// section 7.2).
    DpopSchemeRequired = "dpop_scheme_required": "the access token requires the authentication scheme DPoP",
    /// The token is bound to a certificate, and the client has sent none (RFC 8705 section 3).
    CertificateMissing = "certificate_missing": "the access token requires a client certificate",
    /// Envoy or the proxy in front of it does not report the certificate in the configured form.
    CertificateUnreadable = "certificate_unreadable": "the client certificate cannot be read",
    /// The token is bound to another certificate (RFC 8705 section 3).
    CertificateMismatch = "certificate_mismatch": "the access token is bound to another client certificate",
    /// The token is not bound to a key or a certificate, and the provider or the rule requires it.
    SenderConstraintRequired = "sender_constraint_required": "a sender-constrained access token is required",
    /// The request uses the scheme `DPoP` without a proof (RFC 9449 section 7.1).
    DpopProofMissing = "dpop_proof_missing": "a DPoP proof is required",
    /// The request has more than one proof (RFC 9449 section 4.3, check 1).
    DpopProofRepeated = "dpop_proof_repeated": "more than one DPoP proof was sent",
    /// The proof is longer than `max_proof_bytes`.
    DpopProofTooLarge = "dpop_proof_too_large": "the DPoP proof is too large",
    /// The proof is not a compact JWS with a JSON object as header and payload, or a member has the
    /// wrong type (RFC 9449 section 4.3, check 2).
    DpopProofMalformed = "dpop_proof_malformed": "the DPoP proof is malformed",
    /// `typ` is not `dpop+jwt` (RFC 9449 section 4.3, check 4).
    DpopTypeNotAllowed = "dpop_type_not_allowed": "the DPoP proof's type is not dpop-jwt",
    /// The header of the proof has `crit`. The filter supports no extension (RFC 7515 section
    /// 4.1.11).
    DpopCriticalExtension = "dpop_critical_extension": "the DPoP proof's header demands an unknown extension",
    /// The configuration does not accept `alg` of the proof (RFC 9449 section 4.3, check 5).
    DpopAlgorithmNotAllowed = "dpop_algorithm_not_allowed": "the DPoP proof's algorithm is not accepted",
    /// `jwk` has a private or symmetric key (RFC 9449 section 4.3, check 7).
    DpopKeyPrivate = "dpop_key_private": "the DPoP proof contains a private key",
    /// `jwk` is not a public key for `alg`.
    DpopKeyMalformed = "dpop_key_malformed": "the DPoP proof's key is malformed",
    /// The token is bound to another key (RFC 9449 section 4.3, check 12).
    DpopKeyMismatch = "dpop_key_mismatch": "the access token is bound to another DPoP key",
    /// `jti`, `htm`, `htu`, `iat` or `ath` is absent (RFC 9449 section 4.3, check 3).
    DpopClaimMissing = "dpop_claim_missing": "the DPoP proof lacks a required claim",
    /// `iat` is longer ago than `max_age`, or `exp` has passed (RFC 9449 section 4.3, check 11).
    DpopProofExpired = "dpop_proof_expired": "the DPoP proof expired",
    /// `iat` or `nbf` is in the future (RFC 9449 section 4.3, check 11).
    DpopProofFromTheFuture = "dpop_proof_from_the_future": "the DPoP proof was issued in the future",
    /// The signature of the proof is invalid under `jwk` (RFC 9449 section 4.3, check 6).
    DpopSignatureInvalid = "dpop_signature_invalid": "the DPoP proof's signature is invalid",
    /// `htm` is not the method of the request (RFC 9449 section 4.3, check 8).
    DpopMethodMismatch = "dpop_method_mismatch": "the DPoP proof is for another method",
    /// `htu` is not the URL of the request (RFC 9449 section 4.3, check 9).
    DpopUrlMismatch = "dpop_url_mismatch": "the DPoP proof is for another URL",
    /// `ath` is not the hash of the token (RFC 9449 section 4.3, check 12).
    DpopTokenMismatch = "dpop_token_mismatch": "the DPoP proof is for another access token",
    /// The proof has no nonce, or one that this filter did not issue (RFC 9449 section 9).
    DpopNonceRequired = "dpop_nonce_required": "the DPoP proof requires a nonce",
    /// The nonce of the proof is no longer accepted (RFC 9449 section 9).
    DpopNonceStale = "dpop_nonce_stale": "the DPoP proof's nonce is out of date",
    /// An entry of a denylist matches the token.
    TokenRevoked = "token_revoked": "the access token was revoked",
    /// The filter has not fetched the denylist yet, or the denylist is older than `max_stale`.
    DenylistUnavailable = "denylist_unavailable": "the list of revoked access tokens is not available",
    /// The filter has accepted the proof before (RFC 9449 section 11.1).
    DpopProofReplayed = "dpop_proof_replayed": "the DPoP proof was used before",
    /// The filter cannot use its memory of accepted proofs.
    DpopReplayUnavailable = "dpop_replay_unavailable": "the DPoP proof cannot be checked for reuse at the moment",
    /// The stream is open, `close_streams` is true, and the worker tracks the maximum number of
    /// other streams.
    TooManyStreams = "too_many_streams": "too many streams are open",
    /// The token is valid, but no rule matches the request. The filter denies by default.
    NoRuleMatches = "no_rule_matches": "no rule allows this request",
    /// The token is valid, but the rule denies every request.
    DeniedByRule = "denied_by_rule": "a rule denies this request",
    /// The token is valid, but `acr` is not one that the rule requires (RFC 9470).
    AcrInsufficient = "acr_insufficient": "a different authentication level is required",
    /// The token is valid, but `auth_time` is older than the rule allows (RFC 9470).
    AuthenticationTooOld = "authentication_too_old": "a more recent authentication is required",
    /// The token is valid, but lacks a scope that the rule requires.
    InsufficientScope = "insufficient_scope": "the access token lacks a required scope",
    /// The token is valid, but does not meet another requirement of the rule.
    RequirementNotMet = "requirement_not_met": "the access token does not meet a requirement",
}

/// Returns the rejection as an error unless the condition holds.
pub(crate) const fn ensure(condition: bool, rejection: Rejection) -> Result<(), Rejection> {
    if condition { Ok(()) } else { Err(rejection) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn code_of_each_rejection_is_distinct_and_a_metric_name() {
        let codes: HashSet<_> = Rejection::ALL.iter().map(|rejection| rejection.code()).collect();
        assert_eq!(codes.len(), Rejection::ALL.len());
        assert!(codes.iter().all(|code| code.bytes().all(|b| b == b'_' || b.is_ascii_lowercase())));
    }

    #[test]
    fn sentence_of_each_rejection_is_a_valid_error_description() {
        // RFC 6750 section 3 allows printable ASCII without quotes and backslashes. Okta's auth-js
        // parses fewer characters.
        for rejection in Rejection::ALL {
            let sentence = rejection.to_string();
            assert!(sentence.bytes().all(|b| b.is_ascii_alphanumeric() || b" '-".contains(&b)), "{sentence}");
        }
    }
}
