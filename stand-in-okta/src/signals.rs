//! Signals that an org pushes to a receiver: security event tokens of the Shared Signals Framework,
//! and the calls of Universal Logout (Global Token Revocation).
//!
//! The org server's key signs both, as in Okta. The subject of an event is inside the event, and
//! `event_timestamp` is in milliseconds.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::keys::random_text;
use super::members::Members;
use super::servers::Server;
use super::{DEMO_CLIENT_ID, StandIn};

/// The URI of CAEP's event types, without the name.
const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
/// The time limit of one read or write.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The content of a signal: changes of what Okta would send.
#[derive(Clone, Debug, Default)]
pub struct SignalSpec {
    claims: Map<String, Value>,
    header: Map<String, Value>,
    /// The server whose key signs. Okta uses the org server.
    signer: Option<Server>,
}

impl SignalSpec {
    /// Sets a claim. Null removes it.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Sets a header member. Null removes it.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Signs with the key of another server.
    #[must_use]
    pub fn signed_by(mut self, server: Server) -> Self {
        self.signer = Some(server);
        self
    }
}

/// The response of a receiver.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PushResponse {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl StandIn {
    /// Returns the member `events` of Okta's `session-revoked` for a user, with the present time.
    pub fn session_revoked(&self, user_id: &str) -> Value {
        let subject = json!({ "user": self.user_subject(user_id) });
        json!({ format!("{CAEP}session-revoked"): {
            "subject": subject, "event_timestamp": self.org.now_millis(),
            "reason_admin": { "en": "The session ended" },
        } })
    }

    /// Returns the member `events` of Okta's `credential-change` for a user, with the present time.
    pub fn credential_change(&self, user_id: &str) -> Value {
        json!({ format!("{CAEP}credential-change"): {
            "subject": self.user_subject(user_id), "credential_type": "password",
            "change_type": "revoke", "friendly_name": "PASSWORD_AS_FACTOR", "initiating_entity": "user",
            "event_timestamp": self.org.now_millis(),
        } })
    }

    /// Returns the subject identifier of a user: the URL of the org, and the user ID.
    pub fn user_subject(&self, user_id: &str) -> Value {
        json!({ "format": "iss_sub", "iss": self.issuer(Server::Org), "sub": user_id })
    }

    /// Signs a security event token (RFC 8417).
    pub fn security_event(&self, audience: &str, events: Value, spec: &SignalSpec) -> String {
        let payload = Members::of([
            ("iss", json!(self.issuer(Server::Org))),
            ("jti", json!(format!("set-{}", random_text(16)))),
            ("iat", json!(self.org.now_millis().div_euclid(1000))),
            ("aud", json!(audience)),
            ("events", events),
        ]);
        self.sign_signal("secevent+jwt", payload, spec)
    }

    /// Signs the token of a logout call. Its subject is the app with the ID [`DEMO_CLIENT_ID`].
    pub fn logout_token(&self, endpoint: &str, spec: &SignalSpec) -> String {
        let now = self.org.now_millis().div_euclid(1000);
        let payload = Members::of([
            ("jti", json!(random_text(16))),
            ("iss", json!(self.issuer(Server::Org))),
            ("sub", json!(DEMO_CLIENT_ID)),
            ("aud", json!(endpoint)),
            ("exp", json!(now.saturating_add(300))),
            ("nbf", json!(now.saturating_sub(300))),
            ("iat", json!(now)),
        ]);
        self.sign_signal("global-token-revocation+jwt", payload, spec)
    }

    fn sign_signal(&self, typ: &str, mut payload: Members, spec: &SignalSpec) -> String {
        let server = spec.signer.unwrap_or(Server::Org);
        let mut header =
            Members::of([("kid", json!(self.kid(server))), ("typ", json!(typ)), ("alg", json!("RS256"))]);
        header.set_all(&spec.header);
        payload.set_all(&spec.claims);
        self.sign(server, &header.to_string(), &payload.to_string())
    }
}

/// Pushes a security event token as RFC 8935 section 2.1 describes.
///
/// # Errors
/// If there is no response.
pub fn push_event(receiver: SocketAddr, path: &str, token: &str) -> io::Result<PushResponse> {
    post(receiver, path, &[("content-type", "application/secevent+jwt")], token)
}

/// Calls a logout endpoint with a token and the subject of the logout.
///
/// # Errors
/// If there is no response.
pub fn push_logout(
    receiver: SocketAddr,
    path: &str,
    token: &str,
    sub_id: &Value,
) -> io::Result<PushResponse> {
    let authorization = format!("Bearer {token}");
    let headers = [("content-type", "application/json"), ("authorization", authorization.as_str())];
    post(receiver, path, &headers, &json!({ "sub_id": sub_id }).to_string())
}

/// Sends a POST request on a new connection.
///
/// # Errors
/// If there is no response.
pub fn post(
    receiver: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<PushResponse> {
    let mut stream = TcpStream::connect(receiver)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {receiver}\r\nconnection: close\r\naccept: application/json\r\n\
         content-length: {length}\r\n{lines}\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response)?;
    let response = String::from_utf8_lossy(&response);
    let status = response.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other("the response has no status"))?;
    let body = response.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned();
    Ok(PushResponse { status, body })
}
