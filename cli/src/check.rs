//! `okta-authz check`: is this configuration one that the filter runs on, and is it one that its author meant?

mod backend;
mod chain;
mod clusters;
mod denylist;
mod destination;
mod digest;
mod envoy;
mod guard;
mod hosts;
mod mesh;
mod names;
mod overrides;
mod paths;
mod plugin;
mod policy;
mod providers;
mod rbac;
mod read;
mod route_policies;
mod routes;
mod timeouts;
mod tls;
mod trust;
mod wildcards;

use std::path::{Path, PathBuf};

use lexopt::{Arg, Parser};
use okta_authz_filter::config::Config;
use okta_authz_filter::json;
use serde_json::{Value, json};

use super::documents::{Documents, Note};
use super::elsewhere::{self, Elsewhere};
use super::places::{self, Found, Surroundings};
use super::{Answer, Problem, documents, help, output};
use chain::FileContext;

const USAGE: &str = "\
Usage: okta-authz check [--deny-warnings] [--json] FILE...

Finds every configuration of the filter in the files, tells what is wrong with them (exit status 1), and warns of what
can hardly be meant: rules that are never reached, public rules that hide protected ones, placeholders, rules in shadow
mode, keys that cannot rotate, slow algorithms, entries of the denylist that fit no token; in a file for Envoy, of what
lets requests pass the filter by, unless the guard behind it and the TLS of its clusters are proved; of a `sha256` of the
module or its image that is still a placeholder; and of values that Envoy, Kubernetes and YAML 1.2 read differently. A note
names what the file does not show, such as a guard that is in another file; it is no warning.

  --deny-warnings  warnings are errors
  --json           for machines
";

/// How much a finding matters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Severity {
    /// The filter does not run on the configuration.
    Error,
    /// The configuration does not do what its author can have meant, or does not protect.
    Warning,
    /// The file does not show whether the configuration protects.
    Note,
}

/// Something to tell about a configuration.
struct Finding {
    severity: Severity,
    /// `rules[2].match`; empty for the whole.
    path: String,
    problem: String,
}

/// What has been found out about one configuration.
struct Report {
    /// `envoy.yaml: static_resources...`
    place: String,
    summary: String,
    findings: Vec<Finding>,
}

impl Finding {
    fn error(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { severity: Severity::Error, path: path.into(), problem: problem.into() }
    }

    fn warning(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, path: path.into(), problem: problem.into() }
    }

    fn note(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { severity: Severity::Note, path: path.into(), problem: problem.into() }
    }

    const fn kind(&self) -> &'static str {
        match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }

    fn text(&self) -> String {
        let path = if self.path.is_empty() { String::new() } else { format!("{}: ", self.path) };
        format!("  {}: {path}{}", self.kind(), self.problem)
    }
}

pub(crate) fn run(mut args: Parser) -> Answer {
    let (mut deny_warnings, mut as_json, mut files) = (false, false, Vec::new());
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("deny-warnings") => deny_warnings = true,
            Arg::Long("json") => as_json = true,
            Arg::Short('h') | Arg::Long("help") => return help(USAGE),
            Arg::Value(file) => files.push(PathBuf::from(file)),
            other => return Err(other.unexpected().into()),
        }
    }
    if files.is_empty() {
        return Err(Problem(format!("a file is missing\n\n{USAGE}")));
    }
    let mut reports = Vec::new();
    for file in &files {
        reports.extend(check_file(file)?);
    }
    let bad = |finding: &Finding| match finding.severity {
        Severity::Error => true,
        Severity::Warning => deny_warnings,
        Severity::Note => false,
    };
    let good = !reports.iter().flat_map(|report| &report.findings).any(bad);
    if as_json {
        let reports: Vec<Value> = reports.iter().map(Report::to_json).collect();
        output::print_json(&json!({ "ok": good, "configurations": reports }));
    } else {
        reports.iter().for_each(Report::print);
    }
    Ok(good)
}

impl Report {
    fn print(&self) {
        output::print(&output::line(&self.place));
        for finding in &self.findings {
            output::print(&output::line(&finding.text()));
        }
        if !self.findings.iter().any(|finding| finding.severity == Severity::Error) {
            output::print(&format!("  ok: {}", self.summary));
        }
    }

