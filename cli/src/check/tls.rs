//! The TLS of a cluster: the certificate must come from a trusted authority, and be for the host that the filter asks.

use std::borrow::Cow;

use serde_json::Value;

use super::Finding;
use super::names::Names;
use super::read::{is_true, kind, list, message, says, text};

/// A problem with the TLS of a cluster.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Problem {
    /// It does not protect.
    Wrong(String),
    /// Nothing in the file proves that it does.
    Hidden(String),
}

impl Problem {
    pub(super) fn into_finding(self, at: &str) -> Finding {
        match self {
            Self::Wrong(problem) => Finding::warning(at, problem),
            Self::Hidden(problem) => Finding::note(at, problem),
        }
    }

    fn wrong(problem: impl Into<String>) -> Self {
        Self::Wrong(problem.into())
    }
}

/// Returns the problems with the TLS of a cluster that the filter asks for these hosts.
pub(super) fn problems(cluster: &Value, hosts: &[String], documents: &[Value]) -> Vec<Problem> {
    let sockets = list(cluster, "transport_socket_matches");
    let mut problems = Vec::new();
    if cluster.get("transport_socket_matcher").is_some() {
        let problem = "`transport_socket_matcher` chooses the TLS settings: check cannot prove them";
        problems.push(Problem::wrong(problem));
    }
    for (index, matched) in sockets.iter().enumerate() {
        let of_match = |problem: Problem| match problem {
            Problem::Wrong(text) => Problem::Wrong(format!("transport_socket_matches[{index}]: {text}")),
            Problem::Hidden(text) => Problem::Hidden(format!("transport_socket_matches[{index}]: {text}")),
        };
        let found = of_socket(matched.get("transport_socket"), cluster, hosts, documents);
        problems.extend(found.into_iter().map(of_match));
    }
    // An entry without conditions fits every endpoint.
    let fits_all = |matched: &Value| {
        matched
            .get("match")
            .is_none_or(|conditions| conditions.as_object().is_some_and(serde_json::Map::is_empty))
    };
    if !sockets.iter().any(fits_all) {
        problems.extend(of_socket(cluster.get("transport_socket"), cluster, hosts, documents));
    }
    problems
}

fn of_socket(socket: Option<&Value>, cluster: &Value, hosts: &[String], documents: &[Value]) -> Vec<Problem> {
    let Some(tls) = socket.and_then(|socket| context(socket, 0)) else {
        return vec![Problem::wrong(
            "the cluster has no TLS: an attacker on the network can forge every response",
        )];
    };
    let common = tls.get("common_tls_context").unwrap_or(&Value::Null);
    let names = Names::new(tls, cluster, hosts);
    let mut problems = names.sni_problems();
    problems.extend(versions(common));
    if common.get("custom_validator_config").is_some() {
        problems.push(custom_validator());
    }
    let (validation, is_complete) = match validation(common, documents) {
        Validation::Here(validation) => (validation, true),
        Validation::Partly(validation) => (validation, false),
        Validation::Elsewhere => {
            let problem = "the CA and the accepted names come from a secret (SDS): check cannot see them";
            problems.push(Problem::Hidden(problem.to_owned()));
            return problems;
        }
    };
    let validation = validation.as_ref();
    problems.extend(of_validation(validation));
    let pins = ["verify_certificate_spki", "verify_certificate_hash"];
    let is_pinned = pins.iter().any(|name| !list(validation, name).is_empty());
    let has_custom = validation.get("custom_validator_config").is_some();
    if !is_complete {
        let problem = "the CA may come from a secret (SDS): check cannot see it";
        problems.extend((!trusts(validation)).then(|| Problem::Hidden(problem.to_owned())));
    } else if !(trusts(validation) || is_pinned || has_custom) {
        problems.push(Problem::wrong("the cluster trusts every certificate: it has no `trusted_ca`"));
    }
    if !(has_custom || is_pinned && !trusts(validation)) {
        problems.extend(names.san_problems(validation, is_complete));
    }
    problems
}

fn of_validation(validation: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    let verification = validation.get("trust_chain_verification");
    if let Some(verification) = verification.filter(|value| *value != "VERIFY_TRUST_CHAIN" && **value != 0) {
        let verification = verification.as_str().map_or_else(|| verification.to_string(), str::to_owned);
        let problem =
            format!("the cluster accepts every certificate: `trust_chain_verification: {verification}`");
        problems.push(Problem::Wrong(problem));
    }
    if is_true(validation, "allow_expired_certificate") {
        problems
            .push(Problem::wrong("the cluster accepts expired certificates: `allow_expired_certificate`"));
    }
    if validation.get("custom_validator_config").is_some() {
        problems.push(custom_validator());
    }
    problems
}

