//! The xDS listeners of Envoy Gateway, each of which needs a guard patch.
//!
//! Listeners of a Gateway on one port share one xDS listener with the name of the first,
//! `{namespace}/{gateway}/{listener}`. The names of those that a `ListenerSet` adds have its namespace
//! and its name before the name of the listener. HTTP/3 adds one with the suffix `-quic`. With the runtime flag
//! `XDSNameSchemeV2` the names are `tcp-{port}` and `udp-{port}`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::envoy_json::{any, list, list_at, text, text_equals};
use super::finding::Finding;
use super::gateway_servers::gateway_targets;
use super::kubernetes::{metadata, name, owner, resources_of_kind, spec};
use super::{listener_sets, mesh_guard};

const FLAG: &str = "XDSNameSchemeV2";

/// An xDS listener that needs a guard.
struct XdsListener {
    /// Its name, and its name with `XDSNameSchemeV2`.
    names: [String; 2],
    reason: String,
}

/// A listener of the Gateway API.
struct Listener<'a> {
    value: &'a Value,
    /// The `ListenerSet` that adds it.
    set: Option<&'a Value>,
}

impl Listener<'_> {
    /// Returns the part of its xDS name after the Gateway.
    fn name(&self) -> String {
        let own = text(self.value, "name").unwrap_or_default();
        let of_set = |set| format!("{}/{}/{own}", metadata(set, "namespace").unwrap_or("default"), name(set));
        self.set.map_or_else(|| own.to_owned(), of_set)
    }
}

/// Warns about xDS listeners of the Gateway without a guard patch, and about guard patches for
/// names that do not exist. A file without a guard gets its finding elsewhere.
pub(super) fn warnings(part: &Value, documents: &[Value]) -> Vec<Finding> {
    let Some(owner) = owner(part, documents) else { return Vec::new() };
    let guards = mesh_guard::gateway_guards(owner, documents);
    let mut warnings = Vec::new();
    for target in gateway_targets(owner).filter(|_| !guards.is_empty()) {
        let gateway_name = text(target, "name").unwrap_or_default();
        let namespace = metadata(owner, "namespace").or_else(|| namespace_of_guard(&guards, gateway_name));
        let prefix = format!("{}/{gateway_name}/", namespace.unwrap_or("default"));
        let listeners = xds_listeners(target, &prefix, documents);
        let uses_v2 = uses_scheme_v2(documents);
        let is_covered = |listener: &XdsListener| match uses_v2 {
            Some(v2) => {
                listener.names.get(usize::from(v2)).is_some_and(|name| guards.contains(&name.as_str()))
            }
            None => listener.names.iter().any(|name| guards.contains(&name.as_str())),
        };
        for listener in listeners.iter().filter(|listener| !is_covered(listener)) {
            let [name, name_v2] = &listener.names;
            let problem = format!(
                "no guard patch in this file is for the xDS listener `{name}` (with `{FLAG}`: `{name_v2}`), {}: its \
                 requests have no guard",
                listener.reason
            );
            warnings.push(Finding::warning("", problem));
        }
        if has_http3(gateway_name, None, documents)
            && !guards.iter().any(|name| is_quic(name))
            && listeners.is_empty()
        {
            let problem = "`http3` adds an xDS listener with the suffix `-quic`, and no guard patch in this file is for \
                           it: its requests have no guard";
            warnings.push(Finding::warning("", problem));
        }
        if listeners.is_empty() {
            let sets = listener_sets::of_gateway(gateway_name, prefix.split('/').next(), documents);
            let problem = "the Gateway is not in this file: check cannot prove that each listener of this `ListenerSet` \
                           has a guard patch";
            warnings.extend(sets.map(|set| Finding::note(format!("ListenerSet/{}", name(set)), problem)));
        }
        // Patches for other Gateways have another `targetRef`.
        for guard in guards.iter().filter(|name| !is_scheme_v2(name)) {
            let exists = || listeners.iter().any(|listener| listener.names.iter().any(|name| name == guard));
            if !guard.starts_with(&prefix) || (!listeners.is_empty() && !exists()) || uses_v2 == Some(true) {
                let problem = format!(
                    "the guard patch for `{guard}` has no effect: the Gateway `{gateway_name}` has no xDS listener of this \
                     name"
                );
                warnings.push(Finding::warning("", problem));
            }
        }
    }
    warnings
}

