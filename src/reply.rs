//! What a rejection becomes on the wire: the only file that knows status codes and challenges.
//!
//! RFC 6750 section 3 gives the challenge, RFC 9110 section 15 the statuses. No space follows the commas of a
//! challenge: clients of Okta's step-up sample split on the comma and do not trim.

mod body;

pub use body::{Body, CustomBody, Responses};

use body::ErrorFields;

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
    /// The body.
    pub body: String,
}

/// What a reply depends on besides the denial.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReplyContext<'a> {
    /// Whether this is a gRPC call: Envoy makes a status of the reply, and the status' message of its body.
    pub grpc: bool,
    /// Where the metadata of the resource are (RFC 9728 section 5.1).
    pub resource_metadata: Option<&'a str>,
}

/// Whose fault it is, in the words of RFC 6750 section 3.1 and RFC 6749 section 4.1.2.1.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Class {
    NoCredentials,
    InvalidRequest,
    PathTooLong,
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
    /// The reply to a denied request.
    pub fn new(denial: &Denial, responses: &Responses, to: ReplyContext<'_>) -> Self {
        let class = class(denial.rejection);
        let status = class.status();
        let sentence =
            if responses.details { denial.rejection.to_string() } else { body::neutral(status).to_owned() };
        let mut headers = vec![("cache-control", "no-store".to_owned())];
        if class == Class::Unavailable {
            headers.push(("retry-after", RETRY_AFTER_SECONDS.to_string()));
        }
        if !matches!(class, Class::Unavailable | Class::ServerError) {
            headers.push(("www-authenticate", challenge(denial, responses, to.resource_metadata)));
        }
        if to.grpc {
            return Self { status, headers, body: sentence };
        }
        let code = responses.details.then(|| denial.rejection.code());
        let told = ErrorFields { status, error: class.error(), detail: &sentence, code };
        let (content_type, body) = responses.content(&told).unzip();
        headers.extend(content_type.map(|content_type| ("content-type", content_type)));
        Self { status, headers, body: body.unwrap_or_default() }
    }
}

fn challenge(denial: &Denial, responses: &Responses, resource_metadata: Option<&str>) -> String {
    let class = class(denial.rejection);
    let mut challenge = format!("Bearer realm=\"{}\"", responses.realm);
    let mut add = |name: &str, value: &str| challenge.push_str(&format!(",{name}=\"{value}\""));
    // "If the request lacks any authentication information, the resource server SHOULD NOT include an error code."
    if class != Class::NoCredentials {
        add("error", class.error());
    }
    if responses.details {
        if class != Class::NoCredentials {
            add("error_description", &denial.rejection.to_string());
        }
        let Denial { scopes, step_up: StepUp { acr_values, max_age }, .. } = denial;
        if !scopes.is_empty() {
            add("scope", &scopes.join(" "));
        }
        if !acr_values.is_empty() {
            add("acr_values", &acr_values.join(" "));
        }
        if let Some(max_age) = max_age {
            add("max_age", &max_age.to_string());
        }
    }
    if let Some(url) = resource_metadata {
        add("resource_metadata", url);
    }
    challenge
}

const fn class(rejection: Rejection) -> Class {
    use Rejection as R;
    match rejection {
        R::TokenMissing => Class::NoCredentials,
        R::MultipleCredentials
        | R::CredentialsAmbiguous
        | R::PathAmbiguous
        | R::HostAmbiguous
        | R::MethodAmbiguous
        | R::QueryAmbiguous
        | R::HeaderAmbiguous
        | R::ValueTooLong => Class::InvalidRequest,
        R::PathTooLong => Class::PathTooLong,
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
        | R::TokenBound
        | R::TokenRevoked => Class::InvalidToken,
        R::AcrInsufficient | R::AuthenticationTooOld => Class::InsufficientAuthentication,
        R::NoRuleMatches
        | R::DeniedByRule
        | R::RoutePolicyUnknown
        | R::RemoteIpUnknown
        | R::InsufficientScope
        | R::RequirementNotMet => Class::InsufficientScope,
        R::KeysUnavailable | R::KeysStale | R::DenylistUnavailable | R::CryptoUnavailable => {
            Class::Unavailable
        }
        R::Misconfigured => Class::ServerError,
    }
}

