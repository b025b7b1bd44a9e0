//! The clusters through which keys and denylists are fetched. An attacker who
//! poses as the issuer can forge every token; one who poses as the source of the denylist can empty it.

use okta_authz_filter::config::{Config, Remote};
use okta_authz_filter::jwks::source::JwksUri;
use serde_json::Value;

use super::read::{kind, list, says, text};
use super::{Finding, backend, destination, mesh, tls};

const CLUSTER: &str = "envoy.config.cluster.v3.Cluster";

/// A source that the filter fetches from.
struct Source<'a> {
    /// `providers.okta.remote_jwks.cluster`
    at: String,
    remote: &'a Remote,
    /// The hosts that the filter asks, each without its port; the first is that of the first request.
    hosts: Vec<String>,
}

pub(super) fn findings(config: &Config, documents: &[Value]) -> Vec<Finding> {
    let clusters = clusters(documents);
    let mut findings = Vec::new();
    for Source { at, remote, hosts } in sources(config) {
        let named: Vec<_> =
            clusters.iter().filter(|cluster| says(cluster, "name", &remote.cluster)).collect();
        match named.as_slice() {
            [_, ..] => {
                let problems = named.iter().flat_map(|cluster| tls::problems(cluster, &hosts, documents));
                findings.extend(problems.map(|problem| problem.into_finding(&at)));
            }
            [] if mesh::is_resource_file(documents) => {
                let of_backend = backend::findings(&at, &remote.cluster, &hosts, documents);
                findings.extend(
                    of_backend
                        .unwrap_or_else(|| destination::findings(&at, &remote.cluster, &hosts, documents)),
                );
            }
            [] => findings.push(missing(&at, &remote.cluster, documents, clusters.is_empty())),
        }
    }
    findings
}

/// Returns a finding for a cluster that a file for Envoy does not have. Only a bootstrap without a control plane must have it.
fn missing(at: &str, cluster: &str, documents: &[Value], is_without: bool) -> Finding {
    let has = |pointer: &str| documents.iter().any(|document| document.pointer(pointer).is_some());
    let is_dynamic = has("/dynamic_resources/cds_config");
    if is_without && (is_dynamic || !has("/static_resources")) {
        let problem = format!("no cluster is in this file: check cannot see the TLS of {cluster:?}");
        return Finding::note(at, problem);
    }
    let problem = format!("no cluster in this file is named {cluster:?}");
    if is_dynamic { Finding::note(at, problem) } else { Finding::warning(at, problem) }
}

fn sources(config: &Config) -> Vec<Source<'_>> {
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
        let at = format!("providers.{}.remote_jwks.cluster", provider.name);
        Some(Source { at, remote: &jwks.remote, hosts })
    });
    let denylist = config.remote_denylist.iter().map(|denylist| Source {
        at: "denylist.remote.cluster".to_owned(),
        remote: &denylist.remote,
        hosts: vec![host(&denylist.uri.authority)],
    });
    keys.chain(denylist).collect()
}

/// Returns the host of an authority, in lower case, without its port and without the brackets of an IPv6 address.
fn host(authority: &str) -> String {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => authority.split(':').next(),
    };
    host.unwrap_or_default().to_ascii_lowercase()
}

/// Returns every cluster that is written out.
fn clusters(documents: &[Value]) -> Vec<&Value> {
    let mut found = Vec::new();
    for document in documents {
        let own = document.pointer("/static_resources/clusters").and_then(Value::as_array);
        found.extend(own.into_iter().flatten());
        found.extend(list(document, "resources").iter().filter(|resource| kind(resource) == Some(CLUSTER)));
    }
    for resource in mesh::resources(documents) {
        // A patch of Envoy Gateway.
        let patches = resource.pointer("/spec/jsonPatches").and_then(Value::as_array).into_iter().flatten();
        let patches = patches
            .filter(|patch| text(patch, "type").is_some_and(|name| name.rsplit('/').next() == Some(CLUSTER)));
        let values = patches.filter_map(|patch| patch.pointer("/operation/value"));
        found.extend(values.filter(|cluster| cluster.get("name").is_some()));
        // A patch of Istio.
        let patches = resource.pointer("/spec/configPatches").and_then(Value::as_array).into_iter().flatten();
        let patches = patches.filter(|patch| says(patch, "applyTo", "CLUSTER"));
        let added = patches.filter(|patch| patch.pointer("/patch/operation").is_some_and(|op| op == "ADD"));
        found.extend(added.filter_map(|patch| patch.pointer("/patch/value")));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_of_authority_has_no_port() {
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
