//! What can hardly be meant, in a configuration that the filter would run on.

use okta_authz_filter::config::{Config, Provider};
use okta_authz_filter::crypto::Algorithm;
use okta_authz_filter::policy::{Access, Rule};
use okta_authz_filter::refresh::source::Document as _;
use serde_json::Value;

use super::{Finding, denylist, providers, trust};

pub(super) fn warnings(config: &Config, written: &Value) -> Vec<Finding> {
    let mut warnings = Vec::new();
    for provider in &config.providers {
        warnings.extend(about_provider(provider, written));
        warnings.extend(providers::warnings(provider, written));
    }
    warnings.extend(denylist::warnings(config, written));
    warnings.extend(trust::warnings(config));
    warnings.extend(unreachable(config.policy.rules()));
    warnings.extend(in_shadow(config));
    warnings
}

fn about_provider(provider: &Provider, written: &Value) -> Vec<Finding> {
    let at = format!("providers.{}", provider.name);
    let mut warnings = Vec::new();
    for (index, audience) in provider.expected.audiences.iter().enumerate() {
        if is_placeholder(audience) {
            let at = format!("{at}.audiences[{index}]");
            warnings.push(Finding::warning(at, format!("looks like a placeholder: {audience:?}")));
        }
    }
    // As they are written: the default is not there.
    let algorithms = written.pointer(&format!("/providers/{}/algorithms", pointer_token(&provider.name)));
    for (index, name) in algorithms.and_then(Value::as_array).into_iter().flatten().enumerate() {
        if name.as_str().and_then(Algorithm::from_name).is_some_and(is_slow) {
            let at = format!("{at}.algorithms[{index}]");
            let problem = "Envoy cannot check these signatures; the module does, 50 times slower than RS256";
            warnings.push(Finding::warning(at, problem));
        }
    }
    for remark in provider.local_jwks.iter().flat_map(|keys| keys.remarks()) {
        warnings.push(Finding::warning(format!("{at}.local_jwks"), remark.clone()));
    }
    if provider.remote_jwks.is_none() {
        let problem = "only pinned keys: when the issuer rotates its keys, every token is refused";
        warnings.push(Finding::warning(format!("{at}.local_jwks"), problem));
    }
    warnings
}

/// What `crypto::envoy` does not hand on to Envoy.
const fn is_slow(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::PS256 | Algorithm::PS384 | Algorithm::PS512 | Algorithm::EdDSA)
}

fn is_placeholder(audience: &str) -> bool {
    const WORDS: [&str; 7] = ["changeme", "change-me", "placeholder", "todo", "fixme", "xxx", "your"];
    let lower = audience.trim().to_ascii_lowercase();
    lower.is_empty()
        || lower != audience.to_ascii_lowercase()
        || lower.ends_with("://")
        || lower.contains(['{', '}', '<', '>', '*', '$'])
        || lower.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| WORDS.contains(&word))
}

/// Rules that no request gets to, because an earlier one takes them all.
fn unreachable(rules: &[Rule]) -> Vec<Finding> {
    let earlier = |index: usize, rule: &Rule| {
        let mut rules = rules.iter().take(index);
        // A rule in shadow mode leaves every request to the rules behind it.
        rules.position(|earlier| !earlier.action.is_shadow() && earlier.matches.subsumes(&rule.matches))
    };
    let warning = |(index, rule): (usize, &Rule)| {
        let by = earlier(index, rule)?;
        let hides = rules.get(by).is_some_and(|earlier| matches!(earlier.action.access, Access::Public));
        let problem = if hides && !matches!(rule.action.access, Access::Public) {
            format!("protects nothing: rules[{by}] is public, and matches every request that this one does")
        } else {
            format!("is never reached: rules[{by}] matches every request that this one does")
        };
        Some(Finding::warning(format!("rules[{index}]"), problem))
    };
    rules.iter().enumerate().filter_map(warning).collect()
}

/// Warns of each `mode: shadow`, as a reminder.
fn in_shadow(config: &Config) -> Vec<Finding> {
    let whole = config.shadow.then(|| {
        let problem = "`shadow` allows every request: it is for a trial, and this is a reminder";
        Finding::warning("mode", problem)
    });
    let rules = config.policy.rules();
    let shadow = |(index, rule): (usize, &Rule)| {
        let at = format!("rules[{index}].mode");
        let mut behind = rules.iter().skip(index.saturating_add(1)).filter(|rule| !rule.action.is_shadow());
        let problem = if behind.clone().next().is_none() {
            "`shadow` enforces nothing, and no enforced rule follows: the filter denies every request that comes here"
        } else if behind.any(|behind| behind.matches.subsumes(&rule.matches)) {
            "`shadow` enforces nothing, a later rule decides: it is for a trial, and this is a reminder"
        } else {
            "`shadow` enforces nothing, and no enforced rule behind it matches all of its requests: \
             the filter denies those that are left"
        };
        Finding::warning(at, problem)
    };
    let shadows = rules.iter().enumerate().filter(|(_, rule)| rule.action.is_shadow()).map(shadow);
    let policies = config.route_policies.iter().filter(|(_, action)| action.is_shadow());
    let mut policies: Vec<String> = policies.map(|(name, _)| format!("route_policies.{name}.mode")).collect();
    policies.sort();
    let problem = "`shadow` enforces nothing, `rules` decide: it is for a trial, and this is a reminder";
    let policies = policies.into_iter().map(|place| Finding::warning(place, problem));
    whole.into_iter().chain(shadows).chain(policies).collect()
}

/// RFC 6901 section 3.
fn pointer_token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders() {
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
