//! The digest of the module, or of the image that it is in, next to the configuration.

use serde_json::Value;

use super::Finding;
use crate::places::Surroundings;

/// A digest that nobody has filled in; what is written there is a placeholder of the shipped manifests.
pub(super) fn warnings(around: Surroundings<'_>) -> Vec<Finding> {
    let (value, places) = match around {
        Surroundings::None => return Vec::new(),
        Surroundings::Istio { spec } => (spec, &[("spec.sha256", "/sha256")][..]),
        Surroundings::EnvoyGateway { extension } => (
            extension,
            &[("code.image.sha256", "/code/image/sha256"), ("code.http.sha256", "/code/http/sha256")][..],
        ),
        Surroundings::Envoy { plugin, .. } => {
            (plugin, &[("config.vm_config.code.remote.sha256", "/vm_config/code/remote/sha256")][..])
        }
    };
    let is_open = |(_, pointer): &&(&str, &str)| value.pointer(pointer).is_some_and(is_placeholder);
    let problem = "looks like a placeholder, for nothing has this digest: the filter will not be loaded";
    places.iter().filter(is_open).map(|(path, _)| Finding::warning(*path, problem)).collect()
}

/// Zeroes and nothing else, or no text: YAML reads sixty-four of them as a number if nobody quotes them.
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
        warnings(around).into_iter().map(|finding| finding.path).collect()
    }

    #[test]
    fn placeholders() {
        let zeroes = "0".repeat(64);
        let spec = json!({ "sha256": zeroes });
        assert_eq!(paths(Surroundings::Istio { spec: &spec }), ["spec.sha256"]);
        let extension = json!({ "code": { "image": { "sha256": zeroes }, "http": { "sha256": 0 } } });
        let expected = ["code.image.sha256", "code.http.sha256"];
        assert_eq!(paths(Surroundings::EnvoyGateway { extension: &extension }), expected);
        let plugin = json!({ "vm_config": { "code": { "remote": { "sha256": zeroes } } } });
        let expected = ["config.vm_config.code.remote.sha256"];
        assert_eq!(paths(Surroundings::Envoy { plugin: &plugin, behind: None }), expected);
        for spec in [json!({}), json!({ "sha256": "" }), json!({ "sha256": format!("{}1", "0".repeat(63)) })]
        {
            assert_eq!(paths(Surroundings::Istio { spec: &spec }), [""; 0], "{spec}");
        }
    }
}
