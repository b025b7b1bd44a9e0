//! The controls for keys: rotation, and how the server publishes them. `control.rs` has them over HTTP
//! too.

use std::time::Duration;

use super::StandIn;
use super::keys::{Rotation, Stage};
use super::servers::Server;

impl StandIn {
    /// Rotates the server's keys. It generates RSA keys, which takes a fraction of a second.
    pub fn rotate(&self, server: Server, rotation: Rotation) {
        self.org.state(server).rotate(rotation);
    }

    /// Sets the keys that the server publishes. The ACTIVE key stays.
    pub fn set_stage(&self, server: Server, stage: Stage) {
        self.org.state(server).set_stage(stage);
    }

    /// Sets how long the server publishes its former keys after each later rotation.
    pub fn set_lag(&self, server: Server, lag: Duration) {
        self.org.state(server).ring().set_lag(lag);
    }

    /// Sets the `Cache-Control` of the server's key set. With `None` the response has no such
    /// header.
    pub fn set_cache_control(&self, server: Server, value: Option<&str>) {
        self.org.state(server).set_cache_control(value.map(str::to_owned));
    }
}
