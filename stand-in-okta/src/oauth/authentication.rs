//! The authentication of clients (RFC 6749 section 2.3, RFC 7523 section 2.2).

use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::OAuthError;
use super::clients::{Client, Method};
use crate::endpoints::ServerRef;
use crate::jws::{ALGORITHMS, Jws, text};
use crate::params::Params;

/// Authenticates the client of a request to the endpoint `/v1/{endpoint}` by its secret, which is in
/// the header or in the form, or by an assertion. A request must not have more than one of them. The
/// single-page app has no secret and sends only its ID, in the form or in the header.
pub(super) fn authenticate(
    server_ref: &ServerRef,
    endpoint: &str,
    headers: &HeaderMap,
    params: &Params,
) -> Result<Client, OAuthError> {
    let basic = headers.get(header::AUTHORIZATION).and_then(|value| basic(value.as_bytes()));
    let posted = params
        .get("client_secret")
        .map(|secret| (params.get("client_id").unwrap_or_default().to_owned(), secret.to_owned()));
    let assertion = params.get("client_assertion");
    let given = [basic.is_some(), posted.is_some(), assertion.is_some()];
    if given.into_iter().filter(|given| *given).count() > 1 {
        let description =
            "Can't supply multiple client credentials. Provide either Basic or body credentials.";
        return Err(OAuthError::bad_request("invalid_request", description));
    }
    if let Some(assertion) = assertion {
        return by_assertion(server_ref, endpoint, params, assertion);
    }
    let (id, secret) = match basic.or(posted) {
        Some(credentials) => credentials,
        None => match params.get("client_id") {
            Some(id) => (id.to_owned(), String::new()),
            None => return Err(invalid_client(NO_CREDENTIALS)),
        },
    };
    let client = Client::with_id(&id).ok_or_else(|| invalid_client(UNKNOWN))?;
    match server_ref.org.clients().method(client) {
        Method::None if secret.is_empty() => Ok(client),
        Method::Secret(_) | Method::PrivateKey(_) if secret.is_empty() && given == [false; 3] => {
            Err(invalid_client(NO_CREDENTIALS))
        }
        Method::Secret(expected) if secret == expected => Ok(client),
        Method::None | Method::Secret(_) | Method::PrivateKey(_) => Err(invalid_client(
            "Client authentication failed. Either the client or the client credentials are invalid.",
        )),
    }
}

/// Returns the name of the authentication method of a request.
pub(super) fn method_of(headers: &HeaderMap, params: &Params) -> &'static str {
    if params.get("client_assertion").is_some() {
        "private_key_jwt"
    } else if params.get("client_secret").is_some() {
        "post"
    } else if headers.contains_key(header::AUTHORIZATION) {
        "basic"
    } else {
        "none"
    }
}

/// Authenticates a client by a signed assertion. Okta requires the URL of the endpoint as `aud`, an
/// expiry within one hour, and a `jti` that it has not seen, if there is one.
fn by_assertion(
    server_ref: &ServerRef,
    endpoint: &str,
    params: &Params,
    assertion: &str,
) -> Result<Client, OAuthError> {
    let reject = |description| Err(invalid_client(description));
    if params.get("client_assertion_type") != Some(ASSERTION_TYPE) {
        return reject("The `client_assertion_type` parameter must be the type of a JWT bearer assertion.");
    }
    let Some(jws) = Jws::parse(assertion) else {
        return reject("The client_assertion token is not a valid JWT.");
    };
    let (issuer, subject) = (text(&jws.payload, "iss"), text(&jws.payload, "sub"));
    let Some(client) = issuer.filter(|issuer| subject == Some(issuer)).and_then(Client::with_id) else {
        return reject("The issuer and the subject of client_assertion must be the client ID.");
    };
    if params.get("client_id").is_some_and(|id| id != client.id()) {
        return reject("The `client_id` parameter differs from the subject of client_assertion.");
    }
    let Method::PrivateKey(keys) = server_ref.org.clients().method(client) else {
        return reject("The client does not authenticate with client_assertion.");
    };
    if !text(&jws.header, "alg").is_some_and(|algorithm| ALGORITHMS.contains(&algorithm)) {
        return reject("The client_assertion token has an unsupported signing algorithm.");
    }
    let Some(key) = key_of(&jws.header, &keys) else {
        return reject("The client_assertion JWT kid is invalid.");
    };
    if !jws.verifies(key) {
        return reject("The client_assertion signature is invalid.");
    }
    if !has_audience(&jws.payload, &server_ref.endpoint(endpoint)) {
        return reject(
            "The audience claim for client_assertion must be the endpoint invoked for the request.",
        );
    }
    let now_millis = server_ref.org.now_millis();
    let now = now_millis.div_euclid(1000);
    let lifetime = jws.time("exp").map(|exp| exp.saturating_sub(now));
    let Some(lifetime @ 1..=MAX_LIFETIME_SECONDS) = lifetime else {
        return reject(match lifetime {
            Some(1..) => "The client_assertion token has an expiration too far into the future.",
            Some(_) | None => "The client_assertion token is expired.",
        });
    };
    if jws.time("iat").is_some_and(|iat| iat > now.saturating_add(SKEW_SECONDS)) {
        return reject("The client_assertion token was issued in the future.");
    }
    let new = |jti| server_ref.org.clients().use_jti(client, jti, lifetime.saturating_add(1), now_millis);
    if !text(&jws.payload, "jti").is_none_or(new) {
        return reject("The client_assertion token has already been used.");
    }
    Ok(client)
}

/// Returns the key with the `kid` of the header. A client with one key may omit `kid`.
fn key_of<'a>(header: &Map<String, Value>, keys: &'a [Map<String, Value>]) -> Option<&'a Map<String, Value>> {
    match (text(header, "kid"), keys) {
        (Some(kid), keys) => keys.iter().find(|key| text(key, "kid") == Some(kid)),
        (None, [key]) => Some(key),
        (None, _) => None,
    }
}

fn has_audience(payload: &Map<String, Value>, endpoint: &str) -> bool {
    match payload.get("aud") {
        Some(Value::Array(values)) => values.iter().any(|value| value == endpoint),
        Some(value) => value == endpoint,
        None => false,
    }
}

fn invalid_client(description: &str) -> OAuthError {
    OAuthError { status: StatusCode::UNAUTHORIZED, ..OAuthError::bad_request("invalid_client", description) }
}

/// Returns ID and secret, each decoded from a form (RFC 6749 section 2.3.1).
/// `@okta/okta-auth-js` sends the ID without a colon when it revokes a token.
fn basic(header: &[u8]) -> Option<(String, String)> {
    let (scheme, encoded) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    let decoded = STANDARD.decode(encoded).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let credentials = std::str::from_utf8(&decoded).ok()?;
    let (id, secret) = credentials.split_once(':').unwrap_or((credentials, ""));
    Some((form_decoded(id), form_decoded(secret)))
}

/// Decodes one value of a form.
fn form_decoded(value: &str) -> String {
    // `&` and `=` separate the values of a form. In one value, they stand for themselves.
    let value = value.replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(value.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Okta's limit for the expiry of an assertion: one hour.
const MAX_LIFETIME_SECONDS: i64 = 3600;

/// The tolerance for the clocks of clients.
const SKEW_SECONDS: i64 = 5;

const NO_CREDENTIALS: &str = "No client credentials found";

const UNKNOWN: &str = "Invalid value for the `client_id` parameter";
