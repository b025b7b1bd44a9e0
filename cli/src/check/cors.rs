//! CORS policies that keep a page on another origin from DPoP: it cannot send the proof, or read
//! the challenge and the nonce.

use okta_authz_filter::config::Config;
use serde_json::Value;

use super::connection_managers::FileContext;
use super::envoy_json::{message, text_equals};
use super::finding::Finding;
use crate::locate::{element, member};

const CORS_POLICY: &str = "envoy.extensions.filters.http.cors.v3.CorsPolicy";
/// Each field of a CORS policy in Envoy, its name in Istio and Envoy Gateway, and the names that it
/// must have.
const FIELDS: [(&str, &str, &[&str]); 2] = [
    ("allow_headers", "allowHeaders", &["authorization", "dpop"]),
    ("expose_headers", "exposeHeaders", &["www-authenticate", "dpop-nonce"]),
];

/// Warns about the CORS policies of Envoy, Istio and Envoy Gateway in the file if the configuration
/// has `dpop`.
pub(super) fn warnings(config: &Config, file: &FileContext<'_>) -> Vec<Finding> {
    let Some(dpop) = &config.dpop else { return Vec::new() };
    let mut findings = Vec::new();
    for document in file.documents {
        visit(document, "", &mut |location, policy| {
            findings.extend(policy_warnings(location, policy, dpop.nonce.is_some()));
        });
    }
    findings
}

/// Calls a function with each CORS policy and its location.
fn visit(value: &Value, location: &str, found: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                visit(item, &element(location, index), found);
            }
        }
        Value::Object(members) => {
            if message(value).is_some_and(|(name, _)| name == CORS_POLICY) {
                found(location, value);
            }
            // The field of a `VirtualService`.
            if let Some(policy) = value.get("corsPolicy") {
                found(&member(location, "corsPolicy"), policy);
            }
            if text_equals(value, "kind", "SecurityPolicy")
                && let Some(policy) = value.pointer("/spec/cors")
            {
                found(&member(location, "spec.cors"), policy);
            }
            for (name, inner) in members {
                visit(inner, &member(location, name), found);
            }
        }
        _ => {}
    }
}

fn policy_warnings(location: &str, policy: &Value, has_nonces: bool) -> Vec<Finding> {
    let (is_envoy, policy) = message(policy).map_or((false, policy), |(_, fields)| (true, fields));
    let warning = |(envoy, kubernetes, required): &(&str, &str, &[&str])| {
        let field = if is_envoy { envoy } else { kubernetes };
        let names = names(policy.get(*field));
        let is_needed = |name: &&&str| has_nonces || **name != "dpop-nonce";
        let missing: Vec<_> = required
            .iter()
            .filter(is_needed)
            .filter(|name| !names.iter().any(|other| other == "*" || other == **name))
            .map(|name| format!("`{name}`"))
            .collect();
        let problem = format!("lacks {}, which pages on other origins need for DPoP", missing.join(" and "));
        (!missing.is_empty()).then(|| Finding::warning(member(location, field), problem))
    };
    FIELDS.iter().filter_map(warning).collect()
}

/// Returns the names of a list, or of a text that separates them with commas, in lower case.
fn names(value: Option<&Value>) -> Vec<String> {
    let name = |text: &str| text.trim().to_ascii_lowercase();
    match value {
        Some(Value::String(text)) => text.split(',').map(name).collect(),
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(name).collect(),
        _ => Vec::new(),
    }
}
