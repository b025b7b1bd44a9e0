//! The interface of the module to its host: imports, exports and memory.

use std::collections::BTreeSet;

use okta_authz_second_host::{Outcome, Process, Vm};
use serde_json::json;
use stand_in_okta::{Server, TokenSpec};
use wasmtime::ExternType;

use crate::harness::{OKTA, bearer, config, fetch, get, module, process};

/// The functions of WASI that the module imports. None reads a file or opens a connection: Envoy
/// writes the descriptors 1 and 2 to its log, and knows no other.
const WASI: [&str; 5] = ["environ_get", "environ_sizes_get", "fd_write", "proc_exit", "random_get"];

/// The callbacks for events that the filter handles. Envoy makes a call for each exported callback,
/// so one more costs time.
const EXPORTS: [&str; 13] = [
    "_initialize",
    "memory",
    "proxy_abi_version_0_2_1",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_delete",
    "proxy_on_http_call_response",
    "proxy_on_memory_allocate",
    "proxy_on_request_body",
    "proxy_on_request_headers",
    "proxy_on_request_trailers",
    "proxy_on_tick",
    "proxy_on_vm_start",
];

/// The limit of the memory before the first request, in pages of 64 KiB: data, stack of 1 MiB.
const INITIAL_PAGES: u64 = 20;
const PAGE: usize = 65_536;

#[test]
fn module_imports_only_functions_of_the_proxy_and_five_of_wasi() {
    let mut wasi = BTreeSet::new();
    for import in module().imports() {
        assert!(matches!(import.ty(), ExternType::Func(_)), "{import:?}");
        match import.module() {
            "env" => assert!(import.name().starts_with("proxy_"), "{import:?}"),
            "wasi_snapshot_preview1" => drop(wasi.insert(import.name().to_owned())),
            other => panic!("imports from {other}: {import:?}"),
        }
    }
    assert_eq!(wasi, WASI.map(str::to_owned).into());
}

#[test]
fn module_exports_only_memory_and_the_callbacks_that_it_handles() {
    let names: BTreeSet<&str> = module().exports().map(|export| export.name()).collect();
    assert_eq!(names, EXPORTS.into());
    let memories: Vec<_> = module().exports().filter_map(|export| export.ty().memory().cloned()).collect();
    let [memory] = &memories[..] else { panic!("{memories:?}") };
    assert!(memory.minimum() <= INITIAL_PAGES, "{memory:?}");
    // Envoy sets the maximum.
    assert_eq!(memory.maximum(), None);
    assert!(!memory.is_64() && !memory.is_shared(), "{memory:?}");
}

/// Starts a worker with a token cache of 24 MiB, the default, and the keys.
fn worker(process: &Process) -> Vm {
    let mut config = config();
    config["rules"] = json!([{ "match": { "path": "/me" }, "requires": { "scopes": ["items:read"] } }]);
    let mut vm = process.worker(&[]).unwrap();
    assert!(vm.configure(config.to_string()).unwrap(), "{}", vm.logs());
    fetch(&mut vm, &OKTA).unwrap();
    vm
}

/// A host that limits the memory below what the token cache may use: the allocation fails, the VM
/// ends, and the host responds itself. No request is forwarded without a valid token.
#[test]
fn worker_at_the_memory_limit_ends_and_forwards_no_denied_request() {
    let mut process = process();
    let used = worker(&process).memory_bytes();
    process.limit_memory(used + PAGE);
    let mut vm = worker(&process);
    let denied = OKTA.mint(Server::Default, &TokenSpec::user().claim("scp", ["other"]));
    let (mut forwarded, mut rejected) = (0, 0);
    let ended = (0..200).find_map(|number| {
        let spec = TokenSpec::user().claim("scp", ["items:read"]).claim("padding", "x".repeat(3_000));
        let good = OKTA.mint(Server::Default, &spec.claim("number", number));
        match vm.request(bearer(get("/me"), &good)) {
            Ok((context, outcome)) => {
                assert!(matches!(outcome, Outcome::Forwarded(_)), "{outcome:?}");
                forwarded += 1;
                vm.end(context).ok()?;
            }
            Err(trap) => return Some(trap),
        }
        match vm.request(bearer(get("/me"), &denied)) {
            Ok((context, outcome)) => {
                assert!(matches!(outcome, Outcome::Responded(_)), "{outcome:?}");
                rejected += 1;
                vm.end(context).ok()?;
            }
            Err(trap) => return Some(trap),
        }
        None
    });
    println!("{used} bytes at the start; {forwarded} forwarded and {rejected} rejected before the end");
    let ended = ended.expect("the memory suffices for the cache");
    assert!(format!("{ended:?}").contains("unreachable"), "{ended:?}");
    assert!(forwarded > 0 && rejected > 0);
    assert!(vm.memory_bytes() <= used + PAGE);
}
