//! The TLS of a cluster: Envoy must accept only a certificate of a trusted CA for the host that the
//! filter fetches from.

use std::borrow::Cow;

use serde_json::Value;

use super::envoy_json::{is_true, list, list_at, message, text, text_equals, type_name};
use super::finding::Finding;
use super::tls_names::TlsNames;

/// A problem with the TLS of a cluster.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum TlsProblem {
    /// An attacker can impersonate the host.
    Insecure(String),
    /// The file does not show whether TLS protects.
    Unproved(String),
}

impl TlsProblem {
    pub(super) fn into_finding(self, path: &str) -> Finding {
        match self {
            Self::Insecure(problem) => Finding::warning(path, problem),
            Self::Unproved(problem) => Finding::note(path, problem),
        }
    }

    fn insecure(problem: impl Into<String>) -> Self {
        Self::Insecure(problem.into())
    }
}

/// Returns the problems with the TLS of a cluster through which the filter fetches from these
/// hosts.
pub(super) fn problems(cluster: &Value, hosts: &[String], documents: &[Value]) -> Vec<TlsProblem> {
    let sockets = list(cluster, "transport_socket_matches");
    let mut problems = Vec::new();
    if cluster.get("transport_socket_matcher").is_some() {
        let problem = "`transport_socket_matcher` chooses the TLS settings: check cannot prove them";
        problems.push(TlsProblem::insecure(problem));
    }
    for (index, matched) in sockets.iter().enumerate() {
        let with_index = |problem: TlsProblem| match problem {
            TlsProblem::Insecure(text) => {
                TlsProblem::Insecure(format!("transport_socket_matches[{index}]: {text}"))
            }
            TlsProblem::Unproved(text) => {
                TlsProblem::Unproved(format!("transport_socket_matches[{index}]: {text}"))
            }
        };
        let found = socket_problems(matched.get("transport_socket"), cluster, hosts, documents);
        problems.extend(found.into_iter().map(with_index));
    }
    // An entry without conditions matches every endpoint.
    let matches_all = |matched: &Value| {
        matched
            .get("match")
            .is_none_or(|conditions| conditions.as_object().is_some_and(serde_json::Map::is_empty))
    };
    if !sockets.iter().any(matches_all) {
        problems.extend(socket_problems(cluster.get("transport_socket"), cluster, hosts, documents));
    }
    problems
}

fn socket_problems(
    socket: Option<&Value>,
    cluster: &Value,
    hosts: &[String],
    documents: &[Value],
) -> Vec<TlsProblem> {
    let Some(tls) = socket.and_then(|socket| tls_context(socket, 0)) else {
        return vec![TlsProblem::insecure(
            "the cluster has no TLS: an attacker on the network can forge every response",
        )];
    };
    let common = tls.get("common_tls_context").unwrap_or(&Value::Null);
    let names = TlsNames::new(tls, cluster, hosts);
    let mut problems = names.sni_problems();
    problems.extend(version_problem(common));
    if common.get("custom_validator_config").is_some() {
        problems.push(custom_validator_problem());
    }
    let (validation, is_complete) = match validation(common, documents) {
        ValidationContext::Complete(validation) => (validation, true),
        ValidationContext::Partial(validation) => (validation, false),
        ValidationContext::Secret => {
            let problem = "the CA and the accepted names come from a secret (SDS): check cannot see them";
            problems.push(TlsProblem::Unproved(problem.to_owned()));
            return problems;
        }
    };
    let validation = validation.as_ref();
    problems.extend(validation_problems(validation));
    let pins = ["verify_certificate_spki", "verify_certificate_hash"];
    let is_pinned = pins.iter().any(|name| !list(validation, name).is_empty());
    let has_custom = validation.get("custom_validator_config").is_some();
    if !is_complete {
        let problem = "the CA may come from a secret (SDS): check cannot see it";
        problems.extend((!has_trusted_ca(validation)).then(|| TlsProblem::Unproved(problem.to_owned())));
    } else if !(has_trusted_ca(validation) || is_pinned || has_custom) {
        problems.push(TlsProblem::insecure("the cluster trusts every certificate: it has no `trusted_ca`"));
    }
    if !(has_custom || is_pinned && !has_trusted_ca(validation)) {
        problems.extend(names.san_problems(validation, is_complete));
    }
    problems
}

fn validation_problems(validation: &Value) -> Vec<TlsProblem> {
    let mut problems = Vec::new();
    let verification = validation.get("trust_chain_verification");
    if let Some(verification) = verification.filter(|value| *value != "VERIFY_TRUST_CHAIN" && **value != 0) {
        let verification = verification.as_str().map_or_else(|| verification.to_string(), str::to_owned);
        let problem =
            format!("the cluster accepts every certificate: `trust_chain_verification: {verification}`");
        problems.push(TlsProblem::Insecure(problem));
    }
    if is_true(validation, "allow_expired_certificate") {
        problems.push(TlsProblem::insecure(
            "the cluster accepts expired certificates: `allow_expired_certificate`",
        ));
    }
    if validation.get("custom_validator_config").is_some() {
        problems.push(custom_validator_problem());
    }
    problems
}

