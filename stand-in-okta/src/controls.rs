//! The controls for clients and introspection. `control.rs` has them over HTTP too.

use serde_json::{Map, Value};

use super::StandIn;
use super::oauth::{Client, Introspection, Method};
use super::servers::Server;

impl StandIn {
    /// Sets the secret of a client, which replaces its other credentials.
    ///
    /// # Panics
    ///
    /// If no client has this ID.
    pub fn set_client_secret(&self, client_id: &str, secret: &str) {
        self.set_method(client_id, Method::Secret(secret.to_owned()));
    }

    /// Registers public keys (RFC 7517) for a client, which then authenticates only by
    /// `private_key_jwt`. With several keys, each needs a `kid`.
    ///
    /// # Panics
    ///
    /// If no client has this ID, or if a key is not an object.
    #[allow(clippy::expect_used, reason = "a mistake in a test")]
    pub fn set_client_keys(&self, client_id: &str, keys: &[Value]) {
        let keys: Option<Vec<Map<String, Value>>> = keys.iter().map(|key| key.as_object().cloned()).collect();
        self.set_method(client_id, Method::PrivateKey(keys.expect("each key is an object")));
    }

    /// Sets whether a client gets tokens only with a DPoP proof. Okta's setting is
    /// `dpop_bound_access_tokens`.
    ///
    /// # Panics
    ///
    /// If no client has this ID.
    #[allow(clippy::expect_used, reason = "a mistake in a test")]
    pub fn set_dpop_required(&self, client_id: &str, required: bool) {
        let client = Client::with_id(client_id).expect("a registered client");
        self.org.clients().set_dpop_required(client, required);
    }

    /// Returns the nonce that DPoP proofs for the token endpoint need now.
    pub fn dpop_nonce(&self) -> String {
        self.org.dpop().nonce(self.org.now_millis())
    }

    #[allow(clippy::expect_used, reason = "a mistake in a test")]
    fn set_method(&self, client_id: &str, method: Method) {
        let client = Client::with_id(client_id).expect("a registered client");
        self.org.clients().set_method(client, method);
    }

    /// Returns the latest 1,000 introspection requests with valid client credentials, in their
    /// order. [`StandIn::requests`] counts all requests.
    pub fn introspections(&self, server: Server) -> Vec<Introspection> {
        self.org.state(server).introspections().latest()
    }

    /// Returns the greatest number of introspection requests that were in progress at once.
    pub fn peak_introspections(&self, server: Server) -> u64 {
        self.org.state(server).introspections().peak()
    }
}