    fn to_json(&self) -> Value {
        let of_kind = |severity: Severity| -> Value {
            let findings = self.findings.iter().filter(|finding| finding.severity == severity);
            findings.map(|finding| json!({ "path": finding.path, "problem": finding.problem })).collect()
        };
        json!({
            "place": self.place,
            "errors": of_kind(Severity::Error),
            "warnings": of_kind(Severity::Warning),
            "notes": of_kind(Severity::Note),
        })
    }
}

fn check_file(file: &Path) -> Result<Vec<Report>, Problem> {
    let name = file.display().to_string();
    let failed = |problem: String| {
        let findings = vec![Finding::error("", problem)];
        vec![Report { place: name.clone(), summary: String::new(), findings }]
    };
    let Documents { values: documents, notes } = match documents::parse(file, &documents::read(file)?) {
        Ok(documents) => documents,
        Err(problem) => return Ok(failed(problem)),
    };
    let (found, elsewhere) = (places::find(&documents), elsewhere::find(&documents));
    let context = FileContext::new(&documents, &found, &elsewhere);
    let mut reports: Vec<Report> = found.iter().map(|found| check(&name, found, &context, &notes)).collect();
    reports.extend(elsewhere.iter().map(|filter| check_elsewhere(&name, filter, &context)));
    if reports.is_empty() {
        return Ok(failed(places::nothing_found(&documents)));
    }
    Ok(reports)
}

/// What can be said without the configuration; the rest is for whoever has it.
fn check_elsewhere(file: &str, filter: &Elsewhere<'_>, context: &FileContext<'_>) -> Report {
    let mut findings = guard::findings(filter.behind, context);
    findings.extend(route_policies::warnings(filter.behind, None, context.documents));
    findings.extend(timeouts::warnings_behind(filter.behind, context.documents));
    let summary = format!("{}: check that, too", filter.origin);
    Report { place: place(file, &filter.place), summary, findings }
}

fn place(file: &str, inside: &str) -> String {
    if inside.is_empty() { file.to_owned() } else { format!("{file}: {inside}") }
}

fn check(file: &str, found: &Found<'_>, context: &FileContext<'_>, notes: &[Note]) -> Report {
    let documents = context.documents;
    let place = place(file, &found.place);
    match Config::from_bytes(&found.bytes) {
        Ok(config) => {
            let written = json::parse(&found.bytes).unwrap_or_default();
            let mut findings = policy::warnings(&config, &written);
            let mut around = envoy::findings(found.surroundings, &config, context);
            around.extend(digest::findings(found.surroundings));
            around.extend(hosts::warnings(found.surroundings, &config, documents));
            around.extend(paths::warnings(found.surroundings, &config, documents));
            if !matches!(found.surroundings, Surroundings::None) {
                let behind = found.surroundings.behind();
                around.extend(route_policies::warnings(behind, Some(&config), documents));
            }
            around.extend(timeouts::warnings(found.surroundings, documents));
            findings.extend(around.into_iter().map(|finding| in_resource(finding, &found.place)));
            findings.extend(wildcards::warnings(&written));
            findings.extend(read_differently(found, notes));
            let summary = format!(
                "{}, {}",
                count(config.providers.len(), "provider"),
                count(config.policy.len(), "rule")
            );
            Report { place, summary, findings }
        }
        Err(error) => {
            let mut findings = vec![Finding::error(error.path, error.problem)];
            findings.extend(read_differently(found, notes));
            Report { place, summary: String::new(), findings }
        }
    }
}

/// Returns the finding with its path in a `TrafficExtension`, whose `spec.wasm` has what `spec` of a `WasmPlugin` has.
fn in_resource(mut finding: Finding, place: &str) -> Finding {
    if place.ends_with("spec.wasm.pluginConfig")
        && let Some(field) = finding.path.strip_prefix("spec.")
    {
        finding.path = format!("spec.wasm.{field}");
    }
    finding
}

/// Returns warnings of values in the configuration that readers of YAML read differently.
fn read_differently(found: &Found<'_>, notes: &[Note]) -> Vec<Finding> {
    let inside = |note: &Note| {
        let path = note.place.strip_prefix(&found.place)?;
        let path = if found.place.is_empty() {
            path
        } else {
            path.strip_prefix('.').or_else(|| path.starts_with('[').then_some(path))?
        };
        Some(Finding::warning(path, note.problem.clone()))
    };
    notes.iter().filter_map(inside).collect()
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
