//! The registered clients.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::store::Store;
use crate::{BROWSER_CLIENT_ID, DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DPOP_CLIENT_ID, DPOP_CLIENT_SECRET};
use crate::{RESOURCE_SERVER_ID, RESOURCE_SERVER_SECRET};

/// A registered client.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Client {
    /// The service with a secret.
    Service,
    /// The service whose tokens must be bound to a key.
    BoundService,
    /// The API, a client that only introspects tokens.
    ResourceServer,
    /// The single-page app, a public client.
    Browser,
}

impl Client {
    /// All clients.
    const ALL: [Self; 4] = [Self::Service, Self::BoundService, Self::ResourceServer, Self::Browser];

    /// Returns the client ID.
    pub(crate) const fn id(self) -> &'static str {
        match self {
            Self::Service => DEMO_CLIENT_ID,
            Self::BoundService => DPOP_CLIENT_ID,
            Self::ResourceServer => RESOURCE_SERVER_ID,
            Self::Browser => BROWSER_CLIENT_ID,
        }
    }

    /// Returns the client with this ID.
    pub(crate) fn with_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|client| client.id() == id)
    }
}

/// How a client authenticates. Okta's setting is `token_endpoint_auth_method`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Method {
    /// By its ID only: a public client.
    None,
    /// By this secret, in the header or in the form.
    Secret(String),
    /// By an assertion that one of these keys signed.
    PrivateKey(Vec<Map<String, Value>>),
}

/// The settings of all clients.
pub(crate) struct Clients {
    methods: HashMap<Client, Method>,
    /// The clients that need a DPoP proof. Okta's setting is `dpop_bound_access_tokens`.
    bound: HashSet<Client>,
    /// The `jti` of accepted assertions, each until its assertion expires.
    used: Store<()>,
}

impl Clients {
    /// Returns the settings with which the stand-in starts.
    pub(crate) fn new() -> Self {
        let secret = |secret: &str| Method::Secret(secret.to_owned());
        let methods = HashMap::from([
            (Client::Service, secret(DEMO_CLIENT_SECRET)),
            (Client::BoundService, secret(DPOP_CLIENT_SECRET)),
            (Client::ResourceServer, secret(RESOURCE_SERVER_SECRET)),
            (Client::Browser, Method::None),
        ]);
        Self { methods, bound: HashSet::from([Client::BoundService]), used: Store::new() }
    }

    /// Returns how the client authenticates.
    pub(crate) fn method(&self, client: Client) -> Method {
        self.methods.get(&client).cloned().unwrap_or(Method::None)
    }

    /// Sets how the client authenticates.
    pub(crate) fn set_method(&mut self, client: Client, method: Method) {
        self.methods.insert(client, method);
    }

    /// Returns whether the client needs a DPoP proof for tokens. Without this setting, a proof is
    /// optional.
    pub(crate) fn requires_dpop(&self, client: Client) -> bool {
        self.bound.contains(&client)
    }

    /// Sets whether the client needs a DPoP proof for tokens.
    pub(crate) fn set_dpop_required(&mut self, client: Client, required: bool) {
        if required {
            self.bound.insert(client);
        } else {
            self.bound.remove(&client);
        }
    }

    /// Records the `jti` of a client's assertion for this number of seconds. Returns whether it is
    /// new.
    pub(crate) fn use_jti(&mut self, client: Client, jti: &str, seconds: i64, now_millis: i64) -> bool {
        self.used.insert_new(&format!("{} {jti}", client.id()), (), seconds, now_millis)
    }
}
