//! The manifests of `deploy/istio` in a real Istio. All tests share a control plane, a registry and
//! the stand-in Okta; each has its own namespace, proxy and API.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod cors;
mod external;
mod guard;
mod harness;
mod image;
mod keys;
mod metrics;
mod policies;
mod requests;
mod sidecar;
mod tunnels;
mod updates;
mod validation;
mod workload;
