//! The position of the filter among the filters of Istio. A filter that runs before this one sees
//! the identity headers that the client sent.

use okta_authz_filter::config::Config;
use serde_json::Value;

use super::envoy_json::{any, contains, list, text, text_equals};
use super::finding::Finding;
use super::kubernetes::{name, owner, resources_of_kind, spec};
use super::workload;

/// Warns about filters of Istio that run before the filter of this part of the file and see its
/// identity headers.
pub(super) fn warnings(part: &Value, config: &Config, documents: &[Value]) -> Vec<Finding> {
    let has_identity_headers = !config.claim_to_headers.is_empty() || config.forward_payload_header.is_some();
    let Some(owner) = owner(part, documents).filter(|_| has_identity_headers) else { return Vec::new() };
    if text_equals(owner, "kind", "EnvoyFilter") {
        return insertion_warning(part, owner).into_iter().collect();
    }
    let policies = resources_of_kind(documents, "AuthorizationPolicy")
        .filter(|policy| workload::may_apply(policy, owner));
    policies.filter_map(|policy| policy_warning(policy, owner, config)).collect()
}

/// Warns about a patch that inserts this filter after filters of Istio.
fn insertion_warning(part: &Value, owner: &Value) -> Option<Finding> {
    let mut patches = list(spec(owner), "configPatches").iter().enumerate();
    let (index, patch) = patches.find(|(_, patch)| contains(patch, part))?;
    let operation = patch.pointer("/patch/operation").and_then(Value::as_str).unwrap_or_default();
    let problem = format!(
        "`{operation}` places this filter behind those of `RequestAuthentication` and `AuthorizationPolicy`, which then \
         see the identity headers of the client: use `INSERT_FIRST`"
    );
    let path = format!("EnvoyFilter/{}.spec.configPatches[{index}].patch.operation", name(owner));
    (operation != "INSERT_FIRST").then(|| Finding::warning(path, problem))
}

/// Warns about an `AuthorizationPolicy` that evaluates identity headers before this filter runs.
fn policy_warning(policy: &Value, owner: &Value, config: &Config) -> Option<Finding> {
    let path = format!("AuthorizationPolicy/{}.spec.action", name(policy));
    if text_equals(spec(policy), "action", "CUSTOM") {
        let problem = "`CUSTOM` runs before every `phase`, so its service sees the identity headers of the client: insert \
                       this filter with an `EnvoyFilter` and `INSERT_FIRST`";
        return Some(Finding::warning(path, problem));
    }
    let evaluates_identity = any(spec(policy), &|value| {
        let key = text(value, "key").and_then(|key| key.strip_prefix("request.headers["));
        key.and_then(|key| key.strip_suffix(']')).is_some_and(|name| config.is_identity_header(name))
    });
    if !evaluates_identity || text_equals(spec(owner), "phase", "AUTHN") {
        return None;
    }
    let kind = text(owner, "kind").unwrap_or_default();
    let problem = format!(
        "must be `AUTHN`: otherwise `AuthorizationPolicy/{}` runs before this filter and evaluates an identity header of \
         the client",
        name(policy)
    );
    Some(Finding::warning(format!("{kind}/{}.spec.phase", name(owner)), problem))
}
