//! Paths that `allow_in_paths` allows, but that Envoy rewrites or rejects before the filter runs.

use okta_authz_filter::config::Config;
use serde_json::Value;

use super::connection_managers::FileContext;
use super::envoy_json::{each_object, text};
use super::finding::Finding;
use super::kubernetes::resources_of_kind;
use crate::locate::ConfigContext;

const SLASHES_ACTION: &str = "path_with_escaped_slashes_action";

/// The parts of a path that the configuration allows and that Envoy can change.
#[derive(Clone, Copy)]
struct AllowedParts {
    /// `%2F`.
    encoded_slash: bool,
    /// `//`.
    empty_segment: bool,
}

/// Warns about settings around a configuration that change paths which it allows.
pub(super) fn warnings(context: ConfigContext<'_>, config: &Config, file: &FileContext<'_>) -> Vec<Finding> {
    let allowed = config.policy.required_inputs().normalization.allowed;
    let allowed = AllowedParts { encoded_slash: allowed.encoded_slash, empty_segment: allowed.empty_segment };
    if !allowed.encoded_slash && !allowed.empty_segment {
        return Vec::new();
    }
    let mut warnings = Vec::new();
    match context {
        ConfigContext::None => {}
        ConfigContext::Envoy { plugin, .. } => {
            // Of nested connection managers, the innermost runs the plugin.
            let manager = file.managers_with(plugin).last();
            warnings.extend(manager.into_iter().flat_map(|manager| setting_warnings(manager.value, allowed)));
            let sets_action = |document: &Value| sets_runtime_action(document, false);
            if allowed.encoded_slash && file.documents.iter().any(sets_action) {
                let problem = "a runtime key overrides how Envoy handles `%2F`; set this field to `KEEP_UNCHANGED` instead";
                warnings.push(Finding::warning(SLASHES_ACTION, problem));
            }
        }
        ConfigContext::Istio { .. } => {
            for document in file.documents {
                each_object(document, &mut |object| {
                    if [SLASHES_ACTION, "merge_slashes"].iter().any(|name| object.get(name).is_some()) {
                        warnings.extend(setting_warnings(object, allowed));
                    }
                });
                warnings.extend(mesh_warning(document, allowed));
            }
        }
        ConfigContext::EnvoyGateway { .. } => warnings.extend(gateway_warnings(file.documents, allowed)),
    }
    warnings
}

/// Warns about settings of a connection manager that change paths. The defaults change none.
fn setting_warnings(manager: &Value, allowed: AllowedParts) -> Vec<Finding> {
    let mut warnings = Vec::new();
    // A header validator replaces the settings of the connection manager.
    let options = find(manager, "uri_path_normalization_options").unwrap_or(manager);
    let has_validator = manager.get("typed_header_validation_config").is_some();
    let effect = match text(options, SLASHES_ACTION) {
        Some("REJECT_REQUEST") => Some("rejects `%2F`"),
        Some("UNESCAPE_AND_REDIRECT" | "UNESCAPE_AND_FORWARD") => Some("decodes `%2F` to `/`"),
        _ => None,
    };
    if let Some(effect) = effect.filter(|_| allowed.encoded_slash) {
        let problem =
            format!("Envoy {effect} before the filter runs: `encoded_slash` requires `KEEP_UNCHANGED`");
        warnings.push(Finding::warning(SLASHES_ACTION, problem));
    }
    let is_true = |name: &str| options.get(name).and_then(Value::as_bool) == Some(true);
    let merges = is_true("merge_slashes") || (has_validator && !is_true("skip_merging_slashes"));
    if allowed.empty_segment && merges {
        let (path, value) =
            if has_validator { ("skip_merging_slashes", "true") } else { ("merge_slashes", "false") };
        let problem =
            format!("Envoy merges `//` to `/` before the filter runs: `empty_segment` requires `{value}`");
        warnings.push(Finding::warning(path, problem));
    }
    warnings
}

/// Warns about `meshConfig.pathNormalization` at any depth. Istio's default, `BASE`, changes no
/// slashes.
fn mesh_warning(document: &Value, allowed: AllowedParts) -> Option<Finding> {
    let normalization = find(document, "pathNormalization")?.get("normalization")?.as_str()?;
    let (decodes, merges) = match normalization {
        "DECODE_AND_MERGE_SLASHES" => (true, true),
        "MERGE_SLASHES" => (false, true),
        _ => return None,
    };
    let problem =
        format!("`{normalization}` changes paths before the filter runs: `allow_in_paths` requires `BASE`");
    ((allowed.encoded_slash && decodes) || (allowed.empty_segment && merges))
        .then(|| Finding::warning("meshConfig.pathNormalization.normalization", problem))
}

