//! DPoP (RFC 9449) in Envoy with two workers: requests that pass, and requests that the filter
//! denies, with the exact challenges.
//!
//! | cases | place |
//! |---|---|
//! | accepted proofs, URLs, times, schemes, nonces | `accepted` |
//! | rejected `DPoP` headers, JOSE headers, keys, signatures, claims | `proofs` |
//! | rejected URLs, times, and tokens: scheme, binding, source, expiry, scope | `requests` |
//! | proofs that a client sends again, concurrent copies, a full memory | `replay` |
//! | a memory that another plugin overwrote, the size of the memory | `shared_data` |
//! | nonces | `nonces` |
//! | two configurations, hosts that disagree, cached tokens, responses without input | `attacks` |
//!
//! A plugin of Envoy can overwrite a value of the shared data. It cannot remove a value, and the
//! read or write of an existing value fails only after eight lost compare-and-sets. `tests/refresh`,
//! `tests/requests` and `tests/second-host` have the cases of absent values and failed writes.

mod accepted;
mod attacks;
mod nonces;
mod proofs;
mod replay;
mod requests;
mod shared_data;

use okta_authz_filter::crypto::Algorithm;
use okta_authz_filter::rejection::Rejection;
use serde_json::{Value, json};
use stand_in_okta::TokenSpec;
use test_support::client::{Request, Response, get};
use test_support::config::EnvoyConfig;
use test_support::dpop::{DpopKey, Proof};

use super::harness::Harness;

/// The URL of `GET /items/1`, as the client writes it.
const URL: &str = "https://api.example.com/items/1";
/// `algs` of the challenges with the default algorithms.
const ALGS: &str = "ES256 ES384 ES512 RS256 RS384 RS512";

/// An Envoy whose filter accepts DPoP, and a token that is bound to a key.
struct Fixture {
    harness: Harness,
    key: DpopKey,
    token: String,
}

/// A denial: status, reason, and the challenges in their order.
struct Denial {
    status: u16,
    rejection: Rejection,
    challenges: Vec<String>,
}

/// Returns the rules of the tests: any token, groups, a sender constraint, a public path.
fn rules() -> Value {
    json!([
        { "match": { "path": "/public" }, "public": true },
        { "match": { "path_separated_prefix": "/admin" }, "requires": { "groups": ["Admins"] } },
        { "match": { "path_separated_prefix": "/write" }, "requires": { "scopes": ["items:write"] } },
        { "match": { "path_separated_prefix": "/pay" }, "requires": { "sender_constrained": true } },
        { "match": { "prefix": "/" }, "requires": {} },
    ])
}

/// Adds `dpop` and [`rules`] to the configuration.
fn with_dpop(mut config: EnvoyConfig, settings: Value) -> EnvoyConfig {
    config.plugin()["dpop"] = settings;
    config.plugin()["rules"] = rules();
    config
}

impl Fixture {
    fn new(name: &str, settings: Value) -> Self {
        Self::changed(name, settings, |config| config)
    }

    /// Starts Envoy with these settings of `dpop` and the changes of a test.
    fn changed(name: &str, settings: Value, change: impl FnOnce(EnvoyConfig) -> EnvoyConfig) -> Self {
        Self::of(Harness::new(name, |config| change(with_dpop(config, settings))))
    }

    /// Makes a key, and a token that is bound to it.
    fn of(harness: Harness) -> Self {
        let key = DpopKey::new(Algorithm::ES256);
        let token = harness.mint(&TokenSpec::user().bound_to_key(&key.thumbprint()));
        Self { harness, key, token }
    }

    /// Starts Envoy like [`Self::new`], and waits until both workers have keys.
    fn warm(name: &str, settings: Value) -> Self {
        let fixture = Self::new(name, settings);
        fixture.harness.warm_up();
        fixture
    }

    /// Returns a right proof of `GET` for this URL.
    fn proof_of(&self, method: &str, url: &str) -> Proof {
        Proof::new(&self.key, method, url, now()).of_token(&self.token)
    }

    /// Returns a right proof of `GET /items/1`.
    fn proof(&self) -> Proof {
        self.proof_of("GET", URL)
    }

    /// Returns a token that is bound to another key.
    fn token_of(&self, key: &DpopKey) -> String {
        self.harness.mint(&TokenSpec::user().bound_to_key(&key.thumbprint()))
    }

    /// Returns `GET /items/1` with the token and these bytes as the proof.
    fn request(&self, proof: impl AsRef<[u8]>) -> Request {
        self.request_to("/items/1", proof)
    }

