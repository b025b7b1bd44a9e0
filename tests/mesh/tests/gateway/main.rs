//! The manifests of `deploy/envoy-gateway` in a real Envoy Gateway.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "test code")]

mod admission;
mod guard;
mod image;
mod keys;
mod mesh;
mod migration;
mod order;
mod routes;
mod scenario;
mod updates;
