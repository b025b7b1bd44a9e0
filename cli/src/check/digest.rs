//! The digest of the module, or of the image that it is in, next to the configuration.

use serde_json::Value;

use super::Finding;
use crate::places::Surroundings;

/// Where a resource names the module or its image.
struct Place {
    /// Where the digest is, as findings say it and as a pointer.
    digest: (&'static str, &'static str),
    /// Where the address is. A mesh pulls an image by its tag if no digest is given.
    address: &'static str,
}

const ISTIO: &[Place] = &[Place { digest: ("spec.sha256", "/sha256"), address: "/url" }];
const ENVOY_GATEWAY: &[Place] = &[
    Place { digest: ("code.image.sha256", "/code/image/sha256"), address: "/code/image/url" },
    Place { digest: ("code.http.sha256", "/code/http/sha256"), address: "/code/http/url" },
];
const ENVOY: &[Place] = &[Place {
    digest: ("config.vm_config.code.remote.sha256", "/vm_config/code/remote/sha256"),
    address: "/vm_config/code/remote/http_uri/uri",
}];

/// Returns a warning for each digest that is a placeholder, and a note for each address without a digest.
pub(super) fn findings(around: Surroundings<'_>) -> Vec<Finding> {
    let (value, places) = match around {
        Surroundings::None => return Vec::new(),
        Surroundings::Istio { spec } => (spec, ISTIO),
        Surroundings::EnvoyGateway { extension } => (extension, ENVOY_GATEWAY),
        Surroundings::Envoy { plugin, .. } => (plugin, ENVOY),
    };
    places.iter().filter_map(|place| finding(value, place)).collect()
}

fn finding(value: &Value, Place { digest: (path, pointer), address }: &Place) -> Option<Finding> {
    match value.pointer(pointer) {
        Some(digest) if is_placeholder(digest) => {
            let problem =
                "looks like a placeholder, because nothing has this digest: the filter will not be loaded";
            Some(Finding::warning(*path, problem))
        }
        Some(_) => None,
        None => {
            let address = value.pointer(address).and_then(Value::as_str)?;
            let is_remote =
                !address.is_empty() && !address.starts_with("file://") && !address.contains("@sha256:");
            let problem = "is not set: the proxy runs whatever the registry has under this address";
            is_remote.then(|| Finding::note(*path, problem))
        }
    }
}

/// Returns whether the digest is all zeroes; as a number too, which YAML makes of sixty-four zeroes without quotes.
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

    fn paths(around: Surroundings<'_>) -> Vec<String> {
        findings(around).into_iter().map(|finding| format!("{} {}", finding.kind(), finding.path)).collect()
    }

    #[test]
    fn findings_placeholder_is_a_warning_and_no_digest_a_note() {
        let zeroes = "0".repeat(64);
        let spec = json!({ "sha256": zeroes });
        assert_eq!(paths(Surroundings::Istio { spec: &spec }), ["warning spec.sha256"]);
        let extension = json!({ "code": { "image": { "sha256": zeroes }, "http": { "sha256": 0 } } });
        let expected = ["warning code.image.sha256", "warning code.http.sha256"];
        assert_eq!(paths(Surroundings::EnvoyGateway { extension: &extension }), expected);
        let plugin = json!({ "vm_config": { "code": { "remote": { "sha256": zeroes } } } });
        let expected = ["warning config.vm_config.code.remote.sha256"];
        assert_eq!(paths(Surroundings::Envoy { plugin: &plugin, behind: None }), expected);
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
            assert_eq!(paths(Surroundings::Istio { spec: &spec }), Vec::from_iter(expected), "{spec}");
        }
    }
}
