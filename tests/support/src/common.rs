//! What the tables share: fixed keys, tokens with exact bytes, filters to which all has been delivered.

pub mod random;
mod store;
mod tokens;

use std::net::IpAddr;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use okta_authz_filter::config::Config;
use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::filter::{Filter, PermitReason, SourceId, Verdict};
use okta_authz_filter::policy::StepUp;
use okta_authz_filter::refresh::refresher::FetchProgress;
use okta_authz_filter::refresh::source::{FetchError, Response};
use okta_authz_filter::refresh::state::WorkerId;
use okta_authz_filter::rejection::Rejection;
use okta_authz_filter::reply::Denial;
use okta_authz_filter::request::RequestHead;
use okta_authz_filter::time::UnixTime;
use p256::pkcs8::DecodePrivateKey as _;
use rsa::RsaPrivateKey;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};
pub use store::Store;
pub use tokens::{Signer, Token};

/// When everything happens, unless a row says otherwise.
pub const NOW: u64 = 1_750_000_000;
pub const ISSUER: &str = "https://acme.okta.com/oauth2/default";
pub const OTHER_ISSUER: &str = "https://acme.okta.com/oauth2/aus59pz16qgMvHvBS0g7";
/// The key of `ISSUER` that is tied to RS256, as Okta's are.
pub const KID: &str = "U5R8cHbGw445Qbq8zVO1PcCpXL8yG6IcovVa3laCoxM";
/// The key of `OTHER_ISSUER`.
pub const OTHER_KID: &str = "Y3vBOdYT-l-I0j-gRQ26XjutSX00TeWiSguuDhW3ngo";

pub static RSA_A: LazyLock<RsaPrivateKey> =
    LazyLock::new(|| RsaPrivateKey::from_pkcs8_der(&der(include_str!("../../data/keys/rsa-a.pem"))).unwrap());
pub static RSA_B: LazyLock<RsaPrivateKey> =
    LazyLock::new(|| RsaPrivateKey::from_pkcs8_der(&der(include_str!("../../data/keys/rsa-b.pem"))).unwrap());
pub static P256: LazyLock<p256::SecretKey> = LazyLock::new(|| {
    p256::SecretKey::from_pkcs8_der(&der(include_str!("../../data/keys/p256.pem"))).unwrap()
});

fn der(pem: &str) -> Vec<u8> {
    let lines: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(lines).unwrap()
}

pub fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

// === keys ===

pub fn rsa_jwk(key: &RsaPrivateKey) -> Value {
    json!({ "kty": "RSA", "n": b64(key.n().to_bytes_be()), "e": b64(key.e().to_bytes_be()) })
}

pub fn ec_jwk() -> Value {
    let point = P256.public_key().to_sec1_bytes();
    let (x, y) = uncompressed(&point);
    json!({ "kty": "EC", "crv": "P-256", "x": b64(x), "y": b64(y) })
}

fn uncompressed(point: &[u8]) -> (&[u8], &[u8]) {
    assert_eq!((point.len(), point[0]), (65, 4), "an uncompressed point");
    (&point[1..33], &point[33..])
}

/// What an issuer publishes. All but one key of the first issuer are the same RSA key under different terms.
pub fn jwks(provider: &str) -> Value {
    let keys = if provider == "other" {
        vec![with(rsa_jwk(&RSA_B), json!({ "kid": OTHER_KID, "alg": "RS256", "use": "sig" })), shared(&RSA_B)]
    } else {
        vec![
            with(rsa_jwk(&RSA_A), json!({ "kid": KID, "alg": "RS256", "use": "sig" })),
            with(rsa_jwk(&RSA_A), json!({ "kid": "untied" })),
            with(rsa_jwk(&RSA_A), json!({ "kid": "rs384", "alg": "RS384" })),
            with(rsa_jwk(&RSA_A), json!({ "kid": "exponent-3", "e": "Aw" })),
            with(ec_jwk(), json!({ "kid": "ec", "alg": "ES256", "use": "sig" })),
            shared(&RSA_A),
        ]
    };
    json!({ "keys": keys })
}

/// The same name in both issuers' sets, for different keys.
fn shared(key: &RsaPrivateKey) -> Value {
    with(rsa_jwk(key), json!({ "kid": "shared", "alg": "RS256" }))
}

/// `base`, with the members of `changes` set, or removed where they are null.
pub fn with(mut base: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(base.as_object_mut().unwrap().remove(name)),
            value => drop(base.as_object_mut().unwrap().insert(name.clone(), value.clone())),
        }
    }
    base
}

// === configurations and filters ===

/// One provider as in the documentation, changed by `provider`; the rest of the configuration is `rest`.
pub fn config(provider: Value, rest: Value) -> Value {
    let base = json!({
        "issuer": ISSUER, "audiences": ["api://default"], "remote_jwks": { "cluster": "okta" },
    });
    with(json!({ "providers": { "okta": with(base, provider) } }), rest)
}

/// A single provider as in the documentation, and these rules.
pub fn rules(rules: Value) -> Value {
    config(json!({}), json!({ "rules": rules }))
}

