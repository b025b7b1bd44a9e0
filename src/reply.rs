//! What a rejection becomes on the wire: the only file that knows status codes and challenges.
//!
//! RFC 6750 section 3 gives the challenge, RFC 9110 section 15 the statuses. No space follows the commas of a
//! challenge: clients of Okta's step-up sample split on the comma and do not trim.

use serde_json::json;

use crate::policy::StepUp;
use crate::rejection::Rejection;

/// Seconds after which a client may try again when keys are missing: one fetch and its first repetitions fit in.
const RETRY_AFTER_SECONDS: u32 = 5;

/// A rejection, with the scopes that would have helped, if any would.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial {
    /// Why.
    pub rejection: Rejection,
    /// The scopes that are missing; checked to be scope-tokens when the configuration was read.
    pub scopes: Vec<String>,
    /// The authentication that would help (RFC 9470 section 3); its values are checked like scopes.
    pub step_up: StepUp,
}

/// A response in place of the backend's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u32,
    /// The headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body, JSON.
    pub body: String,
}

/// Whose fault it is, in the words of RFC 6750 section 3.1 and RFC 6749 section 4.1.2.1.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Class {
    NoCredentials,
    InvalidRequest,
    InvalidToken,
    InsufficientAuthentication,
    InsufficientScope,
    Unavailable,
    ServerError,
}

impl From<Rejection> for Denial {
    fn from(rejection: Rejection) -> Self {
        Self { rejection, scopes: Vec::new(), step_up: StepUp::default() }
    }
}

impl Reply {
    /// The reply to a denied request. `realm` is quoted into the challenge and must be checked to fit there.
    pub fn new(denial: &Denial, realm: &str) -> Self {
        let class = class(denial.rejection);
        let sentence = denial.rejection.to_string();
        let mut headers =
            vec![("content-type", "application/json".to_owned()), ("cache-control", "no-store".to_owned())];
        if class == Class::Unavailable {
            headers.push(("retry-after", RETRY_AFTER_SECONDS.to_string()));
        }
        if let Some(challenge) = challenge(class, realm, &sentence, denial) {
            headers.push(("www-authenticate", challenge));
        }
        let body = json!({ "detail": sentence, "error": class.error(), "code": denial.rejection.code() });
        Self { status: class.status(), headers, body: body.to_string() }
    }
}

fn challenge(class: Class, realm: &str, sentence: &str, denial: &Denial) -> Option<String> {
    if matches!(class, Class::Unavailable | Class::ServerError) {
        return None;
    }
    let mut challenge = format!("Bearer realm=\"{realm}\"");
    // "If the request lacks any authentication information, the resource server SHOULD NOT include an error code."
    if class != Class::NoCredentials {
        challenge.push_str(&format!(",error=\"{}\",error_description=\"{sentence}\"", class.error()));
    }
    let Denial { scopes, step_up: StepUp { acr_values, max_age }, .. } = denial;
    if !scopes.is_empty() {
        challenge.push_str(&format!(",scope=\"{}\"", scopes.join(" ")));
    }
    if !acr_values.is_empty() {
        challenge.push_str(&format!(",acr_values=\"{}\"", acr_values.join(" ")));
    }
    if let Some(max_age) = max_age {
        challenge.push_str(&format!(",max_age=\"{max_age}\""));
    }
    Some(challenge)
}

const fn class(rejection: Rejection) -> Class {
    use Rejection as R;
    match rejection {
        R::TokenMissing => Class::NoCredentials,
        R::MultipleCredentials
        | R::PathAmbiguous
        | R::HostAmbiguous
        | R::MethodAmbiguous
        | R::QueryAmbiguous => Class::InvalidRequest,
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
        | R::TokenFromTheFuture
        | R::TokenTooOld
        | R::AudienceNotAllowed
        | R::NotAnAccessToken
        | R::ClientNotAllowed
        | R::TokenBound => Class::InvalidToken,
        R::AcrInsufficient | R::AuthenticationTooOld => Class::InsufficientAuthentication,
        R::NoRuleMatches
        | R::DeniedByRule
        | R::RoutePolicyUnknown
        | R::InsufficientScope
        | R::RequirementNotMet => Class::InsufficientScope,
        R::KeysUnavailable | R::KeysStale | R::CryptoUnavailable => Class::Unavailable,
        R::Misconfigured => Class::ServerError,
    }
}

