//! `mtls` and the client certificates that Envoy gets: from the TLS connection, or in
//! `x-forwarded-client-cert`, which Envoy removes, sets or forwards before the filter runs.

use okta_authz_filter::client_certificate::{CertificateFormat, CertificateHeader, CertificateSource};
use okta_authz_filter::config::Config;
use serde_json::Value;

use super::connection_managers::FileContext;
use super::envoy_json::{any, contains, each_object, is_true, list, text};
use super::finding::Finding;
use crate::locate::ConfigContext;

const DETAILS: &str = "forward_client_cert_details";
const XFCC: &str = "x-forwarded-client-cert";

/// Warns about a connection manager that removes the header, or forwards it from every client, and
/// about a filter chain that requests no client certificates.
pub(super) fn warnings(context: ConfigContext<'_>, config: &Config, file: &FileContext<'_>) -> Vec<Finding> {
    let ConfigContext::Envoy { plugin, .. } = context else { return Vec::new() };
    let header = match &config.client_certificate {
        Some(CertificateSource::Header(header)) => header,
        Some(CertificateSource::Connection) => return connection_warning(plugin, file).into_iter().collect(),
        None => return Vec::new(),
    };
    if header.name != XFCC {
        return Vec::new();
    }
    // Of nested connection managers, the innermost runs the plugin.
    let manager = file.managers_with(plugin).last();
    let warnings = manager.map(|manager| [warning(manager.value, header), name_warning(manager.value)]);
    warnings.into_iter().flatten().flatten().collect()
}

/// Warns if the filter chain of the plugin requests no client certificates.
fn connection_warning(plugin: &Value, file: &FileContext<'_>) -> Option<Finding> {
    let mut chains = Vec::new();
    let mut add_chains = |object: &'_ Value| {
        let chain = list(object, "filter_chains").iter().chain(object.get("default_filter_chain"));
        chains.extend(chain.filter(|chain| contains(chain, plugin)).map(requests_certificates));
    };
    file.documents.iter().for_each(|document| each_object(document, &mut add_chains));
    let problem = "no client sends a certificate, so the filter rejects every certificate-bound token: set `common_tls_context.validation_context` in the `transport_socket` of the filter chain";
    (!chains.is_empty() && !chains.contains(&true)).then(|| Finding::warning("mtls.from", problem))
}

/// Reports whether the TLS settings of a filter chain request client certificates. Envoy does so if
/// it can verify them, or if it requires them.
fn requests_certificates(chain: &Value) -> bool {
    const VALIDATION: [&str; 3] =
        ["validation_context", "validation_context_sds_secret_config", "combined_validation_context"];
    let requests = |value: &Value| {
        VALIDATION.iter().any(|field| value.get(field).is_some())
            || is_true(value, "require_client_certificate")
    };
    chain.get("transport_socket").is_some_and(|socket| any(socket, &requests))
}

/// Warns about names of certificates in the header, which Envoy writes without quotation marks.
fn name_warning(manager: &Value) -> Option<Finding> {
    let details = manager.get("set_current_client_cert_details")?;
    let sets = text(manager, DETAILS).is_some_and(|mode| ["SANITIZE_SET", "APPEND_FORWARD"].contains(&mode));
    let field = ["uri", "dns"].into_iter().find(|field| is_true(details, field)).filter(|_| sets)?;
    let problem = "a name in a certificate can contain an element of the header that `mtls.header` reads: use it only if clients cannot choose the names in their certificates";
    Some(Finding::warning(format!("set_current_client_cert_details.{field}"), problem))
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
