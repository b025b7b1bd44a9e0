//! The stand-in Okta in the network of the tests.

use std::net::Ipv4Addr;

use stand_in_okta::{Options, StandIn};

/// Starts a stand-in Okta on the ports of a web server.
///
/// # Panics
///
/// If a port is in use.
pub fn start(address: Ipv4Addr, domain: &str) -> StandIn {
    let (http, https) = ((address, 80).into(), (address, 443).into());
    StandIn::start(Options { http, https, domain: domain.to_owned(), ..Options::default() })
}