impl Class {
    const fn status(self) -> u32 {
        match self {
            Self::InvalidRequest => 400,
            Self::NoCredentials | Self::InvalidToken | Self::InsufficientAuthentication => 401,
            Self::InsufficientScope => 403,
            Self::Unavailable | Self::ServerError => 503,
        }
    }

    const fn error(self) -> &'static str {
        match self {
            Self::NoCredentials => "unauthorized",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientAuthentication => "insufficient_user_authentication",
            Self::InsufficientScope => "insufficient_scope",
            Self::Unavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
        reply.headers.iter().find(|(have, _)| *have == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn the_answers_table() {
        let of = |rejection: Rejection| Reply::new(&rejection.into(), "api");
        for (rejection, status, challenge) in [
            (Rejection::TokenMissing, 401, Some(r#"Bearer realm="api""#)),
            (
                Rejection::TokenExpired,
                401,
                Some(
                    r#"Bearer realm="api",error="invalid_token",error_description="the access token expired""#,
                ),
            ),
            (
                Rejection::MultipleCredentials,
                400,
                Some(
                    r#"Bearer realm="api",error="invalid_request",error_description="more than one credential was sent""#,
                ),
            ),
            (
                Rejection::NoRuleMatches,
                403,
                Some(
                    r#"Bearer realm="api",error="insufficient_scope",error_description="no rule allows this request""#,
                ),
            ),
            (Rejection::KeysUnavailable, 503, None),
            (Rejection::KeysStale, 503, None),
            (Rejection::Misconfigured, 503, None),
        ] {
            let reply = of(rejection);
            assert_eq!(
                (reply.status, header(&reply, "www-authenticate")),
                (status, challenge),
                "{rejection:?}"
            );
            assert_eq!(header(&reply, "cache-control"), Some("no-store"));
        }
        assert_eq!(header(&of(Rejection::KeysUnavailable), "retry-after"), Some("5"));
        assert_eq!(header(&of(Rejection::Misconfigured), "retry-after"), None);
        assert_eq!(
            of(Rejection::TokenMissing).body,
            r#"{"code":"token_missing","detail":"a bearer token is required","error":"unauthorized"}"#
        );
    }

    #[test]
    fn missing_scopes_are_named() {
        let scopes = vec!["a".into(), "b:c".into()];
        let denial = Denial { scopes, ..Rejection::InsufficientScope.into() };
        let reply = Reply::new(&denial, "api");
        assert_eq!(reply.status, 403);
        assert!(header(&reply, "www-authenticate").unwrap().ends_with(r#",scope="a b:c""#));
    }

    #[test]
    fn a_step_up_names_what_would_do() {
        let step_up =
            StepUp { acr_values: vec!["urn:okta:loa:2fa:any".into(), "phr".into()], max_age: Some(300) };
        let denial = Denial { step_up, ..Rejection::AcrInsufficient.into() };
        let reply = Reply::new(&denial, "api");
        assert_eq!(
            (reply.status, header(&reply, "www-authenticate")),
            (
                401,
                Some(
                    r#"Bearer realm="api",error="insufficient_user_authentication",error_description="a different authentication level is required",acr_values="urn:okta:loa:2fa:any phr",max_age="300""#
                )
            )
        );
    }

    #[test]
    fn nothing_but_a_permit_is_a_success() {
        for rejection in Rejection::ALL {
            let reply = Reply::new(&(*rejection).into(), "api");
            assert!(matches!(reply.status, 400 | 401 | 403 | 503), "{rejection:?}");
        }
    }
}
