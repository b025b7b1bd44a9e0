//! Requests, and the filter's verdicts about them.

use std::net::IpAddr;

use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::filter::{Connection, Environment, Filter, PermitReason, Verdict};
use okta_authz_filter::policy::StepUp;
use okta_authz_filter::rejection::Rejection;
use okta_authz_filter::reply::Denial;
use okta_authz_filter::request::RequestHead;
use okta_authz_filter::time::UnixTime;

use super::NOW;

/// A request head.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: &'static str,
    pub authority: &'static str,
    pub path: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub route_policy: Option<&'static str>,
    pub remote_ip: Option<IpAddr>,
    /// The digest of the client certificate, as Envoy reports it.
    pub client_certificate: Option<String>,
}

impl Request {
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub fn route_policy(self, name: &'static str) -> Self {
        Self { route_policy: Some(name), ..self }
    }

    /// Sets the certificate of the connection: its SHA-256 digest in hexadecimal.
    pub fn client_certificate(self, digest: &str) -> Self {
        Self { client_certificate: Some(digest.to_owned()), ..self }
    }

    pub fn at_address(self, address: &str) -> Self {
        Self { remote_ip: Some(address.parse().unwrap()), ..self }
    }
}

pub fn get(path: &str) -> Request {
    request("GET", "api.example.com", path)
}

pub fn request(method: &'static str, authority: &'static str, path: &str) -> Request {
    Request {
        method,
        authority,
        path: path.to_owned(),
        headers: Vec::new(),
        route_policy: None,
        remote_ip: None,
        client_certificate: None,
    }
}

impl Request {
    fn pseudo_headers(&self) -> [(&'static str, &[u8]); 3] {
        [
            (":method", self.method.as_bytes()),
            (":authority", self.authority.as_bytes()),
            (":path", self.path.as_bytes()),
        ]
    }
}

impl Connection for Request {
    fn client_certificate_sha256(&self) -> Option<Vec<u8>> {
        self.client_certificate.clone().map(String::into_bytes)
    }
}

/// A verdict in the form that tables have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Allowed with a valid token.
    Allow,
    /// Allowed without a token.
    Public,
    /// Allowed for another reason, which this code names.
    Pass(&'static str),
    /// Allowed in shadow mode instead of this denial. The flag is whether the identity headers are
    /// set.
    Shadow(Rejection, bool),
    /// Denied until the user authenticates again: the `acr_values` and the `max_age` of the
    /// challenge.
    StepUp(Rejection, &'static [&'static str], Option<i64>),
    /// Denied, without scopes in the challenge.
    Deny(Rejection),
    /// Denied, with these scopes in the challenge.
    Scopes(Vec<String>),
    /// Denied because there is no token, with these scopes in the challenge.
    MissingWithScopes(Vec<String>),
    /// The filter sends the response itself, with success.
    LocalResponse,
    /// Held until a fetch completes, or denied for this reason.
    Wait(Rejection),
}

/// Returns [`Outcome::Scopes`] with these scopes.
pub fn scopes(names: &[&str]) -> Outcome {
    Outcome::Scopes(names.iter().map(|name| (*name).to_owned()).collect())
}

/// Returns [`Outcome::MissingWithScopes`] with these scopes.
pub fn missing_with_scopes(names: &[&str]) -> Outcome {
    Outcome::MissingWithScopes(names.iter().map(|name| (*name).to_owned()).collect())
}

/// Decides about a request with these `Authorization` headers, at a time in Unix seconds.
pub fn decide(filter: &Filter, request: &Request, authorization: &[&[u8]], now: u64) -> Verdict {
    let headers: Vec<_> = authorization.iter().map(|value| ("authorization", *value)).collect();
    decide_with(filter, request, &headers, now)
}

/// Decides about a request with these headers, and asserts that a second decision, with the token
/// cached, is equal.
pub fn decide_with(filter: &Filter, request: &Request, headers: &[(&str, &[u8])], now: u64) -> Verdict {
    let headers = request.pseudo_headers().into_iter().chain(headers.iter().copied());
    let own_headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
    let headers: Vec<_> = headers.chain(own_headers).collect();
    let head = RequestHead {
        route_policy: request.route_policy.map(str::as_bytes),
        remote_ip: request.remote_ip,
        ..RequestHead::new(&headers)
    };
    let environment =
        Environment { connection: request, ..Environment::new(UnixTime::from_seconds(now), &Software) };
    let decide = || filter.decide(&head, &environment);
    let verdict = decide();
    assert_eq!(format!("{:?}", decide()), format!("{verdict:?}"), "with the cached token");
    verdict
}

/// Returns the outcome of a verdict.
pub fn outcome(verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::Allow(permit) => match permit.reason() {
            PermitReason::Public => Outcome::Public,
            PermitReason::Verified => Outcome::Allow,
            PermitReason::Shadow(rejection) => Outcome::Shadow(rejection, permit.is_verified()),
            reason => Outcome::Pass(reason.code()),
        },
        Verdict::Deny(Denial { rejection, scopes, step_up }) if step_up != StepUp::default() => {
            assert!(scopes.is_empty(), "scopes named with {rejection:?}");
            let leaked = |value: &String| &*value.clone().leak();
            let values: Vec<_> = step_up.acr_values.iter().map(leaked).collect();
            Outcome::StepUp(rejection, values.leak(), step_up.max_age)
        }
        Verdict::Deny(denial) if denial.rejection == Rejection::InsufficientScope => {
            Outcome::Scopes(denial.scopes)
        }
        Verdict::Deny(denial) if denial.rejection == Rejection::TokenMissing && !denial.scopes.is_empty() => {
            Outcome::MissingWithScopes(denial.scopes)
        }
        Verdict::Deny(denial) => {
            assert!(denial.scopes.is_empty(), "scopes named with {:?}", denial.rejection);
            Outcome::Deny(denial.rejection)
        }
        Verdict::LocalResponse(_) => Outcome::LocalResponse,
        Verdict::Wait(pending) => Outcome::Wait(pending.rejection_on_timeout),
    }
}

/// Returns the outcome of `GET /items` with this bearer token.
pub fn present(filter: &Filter, token: impl AsRef<[u8]>) -> Outcome {
    let value = [b"Bearer ", token.as_ref()].concat();
    outcome(decide(filter, &get("/items"), &[&value], NOW))
}
