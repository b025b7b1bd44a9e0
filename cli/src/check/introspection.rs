//! The secrets and the rate of introspection.

use okta_authz_filter::config::{Config, Provider};

use super::environment;
use super::finding::Finding;
use crate::locate::ConfigContext;

/// Okta's limit for the endpoints of an authorization server, in calls per second: 2,000 per minute
/// for a workforce org.
const OKTA_CALLS_PER_SECOND: u32 = 33;

/// Warns about variables that the VM does not get, about secrets in the file, and about a rate that
/// the endpoint limits.
pub(super) fn warnings(context: ConfigContext<'_>, config: &Config) -> Vec<Finding> {
    let mut warnings = Vec::new();
    for provider in &config.providers {
        let Some(settings) = &provider.introspection else { continue };
        if let Some(variable) = settings.auth.variable() {
            let problem = environment::variable_problem(context, variable);
            let fields = settings.auth.variable_field().join(".");
            let path = format!("providers.{}.introspection.auth.{fields}", provider.name);
            warnings.extend(problem.map(|problem| Finding::warning(path, problem)));
        }
        if is_okta(provider) && settings.max_per_second > OKTA_CALLS_PER_SECOND {
            let path = format!("providers.{}.introspection.max_per_second", provider.name);
            let problem = format!(
                "is more than Okta allows: about {OKTA_CALLS_PER_SECOND} calls per second for all applications \
                 of an org"
            );
            warnings.push(Finding::warning(path, problem));
        }
    }
    warnings
}

fn is_okta(provider: &Provider) -> bool {
    let domains = [".okta.com", ".oktapreview.com", ".okta-emea.com", ".okta-gov.com", ".okta.mil"];
    let settings = provider.introspection.as_ref();
    let host = settings.and_then(|settings| settings.uri.authority.split(':').next());
    host.is_some_and(|host| domains.iter().any(|domain| host.to_ascii_lowercase().ends_with(domain)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn found(context: ConfigContext<'_>, max_per_second: u32) -> Vec<String> {
        let config = json!({ "providers": { "okta": {
            "issuer": "https://acme.okta.com/oauth2/default", "audiences": ["api://default"],
            "introspection": {
                "cluster": "okta", "client_id": "0oa1", "max_per_second": max_per_second,
                "auth": { "client_secret_basic": { "secret_env": "S" } },
            },
        } } });
        let config = Config::from_bytes(config.to_string().as_bytes()).unwrap();
        warnings(context, &config)
            .into_iter()
            .map(|finding| format!("{}: {}", finding.path, finding.problem))
            .collect()
    }

    #[test]
    fn variable_that_the_vm_does_not_get_is_a_warning() {
        let at = "providers.okta.introspection.auth.client_secret_basic.secret_env: names S, ";
        let plugin = |environment: Value| json!({ "vm_config": { "environment_variables": environment } });
        for (plugin, expected) in [
            (plugin(json!({ "host_env_keys": ["T", "S"] })), None),
            (plugin(json!({ "host_env_keys": ["T"] })), Some("which `vm_config.environment_variables")),
            (json!({}), Some("which `vm_config.environment_variables")),
            (plugin(json!({ "key_values": { "S": "s3cret" } })), Some("whose value is in `key_values`")),
        ] {
            let warnings = found(ConfigContext::Envoy { plugin: &plugin, following_filters: None }, 20);
            assert_one(&warnings, at, expected);
            assert!(!warnings.concat().contains("s3cret"));
        }
        for (spec, expected) in [
            (json!({ "vmConfig": { "env": [{ "name": "S", "valueFrom": "HOST" }] } }), None),
            (
                json!({ "vmConfig": { "env": [{ "name": "S", "value": "s3cret" }] } }),
                Some("whose value is in"),
            ),
            (json!({}), Some("which `vmConfig.env`")),
        ] {
            assert_one(&found(ConfigContext::Istio { spec: &spec }, 20), at, expected);
        }
        for (extension, expected) in
            [(json!({ "env": { "hostKeys": ["S"] } }), None), (json!({}), Some("which `env.hostKeys`"))]
        {
            assert_one(&found(ConfigContext::EnvoyGateway { extension: &extension }, 20), at, expected);
        }
    }

    fn assert_one(warnings: &[String], at: &str, expected: Option<&str>) {
        match expected {
            None => assert_eq!(warnings, [""; 0]),
            Some(problem) => {
                assert!(
                    warnings.len() == 1 && warnings[0].starts_with(&format!("{at}{problem}")),
                    "{warnings:?}"
                );
            }
        }
    }

    #[test]
    fn rate_above_that_of_okta_is_a_warning() {
        assert_eq!(found(ConfigContext::None, 33), [""; 0]);
        let warnings = found(ConfigContext::None, 34);
        assert!(
            warnings[0].starts_with("providers.okta.introspection.max_per_second: is more than Okta"),
            "{warnings:?}"
        );
    }
}
