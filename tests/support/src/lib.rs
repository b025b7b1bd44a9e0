//! What the tests, the benchmarks and the demo share: Envoy itself, its configuration, a backend, a
//! client; and keys, tokens and test vectors for the tests that need no Envoy.
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
pub mod envoy;
pub mod fastapi;
pub mod http2;
pub mod json_schema;
pub mod recorder;
pub mod signing;
pub mod vectors;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The top folder of the repository: Envoy's working directory, for envoy.yaml names files from there.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the top folder")
}

/// `okta-authz`, the command line, as cargo has built it beside the program that runs.
///
/// Cargo passes the path of a program (`CARGO_BIN_EXE_…`) only to the tests of the package that the program is in.
pub fn okta_authz() -> Command {
    let test = std::env::current_exe().expect("the path of this program");
    let folder = test.ancestors().nth(2).expect("the folder of this build");
    let program = folder.join("okta-authz").with_extension(std::env::consts::EXE_EXTENSION);
    assert!(
        program.exists(),
        "{} is missing: run `scripts/cargo build --bin okta-authz`, which builds it",
        program.display()
    );
    Command::new(program)
}

/// A folder for what a program leaves behind: logs, certificates, the configuration that Envoy ran.
pub fn scratch(name: &str) -> PathBuf {
    let path = root().join("target/e2e").join(name);
    std::fs::create_dir_all(&path).expect("a scratch folder below target/");
    path
}

/// A module that `make` has built.
pub fn wasm(name: &str) -> PathBuf {
    let path = match std::env::var_os("OKTA_AUTHZ_WASM") {
        Some(filter) => PathBuf::from(filter).with_file_name(format!("{name}.wasm")),
        None => root().join("target/filter").join(format!("{name}.wasm")),
    };
    assert!(path.exists(), "{} is missing: run `make test`, which builds it first", path.display());
    path
}
