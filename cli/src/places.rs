//! Where in a file the filter's configuration is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use okta_authz_filter::json::MAX_SAFE_INTEGER;
use serde_json::{Map, Value, json};

use super::documents;

/// A configuration of the filter.
pub(crate) struct Found<'a> {
    /// `static_resources.listeners[0]...`; empty for a file that is nothing else.
    pub(crate) place: String,
    /// The bytes that the filter would be given.
    pub(crate) bytes: Vec<u8>,
    /// What is around it.
    pub(crate) surroundings: Surroundings<'a>,
}

/// What is around a configuration.
#[derive(Clone, Copy)]
pub(crate) enum Surroundings<'a> {
    /// Nothing.
    None,
    /// Envoy's `PluginConfig`, and the HTTP filters behind it, where they can be told.
    Envoy { plugin: &'a Value, behind: Option<&'a [Value]> },
    /// The `spec` of an Istio `WasmPlugin`, or the `spec.wasm` of a `TrafficExtension`.
    Istio { spec: &'a Value },
    /// An element of the `wasm` of an Envoy Gateway `EnvoyExtensionPolicy`.
    EnvoyGateway { extension: &'a Value },
}

impl<'a> Surroundings<'a> {
    /// Returns the HTTP filters behind this one, where the file shows them.
    pub(crate) const fn behind(self) -> Option<&'a [Value]> {
        match self {
            Self::Envoy { behind, .. } => behind,
            Self::None | Self::Istio { .. } | Self::EnvoyGateway { .. } => None,
        }
    }
}

/// Every configuration of the filter in these documents.
pub(crate) fn find(documents: &[Value]) -> Vec<Found<'_>> {
    let mut search = Search { found: Vec::new() };
    for (root, document) in roots(documents) {
        search.document(&root, document);
    }
    search.found
}

/// The documents, each with what its places begin with.
pub(crate) fn roots(documents: &[Value]) -> impl Iterator<Item = (String, &Value)> {
    let count = documents.len();
    documents.iter().enumerate().map(move |(index, document)| (documents::root(index, count), document))
}

struct Search<'a> {
    found: Vec<Found<'a>>,
}

impl<'a> Search<'a> {
    fn document(&mut self, place: &str, document: &'a Value) {
        let before = self.found.len();
        if is_kubernetes(document) {
            self.resource(place, document);
        } else {
            self.envoy(place, document, None);
        }
        if self.found.len() == before && is_bare(document) {
            let bytes = document.to_string().into_bytes();
            self.found.push(Found { place: place.to_owned(), bytes, surroundings: Surroundings::None });
        }
    }

    /// Searches a resource of Kubernetes, or a list of them, as `kubectl get -o yaml` prints it.
    fn resource(&mut self, place: &str, resource: &'a Value) {
        let kind = resource.get("kind").and_then(Value::as_str).unwrap_or_default();
        self.resource_of(kind, place, resource);
    }

    fn resource_of(&mut self, kind: &str, place: &str, resource: &'a Value) {
        let at_spec = member(place, "spec");
        match (kind, resource.get("spec"), resource.get("items").and_then(Value::as_array)) {
            ("WasmPlugin", Some(spec), _) => self.istio(&at_spec, spec),
            ("TrafficExtension", Some(spec), _) => {
                if let Some(wasm) = spec.get("wasm") {
                    self.istio(&member(&at_spec, "wasm"), wasm);
                }
            }
            ("EnvoyExtensionPolicy", Some(spec), _) => self.envoy_gateway(&at_spec, spec),
            // The items of a typed list may lack a kind of their own.
            (_, None, Some(items)) if kind.ends_with("List") => {
                let of_items = kind.strip_suffix("List").unwrap_or_default();
                for (index, item) in items.iter().enumerate() {
                    let place = element(&member(place, "items"), index);
                    match item.get("kind") {
                        None => self.resource_of(of_items, &place, item),
                        Some(_) => self.resource(&place, item),
                    }
                }
            }
            // `metadata` and `status`, which the server writes, repeat parts of the resource.
            (_, Some(spec), _) => self.envoy(&at_spec, spec, None),
            _ => {}
        }
    }

    fn istio(&mut self, place: &str, spec: &'a Value) {
        if let Some(config) = spec.get("pluginConfig").filter(|config| is_ours(config, spec)) {
            // `pluginConfig` is a Struct.
            let bytes = as_struct(config).to_string().into_bytes();
            let surroundings = Surroundings::Istio { spec };
            self.found.push(Found { place: member(place, "pluginConfig"), bytes, surroundings });
        }
    }