/// The same with a second provider, `other`.
pub fn two_providers(rest: Value) -> Value {
    let mut both = config(json!({}), rest);
    both["providers"]["other"] = json!({
        "issuer": OTHER_ISSUER, "audiences": ["api://default"], "remote_jwks": { "cluster": "okta" },
    });
    both
}

/// A filter that has asked for no keys yet.
pub fn cold(config: &Value) -> Filter {
    let config =
        Config::from_bytes(config.to_string().as_bytes()).unwrap_or_else(|e| panic!("{e}: {config}"));
    Filter::new(config, WorkerId(1))
}

/// A filter for which all that it fetches arrived at `NOW`.
pub fn filter(config: &Value) -> Filter {
    delivered(config, Some(&json!({ "entries": [] })))
}

/// The same with this denylist, or none: the keys alone.
pub fn delivered(config: &Value, denylist: Option<&Value>) -> Filter {
    let mut filter = cold(config);
    deliver(&mut filter, NOW, &Store::default(), |filter, source| match source {
        SourceId::Keys(provider) => Some(jwks(&filter.provider(provider).unwrap().name)),
        SourceId::Denylist => denylist.cloned(),
    });
    filter
}

/// Has all that a filter fetches arrive at a time when it is due, as far as there are documents.
pub fn deliver(
    filter: &mut Filter,
    at: u64,
    shared: &Store,
    document: impl Fn(&Filter, SourceId) -> Option<Value>,
) {
    let now = UnixTime::from_seconds(at);
    for (source, tick) in filter.on_tick(now, shared) {
        let fetch = tick.fetch.expect("a fetch is due");
        let document = document(filter, source);
        let body = document.map(|document| document.to_string().into_bytes());
        let arrives = body.is_some();
        let response = body
            .map(|body| Response { body, max_age: None, description: String::new() })
            .ok_or(FetchError::NoResponse);
        let progress = filter.on_response(source, now, fetch, shared, response);
        assert!(matches!(progress, FetchProgress::Done(outcome) if outcome.is_ok() == arrives), "{source:?}");
    }
    // What was published is taken over at the next tick.
    filter.on_tick(now, shared);
}

// === requests and verdicts ===

/// The head of a request.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: &'static str,
    pub authority: &'static str,
    pub path: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub route_policy: Option<&'static str>,
    pub remote_ip: Option<IpAddr>,
}

impl Request {
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub fn route_policy(self, name: &'static str) -> Self {
        Self { route_policy: Some(name), ..self }
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

/// A verdict, as tables write it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Allowed on a good token.
    Allow,
    /// Allowed without one.
    Public,
    /// Allowed for another reason, by its code.
    Pass(&'static str),
    /// Allowed, though it would have been denied for this; and whether the backend learns who it is.
    Shadow(Rejection, bool),
    /// Denied until the user has authenticated in this way.
    StepUp(Rejection, &'static [&'static str], Option<i64>),
    /// Denied, and no scope is named.
    Deny(Rejection),
    /// Denied, and these scopes are named.
    Scopes(Vec<String>),
    /// Answered by the filter, and well.
    Answer,
    /// To wait for what is fetched; else denied for this.
    Wait(Rejection),
}

pub fn scopes(names: &[&str]) -> Outcome {
    Outcome::Scopes(names.iter().map(|name| (*name).to_owned()).collect())
}

pub fn decide(filter: &Filter, request: &Request, authorization: &[&[u8]], now: u64) -> Verdict {
    let headers: Vec<_> = authorization.iter().map(|value| ("authorization", *value)).collect();
    decide_with(filter, request, &headers, now)
}

/// What the filter decides about a request with these headers.
pub fn decide_with(filter: &Filter, request: &Request, headers: &[(&str, &[u8])], now: u64) -> Verdict {
    let headers = request.pseudo_headers().into_iter().chain(headers.iter().copied());
    let own = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
    let headers: Vec<_> = headers.chain(own).collect();
    let head = RequestHead {
        route_policy: request.route_policy.map(str::as_bytes),
        remote_ip: request.remote_ip,
        ..RequestHead::new(&headers)
    };
    let decide = || filter.decide(&head, UnixTime::from_seconds(now), &Software);
    let verdict = decide();
    // The token has been seen before now, and that must make no difference.
    assert_eq!(format!("{:?}", decide()), format!("{verdict:?}"), "asked again");
    verdict
}

pub fn outcome(verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::Allow(permit) => match permit.reason() {
            PermitReason::Public => Outcome::Public,
            PermitReason::Verified => Outcome::Allow,
            PermitReason::Shadow(rejection) => {
                Outcome::Shadow(rejection, permit.log_attributes().next().is_some())
            }
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
        Verdict::Deny(denial) => {
            assert!(denial.scopes.is_empty(), "scopes named with {:?}", denial.rejection);
            Outcome::Deny(denial.rejection)
        }
        Verdict::LocalResponse(_) => Outcome::Answer,
        Verdict::Wait(pending) => Outcome::Wait(pending.rejection_on_timeout),
    }
}

/// What becomes of `GET /items` with this token.
pub fn present(filter: &Filter, token: impl AsRef<[u8]>) -> Outcome {
    let value = [b"Bearer ", token.as_ref()].concat();
    outcome(decide(filter, &get("/items"), &[&value], NOW))
}