fn custom_validator() -> Problem {
    Problem::wrong(
        "`custom_validator_config` verifies certificates: check cannot prove that it verifies the host",
    )
}

fn trusts(validation: &Value) -> bool {
    let has = |name: &str| validation.get(name).is_some_and(|value| !value.is_null());
    let ca = validation.get("trusted_ca").and_then(Value::as_object);
    ca.is_some_and(|ca| !ca.is_empty()) || has("system_root_certs") || has("ca_certificate_provider_instance")
}

/// Finds versions of TLS before 1.2, which RFC 8996 forbids.
fn versions(common: &Value) -> Option<Problem> {
    let version = |name: &str| common.pointer(&format!("/tls_params/{name}")).and_then(Value::as_str);
    let is_old = |name: &&str| matches!(version(name), Some("TLSv1_0" | "TLSv1_1"));
    let old = ["tls_minimum_protocol_version", "tls_maximum_protocol_version"];
    let name = old.iter().copied().find(is_old)?;
    Some(Problem::Wrong(format!("the cluster accepts TLS before 1.2: `{name}`")))
}

/// Where the rules for certificates are.
enum Validation<'a> {
    Here(Cow<'a, Value>),
    /// A secret adds to these.
    Partly(Cow<'a, Value>),
    Elsewhere,
}

fn validation<'a>(common: &'a Value, documents: &'a [Value]) -> Validation<'a> {
    const SDS: &str = "validation_context_sds_secret_config";
    if let Some(sds) = common.get(SDS) {
        return secret(sds, documents)
            .map_or(Validation::Elsewhere, |secret| Validation::Here(Cow::Borrowed(secret)));
    }
    let Some(combined) = common.get("combined_validation_context") else {
        return Validation::Here(Cow::Borrowed(common.get("validation_context").unwrap_or(&Value::Null)));
    };
    let default = combined.get("default_validation_context").unwrap_or(&Value::Null);
    match combined.get(SDS).map(|sds| secret(sds, documents)) {
        None => Validation::Here(Cow::Borrowed(default)),
        Some(None) => Validation::Partly(Cow::Borrowed(default)),
        Some(Some(secret)) => Validation::Here(Cow::Owned(merged(default, secret))),
    }
}

/// Adds a secret to the default context as Envoy does: lists grow, and other fields of the secret win.
fn merged(default: &Value, secret: &Value) -> Value {
    let (Some(default), Some(secret)) = (default.as_object(), secret.as_object()) else {
        return secret.clone();
    };
    let mut merged = default.clone();
    for (name, value) in secret {
        match (merged.get_mut(name), value) {
            (Some(Value::Array(list)), Value::Array(more)) => list.extend_from_slice(more),
            _ => drop(merged.insert(name.clone(), value.clone())),
        }
    }
    Value::Object(merged)
}

/// Returns the validation context of a secret that is in the file.
fn secret<'a>(sds: &Value, documents: &'a [Value]) -> Option<&'a Value> {
    let name = text(sds, "name")?;
    let secrets = documents.iter().flat_map(|document| {
        let own = document.pointer("/static_resources/secrets").and_then(Value::as_array);
        let resources = list(document, "resources").iter();
        let is_secret =
            |resource: &&Value| kind(resource) == Some("envoy.extensions.transport_sockets.tls.v3.Secret");
        own.into_iter().flatten().chain(resources.filter(is_secret))
    });
    secrets.filter(|secret| says(secret, "name", name)).find_map(|secret| secret.get("validation_context"))
}

/// Returns the TLS settings of a transport socket, also of one that is inside another.
fn context(socket: &Value, depth: usize) -> Option<&Value> {
    const DEPTH: usize = 4;
    let (kind, config) = message(socket.get("typed_config")?)?;
    if kind.ends_with(".UpstreamTlsContext") {
        return Some(config);
    }
    if let Some(tls) = config.get("upstream_tls_context") {
        return Some(tls);
    }
    // A starttls socket begins in plaintext, and stays there unless a filter says otherwise.
    let wraps = !kind.ends_with(".UpstreamStartTlsConfig") && depth < DEPTH;
    config.get("transport_socket").filter(|_| wraps).and_then(|inner| context(inner, depth.saturating_add(1)))
}
