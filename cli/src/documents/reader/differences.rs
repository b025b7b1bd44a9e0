//! Values that Envoy, Kubernetes and YAML 1.2 read differently. A configuration may be tested with
//! one reader and run with another.

use serde_json::Value;

use super::super::kind::DocumentKind;
use super::super::node::Node;
use super::super::scalar::RawScalar;
use super::Reader;
use crate::locate::member;

/// The maximum number of differences that are recorded in a file.
const MAX_DIFFERENCES: usize = 10_000;
/// The maximum length of a scalar in a message, in characters.
const MAX_QUOTED_CHARS: usize = 60;

/// A value or a name that readers read differently.
pub(crate) struct ReaderDifference {
    /// The path in the file: `static_resources.listeners[0]...`.
    pub(crate) location: String,
    pub(crate) problem: String,
}

impl Reader {
    /// Records a difference.
    pub(super) fn note(&mut self, location: &str, problem: String) {
        if self.differences.len() < MAX_DIFFERENCES {
            self.differences.push(ReaderDifference { location: location.to_owned(), problem });
        }
    }

    /// Records a value that Envoy, Kubernetes and YAML 1.2 read differently.
    pub(super) fn compare(&mut self, scalar: RawScalar<'_>, location: &str) {
        if !scalar.is_plain && scalar.tag.is_none() {
            return;
        }
        let (envoy, kubernetes, core) = (scalar.to_envoy(), scalar.to_kubernetes(), scalar.to_core());
        if kubernetes.as_ref() == Ok(&envoy) && core == envoy {
            return;
        }
        let own = match self.kind {
            DocumentKind::Envoy => Some(&envoy),
            DocumentKind::Kubernetes => kubernetes.as_ref().ok(),
            DocumentKind::Bare => Some(&core),
        };
        let advice = match own {
            Some(value @ Value::Bool(_)) => format!("write `{value}`, or put text in quotes"),
            Some(Value::Number(number)) if envoy.is_number() && number.is_i64() => {
                format!("write `{number}`, or put text in quotes")
            }
            _ => "put it in quotes".to_owned(),
        };
        let without_tag = if scalar.tag.is_some() { ", without a tag" } else { "" };
        let problem = format!(
            "Envoy reads {} as {}, Kubernetes {}, and YAML 1.2 as {}: {advice}{without_tag}",
            quoted(scalar.text),
            described(&envoy),
            kubernetes.map_or_else(|_| "not at all".to_owned(), |value| format!("as {}", described(&value))),
            described(&core),
        );
        self.note(location, problem);
    }

    /// Records the name of a member that Envoy, Kubernetes and YAML 1.2 read differently.
    pub(super) fn compare_names(&mut self, scalar: RawScalar<'_>, key: &Node, location: &str) {
        let location = member(location, scalar.text);
        if self.kind != DocumentKind::Envoy && key.is_ignored() {
            self.note(
                &location,
                "Envoy drops a member with the tag `!ignore`; remove the member or the tag".to_owned(),
            );
        }
        let (envoy, kubernetes) = (scalar.envoy_name(), scalar.kubernetes_name());
        if kubernetes.as_ref() == Ok(&envoy) && envoy == scalar.text {
            return;
        }
        let problem = format!(
            "Envoy reads the name {} as {envoy:?}, Kubernetes {}: put it in quotes",
            quoted(scalar.text),
            kubernetes.map_or_else(|_| "not at all".to_owned(), |name| format!("as {name:?}")),
        );
        self.note(&location, problem);
    }
}

fn quoted(text: &str) -> String {
    let end = text.char_indices().nth(MAX_QUOTED_CHARS).map(|(index, _)| index);
    match end.and_then(|end| text.get(..end)) {
        Some(start) => format!("`{start}...`"),
        None => format!("`{text}`"),
    }
}

fn described(value: &Value) -> String {
    match value {
        Value::String(text) => format!("the string {}", quoted(text)),
        Value::Number(number) => format!("the number {number}"),
        Value::Bool(value) => format!("the boolean {value}"),
        _ => "null".to_owned(),
    }
}
