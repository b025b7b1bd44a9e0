//! The registered clients and their authentication (RFC 6749 section 2.3).

use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::OAuthError;
use crate::params::Params;
use crate::{BROWSER_CLIENT_ID, DEMO_CLIENT_ID, DEMO_CLIENT_SECRET};

/// A registered client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Client {
    /// The service with a secret.
    Service,
    /// The single-page app, a public client.
    Browser,
}

impl Client {
    /// Returns the client ID.
    pub(super) const fn id(self) -> &'static str {
        match self {
            Self::Service => DEMO_CLIENT_ID,
            Self::Browser => BROWSER_CLIENT_ID,
        }
    }
}

/// Authenticates the service by its secret, which is in the header or in the body, but not in both.
/// The single-page app has no secret and sends only its ID, in the body or in the header.
pub(super) fn authenticate(headers: &HeaderMap, params: &Params) -> Result<Client, OAuthError> {
    let basic = headers.get(header::AUTHORIZATION).and_then(|value| basic(value.as_bytes()));
    let posted = params
        .get("client_secret")
        .map(|secret| (params.get("client_id").unwrap_or_default().to_owned(), secret.to_owned()));
    let (id, secret) = match (basic, posted) {
        (Some(_), Some(_)) => {
            let description =
                "Can't supply multiple client credentials. Provide either Basic or body credentials.";
            return Err(OAuthError::bad_request("invalid_request", description));
        }
        (Some(credentials), None) | (None, Some(credentials)) => credentials,
        (None, None) => {
            return match params.get("client_id") {
                Some(BROWSER_CLIENT_ID) => Ok(Client::Browser),
                Some(DEMO_CLIENT_ID) | None => Err(invalid_client("No client credentials found")),
                Some(_) => Err(invalid_client(UNKNOWN)),
            };
        }
    };
    match id.as_str() {
        DEMO_CLIENT_ID if secret == DEMO_CLIENT_SECRET => Ok(Client::Service),
        BROWSER_CLIENT_ID if secret.is_empty() => Ok(Client::Browser),
        DEMO_CLIENT_ID | BROWSER_CLIENT_ID => Err(invalid_client(
            "Client authentication failed. Either the client or the client credentials are invalid.",
        )),
        _ => Err(invalid_client(UNKNOWN)),
    }
}

fn invalid_client(description: &str) -> OAuthError {
    OAuthError(StatusCode::UNAUTHORIZED, "invalid_client", description.to_owned())
}

/// Returns ID and secret. `@okta/okta-auth-js` sends the ID without a colon when it revokes a token.
fn basic(header: &[u8]) -> Option<(String, String)> {
    let (scheme, encoded) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    let decoded = STANDARD.decode(encoded).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let credentials = std::str::from_utf8(&decoded).ok()?;
    let (id, secret) = credentials.split_once(':').unwrap_or((credentials, ""));
    Some((id.to_owned(), secret.to_owned()))
}

const UNKNOWN: &str = "Invalid value for the `client_id` parameter";
