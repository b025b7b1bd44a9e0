//! The HTTP response to a denied request: status, headers and body. Only this module knows statuses
//! and challenges.
//!
//! RFC 6750 section 3 defines the challenge, RFC 9110 section 15 the statuses. No space follows the
//! commas of a challenge, because clients that follow Okta's step-up sample split at the comma and
//! do not trim.

mod body;
mod error_class;

pub use body::{Body, CustomBody, Responses};

use body::ErrorFields;
use error_class::ErrorClass;

use crate::policy::StepUp;
use crate::rejection::Rejection;
use crate::request::AuthScheme;

/// The value of `Retry-After`, in seconds. A fetch and its first retries end within this time.
const RETRY_AFTER_SECONDS: u32 = 5;

/// A rejection, with the data for its challenge.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial {
    /// The reason of the denial.
    pub rejection: Rejection,
    /// The missing scopes; without a token, the scopes to request. The configuration ensures that
    /// each is a scope-token (RFC 6749 section 3.3).
    pub scopes: Vec<String>,
    /// The required authentication (RFC 9470 section 3). The configuration ensures that its values
    /// need no quoting.
    pub step_up: StepUp,
}

/// A response that the filter sends itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    /// The HTTP status code.
    pub status: u32,
    /// The names and values of the headers. The names are in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty for none.
    pub body: String,
}

/// The properties of a request that change the response to it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReplyContext<'a> {
    /// Whether the request is a gRPC call. Envoy then converts the response to a gRPC status, with
    /// the body as the message.
    pub grpc: bool,
    /// The URL of the protected resource metadata (RFC 9728 section 5.1).
    pub resource_metadata: Option<&'a str>,
    /// The challenge with the scheme `DPoP`; `None` if the configuration has no `dpop`.
    pub dpop: Option<DpopChallenge<'a>>,
}

/// The data of a challenge with the scheme `DPoP` (RFC 9449 sections 7.1 and 9).
#[derive(Clone, Copy, Debug)]
pub struct DpopChallenge<'a> {
    /// The scheme that the client used; `Bearer` for another token source or no token.
    pub scheme: AuthScheme,
    /// The names of the accepted algorithms, separated by spaces.
    pub algorithms: &'a str,
    /// The nonce for the next proof, if proofs must have one.
    pub nonce: Option<&'a str>,
    /// Whether the filter accepts tokens with the scheme `Bearer`, too.
    pub offers_bearer: bool,
}

impl From<Rejection> for Denial {
    fn from(rejection: Rejection) -> Self {
        Self { rejection, scopes: Vec::new(), step_up: StepUp::default() }
    }
}

impl Reply {
    /// Builds the response to a denied request.
    pub fn new(denial: &Denial, responses: &Responses, context: ReplyContext<'_>) -> Self {
        let class = ErrorClass::of(denial.rejection);
        let status = class.status();
        let detail = if responses.details {
            denial.rejection.to_string()
        } else {
            body::generic_detail(status).to_owned()
        };
        let mut headers = vec![("cache-control", "no-store".to_owned())];
        if class == ErrorClass::Unavailable {
            headers.push(("retry-after", RETRY_AFTER_SECONDS.to_string()));
        }
        if !matches!(class, ErrorClass::Unavailable | ErrorClass::ServerError) {
            let challenges = challenges(denial.rejection, context.dpop.as_ref());
            if let (401, Some(nonce)) = (status, context.dpop.and_then(|dpop| dpop.nonce))
                && challenges.iter().any(|(scheme, _)| *scheme == AuthScheme::Dpop)
            {
                headers.push(("dpop-nonce", nonce.to_owned()));
            }
            let challenges = challenges.into_iter();
            headers.extend(challenges.map(|challenge| {
                ("www-authenticate", self::challenge(denial, responses, &context, challenge))
            }));
        }
        if context.grpc {
            return Self { status, headers, body: detail };
        }
        let code = responses.details.then(|| denial.rejection.code());
        let fields = ErrorFields { status, error: class.error(), detail: &detail, code };
        let (content_type, body) = responses.content(&fields).unzip();
        headers.extend(content_type.map(|content_type| ("content-type", content_type)));
        Self { status, headers, body: body.unwrap_or_default() }
    }
}

/// Returns the schemes of the challenges in their order, each with whether its challenge has the
/// error.
///
/// Only the challenge of the scheme that the client used has the error (RFC 9449 section 7.2).
/// Clients that read only the first challenge know `Bearer`, so it comes first.
fn challenges(rejection: Rejection, dpop: Option<&DpopChallenge<'_>>) -> Vec<(AuthScheme, bool)> {
    let Some(dpop) = dpop else { return vec![(AuthScheme::Bearer, true)] };
    match ErrorClass::of(rejection) {
        ErrorClass::NoCredentials if dpop.offers_bearer => {
            vec![(AuthScheme::Bearer, false), (AuthScheme::Dpop, false)]
        }
        ErrorClass::NoCredentials => vec![(AuthScheme::Dpop, false)],
        // The client may have used both schemes.
        _ if rejection == Rejection::MultipleCredentials => {
            vec![(AuthScheme::Bearer, true), (AuthScheme::Dpop, true)]
        }
        ErrorClass::InvalidToken if dpop.scheme == AuthScheme::Bearer => {
            vec![(AuthScheme::Bearer, true), (AuthScheme::Dpop, false)]
        }
        _ => vec![(dpop.scheme, true)],
    }
}

/// Returns the value of `WWW-Authenticate` (RFC 6750 section 3, RFC 9470 section 3, RFC 9728
/// section 5.1, RFC 9449 section 7.1).
fn challenge(
    denial: &Denial,
    responses: &Responses,
    context: &ReplyContext<'_>,
    (scheme, has_error): (AuthScheme, bool),
) -> String {
    let class = ErrorClass::of(denial.rejection);
    let mut challenge = format!("{} realm=\"{}\"", scheme.name(), responses.realm);
    let mut add = |name: &str, value: &str| challenge.push_str(&format!(",{name}=\"{value}\""));
    // "If the request lacks any authentication information, the resource server SHOULD NOT include
    // an error code." (RFC 6750 section 3.1)
    let has_error = has_error && class != ErrorClass::NoCredentials;
    if has_error {
        add("error", class.error());
        if responses.details {
            add("error_description", &denial.rejection.to_string());
        }
    }
    if let Some(dpop) = context.dpop.filter(|_| scheme == AuthScheme::Dpop) {
        add("algs", dpop.algorithms);
    }
    if responses.details {
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
    if let Some(url) = context.resource_metadata {
        add("resource_metadata", url);
    }
    challenge
}

#[cfg(test)]
mod tests;
