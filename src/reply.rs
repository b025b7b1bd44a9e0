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

/// The value of `Retry-After`, in seconds. A fetch and its first retries end within this time.
const RETRY_AFTER_SECONDS: u32 = 5;

/// A rejection, with the data for its challenge.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial {
    /// The reason of the denial.
    pub rejection: Rejection,
    /// The missing scopes; without a token, the scopes to request. The configuration ensures that each is a scope-token (RFC 6749 section
    /// 3.3).
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
            headers.push(("www-authenticate", challenge(denial, responses, context.resource_metadata)));
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

/// Returns the value of `WWW-Authenticate` (RFC 6750 section 3, RFC 9470 section 3, RFC 9728
/// section 5.1).
fn challenge(denial: &Denial, responses: &Responses, resource_metadata: Option<&str>) -> String {
    let class = ErrorClass::of(denial.rejection);
    let mut challenge = format!("Bearer realm=\"{}\"", responses.realm);
    let mut add = |name: &str, value: &str| challenge.push_str(&format!(",{name}=\"{value}\""));
    // "If the request lacks any authentication information, the resource server SHOULD NOT include
    // an error code." (RFC 6750 section 3.1)
    if class != ErrorClass::NoCredentials {
        add("error", class.error());
    }
    if responses.details {
        if class != ErrorClass::NoCredentials {
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

#[cfg(test)]
mod tests;
