//! One call of an introspection endpoint: the request (RFC 7662 section 2.1), and the check of the
//! response (section 2.2).

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::client_auth::ClientAuth;
use super::{Answer, IntrospectionSettings};
use crate::claims::Claims;
use crate::json::ValueRef;
use crate::percent_encoding::encode_form_value;
use crate::refresh::response::{ACCEPT_ENCODING, ResponseHead};
use crate::refresh::source::FetchError;
use crate::time::UnixTime;

/// The maximum size of a response body, in bytes. The filter does not read a longer one.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// The range of a pause after status 429. Without a usable header, the filter pauses for
/// [`DEFAULT_PAUSE`].
const MIN_PAUSE: Duration = Duration::from_secs(1);
pub(super) const MAX_PAUSE: Duration = Duration::from_secs(300);
const DEFAULT_PAUSE: Duration = Duration::from_secs(10);

/// A request to send with POST. `Debug` omits headers and body, which have credentials.
pub struct CallRequest {
    /// The name of the Envoy cluster.
    pub cluster: String,
    /// The headers, pseudo headers included.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The timeout of the call.
    pub timeout: Duration,
}

/// The response to a call.
#[derive(Debug)]
pub struct CallResponse<'a> {
    /// The status; 0 if it is not a number.
    pub status: u16,
    /// The headers.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The body, of at most [`MAX_BODY_BYTES`]; `None` for a longer one.
    pub body: Option<Vec<u8>>,
}

/// The reason why a call has no answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CallError {
    /// The request could not be sent, or the response did not arrive in time.
    NoResponse,
    /// The endpoint rejects the credentials of the filter: status 401 or 403.
    Unauthorized(u16),
    /// The endpoint limits the rate (429). The filter makes no call before this time.
    Limited(UnixTime),
    /// Another status than 200.
    Status(u16),
    /// The response has a content coding, which the filter does not decode.
    Encoded(String),
    /// The body is longer than [`MAX_BODY_BYTES`].
    TooLarge,
    /// The body is not a valid response.
    Malformed,
}

impl CallRequest {
    /// Makes the request for a token. `assertion` is for `private_key_jwt`.
    pub(super) fn new(settings: &IntrospectionSettings, token: &[u8], assertion: Option<&str>) -> Self {
        let mut headers = vec![
            (":method", "POST".to_owned()),
            (":scheme", "https".to_owned()),
            (":authority", settings.uri.authority.clone()),
            (":path", settings.uri.path.clone()),
            ("accept", "application/json".to_owned()),
            ("accept-encoding", ACCEPT_ENCODING.to_owned()),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("user-agent", concat!("okta-authz-filter/", env!("CARGO_PKG_VERSION")).to_owned()),
        ];
        let mut body = String::from("token=");
        body.push_str(&encode_form_value(&String::from_utf8_lossy(token)));
        let mut add = |name: &str, value: &str| {
            body.extend(["&", name, "=", &encode_form_value(value)]);
        };
        add("token_type_hint", "access_token");
        let id = settings.client_id.as_deref().unwrap_or_default();
        match &settings.auth {
            // RFC 6749 section 2.3.1: both parts are form-encoded before base64.
            ClientAuth::SecretBasic(secret) => {
                let credentials = format!("{}:{}", encode_form_value(id), encode_form_value(secret.value()));
                headers.push(("authorization", format!("Basic {}", STANDARD.encode(credentials))));
            }
            ClientAuth::SecretPost(secret) => {
                add("client_id", id);
                add("client_secret", secret.value());
            }
            ClientAuth::PrivateKeyJwt { .. } => {
                add("client_id", id);
                add("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
                add("client_assertion", assertion.unwrap_or_default());
            }
            ClientAuth::None if !id.is_empty() => add("client_id", id),
            ClientAuth::None => {}
        }
        Self {
            cluster: settings.cluster.clone(),
            headers,
            body: body.into_bytes(),
            timeout: settings.timeout,
        }
    }
}

impl CallResponse<'_> {
    /// Returns the answer of the endpoint.
    ///
    /// # Errors
    /// [`CallError`]. `active` must be the boolean true or false: another value is not an answer.
    pub(crate) fn answer(self, now: UnixTime) -> Result<Answer, CallError> {
        match self.status {
            200 => {}
            401 | 403 => return Err(CallError::Unauthorized(self.status)),
            429 => return Err(CallError::Limited(now.saturating_add(pause(self.headers, now)))),
            status => return Err(CallError::Status(status)),
        }
        ResponseHead::read(self.status, self.headers).map_err(|error| match error {
            FetchError::Encoded(coding) => CallError::Encoded(coding),
            _ => CallError::Malformed,
        })?;
        answer(self.body.ok_or(CallError::TooLarge)?)
    }
}

/// Parses the body of a response with status 200. Duplicate members are errors, at every depth.
pub(super) fn answer(body: Vec<u8>) -> Result<Answer, CallError> {
    let claims = Claims::parse(body).map_err(|_| CallError::Malformed)?;
    match claims.get("active") {
        Some(ValueRef::Bool(true)) => Ok(Answer::Active(claims)),
        Some(ValueRef::Bool(false)) => Ok(Answer::Inactive),
        _ => Err(CallError::Malformed),
    }
}

/// Returns the pause that a response with status 429 asks for: `Retry-After` in seconds (RFC 9110
/// section 10.2.3), or `X-Rate-Limit-Reset` of Okta in seconds since the epoch.
fn pause(headers: &[(&str, &[u8])], now: UnixTime) -> Duration {
    let number = |name: &str| {
        let (_, value) = headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name))?;
        str::from_utf8(value.trim_ascii()).ok()?.parse::<u64>().ok()
    };
    let until_reset = || {
        let reset = UnixTime::from_seconds(number("x-rate-limit-reset")?);
        Some(reset.saturating_duration_since(now))
    };
    let pause = number("retry-after").map(Duration::from_secs).or_else(until_reset);
    pause.unwrap_or(DEFAULT_PAUSE).clamp(MIN_PAUSE, MAX_PAUSE)
}

impl fmt::Debug for CallRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallRequest(<redacted>, cluster {})", self.cluster)
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoResponse => f.write_str("no response, or the cluster does not exist"),
            Self::Unauthorized(status) => {
                write!(f, "status {status}: the endpoint rejects the credentials of the filter")
            }
            Self::Limited(_) => f.write_str("status 429: the endpoint limits the rate"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::Encoded(coding) => {
                write!(f, "the response has content-encoding {coding}; the filter accepts only identity")
            }
            Self::TooLarge => write!(f, "the response is larger than {MAX_BODY_BYTES} bytes"),
            Self::Malformed => {
                f.write_str("the response is not a JSON object with a boolean `active` and valid claims")
            }
        }
    }
}
