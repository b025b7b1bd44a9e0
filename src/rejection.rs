//! Every reason for which a request can be turned away.
//!
//! The variants stand in the order in which the checks are made. Each has a stable [`Rejection::code`] for
//! machines and a sentence for people; neither ever repeats a byte of the request. What a rejection becomes on
//! the wire is decided in [`crate::reply`] alone.

use std::fmt;

/// Declares the enum, its codes and its sentences in one list, so that none can be forgotten.
macro_rules! rejections {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal: $sentence:literal,)+) => {
        /// Why a request was turned away.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Rejection {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Rejection {
            /// Every rejection there is, in the order of the checks.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// A stable name: body, counter, access log and `%RESPONSE_CODE_DETAILS%` use it.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }
        }

        impl Rejection {
            /// Returns whether the filter rejects a request for this before it examines a token.
            pub const fn precedes_token(self) -> bool {
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
    /// The plugin configuration was refused, and Envoy sent a request all the same.
    Misconfigured = "misconfigured": "the gateway's authorization filter is not configured",
    /// The path could mean one thing to a rule and another to the backend: an encoded slash or dot, `//`, `;`.
    PathAmbiguous = "path_ambiguous": "the request path is ambiguous",
    /// The path, without the query, is longer than `max_match_bytes` (RFC 9110 section 15.5.15).
    PathTooLong = "path_too_long": "the request path is too long",
    /// `:authority` is not a host with at most a port: rules could take it for another host than the backend does.
    HostAmbiguous = "host_ambiguous": "the request host is ambiguous",
    /// The method has lower-case letters: rules tell `post` from `POST` (RFC 9110 section 9.1), not every backend does.
    MethodAmbiguous = "method_ambiguous": "the request method is ambiguous",
    /// A query parameter that a rule looks at is there twice, or could be read in more than one way.
    QueryAmbiguous = "query_ambiguous": "the request query is ambiguous",
    /// A header that a rule looks at is there twice, or could be read in more than one way.
    HeaderAmbiguous = "header_ambiguous": "a request header is ambiguous",
    /// A header or a query parameter that a rule looks at is longer than `max_match_bytes`.
    ValueTooLong = "value_too_long": "a request value is too long",
    /// A rule looks at the address of the client, and the host does not know it.
    RemoteIpUnknown = "remote_ip_unknown": "the address of the client is unknown",
    /// The route names a policy that the configuration does not have.
    RoutePolicyUnknown = "route_policy_unknown": "the route's policy is unknown",
    /// No bearer token: no `Authorization`, an empty one, or another scheme (RFC 6750 section 3.1).
    TokenMissing = "token_missing": "a bearer token is required",
    /// More than one token (RFC 6750 section 2), or one beside something that a backend could read as another.
    MultipleCredentials = "multiple_credentials": "more than one credential was sent",
    /// A header that is a source of tokens, without the prefix that the configuration has for it, and no token elsewhere.
    CredentialsAmbiguous = "credentials_ambiguous": "the request credentials are ambiguous",
    /// Longer than `max_token_bytes`.
    TokenTooLarge = "token_too_large": "the access token is too large",
    /// A single segment: a refresh token, an API key; nothing that can be verified here.
    TokenOpaque = "token_opaque": "the access token is not a JWT",
    /// Five segments: a JWE. Okta can encrypt access tokens; this filter has no key to decrypt them.
    TokenEncrypted = "token_encrypted": "the access token is encrypted",
    /// Not three non-empty segments of canonical unpadded base64url (RFC 7515 section 7.1).
    TokenMalformed = "token_malformed": "the access token is malformed",
    /// The JOSE header is not an object without duplicates, or a member has the wrong type.
    HeaderMalformed = "header_malformed": "the access token's header is malformed",
    /// The header demands an extension (`crit`), and this filter knows none (RFC 7515 section 4.1.11).
    CriticalExtension = "critical_extension": "the access token's header demands an unknown extension",
    /// The payload is not an object without duplicates, or a registered claim has the wrong type.
    ClaimsMalformed = "claims_malformed": "the access token's claims are malformed",
    /// No provider has this `iss`.
    IssuerUnknown = "issuer_unknown": "the access token's issuer is not accepted",
    /// `alg` is not on the provider's list (RFC 8725 section 3.1).
    AlgorithmNotAllowed = "algorithm_not_allowed": "the access token's algorithm is not accepted",
    /// Okta marks tokens of the org authorization server so; only Okta may judge them.
    OrgServerToken = "org_server_token": "tokens of the org authorization server are not accepted",
    /// `typ` is not one of the token profile's (RFC 8725 section 3.11, RFC 9068 section 4).
    TypeNotAllowed = "type_not_allowed": "the access token's type is not accepted",
    /// No `kid`, and the profile asks for one.
    KeyIdMissing = "key_id_missing": "the access token has no key ID",
    /// No keys have arrived yet, or none has been usable.
    KeysUnavailable = "keys_unavailable": "the keys to verify access tokens are not available yet",
    /// The last good keys are older than `max_stale`.
    KeysStale = "keys_stale": "the keys to verify access tokens are too old",
    /// The issuer has no such key, and asking again did not help.
    KeyUnknown = "key_unknown": "the access token's key is unknown",
    /// The key exists and is not for this algorithm or use.
    KeyMismatch = "key_mismatch": "the access token's key does not fit its algorithm",
    /// Neither the host nor the fallback can do this algorithm with this key.
    CryptoUnavailable = "crypto_unavailable": "the access token's signature cannot be checked here",
    /// The signature does not hold.
    SignatureInvalid = "signature_invalid": "the access token's signature is invalid",
    /// No `exp`: a token must end (RFC 9068 section 2.2).
    ExpirationMissing = "expiration_missing": "the access token has no expiration time",
    /// `exp` has passed.
    TokenExpired = "token_expired": "the access token expired",
    /// `nbf` has not come yet.
    TokenNotYetValid = "token_not_yet_valid": "the access token is not valid yet",
    /// No `iat`, and the profile or `max_token_age` asks for one.
    IssueTimeMissing = "issue_time_missing": "the access token has no issue time",
    /// `iat` lies in the future.
    IssuedInFuture = "issued_in_future": "the access token was issued in the future",
    /// Older than `max_token_age`.
    TokenTooOld = "token_too_old": "the access token was issued too long ago",
    /// `aud` is none of the provider's audiences.
    AudienceNotAllowed = "audience_not_allowed": "the access token is for another audience",
    /// The shape of an access token is missing: an ID token, an ID-JAG, or a token of another profile.
    NotAnAccessToken = "not_an_access_token": "the token is not an access token",
    /// The client is not on the provider's list.
    ClientNotAllowed = "client_not_allowed": "the access token's client is not accepted",
    /// `cnf`: the token is bound to a key or certificate that was not asked for (RFC 7800, RFC 9449).
    TokenBound = "token_bound": "the access token is bound to a proof of possession",
    /// An entry of the denylist fits the token.
    TokenRevoked = "token_revoked": "the access token was revoked",
    /// No denylist has arrived yet, or the last one is older than its `max_stale`.
    DenylistUnavailable = "denylist_unavailable": "the list of revoked access tokens is not available",
    /// A valid token, and no rule for this request: denied by default.
    NoRuleMatches = "no_rule_matches": "no rule allows this request",
    /// A valid token, and a rule that denies this request whatever the token.
    DeniedByRule = "denied_by_rule": "a rule denies this request",
    /// A valid token from an authentication of another kind than the rule requires (RFC 9470).
    AcrInsufficient = "acr_insufficient": "a different authentication level is required",
    /// A valid token from an authentication that is too long ago (RFC 9470).
    AuthenticationTooOld = "authentication_too_old": "a more recent authentication is required",
    /// A valid token without the scopes that the rule requires.
    InsufficientScope = "insufficient_scope": "the access token lacks a required scope",
    /// A valid token that fails another requirement of the rule.
    RequirementNotMet = "requirement_not_met": "the access token does not meet a requirement",
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_distinct_and_fit_a_counter_name() {
        let codes: HashSet<_> = Rejection::ALL.iter().map(|rejection| rejection.code()).collect();
        assert_eq!(codes.len(), Rejection::ALL.len());
        assert!(codes.iter().all(|code| code.bytes().all(|b| b == b'_' || b.is_ascii_lowercase())));
    }

    #[test]
    fn sentences_fit_an_error_description() {
        // RFC 6750 section 3: no quote, no backslash, printable ASCII. Okta's auth-js reads even fewer.
        for rejection in Rejection::ALL {
            let sentence = rejection.to_string();
            assert!(sentence.bytes().all(|b| b.is_ascii_alphanumeric() || b" '-".contains(&b)), "{sentence}");
        }
    }
}