    fn envoy_gateway(&mut self, place: &str, spec: &'a Value) {
        let extensions = spec.get("wasm").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (index, extension) in extensions.iter().enumerate() {
            if let Some(config) = extension.get("config").filter(|config| is_ours(config, extension)) {
                let place = member(&element(&member(place, "wasm"), index), "config");
                let bytes = config.to_string().into_bytes();
                self.found.push(Found {
                    place,
                    bytes,
                    surroundings: Surroundings::EnvoyGateway { extension },
                });
            }
        }
    }

    /// Anything of Envoy's, at any depth: a bootstrap, a listener, a filter, a patch that adds one.
    fn envoy(&mut self, place: &str, value: &'a Value, behind: Option<&'a [Value]>) {
        match value {
            Value::Array(items) => {
                let are_filters = place.ends_with("http_filters");
                for (index, item) in items.iter().enumerate() {
                    let behind = if are_filters { items.get(index.saturating_add(1)..) } else { behind };
                    self.envoy(&element(place, index), item, behind);
                }
            }
            Value::Object(members) => {
                if let Some((inner, bytes)) = configuration(members).filter(|(_, bytes)| {
                    let config = okta_authz_filter::json::parse(bytes).unwrap_or_default();
                    is_ours(&config, value)
                }) {
                    let place = member(&member(place, "configuration"), inner);
                    let surroundings = Surroundings::Envoy { plugin: value, behind };
                    self.found.push(Found { place, bytes, surroundings });
                    return;
                }
                for (name, inner) in members {
                    self.envoy(&member(place, name), inner, behind);
                }
            }
            _ => {}
        }
    }
}

/// What Envoy would give to a plugin that is configured so.
fn configuration(plugin: &Map<String, Value>) -> Option<(&'static str, Vec<u8>)> {
    let configuration = plugin.get("configuration")?;
    let value = configuration.get("value")?;
    match configuration.get("@type")?.as_str()?.rsplit('/').next()? {
        "google.protobuf.Struct" => Some(("value", as_struct(value).to_string().into_bytes())),
        "google.protobuf.StringValue" => Some(("value", value.as_str()?.as_bytes().to_vec())),
        "google.protobuf.BytesValue" => Some(("value", base64(value.as_str()?)?)),
        _ => None,
    }
}

/// Decodes bytes in JSON of protocol buffers: either alphabet, with or without padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    let plain = text.trim_end_matches('=').replace('-', "+").replace('_', "/");
    STANDARD_NO_PAD.decode(plain).ok()
}

/// The value, with numbers as they come out of a Struct.
fn as_struct(value: &Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if float.abs() > MAX_SAFE_INTEGER => json!(float),
            // The JSON of a double without a fraction has none.
            Some(float) if float.fract() == 0.0 => {
                format!("{float:.0}").parse::<i64>().map_or_else(|_| value.clone(), Value::from)
            }
            _ => value.clone(),
        },
        Value::Array(items) => items.iter().map(as_struct).collect(),
        Value::Object(members) => {
            let inside = members.iter().map(|(name, value)| (name.clone(), as_struct(value)));
            Value::Object(inside.collect())
        }
        _ => value.clone(),
    }
}

/// Whether this is the filter's configuration, and not another plugin's.
fn is_ours(config: &Value, around: &Value) -> bool {
    let named = |name: &String, value: &Value| {
        !matches!(name.as_str(), "configuration" | "pluginConfig" | "config")
            && value.to_string().contains("okta")
    };
    config.get("providers").is_some()
        || around.as_object().is_some_and(|members| members.iter().any(|(name, value)| named(name, value)))
}

fn is_kubernetes(document: &Value) -> bool {
    document.get("kind").is_some() || document.get("apiVersion").is_some()
}

/// Returns whether this can be nothing but the filter's configuration: it has a field of one, and no field of other
/// documents.
fn is_bare(document: &Value) -> bool {
    const OTHERS: [&str; 7] =
        ["static_resources", "dynamic_resources", "resources", "kind", "apiVersion", "@type", "name"];
    const OURS: [&str; 7] =
        ["providers", "rules", "route_policies", "denylist", "claim_to_headers", "responses", "forward"];
    document.as_object().is_some_and(|members| {
        let has = |names: &[&str]| names.iter().any(|name| members.contains_key(*name));
        !has(&OTHERS) && (has(&OURS) || members.is_empty())
    })
}

/// Returns why a file without a configuration of the filter has none.
pub(crate) fn nothing_found(documents: &[Value]) -> String {
    let has = |name: &str| documents.iter().any(|document| document.get(name).is_some());
    let hint = if has("tests") && has("config") {
        ": it has tests of a policy, which `okta-authz test` reads"
    } else if documents.iter().any(|document| document.is_object() && !is_kubernetes(document)) {
        ": a configuration has `providers`"
    } else {
        ""
    };
    format!("no configuration of this filter is in it{hint}")
}

pub(crate) fn member(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}

pub(crate) fn element(place: &str, index: usize) -> String {
    format!("{place}[{index}]")
}

#[cfg(test)]
mod tests;
