//! Locates the configurations of the filter in a file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Map, Value, json};

use super::documents;

/// The largest integer that a `google.protobuf.Struct` holds exactly: its numbers are doubles.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// A configuration of the filter.
pub(crate) struct LocatedConfig<'a> {
    /// The path in the file: `static_resources.listeners[0]...`; empty if the file contains nothing
    /// else.
    pub(crate) location: String,
    /// The bytes that Envoy passes to the filter.
    pub(crate) bytes: Vec<u8>,
    pub(crate) context: ConfigContext<'a>,
}

/// The part of the file that contains a configuration.
#[derive(Clone, Copy)]
pub(crate) enum ConfigContext<'a> {
    /// The configuration is the whole document.
    None,
    /// Envoy's `PluginConfig`, and the HTTP filters after the wasm filter, if the file shows them.
    Envoy { plugin: &'a Value, following_filters: Option<&'a [Value]> },
    /// The `spec` of an Istio `WasmPlugin`, or the `spec.wasm` of a `TrafficExtension`.
    Istio { spec: &'a Value },
    /// An element of the `wasm` of an Envoy Gateway `EnvoyExtensionPolicy`.
    EnvoyGateway { extension: &'a Value },
}

impl<'a> ConfigContext<'a> {
    /// Returns the HTTP filters after this filter, if the file shows them.
    pub(crate) const fn following_filters(self) -> Option<&'a [Value]> {
        match self {
            Self::Envoy { following_filters, .. } => following_filters,
            Self::None | Self::Istio { .. } | Self::EnvoyGateway { .. } => None,
        }
    }
}

/// Returns every configuration of the filter.
pub(crate) fn find(documents: &[Value]) -> Vec<LocatedConfig<'_>> {
    let mut search = Search { found: Vec::new() };
    for (root, document) in roots(documents) {
        search.document(&root, document);
    }
    search.found
}

/// Returns the documents, each with the prefix of its locations.
pub(crate) fn roots(documents: &[Value]) -> impl Iterator<Item = (String, &Value)> {
    let count = documents.len();
    documents.iter().enumerate().map(move |(index, document)| (documents::root(index, count), document))
}

struct Search<'a> {
    found: Vec<LocatedConfig<'a>>,
}

impl<'a> Search<'a> {
    fn document(&mut self, location: &str, document: &'a Value) {
        let before = self.found.len();
        if is_kubernetes(document) {
            self.resource(location, document);
        } else {
            self.envoy(location, document, None);
        }
        if self.found.len() == before && is_bare(document) {
            let bytes = document.to_string().into_bytes();
            self.found.push(LocatedConfig {
                location: location.to_owned(),
                bytes,
                context: ConfigContext::None,
            });
        }
    }

    /// Searches a resource of Kubernetes, or a list of them, as `kubectl get -o yaml` prints it.
    fn resource(&mut self, location: &str, resource: &'a Value) {
        let kind = resource.get("kind").and_then(Value::as_str).unwrap_or_default();
        self.resource_of(kind, location, resource);
    }

    fn resource_of(&mut self, kind: &str, location: &str, resource: &'a Value) {
        let at_spec = member(location, "spec");
        match (kind, resource.get("spec"), resource.get("items").and_then(Value::as_array)) {
            ("WasmPlugin", Some(spec), _) => self.istio(&at_spec, spec),
            ("TrafficExtension", Some(spec), _) => {
                if let Some(wasm) = spec.get("wasm") {
                    self.istio(&member(&at_spec, "wasm"), wasm);
                }
            }
            ("EnvoyExtensionPolicy", Some(spec), _) => self.envoy_gateway(&at_spec, spec),
            // The items of a typed list may have no `kind`.
            (_, None, Some(items)) if kind.ends_with("List") => {
                let of_items = kind.strip_suffix("List").unwrap_or_default();
                for (index, item) in items.iter().enumerate() {
                    let location = element(&member(location, "items"), index);
                    match item.get("kind") {
                        None => self.resource_of(of_items, &location, item),
                        Some(_) => self.resource(&location, item),
                    }
                }
            }
            // `metadata` and `status`, which the server writes, repeat parts of the resource.
            (_, Some(spec), _) => self.envoy(&at_spec, spec, None),
            _ => {}
        }
    }

    fn istio(&mut self, location: &str, spec: &'a Value) {
        if let Some(config) = spec.get("pluginConfig").filter(|config| is_this_filter(config, spec)) {
            // `pluginConfig` is a `google.protobuf.Struct`.
            let bytes = as_struct(config).to_string().into_bytes();
            let context = ConfigContext::Istio { spec };
            self.found.push(LocatedConfig { location: member(location, "pluginConfig"), bytes, context });
        }
    }

