//! The file around `dpop`: the hosts that Envoy routes, and the variable of the nonce keys.

use okta_authz_filter::config::Config;
use okta_authz_filter::dpop::TargetUriSource;

use super::connection_managers::FileContext;
use super::environment;
use super::envoy_json::list;
use super::finding::Finding;
use super::routes::routes_of;
use crate::locate::ConfigContext;

/// Warns about hosts that Envoy routes, and about nonce keys that the VM does not get.
pub(super) fn warnings(context: ConfigContext<'_>, config: &Config, file: &FileContext<'_>) -> Vec<Finding> {
    let hosts = host_warning(context, config, file);
    hosts.into_iter().chain(nonce_keys_warning(context, config)).collect()
}

/// Warns if the file does not pass the variable of the nonce keys to the VM: Envoy then rejects the
/// configuration.
fn nonce_keys_warning(context: ConfigContext<'_>, config: &Config) -> Option<Finding> {
    let nonce = config.dpop.as_ref()?.nonce.as_ref()?;
    let problem = environment::variable_problem(context, nonce.keys_env.as_deref()?)?;
    Some(Finding::warning("dpop.nonce.keys_env", problem))
}

/// Warns if Envoy routes requests with any host to the API. Another server that received a proof can
/// then send it here with its own name as the host, and the URL of the proof is that of the request.
fn host_warning(context: ConfigContext<'_>, config: &Config, file: &FileContext<'_>) -> Option<Finding> {
    let source = config.dpop.as_ref().map(|dpop| &dpop.requirements.target_uri);
    let (Some(TargetUriSource::Request(_)), ConfigContext::Envoy { following_filters, .. }) =
        (source, context)
    else {
        return None;
    };
    let manager = following_filters.and_then(|filters| file.manager_before(filters));
    let routes = manager.map(|(manager, _)| routes_of(manager.value, file.documents).configurations);
    let mut hosts = routes.iter().flatten().flat_map(|(_, routes)| list(routes, "virtual_hosts"));
    let accepts_each_host = hosts.any(|host| list(host, "domains").iter().any(|domain| domain == "*"));
    if !accepts_each_host {
        return None;
    }
    let problem = "set `external_urls`, or list the hosts of the API in `domains`: Envoy routes every host, so a server \
                   that received a proof for its own URL can send it here with its own host";
    Some(Finding::warning("dpop", problem))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nonce_keys_that_the_vm_does_not_get_are_a_warning() {
        let config = json!({
            "providers": { "okta": {
                "issuer": "https://acme.okta.com/oauth2/default", "audiences": ["api://default"],
                "remote_jwks": { "cluster": "okta" },
            } },
            "dpop": { "nonce": { "keys_env": "KEYS" } },
        });
        let config = Config::from_bytes(config.to_string().as_bytes()).unwrap();
        for (keys, is_warning) in [(json!(["KEYS"]), false), (json!(["OTHER"]), true)] {
            let plugin = json!({ "vm_config": { "environment_variables": { "host_env_keys": keys } } });
            let context = ConfigContext::Envoy { plugin: &plugin, following_filters: None };
            let warning = nonce_keys_warning(context, &config);
            let text = warning.map(|finding| format!("{}: {}", finding.path, finding.problem));
            assert_eq!(text.is_some(), is_warning, "{text:?}");
            assert!(text.is_none_or(|text| text.starts_with("dpop.nonce.keys_env: names KEYS, which")));
        }
        assert!(nonce_keys_warning(ConfigContext::None, &config).is_none());
    }
}
