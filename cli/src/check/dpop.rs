//! `dpop` without `external_urls`: the URL of a request then has the host that the client sends.

use okta_authz_filter::config::Config;
use okta_authz_filter::dpop::TargetUriSource;

use super::connection_managers::FileContext;
use super::envoy_json::list;
use super::finding::Finding;
use super::routes::routes_of;
use crate::locate::ConfigContext;

/// Warns if Envoy routes requests with any host to the API. Another server that received a proof can
/// then send it here with its own name as the host, and the URL of the proof is that of the request.
pub(super) fn warnings(context: ConfigContext<'_>, config: &Config, file: &FileContext<'_>) -> Vec<Finding> {
    let source = config.dpop.as_ref().map(|dpop| &dpop.requirements.target_uri);
    let (Some(TargetUriSource::Request(_)), ConfigContext::Envoy { following_filters, .. }) =
        (source, context)
    else {
        return Vec::new();
    };
    let manager = following_filters.and_then(|filters| file.manager_before(filters));
    let routes = manager.map(|(manager, _)| routes_of(manager.value, file.documents).configurations);
    let mut hosts = routes.iter().flatten().flat_map(|(_, routes)| list(routes, "virtual_hosts"));
    let accepts_each_host = hosts.any(|host| list(host, "domains").iter().any(|domain| domain == "*"));
    if !accepts_each_host {
        return Vec::new();
    }
    let problem = "set `external_urls`, or list the hosts of the API in `domains`: Envoy routes every host, so a server \
                   that received a proof for its own URL can send it here with its own host";
    vec![Finding::warning("dpop", problem)]
}
