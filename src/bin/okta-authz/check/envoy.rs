//! What is around the configuration: settings of Envoy, Istio and Envoy Gateway that let requests pass the filter by, or
//! let somebody else say what Okta's keys are.

use okta_authz_filter::config::Config;
use serde_json::Value;

use super::Finding;
use crate::places::Surroundings;

/// The filter state that the guard asks for.
const PERMIT: &str = "wasm.okta.permit";
const FAIL_OPEN: &str = "lets every request through while the filter does not run";

pub(super) fn warnings(around: Surroundings<'_>, config: &Config, documents: &[Value]) -> Vec<Finding> {
    match around {
        Surroundings::None => Vec::new(),
        Surroundings::Istio { spec } if says(spec, "failStrategy", "FAIL_OPEN") => {
            vec![Finding::warning("spec.failStrategy", FAIL_OPEN)]
        }
        Surroundings::EnvoyGateway { extension } if is_true(extension, "failOpen") => {
            vec![Finding::warning("failOpen", FAIL_OPEN)]
        }
        Surroundings::Istio { .. } | Surroundings::EnvoyGateway { .. } => Vec::new(),
        Surroundings::Envoy { plugin, behind } => {
            let mut warnings = about_plugin(plugin);
            warnings.extend(without_guard(behind));
            warnings.extend(about_clusters(config, documents));
            warnings
        }
    }
}

/// What is wrong with the filters behind this one, where they can be told.
pub(super) fn without_guard(behind: Option<&[Value]>) -> Option<Finding> {
    let problem = format!(
        "no RBAC filter behind this one asks for `{PERMIT}`: Envoy serves without a filter that it could not configure \
         on a worker"
    );
    let is_missing = behind.is_some_and(|behind| !behind.iter().any(is_guard));
    is_missing.then(|| Finding::warning("http_filters", problem))
}

fn about_plugin(plugin: &Value) -> Vec<Finding> {
    let mut warnings = Vec::new();
    if is_true(plugin, "fail_open") {
        warnings.push(Finding::warning("config.fail_open", FAIL_OPEN));
    }
    if says(plugin, "failure_policy", "FAIL_OPEN") {
        warnings.push(Finding::warning("config.failure_policy", FAIL_OPEN));
    }
    if is_true(plugin, "allow_on_headers_stop_iteration") {
        let problem = "the body of a request that waits for keys would go on without its head";
        warnings.push(Finding::warning("config.allow_on_headers_stop_iteration", problem));
    }
    let vm_id = plugin.pointer("/vm_config/vm_id").and_then(Value::as_str).unwrap_or_default();
    if plugin.get("vm_config").is_some() && vm_id.is_empty() {
        let problem = "is missing: plugins with the same one, or none, can write each other's keys";
        warnings.push(Finding::warning("config.vm_config.vm_id", problem));
    }
    warnings
}

fn is_guard(filter: &Value) -> bool {
    let is_rbac = filter
        .pointer("/typed_config/@type")
        .and_then(Value::as_str)
        .is_some_and(|kind| kind.ends_with(".rbac.v3.RBAC"));
    is_rbac && any(filter, &|value| says(value, "key", PERMIT))
}

fn about_clusters(config: &Config, documents: &[Value]) -> Vec<Finding> {
    let clusters = clusters(documents);
    if clusters.is_empty() {
        return Vec::new();
    }
    let keys = config.providers.iter().filter_map(|provider| {
        let remote = &provider.remote_jwks.as_ref()?.remote;
        Some((format!("providers.{}.remote_jwks.cluster", provider.name), remote))
    });
    let denylist = config.remote_denylist.iter();
    let denylist = denylist.map(|denylist| ("denylist.remote.cluster".to_owned(), &denylist.remote));
    let mut warnings = Vec::new();
    for (at, remote) in keys.chain(denylist) {
        match clusters.iter().find(|cluster| says(cluster, "name", &remote.cluster)) {
            None => {
                let problem = format!("no cluster in this file is named {:?}", remote.cluster);
                warnings.push(Finding::warning(at, problem));
            }
            Some(cluster) => {
                let problems = about_tls(cluster).into_iter();
                warnings.extend(problems.map(|problem| Finding::warning(&at, problem)));
            }
        }
    }
    warnings
}

/// Every cluster that is written out.
fn clusters(documents: &[Value]) -> Vec<&Value> {
    let mut found = Vec::new();
    for document in documents {
        for pointer in ["/static_resources/clusters", "/resources"] {
            let resources = document.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
            found.extend(resources.filter(|resource| {
                let kind = resource.get("@type").and_then(Value::as_str);
                pointer != "/resources" || kind.is_some_and(|kind| kind.ends_with(".cluster.v3.Cluster"))
            }));
        }
    }
    found
}

/// Whoever can pose as the issuer can forge every token: its name must be asked for, and checked against a CA.
/// Whoever can pose as the source of the denylist can empty it.
fn about_tls(cluster: &Value) -> Vec<&'static str> {
    if cluster.get("transport_socket_matches").is_some() {
        return Vec::new();
    }
    let tls = cluster.pointer("/transport_socket/typed_config").filter(|tls| {
        tls.get("@type").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("UpstreamTlsContext"))
    });
    let Some(tls) = tls else {
        return vec!["the cluster has no TLS: whoever is in between can say what they like"];
    };
    let has = |name: &str| any(tls, &|value| value.get(name).is_some());
    let automatic = |name: &str| any(cluster, &|value| is_true(value, name));
    // Secrets come from elsewhere, and may have it all.
    let from_elsewhere = has("validation_context_sds_secret_config")
        || has("combined_validation_context")
        || has("custom_validator_config");
    let trusts = has("trusted_ca") || has("system_root_certs") || has("ca_certificate_provider_instance");
    let names = has("match_typed_subject_alt_names")
        || automatic("auto_san_validation")
        || automatic("auto_sni_san_validation");
    let mut problems = Vec::new();
    if !(has("sni") || automatic("auto_sni") || automatic("auto_host_sni")) {
        problems.push("the cluster sends no SNI: the server cannot tell which certificate is asked for");
    }
    if !(trusts || from_elsewhere) {
        problems.push("the cluster trusts every certificate: it has no `trusted_ca`");
    }
    if !(names || from_elsewhere) {
        problems
            .push("the cluster takes a certificate for any name: it has no `match_typed_subject_alt_names`");
    }
    problems
}

fn is_true(value: &Value, name: &str) -> bool {
    value.get(name) == Some(&Value::Bool(true))
}

fn says(value: &Value, name: &str, text: &str) -> bool {
    value.get(name).and_then(Value::as_str) == Some(text)
}

/// Whether it is true of anything inside.
fn any(value: &Value, is: &dyn Fn(&Value) -> bool) -> bool {
    is(value)
        || match value {
            Value::Array(items) => items.iter().any(|item| any(item, is)),
            Value::Object(members) => members.values().any(|member| any(member, is)),
            _ => false,
        }
}
