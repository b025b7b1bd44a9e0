//! What tests against a real Envoy and the demo share: Envoy itself, its configuration, a backend, a client.

// Each program that includes this module uses another part of it.
#![allow(dead_code, unreachable_pub)]

pub mod backend;
pub mod client;
pub mod config;
pub mod envoy;
pub mod fastapi;
pub mod http2;
pub mod recorder;

#[path = "../../examples/stand-in-okta/stand_in.rs"]
pub mod stand_in;

use std::path::{Path, PathBuf};

/// The top folder of the repository: Envoy's working directory, for envoy.yaml names files from there.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
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
