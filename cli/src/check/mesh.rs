//! Settings of Istio and Envoy Gateway with which requests bypass the filter, or other filters see
//! identity headers of the client.

use okta_authz_filter::config::Config;
use serde_json::Value;

use super::finding::Finding;
use super::{
    gateway_listeners, gateway_order, gateway_routes, gateway_servers, hbone, istio_order, istio_ports,
    merge_backends, mesh_guard, sidecar_egress,
};

/// Returns the findings about resources of Istio around the configuration in this part of the file.
pub(super) fn istio_findings(part: &Value, config: &Config, documents: &[Value]) -> Vec<Finding> {
    let mut findings = mesh_guard::findings(part, documents);
    findings.extend(hbone::warnings(part, documents));
    findings.extend(istio_order::warnings(part, config, documents));
    findings.extend(istio_ports::findings(part, documents));
    findings.extend(gateway_servers::warnings(part, documents));
    findings.extend(sidecar_egress::findings(part, config, documents));
    findings
}

/// Returns the findings about resources of Envoy Gateway around the configuration in this part of
/// the file.
pub(super) fn gateway_findings(part: &Value, config: &Config, documents: &[Value]) -> Vec<Finding> {
    let mut findings = mesh_guard::findings(part, documents);
    findings.extend(gateway_listeners::warnings(part, documents));
    findings.extend(gateway_routes::warnings(part, documents));
    findings.extend(gateway_order::warnings(part, config, documents));
    findings.extend(gateway_servers::warnings(part, documents));
    findings.extend(merge_backends::warnings(config, documents));
    findings
}
