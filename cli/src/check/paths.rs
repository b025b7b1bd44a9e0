//! Paths that the filter allows, and that Envoy rewrites or rejects before the filter sees them.

use okta_authz_filter::config::Config;
use serde_json::Value;

use super::Finding;
use super::mesh::resources;
use super::read::{contains, says};
use crate::places::Surroundings;

const SLASHES_ACTION: &str = "path_with_escaped_slashes_action";

pub(super) fn warnings(around: Surroundings<'_>, config: &Config, documents: &[Value]) -> Vec<Finding> {
    let allowed = config.policy.required_inputs().normalization.allowed;
    let (slash, empty) = (allowed.encoded_slash, allowed.empty_segment);
    let mut warnings = Vec::new();
    if !slash && !empty {
        return warnings;
    }
    match around {
        Surroundings::None => {}
        Surroundings::Envoy { plugin, .. } => {
            let manager = documents.iter().find_map(|document| manager_of(document, plugin));
            warnings.extend(manager.into_iter().flat_map(|manager| manager_warnings(manager, slash, empty)));
            if slash && documents.iter().any(|document| has_runtime_action(document, false)) {
                let problem =
                    "a runtime setting changes what Envoy does with `%2F` in paths: set the action itself";
                warnings.push(Finding::warning(SLASHES_ACTION, problem));
            }
        }
        Surroundings::Istio { .. } => {
            for document in documents {
                warnings
                    .extend(managers(document).flat_map(|manager| manager_warnings(manager, slash, empty)));
                warnings.extend(mesh_warning(document, slash, empty));
            }
        }
        Surroundings::EnvoyGateway { .. } => warnings.extend(gateway_warnings(documents, slash, empty)),
    }
    warnings
}

/// Warns of settings of a connection manager that change paths. Its default leaves both as they are.
fn manager_warnings(manager: &Value, slash: bool, empty: bool) -> Vec<Finding> {
    let mut warnings = Vec::new();
    // A header validator has its own settings, which count instead.
    let options = find(manager, "uri_path_normalization_options").unwrap_or(manager);
    let is_validator = manager.get("typed_header_validation_config").is_some();
    let action = options.get(SLASHES_ACTION).and_then(Value::as_str).unwrap_or_default();
    let unescapes = matches!(action, "UNESCAPE_AND_REDIRECT" | "UNESCAPE_AND_FORWARD");
    if slash && (action == "REJECT_REQUEST" || unescapes) {
        let problem = if unescapes { "makes `/` of `%2F`" } else { "rejects `%2F`" };
        warnings.push(Finding::warning(
            SLASHES_ACTION,
            format!(
                "Envoy {problem} before the filter sees the path: `encoded_slash` needs `KEEP_UNCHANGED`"
            ),
        ));
    }
    let is_set = |name: &str| options.get(name).and_then(Value::as_bool);
    let merges = is_set("merge_slashes") == Some(true)
        || (is_validator && is_set("skip_merging_slashes") != Some(true));
    if empty && merges {
        let name = if is_validator { "skip_merging_slashes" } else { "merge_slashes" };
        let problem = "Envoy makes one slash of `//` before the filter sees the path: `empty_segment` needs slashes that stay";
        warnings.push(Finding::warning(name, problem));
    }
    warnings
}

/// Warns of `meshConfig.pathNormalization`, wherever it is. Istio's default, `BASE`, leaves both as they are.
fn mesh_warning(document: &Value, slash: bool, empty: bool) -> Option<Finding> {
    let normalization = find(document, "pathNormalization")?.get("normalization")?.as_str()?;
    let (decodes, merges) = match normalization {
        "DECODE_AND_MERGE_SLASHES" => (true, true),
        "MERGE_SLASHES" => (false, true),
        _ => return None,
    };
    let problem = format!(
        "`{normalization}` changes paths before the filter sees them, and `allow_in_paths` has no effect"
    );
    ((slash && decodes) || (empty && merges))
        .then(|| Finding::warning("meshConfig.pathNormalization.normalization", problem))
}