impl Class {
    const fn status(self) -> u32 {
        match self {
            Self::InvalidRequest => 400,
            Self::PathTooLong => 414,
            Self::NoCredentials | Self::InvalidToken | Self::InsufficientAuthentication => 401,
            Self::InsufficientScope => 403,
            Self::Unavailable | Self::ServerError => 503,
        }
    }

    const fn error(self) -> &'static str {
        match self {
            Self::NoCredentials => "unauthorized",
            Self::InvalidRequest | Self::PathTooLong => "invalid_request",
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

    fn reply(denial: Denial) -> Reply {
        Reply::new(&denial, &Responses::default(), ReplyContext::default())
    }

    #[test]
    fn the_answers_table() {
        let of = |rejection: Rejection| reply(rejection.into());
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
        let reply = reply(denial);
        assert_eq!(reply.status, 403);
        assert!(header(&reply, "www-authenticate").unwrap().ends_with(r#",scope="a b:c""#));
    }

    #[test]
    fn a_step_up_names_what_would_do() {
        let step_up =
            StepUp { acr_values: vec!["urn:okta:loa:2fa:any".into(), "phr".into()], max_age: Some(300) };
        let denial = Denial { step_up, ..Rejection::AcrInsufficient.into() };
        let reply = reply(denial);
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
            let reply = reply((*rejection).into());
            assert!(matches!(reply.status, 400 | 401 | 403 | 414 | 503), "{rejection:?}");
        }
    }

    #[test]
    fn without_details_a_client_learns_the_class_and_no_more() {
        let quiet = Responses { details: false, ..Responses::default() };
        let mut denials: Vec<Denial> = Rejection::ALL.iter().map(|rejection| (*rejection).into()).collect();
        for denial in &mut denials {
            denial.scopes = vec!["secret:scope".to_owned()];
            denial.step_up = StepUp { acr_values: vec!["secret-acr".to_owned()], max_age: Some(7) };
            let (loud, quiet) = (reply(denial.clone()), Reply::new(denial, &quiet, ReplyContext::default()));
            assert_eq!(loud.status, quiet.status);
            let everything = format!("{quiet:?}");
            let (code, sentence) = (denial.rejection.code(), denial.rejection.to_string());
            for told in ["secret", "error_description", "max_age", "code", &sentence] {
                assert!(!everything.contains(told), "{code}: {told} in {everything}");
            }
            assert!(!everything.contains(code) || code == class(denial.rejection).error(), "{everything}");
        }
        let quiet = Reply::new(&Rejection::TokenExpired.into(), &quiet, ReplyContext::default());
        assert_eq!(header(&quiet, "www-authenticate"), Some(r#"Bearer realm="api",error="invalid_token""#));
        assert_eq!(quiet.body, r#"{"detail":"Could not validate credentials","error":"invalid_token"}"#);
    }

    #[test]
    fn every_challenge_says_where_the_metadata_are() {
        let to = ReplyContext { resource_metadata: Some("https://a.example/x"), ..ReplyContext::default() };
        for rejection in Rejection::ALL {
            let reply = Reply::new(&(*rejection).into(), &Responses::default(), to);
            let challenge = header(&reply, "www-authenticate");
            assert_eq!(challenge.is_some(), reply.status < 500, "{rejection:?}");
            assert!(
                challenge.is_none_or(
                    |challenge| challenge.ends_with(r#",resource_metadata="https://a.example/x""#)
                )
            );
            assert!(challenge.is_none_or(|challenge| !challenge.contains(", ")), "{rejection:?}");
        }
    }

    #[test]
    fn grpc_messages_are_sentences() {
        let custom = CustomBody { status: 401, content_type: "text/html".to_owned(), body: "<p>".to_owned() };
        let responses = Responses { custom: vec![custom], ..Responses::default() };
        let to = ReplyContext { grpc: true, ..ReplyContext::default() };
        let reply = Reply::new(&Rejection::TokenExpired.into(), &responses, to);
        assert_eq!((reply.body.as_str(), header(&reply, "content-type")), ("the access token expired", None));
    }
}