    fn envoy_gateway(&mut self, location: &str, spec: &'a Value) {
        let extensions = spec.get("wasm").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (index, extension) in extensions.iter().enumerate() {
            if let Some(config) = extension.get("config").filter(|config| is_this_filter(config, extension)) {
                let location = member(&element(&member(location, "wasm"), index), "config");
                let bytes = config.to_string().into_bytes();
                self.found.push(LocatedConfig {
                    location,
                    bytes,
                    context: ConfigContext::EnvoyGateway { extension },
                });
            }
        }
    }

    /// Searches a value of Envoy at any depth: a bootstrap, a listener, a filter, a patch that adds
    /// one.
    fn envoy(&mut self, location: &str, value: &'a Value, following: Option<&'a [Value]>) {
        match value {
            Value::Array(items) => {
                let are_filters = location.ends_with("http_filters");
                for (index, item) in items.iter().enumerate() {
                    let following =
                        if are_filters { items.get(index.saturating_add(1)..) } else { following };
                    self.envoy(&element(location, index), item, following);
                }
            }
            Value::Object(members) => {
                if let Some(bytes) = plugin_bytes(members).filter(|bytes| {
                    let config = okta_authz_filter::json::parse(bytes).unwrap_or_default();
                    is_this_filter(&config, value)
                }) {
                    let location = member(location, "configuration.value");
                    let context = ConfigContext::Envoy { plugin: value, following_filters: following };
                    self.found.push(LocatedConfig { location, bytes, context });
                    return;
                }
                for (name, inner) in members {
                    self.envoy(&member(location, name), inner, following);
                }
            }
            _ => {}
        }
    }
}

/// Returns the bytes that Envoy passes to a plugin: the `value` of its `configuration`.
fn plugin_bytes(plugin: &Map<String, Value>) -> Option<Vec<u8>> {
    let configuration = plugin.get("configuration")?;
    let value = configuration.get("value")?;
    match configuration.get("@type")?.as_str()?.rsplit('/').next()? {
        "google.protobuf.Struct" => Some(as_struct(value).to_string().into_bytes()),
        "google.protobuf.StringValue" => Some(value.as_str()?.as_bytes().to_vec()),
        "google.protobuf.BytesValue" => decode_base64(value.as_str()?),
        _ => None,
    }
}

/// Decodes base64 as protobuf's JSON mapping does: either alphabet, with or without padding.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let plain = text.trim_end_matches('=').replace('-', "+").replace('_', "/");
    STANDARD_NO_PAD.decode(plain).ok()
}

/// Returns the value with its numbers as a `google.protobuf.Struct` returns them.
fn as_struct(value: &Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if float.abs() > MAX_SAFE_INTEGER => json!(float),
            // The JSON of a double without a fraction is an integer.
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

/// Reports whether this is a configuration of this filter: it has `providers`, or a field beside it
/// contains `okta`.
fn is_this_filter(config: &Value, parent: &Value) -> bool {
    let mentions_okta = |name: &String, value: &Value| {
        !matches!(name.as_str(), "configuration" | "pluginConfig" | "config")
            && value.to_string().contains("okta")
    };
    config.get("providers").is_some()
        || parent
            .as_object()
            .is_some_and(|members| members.iter().any(|(name, value)| mentions_okta(name, value)))
}

fn is_kubernetes(document: &Value) -> bool {
    document.get("kind").is_some() || document.get("apiVersion").is_some()
}

/// Reports whether the document is a configuration of the filter: it has a field of one, and no
/// field of other documents.
fn is_bare(document: &Value) -> bool {
    const OTHER_FIELDS: [&str; 8] =
        ["static_resources", "dynamic_resources", "resources", "kind", "apiVersion", "@type", "name", "orgs"];
    const CONFIG_FIELDS: [&str; 7] =
        ["providers", "rules", "route_policies", "denylist", "claim_to_headers", "responses", "forward"];
    document.as_object().is_some_and(|members| {
        let has = |names: &[&str]| names.iter().any(|name| members.contains_key(*name));
        !has(&OTHER_FIELDS) && (has(&CONFIG_FIELDS) || members.is_empty())
    })
}

/// Returns the error for a file without a configuration of the filter.
pub(crate) fn missing_config(documents: &[Value]) -> String {
    let has = |name: &str| documents.iter().any(|document| document.get(name).is_some());
    let hint = if has("tests") && has("config") {
        "; it contains policy tests: use `okta-authz test`"
    } else if has("orgs") {
        "; it contains a configuration of the receiver: use `okta-authz receive --check`"
    } else if documents.iter().any(|document| document.is_object() && !is_kubernetes(document)) {
        "; a configuration has `providers`"
    } else {
        ""
    };
    format!("contains no configuration of this filter{hint}")
}

/// Returns the location of a member of an object.
pub(crate) fn member(location: &str, name: &str) -> String {
    if location.is_empty() { name.to_owned() } else { format!("{location}.{name}") }
}

/// Returns the location of an element of a list.
pub(crate) fn element(location: &str, index: usize) -> String {
    format!("{location}[{index}]")
}

#[cfg(test)]
mod tests;