/// Warns where no `ClientTrafficPolicy` keeps Envoy Gateway from unescaping and merging slashes.
fn gateway_warnings(documents: &[Value], slash: bool, empty: bool) -> Vec<Finding> {
    let is_policy = |resource: &&Value| says(resource, "kind", "ClientTrafficPolicy");
    let path = resources(documents).find(is_policy).and_then(|policy| policy.pointer("/spec/path"));
    let action = path.and_then(|path| path.get("escapedSlashesAction")).and_then(Value::as_str);
    let stay = path.and_then(|path| path.get("disableMergeSlashes")).and_then(Value::as_bool);
    let mut warnings = Vec::new();
    if slash && action != Some("KeepUnchanged") {
        let problem = "Envoy Gateway unescapes or rejects `%2F` before the filter sees the path: `encoded_slash` needs a \
                       ClientTrafficPolicy with `KeepUnchanged`, in this file for `check` to see it";
        warnings.push(Finding::warning("spec.path.escapedSlashesAction", problem));
    }
    if empty && stay != Some(true) {
        let problem = "Envoy Gateway makes one slash of `//` before the filter sees the path: `empty_segment` needs a \
                       ClientTrafficPolicy with `disableMergeSlashes: true`, in this file for `check` to see it";
        warnings.push(Finding::warning("spec.path.disableMergeSlashes", problem));
    }
    warnings
}

/// Returns the connection manager that has this plugin in its filters.
fn manager_of<'a>(value: &'a Value, plugin: &Value) -> Option<&'a Value> {
    let inner = children(value).find_map(|child| manager_of(child, plugin));
    inner.or_else(|| value.get("http_filters").filter(|filters| contains(filters, plugin)).map(|_| value))
}

/// Returns every connection manager that has a setting about slashes.
fn managers(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    let own = [SLASHES_ACTION, "merge_slashes"].iter().any(|name| value.get(name).is_some());
    Box::new(own.then_some(value).into_iter().chain(children(value).flat_map(managers)))
}

/// Returns the first member of this name, except in filters and routes.
fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    if let Some(found) = value.get(name) {
        return Some(found);
    }
    let members = value.as_object().into_iter().flatten();
    let members = members.filter(|(name, _)| !matches!(name.as_str(), "http_filters" | "route_config"));
    let items = value.as_array().into_iter().flatten();
    members.map(|(_, member)| member).chain(items).find_map(|inner| find(inner, name))
}

/// Returns whether Envoy's runtime has the key that decides what `IMPLEMENTATION_SPECIFIC_DEFAULT` is: as one name with
/// dots, or as objects in each other.
fn has_runtime_action(value: &Value, inside: bool) -> bool {
    let mut members = value.as_object().into_iter().flatten();
    let is_key = |name: &str| {
        name.strip_prefix("http_connection_manager.").is_some_and(|name| name.starts_with(SLASHES_ACTION))
            || (inside && name.starts_with(SLASHES_ACTION))
    };
    members.any(|(name, member)| {
        let is_runtime =
            is_key(name) && matches!(member, Value::Number(_) | Value::String(_) | Value::Object(_));
        is_runtime || has_runtime_action(member, name == "http_connection_manager")
    }) || value.as_array().into_iter().flatten().any(|item| has_runtime_action(item, false))
}