    fn request_to(&self, path: &str, proof: impl AsRef<[u8]>) -> Request {
        self.with_token(get(path)).header("dpop", proof)
    }

    /// Adds the token with the scheme `DPoP`.
    fn with_token(&self, request: Request) -> Request {
        request.header("authorization", format!("DPoP {}", self.token))
    }

    fn send(&self, request: &Request) -> Response {
        self.harness.send(request)
    }

    /// Asserts that the backend receives the request once, without the proof.
    fn assert_accepted(&self, name: &str, request: &Request) {
        let before = self.harness.backend.requests();
        let response = self.send(request);
        assert_eq!(response.status, 200, "{name}: {response:?}\n{}", self.harness.envoy.log());
        assert_eq!(self.harness.backend.requests(), before + 1, "{name}");
        let headers = &response.json()["headers"];
        assert!(headers.is_object() && headers.get("dpop").is_none(), "{name}: {headers}");
    }

    /// Returns the differences between the response and the denial. The backend must not receive
    /// the request.
    fn differences(&self, request: &Request, expected: &Denial) -> Vec<String> {
        let before = self.harness.backend.requests();
        let response = self.send(request);
        let mut wrong = Vec::new();
        let mut compare = |what: &str, got: String, wanted: String| {
            if got != wanted {
                wrong.push(format!("{what}: expected {wanted}, got {got}"));
            }
        };
        compare("status", response.status.to_string(), expected.status.to_string());
        compare("code", response.code(), expected.rejection.code().to_owned());
        compare("challenges", format!("{:#?}", challenges(&response)), format!("{:#?}", expected.challenges));
        compare("requests", (self.harness.backend.requests() - before).to_string(), "0".to_owned());
        wrong
    }

    /// Asserts each row, and that no VM has trapped and none sends a nonce.
    fn assert_denied(&self, rows: Vec<(String, Request, Denial)>) {
        let count = rows.len();
        let mut wrong = Vec::new();
        for (name, request, expected) in rows {
            let differences = self.differences(&request, &expected);
            wrong.extend(differences.into_iter().map(|difference| format!("{name}: {difference}")));
            let nonce = self.send(&request).header("dpop-nonce").map(str::to_owned);
            wrong.extend(nonce.map(|nonce| format!("{name}: nonce {nonce}")));
        }
        assert!(count > 0 && wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
        self.harness.assert_alive();
    }
}

/// Returns the values of `WWW-Authenticate` in their order.
fn challenges(response: &Response) -> Vec<&str> {
    let headers = response.headers.iter().filter(|(name, _)| name == "www-authenticate");
    headers.map(|(_, value)| value.as_str()).collect()
}

/// Returns the denial of a proof: 401, `invalid_dpop_proof`.
fn invalid_proof(rejection: Rejection) -> Denial {
    dpop_denial(401, "invalid_dpop_proof", rejection)
}

/// Returns the denial of a token with the scheme `DPoP`: 401, `invalid_token`.
fn invalid_token(rejection: Rejection) -> Denial {
    dpop_denial(401, "invalid_token", rejection)
}

/// Returns a denial with one challenge of the scheme `DPoP`.
fn dpop_denial(status: u16, error: &str, rejection: Rejection) -> Denial {
    let challenge = format!(r#"DPoP {},algs="{ALGS}""#, error_of(error, rejection));
    Denial { status, rejection, challenges: vec![challenge] }
}

/// Returns the denial of a token with the scheme `Bearer`: its error, and an offer of `DPoP`.
fn bearer_denial(rejection: Rejection) -> Denial {
    let bearer = format!("Bearer {}", error_of("invalid_token", rejection));
    let dpop = format!(r#"DPoP realm="api",algs="{ALGS}""#);
    Denial { status: 401, rejection, challenges: vec![bearer, dpop] }
}

fn error_of(error: &str, rejection: Rejection) -> String {
    format!(r#"realm="api",error="{error}",error_description="{rejection}""#)
}

/// Makes a row of the table of denials.
fn row(name: impl Into<String>, request: Request, denial: Denial) -> (String, Request, Denial) {
    (name.into(), request, denial)
}

/// Returns the time in Unix seconds.
#[allow(clippy::disallowed_methods, reason = "the clock of the client")]
fn now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

/// Sends requests with a time relative to now until the clock shows the same second before and
/// after.
fn in_one_second<T>(mut send: impl FnMut(u64) -> T) -> T {
    loop {
        let before = now();
        let result = send(before);
        if now() == before {
            return result;
        }
    }
}
