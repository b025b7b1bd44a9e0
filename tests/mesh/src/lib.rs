//! A real Kubernetes API, a real registry, and the real control planes of Istio and Envoy Gateway,
//! without containers. `tests/mesh/README.md` describes how the parts stand in for a cluster.
#![allow(clippy::disallowed_methods, reason = "test code measures time")]

pub mod authorization_service;
pub mod cluster;
pub mod container;
pub mod envoy_gateway;
pub mod gateway_proxy;
pub mod istio;
pub mod load;
pub mod manifest;
pub mod network;
pub mod okta;
pub mod process;
pub mod proxy;
pub mod registry;
pub mod transcript;

use std::path::PathBuf;

/// Returns a folder for logs and data of one part, and creates it if it is missing.
pub fn folder(part: &str) -> PathBuf {
    let path = test_support::root().join("target/mesh").join(part);
    std::fs::create_dir_all(&path).expect("a folder below target/mesh");
    path
}

/// Returns a file that `scripts/mesh-tools` has built.
///
/// # Panics
///
/// Without `OKTA_AUTHZ_MESH_TOOLS`, which `scripts/mesh` sets.
pub fn tool(name: &str) -> PathBuf {
    let tools = std::env::var_os("OKTA_AUTHZ_MESH_TOOLS").expect("OKTA_AUTHZ_MESH_TOOLS: run scripts/mesh");
    PathBuf::from(tools).join(name)
}