fn children(value: &Value) -> impl Iterator<Item = &Value> {
    let members = value.as_object().into_iter().flat_map(|members| members.values());
    members.chain(value.as_array().into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::places;

    fn ours(allowed: &Value) -> Value {
        json!({
            "providers": { "okta": {
                "issuer": "https://acme.okta.com/oauth2/default", "audiences": ["api://default"],
                "remote_jwks": { "cluster": "okta" },
            } },
            "allow_in_paths": allowed,
        })
    }

    fn found(documents: &[Value]) -> Vec<String> {
        let found = places::find(documents);
        let config = Config::from_bytes(&found[0].bytes).unwrap();
        let warnings = warnings(found[0].surroundings, &config, documents);
        warnings.into_iter().map(|warning| warning.path).collect()
    }

    fn envoy(allowed: &Value, manager: &Value, runtime: &Value) -> Vec<Value> {
        let configuration =
            json!({ "@type": "type.googleapis.com/google.protobuf.Struct", "value": ours(allowed) });
        let filters =
            json!([{ "typed_config": { "config": { "name": "okta", "configuration": configuration } } }]);
        let mut manager = manager.clone();
        manager["http_filters"] = filters;
        let other = json!({ "http_filters": [], "merge_slashes": true, SLASHES_ACTION: "REJECT_REQUEST" });
        vec![json!({ "static_resources": { "listeners": [other, manager] }, "layered_runtime": runtime })]
    }

    #[test]
    fn envoy_setting_that_changes_an_allowed_path_is_a_warning() {
        let slash = &json!(["encoded_slash"]);
        let empty = &json!(["empty_segment"]);
        let action = |action: &str| json!({ SLASHES_ACTION: action });
        let validator = |options: Value| json!({ "typed_header_validation_config": { "typed_config": { "uri_path_normalization_options": options } } });
        for (allowed, manager, expected) in [
            (slash, json!({}), &[][..]),
            (slash, action("KEEP_UNCHANGED"), &[]),
            (slash, action("IMPLEMENTATION_SPECIFIC_DEFAULT"), &[]),
            (slash, action("REJECT_REQUEST"), &[SLASHES_ACTION]),
            (slash, action("UNESCAPE_AND_REDIRECT"), &[SLASHES_ACTION]),
            (slash, action("UNESCAPE_AND_FORWARD"), &[SLASHES_ACTION]),
            (slash, json!({ "merge_slashes": true, "normalize_path": true }), &[]),
            (empty, json!({ "merge_slashes": true }), &["merge_slashes"]),
            (empty, json!({ "merge_slashes": false }), &[]),
            (empty, action("REJECT_REQUEST"), &[]),
            (empty, validator(json!({})), &["skip_merging_slashes"]),
            (empty, validator(json!({ "skip_merging_slashes": true })), &[]),
            (slash, validator(json!({ SLASHES_ACTION: "REJECT_REQUEST" })), &[SLASHES_ACTION]),
            (&json!(["semicolon", "encoded_hash"]), action("REJECT_REQUEST"), &[]),
            (&json!([]), json!({ "merge_slashes": true, SLASHES_ACTION: "REJECT_REQUEST" }), &[]),
        ] {
            assert_eq!(found(&envoy(allowed, &manager, &json!({}))), expected, "{allowed} {manager}");
        }
        for (runtime, expected) in [
            (
                json!({ "a": { "http_connection_manager.path_with_escaped_slashes_action": 2 } }),
                &[SLASHES_ACTION][..],
            ),
            (json!([{ "http_connection_manager": { SLASHES_ACTION: 2 } }]), &[SLASHES_ACTION]),
            (json!([{ "http_connection_manager": { "normalize_path": true } }]), &[]),
        ] {
            assert_eq!(found(&envoy(slash, &json!({}), &runtime)), expected, "{runtime}");
        }
    }

    #[test]
    fn mesh_setting_that_changes_an_allowed_path_is_a_warning() {
        let both = json!(["encoded_slash", "empty_segment"]);
        let plugin = |kind: &str| match kind {
            "istio" => json!({ "kind": "WasmPlugin", "spec": { "pluginConfig": ours(&both) } }),
            _ => json!({ "kind": "EnvoyExtensionPolicy", "spec": { "wasm": [{ "config": ours(&both) }] } }),
        };
        let mesh = |value: &str| json!({ "meshConfig": { "pathNormalization": { "normalization": value } }, "kind": "IstioOperator" });
        let filter = json!({ "kind": "EnvoyFilter", "spec": { "value": { SLASHES_ACTION: "REJECT_REQUEST", "merge_slashes": true } } });
        let at = "meshConfig.pathNormalization.normalization";
        assert_eq!(found(&[plugin("istio")]), [""; 0]);
        assert_eq!(found(&[plugin("istio"), mesh("BASE")]), [""; 0]);
        assert_eq!(found(&[plugin("istio"), mesh("MERGE_SLASHES")]), [at]);
        assert_eq!(found(&[plugin("istio"), mesh("DECODE_AND_MERGE_SLASHES")]), [at]);
        assert_eq!(found(&[plugin("istio"), filter]), [SLASHES_ACTION, "merge_slashes"]);
        let policy = |path: Value| json!({ "kind": "ClientTrafficPolicy", "spec": { "path": path } });
        let (action, merge) = ("spec.path.escapedSlashesAction", "spec.path.disableMergeSlashes");
        assert_eq!(found(&[plugin("gateway")]), [action, merge]);
        let reject = policy(json!({ "escapedSlashesAction": "RejectRequest", "disableMergeSlashes": true }));
        assert_eq!(found(&[plugin("gateway"), reject]), [action]);
        let keep = policy(json!({ "escapedSlashesAction": "KeepUnchanged", "disableMergeSlashes": true }));
        assert_eq!(found(&[plugin("gateway"), keep]), [""; 0]);
    }
}
