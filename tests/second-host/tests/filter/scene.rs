//! A worker between the stand-in Okta, whose key set answers callouts, and a client.

use std::sync::LazyLock;
use std::time::SystemTime;

use okta_authz_second_host::{Callout, Headers, Outcome, Process, Reply, Trap, Vm};
use serde_json::{Value, json};
use stand_in_okta::{Options, Server, StandIn, TokenSpec};

/// One for all tests that change nothing about it: its keys take a moment to make.
pub static OKTA: LazyLock<StandIn> = LazyLock::new(|| StandIn::start(Options::default()));

/// The module is compiled once; every test has processes of its own.
pub fn process() -> Process {
    static MODULE: LazyLock<wasmtime::Module> = LazyLock::new(|| {
        let wasm = std::env::var_os("OKTA_AUTHZ_WASM").expect("OKTA_AUTHZ_WASM: run `make second-host`");
        Process::compile(wasm.as_ref()).expect("a module that wasmtime takes")
    });
    Process::new(MODULE.clone(), now())
}

/// The stand-in's tokens are of the real time.
#[allow(clippy::disallowed_methods, reason = "the host that there is none of")]
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
    })
}

/// A worker that is configured and has the keys.
pub fn warm(process: &Process, okta: &StandIn) -> Vm {
    let mut vm = configured(process);
    fetch(&mut vm, okta).unwrap();
    vm
}

pub fn configured(process: &Process) -> Vm {
    let mut vm = process.worker(&[]).unwrap();
    assert!(vm.configure(config().to_string()).unwrap(), "{}", vm.logs());
    vm
}

/// A tick at which the keys are fetched, and one at which they are taken over.
pub fn fetch(vm: &mut Vm, okta: &StandIn) -> Result<(), Trap> {
    vm.tick()?;
    for callout in vm.callouts() {
        vm.answer(&callout, key_set(okta))?;
    }
    vm.tick()
}

/// The one request of a fetch that is under way.
pub fn the_callout(vm: &mut Vm) -> Callout {
    let mut callouts = vm.callouts();
    assert_eq!(callouts.len(), 1, "{callouts:?}\n{}", vm.logs());
    callouts.remove(0)
}

/// The stand-in's key set, as it is now.
pub fn key_set(okta: &StandIn) -> Option<(Headers, Vec<u8>)> {
    answer("200", okta.jwks(Server::Default))
}

pub fn answer(status: &str, body: impl AsRef<[u8]>) -> Option<(Headers, Vec<u8>)> {
    Some((vec![(":status".to_owned(), status.as_bytes().to_vec())], body.as_ref().to_vec()))
}

pub fn user() -> String {
    OKTA.mint(Server::Default, &TokenSpec::user())
}

pub fn request(method: &str, path: &str) -> Headers {
    [(":method", method), (":scheme", "https"), (":authority", "api.example.com"), (":path", path)]
        .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
        .to_vec()
}

pub fn get(path: &str) -> Headers {
    request("GET", path)
}

pub fn with(mut headers: Headers, name: &str, value: impl AsRef<[u8]>) -> Headers {
    headers.push((name.to_owned(), value.as_ref().to_vec()));
    headers
}

pub fn bearer(headers: Headers, token: &str) -> Headers {
    with(headers, "authorization", format!("Bearer {token}"))
}

/// What becomes of a request that nothing has to be waited for.
pub fn send(vm: &mut Vm, headers: Headers) -> Outcome {
    let (context, outcome) = vm.request(headers).unwrap();
    vm.end(context).unwrap();
    outcome
}

/// The answer to a request that must not pass.
pub fn refused(vm: &mut Vm, headers: Headers) -> Reply {
    match send(vm, headers) {
        Outcome::Answered(reply) => reply,
        other => panic!("not refused: {other:?}\n{}", vm.logs()),
    }
}

/// The headers of a request that must pass.
pub fn passed(vm: &mut Vm, headers: Headers) -> Headers {
    match send(vm, headers) {
        Outcome::SharedStreamState(headers) => headers,
        other => panic!("not passed: {other:?}\n{}", vm.logs()),
    }
}

/// All values of a header, as text.
pub fn values(headers: &Headers, name: &str) -> Vec<String> {
    let named = headers.iter().filter(|(have, _)| have.eq_ignore_ascii_case(name));
    named.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
}