fn custom_validator_problem() -> TlsProblem {
    TlsProblem::insecure(
        "`custom_validator_config` verifies certificates: check cannot prove that it verifies the host",
    )
}

/// Reports whether a validation context has trusted CAs.
fn has_trusted_ca(validation: &Value) -> bool {
    let has = |name: &str| validation.get(name).is_some_and(|value| !value.is_null());
    let ca = validation.get("trusted_ca").and_then(Value::as_object);
    ca.is_some_and(|ca| !ca.is_empty()) || has("system_root_certs") || has("ca_certificate_provider_instance")
}

/// Returns the problem with TLS before 1.2, which RFC 8996 forbids.
fn version_problem(common: &Value) -> Option<TlsProblem> {
    let version = |name: &str| common.pointer(&format!("/tls_params/{name}")).and_then(Value::as_str);
    let is_old = |name: &&str| matches!(version(name), Some("TLSv1_0" | "TLSv1_1"));
    let fields = ["tls_minimum_protocol_version", "tls_maximum_protocol_version"];
    let name = fields.iter().copied().find(is_old)?;
    Some(TlsProblem::Insecure(format!(
        "the cluster accepts TLS before 1.2: `{name}` must be `TLSv1_2` or `TLSv1_3`"
    )))
}

/// The `CertificateValidationContext` of a cluster.
enum ValidationContext<'a> {
    Complete(Cow<'a, Value>),
    /// A secret that is not in the file (SDS) adds to this.
    Partial(Cow<'a, Value>),
    /// The whole context is in a secret that is not in the file.
    Secret,
}

fn validation<'a>(common: &'a Value, documents: &'a [Value]) -> ValidationContext<'a> {
    const SDS: &str = "validation_context_sds_secret_config";
    if let Some(sds) = common.get(SDS) {
        return secret(sds, documents)
            .map_or(ValidationContext::Secret, |secret| ValidationContext::Complete(Cow::Borrowed(secret)));
    }
    let Some(combined) = common.get("combined_validation_context") else {
        return ValidationContext::Complete(Cow::Borrowed(
            common.get("validation_context").unwrap_or(&Value::Null),
        ));
    };
    let default = combined.get("default_validation_context").unwrap_or(&Value::Null);
    match combined.get(SDS).map(|sds| secret(sds, documents)) {
        None => ValidationContext::Complete(Cow::Borrowed(default)),
        Some(None) => ValidationContext::Partial(Cow::Borrowed(default)),
        Some(Some(secret)) => ValidationContext::Complete(Cow::Owned(merged(default, secret))),
    }
}

/// Merges a secret into the default context as Envoy does: lists are concatenated, and other fields
/// of the secret replace those of the default.
fn merged(default: &Value, secret: &Value) -> Value {
    let (Some(default), Some(secret)) = (default.as_object(), secret.as_object()) else {
        return secret.clone();
    };
    let mut merged = default.clone();
    for (name, value) in secret {
        match (merged.get_mut(name), value) {
            (Some(Value::Array(list)), Value::Array(added)) => list.extend_from_slice(added),
            _ => drop(merged.insert(name.clone(), value.clone())),
        }
    }
    Value::Object(merged)
}

/// Returns the validation context of a secret that is in the file.
fn secret<'a>(sds: &Value, documents: &'a [Value]) -> Option<&'a Value> {
    let name = text(sds, "name")?;
    let secrets = documents.iter().flat_map(|document| {
        let secrets = list_at(document, "/static_resources/secrets").iter();
        let resources = list(document, "resources").iter();
        let is_secret = |resource: &&Value| {
            type_name(resource) == Some("envoy.extensions.transport_sockets.tls.v3.Secret")
        };
        secrets.chain(resources.filter(is_secret))
    });
    secrets
        .filter(|secret| text_equals(secret, "name", name))
        .find_map(|secret| secret.get("validation_context"))
}

/// Returns the `UpstreamTlsContext` of a transport socket, also of one that is inside another.
fn tls_context(socket: &Value, depth: usize) -> Option<&Value> {
    const MAX_DEPTH: usize = 4;
    let (name, config) = message(socket.get("typed_config")?)?;
    if name.ends_with(".UpstreamTlsContext") {
        return Some(config);
    }
    if let Some(tls) = config.get("upstream_tls_context") {
        return Some(tls);
    }
    // A starttls socket sends plaintext until a filter starts TLS.
    let wraps = !name.ends_with(".UpstreamStartTlsConfig") && depth < MAX_DEPTH;
    config
        .get("transport_socket")
        .filter(|_| wraps)
        .and_then(|inner| tls_context(inner, depth.saturating_add(1)))
}
