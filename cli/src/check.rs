//! `okta-authz check`: finds errors and likely mistakes in the configurations of a file.

mod backend;
mod client_certificate;
mod clusters;
mod connection_managers;
mod cors;
mod denylist;
mod destination;
mod dpop;
mod durations;
mod environment;
mod envoy;
mod envoy_json;
mod filter_state;
mod finding;
mod gateway_listeners;
mod gateway_order;
mod gateway_patches;
mod gateway_routes;
mod gateway_servers;
mod guard;
mod hbone;
mod hosts;
mod introspection;
mod issuer_scope;
mod istio_order;
mod istio_ports;
mod kubernetes;
mod listener_sets;
mod mcp;
mod merge_backends;
mod mesh;
mod mesh_guard;
mod module_digest;
mod overrides;
mod path_regex;
mod paths;
mod patterns;
mod plugin;
mod policy;
mod providers;
mod rbac;
mod route_policies;
mod routes;
mod sidecar_egress;
mod streams;
mod timeouts;
mod tls;
mod tls_names;
mod workload;

use std::path::Path;

use lexopt::Parser;
use okta_authz_filter::config::Config;
use okta_authz_filter::json;
use serde_json::{Value, json};

use super::arguments::FileArguments;
use super::documents::{self, Documents, ReaderDifference};
use super::ecds::{self, EcdsFilter};
use super::locate::{self, ConfigContext, LocatedConfig};
use super::{CliError, ExitOutcome, output, print_help};
use connection_managers::FileContext;
use finding::{Finding, Report, Severity};

const USAGE: &str = "\
Usage: okta-authz check [--deny-warnings] [--json] FILE...

Finds every configuration of the filter in the files. Exit status: 0 without an error, 1 with one.

An error is a configuration that the filter rejects. A warning is a likely mistake: a rule that is
never reached, a public rule that hides a protected one, a placeholder, shadow mode, keys that
cannot rotate, a slow algorithm, a denylist entry that matches no token, `offline_access` in a
challenge, tokens in queries, a rule for an MCP tool that a request avoids, a `sha256` that is a
placeholder, or a value that Envoy, Kubernetes and YAML 1.2 read differently. In a file for Envoy,
Istio or Envoy Gateway, check also warns if it cannot prove the guard after the filter or the TLS of
the clusters, if connections bypass the filter, if other filters see identity headers of the
client, and if an access log reads a value that the filter does not write. A note names what the
file does not show, such as a guard in another file. Each file is read separately: pass resources
that belong together as one stream.

  --deny-warnings  exit with status 1 if there is a warning
  --json           print one JSON object
";

pub(crate) fn run(args: Parser) -> Result<ExitOutcome, CliError> {
    let arguments = FileArguments::parse(args, ["deny-warnings", "json"], USAGE)?;
    let Some(FileArguments { flags: [deny_warnings, as_json], files }) = arguments else {
        return Ok(print_help(USAGE));
    };
    let mut reports = Vec::new();
    for file in &files {
        reports.extend(check_file(file)?);
    }
    let fails = |finding: &Finding| match finding.severity {
        Severity::Error => true,
        Severity::Warning => deny_warnings,
        Severity::Note => false,
    };
    let is_ok = !reports.iter().flat_map(|report| &report.findings).any(fails);
    if as_json {
        let reports: Vec<Value> = reports.iter().map(Report::to_json).collect();
        output::print_json(&json!({ "ok": is_ok, "configurations": reports }));
    } else {
        reports.iter().for_each(Report::print);
    }
    Ok(ExitOutcome::from(is_ok))
}

