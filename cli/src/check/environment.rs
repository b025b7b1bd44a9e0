//! The environment variables that the VM of the filter gets.

use serde_json::Value;

use super::envoy_json::list_at;
use crate::locate::ConfigContext;

/// Returns the problem with the variable of a secret, if the file shows the environment of the VM.
pub(super) fn variable_problem(context: ConfigContext<'_>, variable: &str) -> Option<String> {
    let is_named = |value: &Value| value.as_str() == Some(variable);
    match context {
        ConfigContext::None => None,
        ConfigContext::Envoy { plugin, .. } => {
            if plugin
                .pointer("/vm_config/environment_variables/key_values")
                .is_some_and(|values| values.get(variable).is_some())
            {
                return Some(format!(
                    "names {variable}, whose value is in `key_values`: Envoy's admin interface shows it; use \
                     `host_env_keys`"
                ));
            }
            let keys = list_at(plugin, "/vm_config/environment_variables/host_env_keys");
            (!keys.iter().any(is_named)).then(|| {
                format!("names {variable}, which `vm_config.environment_variables.host_env_keys` does not pass to the VM")
            })
        }
        ConfigContext::Istio { spec } => {
            let variables = list_at(spec, "/vmConfig/env");
            let found = variables.iter().find(|entry| entry.get("name").is_some_and(is_named));
            match found.map(|entry| entry.get("valueFrom").and_then(Value::as_str)) {
                Some(Some("HOST")) => None,
                Some(_) => Some(format!(
                    "names {variable}, whose value is in `vmConfig.env`: everyone who may read the resource sees it; \
                     use `valueFrom: HOST`"
                )),
                None => Some(format!("names {variable}, which `vmConfig.env` does not pass to the VM")),
            }
        }
        ConfigContext::EnvoyGateway { extension } => {
            let keys = list_at(extension, "/env/hostKeys");
            (!keys.iter().any(is_named))
                .then(|| format!("names {variable}, which `env.hostKeys` does not pass to the VM"))
        }
    }
}
