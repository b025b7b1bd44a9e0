//! `mergeBackends` of Envoy Gateway, which changes the names of the clusters that it generates.

use okta_authz_filter::config::Config;
use serde_json::Value;

use super::clusters::{self, RemoteSource};
use super::finding::Finding;
use super::kubernetes::resources_of_kind;

/// Warns about clusters of the configuration that have a name of a route, if the file sets
/// `mergeBackends`.
pub(super) fn warnings(config: &Config, documents: &[Value]) -> Vec<Finding> {
    let is_set = |pointer: &'static str| {
        move |resource: &Value| resource.pointer(pointer).is_some_and(|value| !value.is_null())
    };
    let merges = resources_of_kind(documents, "EnvoyProxy").any(is_set("/spec/mergeBackends"))
        || resources_of_kind(documents, "EnvoyGateway").any(is_set("/envoyProxy/mergeBackends"));
    if !merges {
        return Vec::new();
    }
    let sources = clusters::remote_sources(config).into_iter();
    let generated = sources.filter(|source| source.cluster.starts_with("httproute/"));
    let warning = |source: RemoteSource<'_>| {
        let problem = format!(
            "must not be `{}`: with `mergeBackends`, Envoy Gateway generates no cluster of this name; add a cluster with an \
             `EnvoyPatchPolicy`",
            source.cluster
        );
        Finding::warning(source.path, problem)
    };
    generated.map(warning).collect()
}
