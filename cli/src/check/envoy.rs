//! What is around the configuration: settings of Envoy, Istio and Envoy Gateway that let requests pass the filter by, or
//! let somebody else say what Okta's keys are.

use okta_authz_filter::config::Config;

use super::chain::FileContext;
use super::plugin::FAIL_OPEN;
use super::read::{is_true, says};
use super::{Finding, clusters, guard, mesh, plugin};
use crate::places::Surroundings;

pub(super) fn findings(around: Surroundings<'_>, config: &Config, context: &FileContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    match around {
        Surroundings::None => return findings,
        Surroundings::Istio { spec } => {
            if says(spec, "failStrategy", "FAIL_OPEN") {
                findings.push(Finding::warning("spec.failStrategy", FAIL_OPEN));
            }
            // Of a `TrafficExtension`.
            if spec.get("wasm").is_some_and(|wasm| says(wasm, "failStrategy", "FAIL_OPEN")) {
                findings.push(Finding::warning("spec.wasm.failStrategy", FAIL_OPEN));
            }
            findings.extend(mesh::guard(spec, context.documents));
        }
        Surroundings::EnvoyGateway { extension } => {
            if is_true(extension, "failOpen") {
                findings.push(Finding::warning("failOpen", FAIL_OPEN));
            }
            findings.extend(mesh::guard(extension, context.documents));
        }
        Surroundings::Envoy { plugin, behind } => {
            findings.extend(plugin::warnings(plugin));
            findings.extend(match behind {
                Some(_) => guard::findings(behind, context),
                None if mesh::is_in_resource(plugin, context.documents) => {
                    mesh::guard(plugin, context.documents)
                }
                None => guard::findings_outside(plugin, context),
            });
        }
    }
    findings.extend(clusters::findings(config, context.documents));
    findings
}
