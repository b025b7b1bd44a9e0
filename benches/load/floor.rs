//! A module without decisions: the CPU time of the calls to Envoy that a filter with this ABI
//! needs.
//!
//! The module is WebAssembly text, without an SDK, an allocator or a runtime. For each request it
//! reads the time and all headers, and sets the permit, as this filter does for an allowed request.
//! Its CPU time is the floor for every filter that makes these calls.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use benches::tokens::Signer;
use okta_authz_filter::crypto::{Algorithm, SignatureInput, envoy};
use serde_json::Value;

/// The filter state of an allowed request without `filter_state` in the configuration.
const PERMIT: (&str, &str) = ("okta.permit", "granted");

/// Assembles the module with the calls for a cached token.
pub fn cached() -> PathBuf {
    assemble("floor-cached", &module(None))
}

/// Assembles the module with the calls for a new token: Envoy also verifies a signature for each
/// request. It is always the same valid signature, which takes as long as any other.
pub fn new(signer: &Signer) -> PathBuf {
    let config = okta_authz_filter::config::Config::from_bytes(
        crate::filters::configuration(&signer.jwks()).to_string().as_bytes(),
    );
    let config = config.expect("a configuration");
    let token = signer.token();
    let (message, signature) = token.rsplit_once('.').expect("a token");
    let keys = config.providers[0].local_jwks.as_ref().expect("keys");
    let keys = keys.find(Some(benches::tokens::KID), Algorithm::RS256).expect("the key");
    let key = keys.iter().next().expect("at least one key");
    let arguments = envoy::serialize_arguments(&SignatureInput {
        algorithm: Algorithm::RS256,
        key,
        message: message.as_bytes(),
        signature: &benches::tokens::from_b64(signature),
    });
    assemble("floor-new", &module(Some(&arguments.expect("arguments"))))
}

/// Returns the module's text. `request` is the argument of `verify_signature`. The module holds the
/// request unless the signature is valid.
fn module(request: Option<&[u8]>) -> String {
    let mut data = Data::default();
    let mut body = "(drop (call $time (i32.const 8)))\n\
                    (drop (call $headers (i32.const 0) (i32.const 16) (i32.const 20)))\n"
        .to_owned();
    if let Some(request) = request {
        let (function, request) = (data.place(envoy::FUNCTION.as_bytes()), data.place(request));
        writeln!(
            body,
            "(if (i32.or (call $foreign {function} {request} (i32.const 24) (i32.const 28))\n\
             (i32.ne (i32.load16_u (i32.load (i32.const 24))) (i32.const 0x0108))) (then (return (i32.const 1))))"
        )
        .expect("text");
    }
    let (name, value) = (data.place(PERMIT.0.as_bytes()), data.place(PERMIT.1.as_bytes()));
    writeln!(body, "(drop (call $set {name} {value}))").expect("text");
    let segment = data.segment();
    format!(
        r#"(module
        (import "env" "proxy_get_current_time_nanoseconds" (func $time (param i32) (result i32)))
        (import "env" "proxy_get_header_map_pairs" (func $headers (param i32 i32 i32) (result i32)))
        (import "env" "proxy_set_property" (func $set (param i32 i32 i32 i32) (result i32)))
        (import "env" "proxy_call_foreign_function" (func $foreign (param i32 i32 i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 4)
        {segment}
        (func (export "proxy_abi_version_0_2_1"))
        ;; Every allocation has the same address, because the module keeps no data.
        (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 65536))
        (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
        (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))
        (func (export "proxy_on_context_create") (param i32 i32))
        (func (export "proxy_on_delete") (param i32))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            {body}
            (i32.const 0)))"#
    )
}

/// The data segment of the module, from the first KiB on.
#[derive(Default)]
struct Data(Vec<u8>);

impl Data {
    const START: usize = 1024;

    /// Adds bytes, and returns their address and length as operands.
    fn place(&mut self, bytes: &[u8]) -> String {
        let at = Self::START + self.0.len();
        self.0.extend_from_slice(bytes);
        format!("(i32.const {at}) (i32.const {})", bytes.len())
    }

    fn segment(&self) -> String {
        let escaped: String = self.0.iter().map(|byte| format!("\\{byte:02x}")).collect();
        format!("(data (i32.const {}) \"{escaped}\")", Self::START)
    }
}

/// Assembles the text with `wasm-as`, which is part of Binaryen like `wasm-opt`.
fn assemble(name: &str, text: &str) -> PathBuf {
    let folder = test_support::scratch("bench-floor");
    let (source, module) =
        (folder.join(name).with_extension("wat"), folder.join(name).with_extension("wasm"));
    std::fs::write(&source, text).expect("the module's text");
    let status = Command::new("wasm-as").arg(&source).arg("-o").arg(&module).status().expect("wasm-as");
    assert!(status.success(), "wasm-as rejects {}", source.display());
    module
}

/// Returns the module as a filter.
pub fn filter(vm_id: &str, module: &Path) -> Value {
    crate::filters::wasm(vm_id, module, "")
}
