//! Likely mistakes in a valid configuration.

use okta_authz_filter::config::{Config, Provider};
use okta_authz_filter::crypto::Algorithm;
use okta_authz_filter::policy::{Access, Rule};
use okta_authz_filter::refresh::source::Document as _;
use serde_json::Value;

use super::finding::Finding;
use super::{denylist, issuer_scope, mcp, providers};

/// Warns about likely mistakes. `json` is the JSON of the configuration.
pub(super) fn warnings(config: &Config, json: &Value) -> Vec<Finding> {
    let mut warnings = Vec::new();
    for provider in &config.providers {
        warnings.extend(provider_warnings(provider, json));
        warnings.extend(providers::warnings(provider, json));
    }
    warnings.extend(denylist::warnings(config, json));
    warnings.extend(issuer_scope::warnings(config));
    warnings.extend(unreachable_rule_warnings(config.policy.rules()));
    warnings.extend(shadow_warnings(config));
    warnings.extend(mcp::warnings(config, json));
    warnings
}

fn provider_warnings(provider: &Provider, json: &Value) -> Vec<Finding> {
    let path = format!("providers.{}", provider.name);
    let mut warnings = Vec::new();
    for (index, audience) in provider.requirements.audiences.iter().enumerate() {
        if is_placeholder(audience) {
            let path = format!("{path}.audiences[{index}]");
            warnings.push(Finding::warning(path, format!("looks like a placeholder: {audience:?}")));
        }
    }
    // From the JSON, because the parsed form includes the default.
    let algorithms = json.pointer(&format!("/providers/{}/algorithms", pointer_token(&provider.name)));
    for (index, name) in algorithms.and_then(Value::as_array).into_iter().flatten().enumerate() {
        if name.as_str().and_then(Algorithm::from_name).is_some_and(is_slow) {
            let path = format!("{path}.algorithms[{index}]");
            let problem =
                "Envoy cannot verify this algorithm: the wasm module does, about 50 times slower than RS256";
            warnings.push(Finding::warning(path, problem));
        }
    }
    for remark in provider.local_jwks.iter().flat_map(|keys| keys.remarks()) {
        warnings.push(Finding::warning(format!("{path}.local_jwks"), remark.clone()));
    }
    if provider.remote_jwks.is_none() && provider.local_jwks.is_some() {
        let problem = "has no `remote_jwks` beside it: when the issuer rotates its keys, the filter rejects every token";
        warnings.push(Finding::warning(format!("{path}.local_jwks"), problem));
    }
    warnings
}

/// Reports whether Envoy cannot verify the algorithm, so that the wasm module does.
const fn is_slow(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::PS256 | Algorithm::PS384 | Algorithm::PS512 | Algorithm::EdDSA)
}

/// Reports whether an audience looks like a placeholder, or has white space around it.
fn is_placeholder(audience: &str) -> bool {
    const WORDS: [&str; 7] = ["changeme", "change-me", "placeholder", "todo", "fixme", "xxx", "your"];
    let lower = audience.trim().to_ascii_lowercase();
    lower.is_empty()
        || lower != audience.to_ascii_lowercase()
        || lower.ends_with("://")
        || lower.contains(['{', '}', '<', '>', '*', '$'])
        || lower.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| WORDS.contains(&word))
}

/// Warns about rules that are never reached, because an earlier rule matches all their requests.
fn unreachable_rule_warnings(rules: &[Rule]) -> Vec<Finding> {
    let subsuming_rule = |index: usize, rule: &Rule| {
        let mut earlier = rules.iter().take(index);
        // After a rule in shadow mode, the next rule that matches decides.
        earlier.position(|earlier| !earlier.action.is_shadow() && earlier.matches.subsumes(&rule.matches))
    };
    let warning = |(index, rule): (usize, &Rule)| {
        let by = subsuming_rule(index, rule)?;
        let is_public = rules.get(by).is_some_and(|earlier| matches!(earlier.action.access, Access::Public));
        let problem = if is_public && !matches!(rule.action.access, Access::Public) {
            format!("protects nothing: rules[{by}] is public, and matches every request that this one does")
        } else {
            format!("is never reached: rules[{by}] matches every request that this one does")
        };
        Some(Finding::warning(format!("rules[{index}]"), problem))
    };
    rules.iter().enumerate().filter_map(warning).collect()
}

/// Warns about each `mode: shadow`, as a reminder.
fn shadow_warnings(config: &Config) -> Vec<Finding> {
    let all_rules = config.shadow.then(|| {
        let problem = "`shadow` allows every request; use `enforce` after the trial";
        Finding::warning("mode", problem)
    });
    let rules = config.policy.rules();
    let warning = |(index, rule): (usize, &Rule)| {
        let path = format!("rules[{index}].mode");
        let mut enforced = rules.iter().skip(index.saturating_add(1)).filter(|rule| !rule.action.is_shadow());
        let problem = if enforced.clone().next().is_none() {
            "`shadow` does not enforce this rule, and no enforced rule follows: the filter denies every request that it \
             matches"
        } else if enforced.any(|later| later.matches.subsumes(&rule.matches)) {
            "`shadow` does not enforce this rule, and a later rule decides; use `enforce` after the trial"
        } else {
            "`shadow` does not enforce this rule, and no later rule matches all of its requests: the filter denies those \
             that no later rule matches"
        };
        Finding::warning(path, problem)
    };
    let shadow_rules = rules.iter().enumerate().filter(|(_, rule)| rule.action.is_shadow()).map(warning);
    let policies = config.route_policies.iter().filter(|(_, action)| action.is_shadow());
    let mut paths: Vec<String> = policies.map(|(name, _)| format!("route_policies.{name}.mode")).collect();
    paths.sort();
    let problem = "`shadow` does not enforce this policy, and `rules` decide; use `enforce` after the trial";
    let policies = paths.into_iter().map(|path| Finding::warning(path, problem));
    all_rules.into_iter().chain(shadow_rules).chain(policies).collect()
}

/// Escapes a member name for a JSON pointer (RFC 6901 section 3).
fn pointer_token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_placeholder_audience_is_recognized() {
        for audience in [
            "",
            " ",
            " api://default",
            "api://",
            "{audience}",
            "<your-api>",
            "${AUD}",
            "api://your/api",
            "TODO",
            "*",
        ] {
            assert!(is_placeholder(audience), "{audience:?}");
        }
        for audience in
            ["api://default", "https://api.example.com", "0oa1m2mSvcClnt9A5d07", "yourself", "api"]
        {
            assert!(!is_placeholder(audience), "{audience:?}");
        }
    }
}
