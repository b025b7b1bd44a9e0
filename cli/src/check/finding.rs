//! The findings about one configuration, as text and as JSON.

use serde_json::{Value, json};

use crate::output;

/// The severity of a finding.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Severity {
    /// The filter rejects the configuration.
    Error,
    /// The configuration probably does not do what its author intended, or does not protect.
    Warning,
    /// The file does not show whether the configuration protects.
    Note,
}

/// A problem with a field of the configuration or of the file around it.
pub(super) struct Finding {
    pub(super) severity: Severity,
    /// The path of the field: `rules[2].match`. Empty for the whole configuration.
    pub(super) path: String,
    pub(super) problem: String,
}

/// All findings about one configuration.
pub(super) struct Report {
    /// The file and the path in it: `envoy.yaml: static_resources...`.
    pub(super) location: String,
    /// Printed after `ok:` if there is no error.
    pub(super) summary: String,
    pub(super) findings: Vec<Finding>,
}

impl Finding {
    pub(super) fn error(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { severity: Severity::Error, path: path.into(), problem: problem.into() }
    }

    pub(super) fn warning(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, path: path.into(), problem: problem.into() }
    }

    pub(super) fn note(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { severity: Severity::Note, path: path.into(), problem: problem.into() }
    }

    /// Returns the word for the severity.
    pub(super) const fn label(&self) -> &'static str {
        match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }

    fn line(&self) -> String {
        let path = if self.path.is_empty() { String::new() } else { format!("{}: ", self.path) };
        format!("  {}: {path}{}", self.label(), self.problem)
    }
}

impl Report {
    pub(super) fn print(&self) {
        output::print(&output::line(&self.location));
        for finding in &self.findings {
            output::print(&output::line(&finding.line()));
        }
        if !self.findings.iter().any(|finding| finding.severity == Severity::Error) {
            output::print(&format!("  ok: {}", self.summary));
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let of_severity = |severity: Severity| -> Value {
            let findings = self.findings.iter().filter(|finding| finding.severity == severity);
            findings.map(|finding| json!({ "path": finding.path, "problem": finding.problem })).collect()
        };
        json!({
            "place": self.location,
            "errors": of_severity(Severity::Error),
            "warnings": of_severity(Severity::Warning),
            "notes": of_severity(Severity::Note),
        })
    }
}