fn check_file(file: &Path) -> Result<Vec<Report>, CliError> {
    let name = file.display().to_string();
    let failed = |problem: String| {
        let findings = vec![Finding::error("", problem)];
        vec![Report { location: name.clone(), summary: String::new(), findings }]
    };
    let Documents { values, differences } = match documents::parse(file, &documents::read(file)?) {
        Ok(documents) => documents,
        Err(problem) => return Ok(failed(problem)),
    };
    let (configs, ecds_filters) = (locate::find(&values), ecds::find(&values));
    let context = FileContext::new(&values, &configs, &ecds_filters);
    let mut reports: Vec<Report> =
        configs.iter().map(|config| check_config(&name, config, &context, &differences)).collect();
    reports.extend(ecds_filters.iter().map(|filter| check_ecds_filter(&name, filter, &context)));
    if reports.is_empty() {
        return Ok(failed(locate::missing_config(&values)));
    }
    Ok(reports)
}

fn check_config(
    file: &str,
    located: &LocatedConfig<'_>,
    context: &FileContext<'_>,
    differences: &[ReaderDifference],
) -> Report {
    let location = location_in_file(file, &located.location);
    let (summary, mut findings) = match Config::from_bytes(&located.bytes) {
        Ok(config) => {
            let json = json::parse(&located.bytes).unwrap_or_default();
            let mut findings = policy::warnings(&config, &json);
            let surrounding = check_surrounding(located.context, &config, context);
            findings.extend(surrounding.into_iter().map(|finding| in_resource(finding, &located.location)));
            findings.extend(patterns::warnings(&json));
            let (providers, rules) =
                (count(config.providers.len(), "provider"), count(config.policy.len(), "rule"));
            (format!("{providers}, {rules}"), findings)
        }
        Err(error) => (String::new(), vec![Finding::error(error.path, error.problem)]),
    };
    findings.extend(difference_warnings(located, differences));
    Report { location, summary, findings }
}

/// Checks the file around a configuration.
fn check_surrounding(context: ConfigContext<'_>, config: &Config, file: &FileContext<'_>) -> Vec<Finding> {
    let mut findings = envoy::findings(context, config, file);
    findings.extend(module_digest::findings(context));
    findings.extend(client_certificate::warnings(context, config, file));
    findings.extend(introspection::warnings(context, config));
    findings.extend(cors::warnings(config, file));
    findings.extend(dpop::warnings(context, config, file));
    findings.extend(filter_state::warnings(context, config, file));
    findings.extend(hosts::warnings(context, config, file));
    findings.extend(paths::warnings(context, config, file));
    if !matches!(context, ConfigContext::None) {
        findings.extend(route_policies::warnings(context.following_filters(), Some(config), file));
    }
    findings.extend(timeouts::warnings(context, file));
    findings.extend(streams::warnings(context, config, file));
    findings
}

/// Checks the file around a filter whose configuration is in another file.
fn check_ecds_filter(file: &str, filter: &EcdsFilter<'_>, context: &FileContext<'_>) -> Report {
    let following = filter.following_filters;
    let mut findings = guard::findings(following, context);
    findings.extend(route_policies::warnings(following, None, context));
    findings.extend(timeouts::ecds_warnings(following, context));
    let summary = format!("{}: check it separately", filter.source);
    Report { location: location_in_file(file, &filter.location), summary, findings }
}

fn location_in_file(file: &str, location: &str) -> String {
    if location.is_empty() { file.to_owned() } else { format!("{file}: {location}") }
}

/// Corrects the path of a finding in a `TrafficExtension`: its `spec.wasm` has the fields that a
/// `WasmPlugin` has in `spec`.
fn in_resource(mut finding: Finding, location: &str) -> Finding {
    if location.ends_with("spec.wasm.pluginConfig")
        && let Some(field) = finding.path.strip_prefix("spec.")
    {
        finding.path = format!("spec.wasm.{field}");
    }
    finding
}

/// Returns a warning for each value of the configuration that YAML readers read differently.
fn difference_warnings(located: &LocatedConfig<'_>, differences: &[ReaderDifference]) -> Vec<Finding> {
    let warning = |difference: &ReaderDifference| {
        let path = difference.location.strip_prefix(&located.location)?;
        let path = if located.location.is_empty() {
            path
        } else {
            path.strip_prefix('.').or_else(|| path.starts_with('[').then_some(path))?
        };
        Some(Finding::warning(path, difference.problem.clone()))
    };
    differences.iter().filter_map(warning).collect()
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
