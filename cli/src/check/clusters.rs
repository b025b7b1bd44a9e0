//! The clusters through which the filter fetches keys and denylists, and introspects tokens. An
//! attacker who can impersonate the issuer can forge any token; one who can impersonate the source
//! of the denylist can empty it; one who can impersonate the introspection endpoint receives tokens.

use okta_authz_filter::config::Config;
use okta_authz_filter::jwks::source::JwksUri;
use serde_json::Value;

use super::envoy_json::{list, list_at, text, text_equals, type_name};
use super::finding::Finding;
use super::{backend, destination, kubernetes, tls};

const CLUSTER: &str = "envoy.config.cluster.v3.Cluster";

/// A server to which the filter sends requests.
pub(super) struct RemoteSource<'a> {
    /// The path of the field: `providers.okta.remote_jwks.cluster`.
    pub(super) path: String,
    pub(super) cluster: &'a str,
    /// The hosts that the filter sends requests to, without ports. The first is that of the first
    /// request.
    hosts: Vec<String>,
}

/// Returns the problems with the clusters of all remote key sets, of introspection and of the
/// denylist.
pub(super) fn findings(config: &Config, documents: &[Value]) -> Vec<Finding> {
    let clusters = clusters(documents);
    let mut findings = Vec::new();
    for RemoteSource { path, cluster: name, hosts } in remote_sources(config) {
        let named: Vec<_> = clusters.iter().filter(|cluster| text_equals(cluster, "name", name)).collect();
        if !named.is_empty() {
            let problems = named.iter().flat_map(|cluster| tls::problems(cluster, &hosts, documents));
            findings.extend(problems.map(|problem| problem.into_finding(&path)));
        } else if kubernetes::resources(documents).next().is_some() {
            let of_backend = backend::findings(&path, name, &hosts, documents);
            let of_destination = || destination::findings(&path, name, &hosts, documents);
            findings.extend(of_backend.unwrap_or_else(of_destination));
        } else {
            findings.push(missing_cluster(&path, name, documents, clusters.is_empty()));
        }
    }
    findings
}

/// Returns a finding for a cluster that is not in a file for Envoy: a warning if the file must have
/// it, because it is a bootstrap without CDS, and otherwise a note.
fn missing_cluster(path: &str, cluster: &str, documents: &[Value], has_no_clusters: bool) -> Finding {
    let has = |pointer: &str| documents.iter().any(|document| document.pointer(pointer).is_some());
    let has_cds = has("/dynamic_resources/cds_config");
    if has_no_clusters && (has_cds || !has("/static_resources")) {
        let problem = format!("no cluster is in this file: check cannot see the TLS of {cluster:?}");
        return Finding::note(path, problem);
    }
    let problem = format!("no cluster in this file is named {cluster:?}");
    if has_cds { Finding::note(path, problem) } else { Finding::warning(path, problem) }
}

/// Returns the sources of all remote key sets, of introspection and of the denylist.
pub(super) fn remote_sources(config: &Config) -> Vec<RemoteSource<'_>> {
    let keys = config.providers.iter().filter_map(|provider| {
        let jwks = provider.remote_jwks.as_ref()?;
        let hosts = match &jwks.jwks_uri {
            JwksUri::Configured(url) => vec![host(&url.authority)],
            JwksUri::Discovered(discovery) => {
                let [first, ..] = discovery.candidate_urls();
                let hosts = discovery.hosts().iter().map(|authority| host(authority));
                std::iter::once(host(&first.authority)).chain(hosts).collect()
            }
        };
        let path = format!("providers.{}.remote_jwks.cluster", provider.name);
        Some(RemoteSource { path, cluster: &jwks.remote.cluster, hosts })
    });
    let denylist = config.remote_denylist.iter().map(|denylist| RemoteSource {
        path: "denylist.remote.cluster".to_owned(),
        cluster: &denylist.remote.cluster,
        hosts: vec![host(&denylist.uri.authority)],
    });
    let introspection = config.providers.iter().filter_map(|provider| {
        let settings = provider.introspection.as_ref()?;
        Some(RemoteSource {
            path: format!("providers.{}.introspection.cluster", provider.name),
            cluster: &settings.cluster,
            hosts: vec![host(&settings.uri.authority)],
        })
    });
    keys.chain(introspection).chain(denylist).collect()
}

/// Returns the host of an authority, in lower case, without its port and without the brackets of an
/// IPv6 address.
fn host(authority: &str) -> String {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => authority.split(':').next(),
    };
    host.unwrap_or_default().to_ascii_lowercase()
}

/// Returns every cluster in the file: of a bootstrap, of resources, and of patches.
fn clusters(documents: &[Value]) -> Vec<&Value> {
    let mut found = Vec::new();
    for document in documents {
        found.extend(list_at(document, "/static_resources/clusters"));
        let resources = list(document, "resources").iter();
        found.extend(resources.filter(|resource| type_name(resource) == Some(CLUSTER)));
    }
    for resource in kubernetes::resources(documents) {
        // Envoy Gateway's `EnvoyPatchPolicy`.
        let patches = list_at(resource, "/spec/jsonPatches").iter();
        let patches = patches
            .filter(|patch| text(patch, "type").is_some_and(|name| name.rsplit('/').next() == Some(CLUSTER)));
        let values = patches.filter_map(|patch| patch.pointer("/operation/value"));
        found.extend(values.filter(|cluster| cluster.get("name").is_some()));
        // Istio's `EnvoyFilter`.
        let patches = list_at(resource, "/spec/configPatches").iter();
        let patches = patches.filter(|patch| text_equals(patch, "applyTo", "CLUSTER"));
        let added = patches.filter(|patch| patch.pointer("/patch/operation").is_some_and(|op| op == "ADD"));
        found.extend(added.filter_map(|patch| patch.pointer("/patch/value")));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_authority_with_port_has_no_port() {
        for (authority, expected) in [
            ("acme.okta.com", "acme.okta.com"),
            ("ACME.okta.com:443", "acme.okta.com"),
            ("[::1]:8443", "::1"),
            ("[::1]", "::1"),
            ("127.0.0.1:1", "127.0.0.1"),
        ] {
            assert_eq!(host(authority), expected);
        }
    }
}
