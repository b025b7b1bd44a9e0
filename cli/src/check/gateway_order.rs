//! The position of the filter among the filters of Envoy Gateway. A filter that runs before this
//! one sees the identity headers that the client sent.

use okta_authz_filter::config::Config;
use serde_json::Value;

use super::envoy_json::{list, text};
use super::finding::Finding;
use super::gateway_servers::gateway_targets;
use super::kubernetes::{name, owner, resources_of_kind, spec};

const PREFIX: &str = "envoy.filters.http.";
const WASM: &str = "wasm";
const OAUTH2: &str = "oauth2";
/// The filters whose position matters, in the default order of Envoy Gateway.
const DEFAULT_ORDER: [&str; 8] =
    ["ext_authz", "api_key_auth", "basic_auth", OAUTH2, "jwt_authn", "lua", "ext_proc", WASM];
/// The fields of a `SecurityPolicy`, each with its filter.
const SECURITY: [(&str, &str); 5] = [
    ("extAuth", "ext_authz"),
    ("apiKeyAuth", "api_key_auth"),
    ("basicAuth", "basic_auth"),
    ("oidc", OAUTH2),
    ("jwt", "jwt_authn"),
];
/// The fields of an `EnvoyExtensionPolicy`, each with its filter.
const EXTENSIONS: [(&str, &str); 2] = [("lua", "lua"), ("extProc", "ext_proc")];

/// A filter of the chain, with the path of the field that adds it.
struct AddedFilter {
    filter: &'static str,
    path: String,
}

/// Warns about filters of this file that run before the filter of this part, and about OIDC behind
/// it.
pub(super) fn warnings(part: &Value, config: &Config, documents: &[Value]) -> Vec<Finding> {
    let Some(owner) = owner(part, documents) else { return Vec::new() };
    let added: Vec<AddedFilter> = resources_of_kind(documents, "SecurityPolicy")
        .flat_map(|policy| added_filters(policy, &SECURITY, owner))
        .chain(
            resources_of_kind(documents, "EnvoyExtensionPolicy")
                .flat_map(|policy| added_filters(policy, &EXTENSIONS, owner)),
        )
        .collect();
    let mut chain: Vec<&str> = DEFAULT_ORDER
        .into_iter()
        .filter(|filter| *filter == WASM || added.iter().any(|other| other.filter == *filter))
        .collect();
    for proxy in resources_of_kind(documents, "EnvoyProxy") {
        list(spec(proxy), "filterOrder").iter().for_each(|entry| move_filter(&mut chain, entry));
    }
    let has_identity_headers = !config.claim_to_headers.is_empty() || config.forward_payload_header.is_some();
    let position = |filter: &str| chain.iter().position(|other| *other == filter);
    let warning = |added: &AddedFilter| {
        let is_before = position(added.filter) < position(WASM);
        let problem = match added.filter {
            OAUTH2 if is_before => return None,
            OAUTH2 => "its filter runs after this one and adds the access token too late: move \
                       `envoy.filters.http.oauth2` before `envoy.filters.http.wasm` with `spec.filterOrder` of the \
                       `EnvoyProxy`"
                .to_owned(),
            filter if is_before && has_identity_headers => format!(
                "its filter runs before this one and sees the identity headers of the client: move \
                 `{PREFIX}wasm` before `{PREFIX}{filter}` with `spec.filterOrder` of the `EnvoyProxy`"
            ),
            _ => return None,
        };
        Some(Finding::warning(&added.path, problem))
    };
    added.iter().filter_map(warning).collect()
}

/// Returns the filters that the fields of a policy add, unless it is for another Gateway.
fn added_filters(policy: &Value, fields: &[(&str, &'static str)], owner: &Value) -> Vec<AddedFilter> {
    let is_for_owner = |target: &Value| {
        let mut own = gateway_targets(owner).peekable();
        own.peek().is_none() || own.any(|own| own.get("name") == target.get("name"))
    };
    let mut targets = gateway_targets(policy).peekable();
    if targets.peek().is_some() && !targets.any(is_for_owner) {
        return Vec::new();
    }
    let kind = text(policy, "kind").unwrap_or_default();
    let used = fields.iter().filter(|(field, _)| {
        spec(policy).get(*field).is_some_and(|value| value.as_array().is_none_or(|items| !items.is_empty()))
    });
    used.map(|(field, filter)| AddedFilter { filter, path: format!("{kind}/{}.spec.{field}", name(policy)) })
        .collect()
}

/// Moves a filter as Envoy Gateway does: directly before or after another one. An entry has no
/// effect if one of the filters is not in the chain.
fn move_filter(chain: &mut Vec<&str>, entry: &Value) {
    let named = |field: &str| text(entry, field).and_then(|name| name.strip_prefix(PREFIX));
    let Some(filter) = named("name") else { return };
    let (anchor, is_after) = match (named("before"), named("after")) {
        (Some(before), _) => (before, false),
        (None, Some(after)) => (after, true),
        (None, None) => return,
    };
    let Some(from) = chain.iter().position(|other| *other == filter) else { return };
    if anchor == filter || !chain.contains(&anchor) {
        return;
    }
    let moved = chain.remove(from);
    let to = chain.iter().position(|other| *other == anchor).unwrap_or_default();
    chain.insert(to.saturating_add(usize::from(is_after)), moved);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn filter_order_entries_move_filters_as_envoy_gateway_does() {
        let entry = |name: &str, field: &str, other: &str| {
            let mut entry = json!({ "name": format!("{PREFIX}{name}") });
            if let Some(members) = entry.as_object_mut() {
                members.insert(field.to_owned(), json!(format!("{PREFIX}{other}")));
            }
            entry
        };
        for (entries, expected) in [
            (vec![], ["ext_authz", "jwt_authn", "wasm"]),
            (vec![entry("wasm", "before", "ext_authz")], ["wasm", "ext_authz", "jwt_authn"]),
            (vec![entry("wasm", "after", "ext_authz")], ["ext_authz", "wasm", "jwt_authn"]),
            // A filter that is absent has no position.
            (vec![entry("wasm", "before", "lua")], ["ext_authz", "jwt_authn", "wasm"]),
            // An entry also moves a filter back.
            (
                vec![entry("wasm", "before", "ext_authz"), entry("wasm", "before", "jwt_authn")],
                ["ext_authz", "wasm", "jwt_authn"],
            ),
            (vec![entry("ext_authz", "after", "wasm")], ["jwt_authn", "wasm", "ext_authz"]),
        ] {
            let mut chain = vec!["ext_authz", "jwt_authn", "wasm"];
            entries.iter().for_each(|entry| move_filter(&mut chain, entry));
            assert_eq!(chain, expected, "{entries:?}");
        }
    }
}
