//! Network namespaces in place of pods. The tests run in a separate network namespace, which is the
//! node: `scripts/mesh` creates it, with the addresses of [`address`].

use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};

use super::process::run;

/// Addresses of the node. `scripts/mesh` adds them to the loopback interface, and writes the host
/// names into `/etc/hosts`.
pub mod address {
    use std::net::Ipv4Addr;

    /// kube-apiserver and etcd.
    pub const KUBERNETES: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);
    /// The stand-in Okta: `acme.okta.com`.
    pub const OKTA: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 10);
    /// The control plane: `istiod.istio-system.svc` or
    /// `envoy-gateway.envoy-gateway-system.svc.cluster.local`.
    pub const CONTROL_PLANE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 11);
    /// Another Okta: `other-ca.okta.com`.
    pub const OTHER_OKTA: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 14);
    /// The registry of images.
    pub const REGISTRY: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 12);
    /// The API behind a gateway.
    pub const API: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 13);
}

/// A network namespace with its own address and its own packet filter, like that of a pod.
pub struct Pod {
    name: String,
    address: Ipv4Addr,
}

impl Pod {
    /// Creates a namespace that reaches the node, and that the node reaches.
    ///
    /// # Panics
    ///
    /// If the namespace cannot be created. This needs root.
    pub fn new() -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(2);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let (name, address) = (format!("pod{number}"), Ipv4Addr::new(10, 244, 0, number));
        let (outside, peer) = (format!("node{number}"), format!("eth{number}"));
        ip(&["netns", "add", &name]);
        ip(&["link", "add", &outside, "type", "veth", "peer", "name", &peer, "netns", &name]);
        ip(&["link", "set", &outside, "up"]);
        // Each pod has its own link. The node's address is the gateway of all of them.
        ip(&["address", "add", "10.244.255.254/32", "dev", &outside]);
        ip(&["route", "add", &format!("{address}/32"), "dev", &outside]);
        for arguments in [
            vec!["link", "set", "lo", "up"],
            vec!["link", "set", &peer, "up"],
            vec!["address", "add", &format!("{address}/32"), "dev", &peer],
            vec!["route", "add", "10.244.255.254", "dev", &peer],
            vec!["route", "add", "default", "via", "10.244.255.254", "dev", &peer],
        ] {
            run(Command::new("ip").args(["-netns", &name]).args(arguments));
        }
        Self { name, address }
    }

    /// Returns the address of the pod.
    pub const fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Returns the name of the namespace.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns a command that runs a program in the namespace.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }
}

impl Default for Pod {
    fn default() -> Self {
        Self::new()
    }
}

fn ip(arguments: &[&str]) {
    run(Command::new("ip").args(arguments));
}
