//! The inputs of a decision besides the request and the configuration.

use crate::crypto::SignatureVerifier;
use crate::refresh::shared::{CasToken, SharedData};
use crate::time::UnixTime;

/// The inputs of a decision besides the request and the configuration.
#[derive(Clone, Copy)]
pub struct Environment<'a> {
    /// The current time.
    pub now: UnixTime,
    /// The time at which the request arrived. It differs from `now` if the request has waited for a
    /// fetch.
    pub arrived_at: UnixTime,
    /// The verifier of signatures.
    pub verifier: &'a dyn SignatureVerifier,
    /// The store that the workers share.
    pub shared_data: &'a dyn SharedData,
    /// The connection on which Envoy received the request.
    pub connection: &'a dyn Connection,
}

/// The connection on which Envoy received a request.
pub trait Connection {
    /// Returns the SHA-256 digest of the client certificate in DER as hexadecimal text (Envoy's
    /// attribute `connection.sha256_peer_certificate_digest`); `None` without a certificate.
    fn client_certificate_sha256(&self) -> Option<Vec<u8>>;
}

impl<'a> Environment<'a> {
    /// Creates the environment of a request that arrived at `now`, without shared data and without
    /// a client certificate.
    pub fn new(now: UnixTime, verifier: &'a dyn SignatureVerifier) -> Self {
        Self { now, arrived_at: now, verifier, shared_data: &(), connection: &() }
    }
}

/// A store without values that accepts none.
impl SharedData for () {
    fn get(&self, _: &str) -> Option<(Vec<u8>, CasToken)> {
        None
    }

    fn set(&self, _: &str, _: &[u8], _: Option<CasToken>) -> bool {
        false
    }
}

/// A connection without a client certificate.
impl Connection for () {
    fn client_certificate_sha256(&self) -> Option<Vec<u8>> {
        None
    }
}
