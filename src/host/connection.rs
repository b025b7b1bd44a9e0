//! The connection on which Envoy received the request of the effective context.

use super::abi;
use crate::filter::Connection;

/// Envoy's attributes of the connection. Each read is a host call, so the filter reads only what a
/// token requires.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostConnection;

impl Connection for HostConnection {
    fn client_certificate_sha256(&self) -> Option<Vec<u8>> {
        abi::get_property("connection\0sha256_peer_certificate_digest").filter(|digest| !digest.is_empty())
    }
}