/// Warns unless a `ClientTrafficPolicy` stops Envoy Gateway from decoding and merging slashes.
fn gateway_warnings(documents: &[Value], allowed: AllowedParts) -> Vec<Finding> {
    let path = resources_of_kind(documents, "ClientTrafficPolicy").next();
    let path = path.and_then(|policy| policy.pointer("/spec/path"));
    let action = path.and_then(|path| path.get("escapedSlashesAction")).and_then(Value::as_str);
    let keeps_slashes = path.and_then(|path| path.get("disableMergeSlashes")).and_then(Value::as_bool);
    let mut warnings = Vec::new();
    if allowed.encoded_slash && action != Some("KeepUnchanged") {
        let problem = "Envoy Gateway decodes or rejects `%2F` before the filter runs: `encoded_slash` requires a \
                       `ClientTrafficPolicy` with `KeepUnchanged` in this file";
        warnings.push(Finding::warning("spec.path.escapedSlashesAction", problem));
    }
    if allowed.empty_segment && keeps_slashes != Some(true) {
        let problem = "Envoy Gateway merges `//` to `/` before the filter runs: `empty_segment` requires a \
                       `ClientTrafficPolicy` with `disableMergeSlashes: true` in this file";
        warnings.push(Finding::warning("spec.path.disableMergeSlashes", problem));
    }
    warnings
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

/// Reports whether Envoy's runtime has a key that overrides [`SLASHES_ACTION`]: as one name with
/// dots, or as nested objects. `in_manager` states whether the value is that of
/// `http_connection_manager`.
fn sets_runtime_action(value: &Value, in_manager: bool) -> bool {
    let mut members = value.as_object().into_iter().flatten();
    let is_key = |name: &str| {
        name.strip_prefix("http_connection_manager.").is_some_and(|name| name.starts_with(SLASHES_ACTION))
            || (in_manager && name.starts_with(SLASHES_ACTION))
    };
    members.any(|(name, member)| {
        let is_runtime =
            is_key(name) && matches!(member, Value::Number(_) | Value::String(_) | Value::Object(_));
        is_runtime || sets_runtime_action(member, name == "http_connection_manager")
    }) || value.as_array().into_iter().flatten().any(|item| sets_runtime_action(item, false))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::locate;

    fn config_allowing(allowed: &Value) -> Value {
        json!({
            "providers": { "okta": {
                "issuer": "https://acme.okta.com/oauth2/default", "audiences": ["api://default"],
                "remote_jwks": { "cluster": "okta" },
            } },
            "allow_in_paths": allowed,
        })
    }

    fn warning_paths(documents: &[Value]) -> Vec<String> {
        let found = locate::find(documents);
        let config = Config::from_bytes(&found[0].bytes).unwrap();
        let warnings = warnings(found[0].context, &config, &FileContext::new(documents, &found, &[]));
        warnings.into_iter().map(|warning| warning.path).collect()
    }

    fn envoy(allowed: &Value, manager: &Value, runtime: &Value) -> Vec<Value> {
        let configuration = json!({ "@type": "type.googleapis.com/google.protobuf.Struct", "value": config_allowing(allowed) });
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
            assert_eq!(warning_paths(&envoy(allowed, &manager, &json!({}))), expected, "{allowed} {manager}");
        }
        for (runtime, expected) in [
            (
                json!({ "a": { "http_connection_manager.path_with_escaped_slashes_action": 2 } }),
                &[SLASHES_ACTION][..],
            ),
            (json!([{ "http_connection_manager": { SLASHES_ACTION: 2 } }]), &[SLASHES_ACTION]),
            (json!([{ "http_connection_manager": { "normalize_path": true } }]), &[]),
        ] {
            assert_eq!(warning_paths(&envoy(slash, &json!({}), &runtime)), expected, "{runtime}");
        }
    }

    #[test]
    fn mesh_setting_that_changes_an_allowed_path_is_a_warning() {
        let both = json!(["encoded_slash", "empty_segment"]);
        let plugin = |kind: &str| match kind {
            "istio" => json!({ "kind": "WasmPlugin", "spec": { "pluginConfig": config_allowing(&both) } }),
            _ => {
                json!({ "kind": "EnvoyExtensionPolicy", "spec": { "wasm": [{ "config": config_allowing(&both) }] } })
            }
        };
        let mesh = |value: &str| json!({ "meshConfig": { "pathNormalization": { "normalization": value } }, "kind": "IstioOperator" });
        let filter = json!({ "kind": "EnvoyFilter", "spec": { "value": { SLASHES_ACTION: "REJECT_REQUEST", "merge_slashes": true } } });
        let at = "meshConfig.pathNormalization.normalization";
        assert_eq!(warning_paths(&[plugin("istio")]), [""; 0]);
        assert_eq!(warning_paths(&[plugin("istio"), mesh("BASE")]), [""; 0]);
        assert_eq!(warning_paths(&[plugin("istio"), mesh("MERGE_SLASHES")]), [at]);
        assert_eq!(warning_paths(&[plugin("istio"), mesh("DECODE_AND_MERGE_SLASHES")]), [at]);
        assert_eq!(warning_paths(&[plugin("istio"), filter]), [SLASHES_ACTION, "merge_slashes"]);
        let policy = |path: Value| json!({ "kind": "ClientTrafficPolicy", "spec": { "path": path } });
        let (action, merge) = ("spec.path.escapedSlashesAction", "spec.path.disableMergeSlashes");
        assert_eq!(warning_paths(&[plugin("gateway")]), [action, merge]);
        let reject = policy(json!({ "escapedSlashesAction": "RejectRequest", "disableMergeSlashes": true }));
        assert_eq!(warning_paths(&[plugin("gateway"), reject]), [action]);
        let keep = policy(json!({ "escapedSlashesAction": "KeepUnchanged", "disableMergeSlashes": true }));
        assert_eq!(warning_paths(&[plugin("gateway"), keep]), [""; 0]);
    }
}
