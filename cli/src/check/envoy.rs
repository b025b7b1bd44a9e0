//! Settings of Envoy, Istio and Envoy Gateway around a configuration that let requests bypass the
//! filter, or let an attacker replace Okta's keys.

use okta_authz_filter::config::Config;

use super::connection_managers::FileContext;
use super::envoy_json::{is_true, text_equals};
use super::finding::Finding;
use super::plugin::fails_open;
use super::{clusters, guard, kubernetes, mesh, plugin};
use crate::locate::ConfigContext;

pub(super) fn findings(context: ConfigContext<'_>, config: &Config, file: &FileContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    match context {
        ConfigContext::None => return findings,
        ConfigContext::Istio { spec } => {
            if text_equals(spec, "failStrategy", "FAIL_OPEN") {
                findings.push(Finding::warning("spec.failStrategy", fails_open("`FAIL_CLOSE`")));
            }
            // A `TrafficExtension` has `spec.wasm`.
            if spec.get("wasm").is_some_and(|wasm| text_equals(wasm, "failStrategy", "FAIL_OPEN")) {
                findings.push(Finding::warning("spec.wasm.failStrategy", fails_open("`FAIL_CLOSE`")));
            }
            findings.extend(mesh::istio_findings(spec, config, file.documents));
        }
        ConfigContext::EnvoyGateway { extension } => {
            if is_true(extension, "failOpen") {
                findings.push(Finding::warning("failOpen", fails_open("`false`")));
            }
            findings.extend(mesh::gateway_findings(extension, config, file.documents));
        }
        ConfigContext::Envoy { plugin, following_filters } => {
            findings.extend(plugin::warnings(plugin));
            findings.extend(match following_filters {
                Some(_) => guard::findings(following_filters, file),
                None if kubernetes::owner(plugin, file.documents).is_some() => {
                    mesh::istio_findings(plugin, config, file.documents)
                }
                None => guard::findings_outside(plugin, file),
            });
        }
    }
    findings.extend(clusters::findings(config, file.documents));
    findings
}
