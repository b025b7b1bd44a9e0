//! `mtls.header` with `x-forwarded-client-cert`, which Envoy removes, sets or forwards before the
//! filter runs.

use okta_authz_filter::client_certificate::{CertificateFormat, CertificateHeader, CertificateSource};
use okta_authz_filter::config::Config;
use serde_json::Value;

use super::connection_managers::FileContext;
use super::envoy_json::text;
use super::finding::Finding;
use crate::locate::ConfigContext;

const DETAILS: &str = "forward_client_cert_details";
const XFCC: &str = "x-forwarded-client-cert";

/// Warns about a connection manager that removes the header, or forwards it from every client.
pub(super) fn warnings(context: ConfigContext<'_>, config: &Config, file: &FileContext<'_>) -> Vec<Finding> {
    let Some(CertificateSource::Header(header)) = &config.client_certificate else { return Vec::new() };
    let ConfigContext::Envoy { plugin, .. } = context else { return Vec::new() };
    if header.name != XFCC {
        return Vec::new();
    }
    // Of nested connection managers, the innermost runs the plugin.
    let manager = file.managers_with(plugin).last();
    manager.and_then(|manager| warning(manager.value, header)).into_iter().collect()
}

fn warning(manager: &Value, header: &CertificateHeader) -> Option<Finding> {
    let has_hops = matches!(header.format, CertificateFormat::Xfcc { hop } if hop > 0);
    let problem = match text(manager, DETAILS).unwrap_or("SANITIZE") {
        "SANITIZE" => {
            "Envoy removes the header that `mtls.header` reads: set `SANITIZE_SET`, `APPEND_FORWARD` or `FORWARD_ONLY`"
        }
        "ALWAYS_FORWARD_ONLY" => {
            "every client can send the header that `mtls.header` reads: use `FORWARD_ONLY`, and TLS with a client certificate between the proxies"
        }
        "SANITIZE_SET" if has_hops => {
            "Envoy leaves one element in the header that `mtls.header` reads: `hop` must be `0`"
        }
        _ => return None,
    };
    Some(Finding::warning(DETAILS, problem))
}
