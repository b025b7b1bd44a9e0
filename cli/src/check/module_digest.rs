//! The digest of the wasm module or of its image, next to the configuration.

use serde_json::Value;

use super::finding::Finding;
use crate::locate::ConfigContext;

/// The fields for the digest and the address of a module.
struct ModuleFields {
    /// The path of the digest in a finding.
    path: &'static str,
    /// The JSON pointer to the digest.
    digest: &'static str,
    /// The JSON pointer to the address. Without a digest, a mesh pulls an image by its tag.
    address: &'static str,
}

const ISTIO: &[ModuleFields] = &[ModuleFields { path: "spec.sha256", digest: "/sha256", address: "/url" }];
const ENVOY_GATEWAY: &[ModuleFields] = &[
    ModuleFields { path: "code.image.sha256", digest: "/code/image/sha256", address: "/code/image/url" },
    ModuleFields { path: "code.http.sha256", digest: "/code/http/sha256", address: "/code/http/url" },
];
const ENVOY: &[ModuleFields] = &[ModuleFields {
    path: "config.vm_config.code.remote.sha256",
    digest: "/vm_config/code/remote/sha256",
    address: "/vm_config/code/remote/http_uri/uri",
}];

/// Returns a warning for each digest that is a placeholder, and a note for each address without a
/// digest.
pub(super) fn findings(context: ConfigContext<'_>) -> Vec<Finding> {
    let (value, modules) = match context {
        ConfigContext::None => return Vec::new(),
        ConfigContext::Istio { spec } => (spec, ISTIO),
        ConfigContext::EnvoyGateway { extension } => (extension, ENVOY_GATEWAY),
        ConfigContext::Envoy { plugin, .. } => (plugin, ENVOY),
    };
    modules.iter().filter_map(|module| finding(value, module)).collect()
}

fn finding(value: &Value, ModuleFields { path, digest, address }: &ModuleFields) -> Option<Finding> {
    match value.pointer(digest) {
        Some(digest) if is_placeholder(digest) => {
            let problem = "is a placeholder: no module has this digest, and Envoy will not load the filter";
            Some(Finding::warning(*path, problem))
        }
        Some(_) => None,
        None => {
            let address = value.pointer(address).and_then(Value::as_str)?;
            let is_remote =
                !address.is_empty() && !address.starts_with("file://") && !address.contains("@sha256:");
            let problem =
                "is not set: the proxy runs the module that the registry has under this address at that time";
            is_remote.then(|| Finding::note(*path, problem))
        }
    }
}

/// Reports whether a digest is all zeros. YAML reads zeros without quotes as a number.
fn is_placeholder(digest: &Value) -> bool {
    match digest {
        Value::String(text) => !text.is_empty() && text.bytes().all(|digit| digit == b'0'),
        Value::Number(number) => number.as_f64() == Some(0.0),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(context: ConfigContext<'_>) -> Vec<String> {
        findings(context).into_iter().map(|finding| format!("{} {}", finding.label(), finding.path)).collect()
    }

    #[test]
    fn findings_placeholder_is_a_warning_and_no_digest_a_note() {
        let zeroes = "0".repeat(64);
        let spec = json!({ "sha256": zeroes });
        assert_eq!(paths(ConfigContext::Istio { spec: &spec }), ["warning spec.sha256"]);
        let extension = json!({ "code": { "image": { "sha256": zeroes }, "http": { "sha256": 0 } } });
        let expected = ["warning code.image.sha256", "warning code.http.sha256"];
        assert_eq!(paths(ConfigContext::EnvoyGateway { extension: &extension }), expected);
        let plugin = json!({ "vm_config": { "code": { "remote": { "sha256": zeroes } } } });
        let expected = ["warning config.vm_config.code.remote.sha256"];
        assert_eq!(paths(ConfigContext::Envoy { plugin: &plugin, following_filters: None }), expected);
        let digest = format!("{}1", "0".repeat(63));
        for (spec, expected) in [
            (json!({}), None),
            (json!({ "url": "oci://x/y:1" }), Some("note spec.sha256")),
            (json!({ "url": "x/y:1" }), Some("note spec.sha256")),
            (json!({ "url": "https://x/y.wasm" }), Some("note spec.sha256")),
            (json!({ "url": "oci://x/y:1", "sha256": digest }), None),
            (json!({ "url": format!("oci://x/y@sha256:{digest}") }), None),
            (json!({ "url": "file:///y.wasm" }), None),
        ] {
            assert_eq!(paths(ConfigContext::Istio { spec: &spec }), Vec::from_iter(expected), "{spec}");
        }
    }
}
