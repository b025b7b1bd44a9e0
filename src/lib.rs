//! A proxy-wasm authorization filter for Envoy and Istio that rejects every request without a valid
//! Okta access token.
//!
//! # Requests
//!
//! [`filter::Filter::decide`] takes the head of a request and its
//! [`filter::Environment`]. It returns a [`filter::Verdict`]: a permit, a denial, a local
//! response, or a pending fetch. Each step of the verification makes a type that proves the step:
//!
//! | type | proof |
//! |---|---|
//! | [`token::CompactJws`] | The token is well-formed. |
//! | [`verify::PrecheckedToken`] | It passed every check that needs no key. |
//! | [`verify::VerifiedJws`] | Its signature is valid under a key of its issuer. |
//! | [`verify::AccessToken`] | It is an access token for this audience, or active by introspection. |
//! | [`verify::Identity`] | It is valid at the current time. |
//! | [`filter::Permit`] | The policy allows the request. |
//!
//! One function makes each type, from the type before it; the response of an introspection endpoint
//! makes an [`verify::AccessToken`], too. [`dpop`] has the types for DPoP proofs.
//!
//! ```
//! use okta_authz_filter::config::Config;
//! use okta_authz_filter::crypto::software::Software;
//! use okta_authz_filter::filter::{Environment, Filter, Verdict};
//! use okta_authz_filter::refresh::state::WorkerId;
//! use okta_authz_filter::rejection::Rejection;
//! use okta_authz_filter::request::RequestHead;
//! use okta_authz_filter::time::UnixTime;
//!
//! let config = Config::from_bytes(br#"{
//!     "providers": {
//!         "okta": {
//!             "issuer": "https://example.okta.com/oauth2/default",
//!             "audiences": ["api://default"],
//!             "remote_jwks": { "cluster": "okta" }
//!         }
//!     },
//!     "rules": [
//!         { "match": { "path": "/healthz" }, "public": true },
//!         {
//!             "match": { "path_template": "/orders/**" },
//!             "requires": { "scopes": ["orders:read"] }
//!         }
//!     ]
//! }"#)?;
//! let filter = Filter::new(config, WorkerId(1));
//! let now = UnixTime::from_seconds(1_800_000_000);
//! let environment = Environment::new(now, &Software);
//! let head = |path: &'static str| RequestHead {
//!     method: b"GET",
//!     path: path.as_bytes(),
//!     authority: b"api.example.com",
//!     ..RequestHead::default()
//! };
//!
//! let verdict = filter.decide(&head("/healthz"), &environment);
//! assert!(matches!(verdict, Verdict::Allow(_)));
//!
//! let verdict = filter.decide(&head("/orders/7"), &environment);
//! let Verdict::Deny(denial) = verdict else { panic!("the request has no token") };
//! assert_eq!(denial.rejection, Rejection::TokenMissing);
//! assert_eq!(filter.reply(&denial, &head("/orders/7"), now).status, 401);
//! # Ok::<(), okta_authz_filter::config::ConfigError>(())
//! ```
//!
//! # Configuration
//!
//! [`config::Config::from_bytes`] reads and checks a configuration. An error has the path of the
//! field. Unknown fields are errors.
//!
//! ```
//! use okta_authz_filter::config::Config;
//!
//! let error = Config::from_bytes(br#"{
//!     "providers": {
//!         "okta": {
//!             "issuer": "http://example.okta.com/oauth2/default",
//!             "audiences": ["api://default"],
//!             "remote_jwks": { "cluster": "okta" }
//!         }
//!     }
//! }"#)
//! .unwrap_err();
//! assert!(error.to_string().starts_with("providers.okta.issuer: "), "{error}");
//! ```
//!
//! # Documents
//!
//! [`refresh::refresher::Refresher`] decides when a worker fetches a key set or a denylist.
//! [`jwks::KeySet`] and [`denylist::Denylist`] are the parsed documents. A document stays in use
//! until a valid newer one replaces it, or until it expires.
//!
//! # Introspection
//!
//! [`filter::Filter::take_introspection_calls`] returns the requests that the host sends to an
//! introspection endpoint, and [`filter::Filter::on_introspection_response`] takes the responses.
//!
//! # Open streams
//!
//! [`filter::Filter::take_unauthorized_streams`] returns the streams that the host closes, because
//! their token is no longer valid.
//!
//! # Observers
//!
//! [`filter::Filter::decide_with_observer`] reports each check to an
//! [`observer::DecisionObserver`]. `okta-authz explain` prints these reports. The filter in Envoy
//! records only the provider and the denials of shadow mode ([`filter::MetricsObserver`]).
//!
//! # Core and host
//!
//! The core, which is every module except `host`, does no I/O, reads no clock, writes no log and
//! does not depend on Envoy. The module `host` connects the core to Envoy. It exists only on wasm32
//! and contains no rule of JWT or policy. Cargo enforces this boundary: `proxy-wasm` is a
//! dependency for wasm32 only.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::type_complexity, reason = "tables"))]

mod authority;
pub mod claims;
pub mod client_certificate;
pub mod config;
pub mod confirmation;
pub mod crypto;
pub mod denylist;
pub mod dpop;
pub mod filter;
pub mod filter_state;
pub mod header_map;
pub mod headers;
mod hex;
pub mod https_url;
pub mod introspection;
pub mod json;
pub mod jwks;
mod lookalike;
pub mod metrics;
pub mod observer;
pub mod percent_encoding;
pub mod policy;
pub mod protected_resource;
pub mod refresh;
pub mod rejection;
pub mod reply;
pub mod request;
#[cfg(not(target_arch = "wasm32"))]
pub mod revocation;
mod text;
pub mod time;
pub mod token;
mod token_cache;
pub mod verify;

#[cfg(target_arch = "wasm32")]
pub mod host;
