//! Support for the tests, the benchmarks and the demo: Envoy and its configuration, a backend,
//! clients, keys, tokens and test vectors.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "test code"
)]

pub mod backend;
pub mod client;
pub mod common;
pub mod config;
pub mod dpop;
pub mod envoy;
pub mod fastapi;
pub mod http2;
pub mod receiver;
pub mod recorder;
pub mod signing;
pub mod tls;
pub mod vectors;

use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the top folder of the repository. It is Envoy's working directory, because envoy.yaml
/// has paths relative to it.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the top folder")
}

/// Returns a command for `okta-authz`, which cargo builds into the folder of the running test.
///
/// Cargo sets the path of a program (`CARGO_BIN_EXE_…`) only for tests of the package that has the
/// program.
pub fn okta_authz() -> Command {
    let test = std::env::current_exe().expect("the path of this program");
    let folder = test.ancestors().nth(2).expect("the folder of this build");
    let program = folder.join("okta-authz").with_extension(std::env::consts::EXE_EXTENSION);
    assert!(
        program.exists(),
        "{} is missing: `scripts/cargo build --bin okta-authz` builds it",
        program.display()
    );
    Command::new(program)
}

/// Returns a folder for logs, certificates and configurations, and creates it if it is missing.
pub fn scratch(name: &str) -> PathBuf {
    let path = root().join("target/e2e").join(name);
    std::fs::create_dir_all(&path).expect("a scratch folder below target/");
    path
}

/// Returns the path of a wasm module that `make` built.
pub fn wasm(name: &str) -> PathBuf {
    let path = match std::env::var_os("OKTA_AUTHZ_WASM") {
        Some(filter) => PathBuf::from(filter).with_file_name(format!("{name}.wasm")),
        None => root().join("target/filter").join(format!("{name}.wasm")),
    };
    assert!(path.exists(), "{} is missing: run the tests with `make test`, which builds it", path.display());
    path
}
