//! A worker, the stand-in Okta whose key set is the response of callouts, and requests.

use std::sync::LazyLock;
use std::time::SystemTime;

use okta_authz_second_host::{Callout, Headers, Outcome, Process, Reply, Trap, Vm};
use serde_json::{Value, json};
use stand_in_okta::{Options, Server, StandIn, TokenSpec};

/// The stand-in of the tests that do not change its state. Generating its keys takes a moment.
pub static OKTA: LazyLock<StandIn> = LazyLock::new(|| StandIn::start(Options::default()));

/// Makes a process.
pub fn process() -> Process {
    Process::new(module().clone(), now())
}

/// Returns the module, which is compiled once for all tests.
pub fn module() -> &'static wasmtime::Module {
    static MODULE: LazyLock<wasmtime::Module> = LazyLock::new(|| {
        let wasm =
            std::env::var_os("OKTA_AUTHZ_WASM").expect("OKTA_AUTHZ_WASM is not set: run `make second-host`");
        Process::compile(wasm.as_ref()).expect("a valid module")
    });
    &MODULE
}

/// Returns the time in Unix seconds. The stand-in's tokens have the real time.
#[allow(clippy::disallowed_methods, reason = "the test is the host, which has a clock")]
pub fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

pub fn config() -> Value {
    json!({
        "providers": { "okta": {
            "issuer": OKTA.issuer(Server::Default),
            "audiences": ["api://default"],
            "remote_jwks": { "cluster": "okta" },
        } },
        "rules": [
            { "match": { "path": "/healthz" }, "public": true },
            { "match": { "path": "/me" }, "requires": {} },
            { "match": { "path": "/items", "methods": ["GET"] }, "requires": { "scopes": ["items:read"] } },
            { "match": { "path": "/items" }, "requires": { "scopes": ["items:write"] } },
        ],
        "claim_to_headers": [
            { "header_name": "x-okta-sub", "claim_name": "sub" },
            { "header_name": "x-okta-scopes", "claim_name": "scp" },
        ],
        "forward": false,
        "filter_state": ["decision", "code", "sub"],
    })
}

/// Starts a worker that is configured and has the keys.
pub fn worker_with_keys(process: &Process, okta: &StandIn) -> Vm {
    let mut vm = configured(process);
    fetch(&mut vm, okta).unwrap();
    vm
}

/// Starts a worker that is configured.
pub fn configured(process: &Process) -> Vm {
    let mut vm = process.worker(&[]).unwrap();
    assert!(vm.configure(config().to_string()).unwrap(), "{}", vm.logs());
    vm
}

/// Fetches the keys in one tick and installs them in the next.
pub fn fetch(vm: &mut Vm, okta: &StandIn) -> Result<(), Trap> {
    vm.tick()?;
    for callout in vm.callouts() {
        vm.respond(&callout, key_set(okta))?;
    }
    vm.tick()
}

/// Returns the only callout.
pub fn only_callout(vm: &mut Vm) -> Callout {
    let mut callouts = vm.callouts();
    assert_eq!(callouts.len(), 1, "{callouts:?}\n{}", vm.logs());
    callouts.remove(0)
}

/// Returns a response with the stand-in's current key set.
pub fn key_set(okta: &StandIn) -> Option<(Headers, Vec<u8>)> {
    response("200", okta.jwks(Server::Default))
}

/// Returns the response of a callout.
pub fn response(status: &str, body: impl AsRef<[u8]>) -> Option<(Headers, Vec<u8>)> {
    Some((vec![(":status".to_owned(), status.as_bytes().to_vec())], body.as_ref().to_vec()))
}

/// Mints a user's token.
pub fn user() -> String {
    OKTA.mint(Server::Default, &TokenSpec::user())
}

/// Returns the headers of a request.
pub fn request(method: &str, path: &str) -> Headers {
    [(":method", method), (":scheme", "https"), (":authority", "api.example.com"), (":path", path)]
        .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
        .to_vec()
}

pub fn get(path: &str) -> Headers {
    request("GET", path)
}

/// Adds a header.
pub fn with(mut headers: Headers, name: &str, value: impl AsRef<[u8]>) -> Headers {
    headers.push((name.to_owned(), value.as_ref().to_vec()));
    headers
}

pub fn bearer(headers: Headers, token: &str) -> Headers {
    with(headers, "authorization", format!("Bearer {token}"))
}

/// Sends a request and returns its first outcome.
pub fn send(vm: &mut Vm, headers: Headers) -> Outcome {
    let (context, outcome) = vm.request(headers).unwrap();
    vm.end(context).unwrap();
    outcome
}

/// Sends a request and returns the filter's response.
///
/// # Panics
///
/// If the request is forwarded or held.
pub fn denied(vm: &mut Vm, headers: Headers) -> Reply {
    match send(vm, headers) {
        Outcome::Responded(reply) => reply,
        other => panic!("not denied: {other:?}\n{}", vm.logs()),
    }
}

/// Sends a request and returns the headers that reach the upstream.
///
/// # Panics
///
/// If the request is not forwarded.
pub fn forwarded(vm: &mut Vm, headers: Headers) -> Headers {
    match send(vm, headers) {
        Outcome::Forwarded(headers) => headers,
        other => panic!("not forwarded: {other:?}\n{}", vm.logs()),
    }
}

/// Returns all values of a header as text.
pub fn values(headers: &Headers, name: &str) -> Vec<String> {
    let named = headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
    named.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
}