/// Returns the namespace in a guard's name for this Gateway. Resources without a namespace get one
/// when they are applied.
fn namespace_of_guard<'a>(guards: &[&'a str], gateway: &str) -> Option<&'a str> {
    let namespace = |name: &&'a str| {
        let (namespace, rest) = name.split_once('/')?;
        rest.strip_prefix(gateway).is_some_and(|rest| rest.starts_with('/')).then_some(namespace)
    };
    guards.iter().find_map(namespace)
}

/// Returns the xDS listeners that have HTTP filters and belong to the target of a policy: a Gateway
/// of this file, or one of its listeners (`sectionName`).
fn xds_listeners(target: &Value, prefix: &str, documents: &[Value]) -> Vec<XdsListener> {
    let (gateway_name, section) = (text(target, "name").unwrap_or_default(), text(target, "sectionName"));
    let is_gateway =
        |gateway: &&Value| name(gateway) == gateway_name && spec(gateway).get("listeners").is_some();
    let Some(gateway) = resources_of_kind(documents, "Gateway").find(is_gateway) else { return Vec::new() };
    let mut by_port: BTreeMap<u64, Vec<Listener<'_>>> = BTreeMap::new();
    let own = http_listeners(gateway).map(|value| Listener { value, set: None });
    let of_sets = listener_sets::of_gateway(gateway_name, prefix.split('/').next(), documents)
        .flat_map(|set| http_listeners(set).map(move |value| Listener { value, set: Some(set) }));
    for listener in own.chain(of_sets) {
        let port = listener.value.get("port").and_then(Value::as_u64).unwrap_or_default();
        by_port.entry(port).or_default().push(listener);
    }
    let is_targeted = |listener: &Listener<'_>| match section {
        Some(section) => listener.set.is_none() && text_equals(listener.value, "name", section),
        None => true,
    };
    let mut found = Vec::new();
    for (port, listeners) in by_port {
        if !listeners.iter().any(is_targeted) {
            continue;
        }
        let first = listeners.first().map(Listener::name).unwrap_or_default();
        let reason = format!("on port {port} of the Gateway `{gateway_name}`");
        found.push(XdsListener { names: [format!("{prefix}{first}"), format!("tcp-{port}")], reason });
        let is_http3 = |listener: &Listener<'_>| {
            text_equals(listener.value, "protocol", "HTTPS")
                && has_http3(gateway_name, text(listener.value, "name"), documents)
        };
        if listeners.iter().any(is_http3) {
            let reason = format!("which `http3` adds on port {port} of the Gateway `{gateway_name}`");
            found.push(XdsListener {
                names: [format!("{prefix}{first}-quic"), format!("udp-{port}")],
                reason,
            });
        }
    }
    found
}

/// Returns the listeners of a Gateway or a `ListenerSet` that have HTTP filters.
fn http_listeners(resource: &Value) -> impl Iterator<Item = &Value> {
    let is_http = |listener: &&Value| matches!(text(listener, "protocol"), Some("HTTP" | "HTTPS"));
    list(spec(resource), "listeners").iter().filter(is_http)
}

/// Reports whether a `ClientTrafficPolicy` enables HTTP/3 for a listener of a Gateway; without a
/// listener: for any of them.
fn has_http3(gateway: &str, listener: Option<&str>, documents: &[Value]) -> bool {
    let is_for_listener = |target: &Value| {
        let section = text(target, "sectionName");
        text_equals(target, "name", gateway)
            && (section.is_none() || listener.is_none() || section == listener)
    };
    resources_of_kind(documents, "ClientTrafficPolicy").any(|policy| {
        let mut targets = gateway_targets(policy).peekable();
        // A policy that selects its targets by labels may be for this Gateway.
        let is_for_gateway = targets.peek().is_none() || targets.any(is_for_listener);
        spec(policy).get("http3").is_some_and(|http3| !http3.is_null()) && is_for_gateway
    })
}

/// Reports whether the configuration of Envoy Gateway enables the second scheme of names; `None`
/// if it is not in this file.
fn uses_scheme_v2(documents: &[Value]) -> Option<bool> {
    let mut configs = resources_of_kind(documents, "EnvoyGateway").peekable();
    configs.peek()?;
    let has_flag = |config: &Value| {
        list_at(config, "/runtimeFlags/enabled").iter().any(|flag| any(flag, &|value| value == FLAG))
    };
    Some(configs.any(has_flag))
}

/// Reports whether a name is `tcp-{port}` or `udp-{port}`.
fn is_scheme_v2(name: &str) -> bool {
    let port = name.strip_prefix("tcp-").or_else(|| name.strip_prefix("udp-"));
    port.is_some_and(|port| port.parse::<u16>().is_ok())
}

fn is_quic(name: &str) -> bool {
    name.ends_with("-quic") || name.starts_with("udp-")
}
