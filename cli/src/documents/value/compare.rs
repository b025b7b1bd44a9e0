//! Values that Envoy, Kubernetes and YAML 1.2 read differently: a configuration may be tested in one and run in another.

use serde_json::Value;

use super::super::kind::Kind;
use super::super::node::Node;
use super::super::scalar::Written;
use super::Reading;
use crate::places::member;

/// The most notes of a file.
const MAX_NOTES: usize = 10_000;
/// How much of a scalar a note repeats, in characters.
const MAX_SHOWN: usize = 60;

/// A remark about a place of a file that readers read differently.
pub(crate) struct Note {
    /// `static_resources.listeners[0]...`
    pub(crate) place: String,
    pub(crate) problem: String,
}

impl Reading {
    pub(super) fn note(&mut self, place: &str, problem: String) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(Note { place: place.to_owned(), problem });
        }
    }

    /// Notes a value that Envoy, Kubernetes and YAML 1.2 do not read alike.
    pub(super) fn compare(&mut self, written: Written<'_>, place: &str) {
        if !written.is_plain && written.tag.is_none() {
            return;
        }
        let (envoy, kubernetes, core) = (written.to_envoy(), written.to_kubernetes(), written.to_core());
        if kubernetes.as_ref() == Ok(&envoy) && core == envoy {
            return;
        }
        let own = match self.kind {
            Kind::Envoy => Some(&envoy),
            Kind::Kubernetes => kubernetes.as_ref().ok(),
            Kind::Bare => Some(&core),
        };
        let instead = match own {
            Some(value @ Value::Bool(_)) => format!("write `{value}`, or put text in quotes"),
            Some(Value::Number(number)) if envoy.is_number() && number.is_i64() => {
                format!("write `{number}`, or put text in quotes")
            }
            _ => "put it in quotes".to_owned(),
        };
        let without = if written.tag.is_some() { ", without a tag" } else { "" };
        let problem = format!(
            "Envoy reads {} as {}, Kubernetes {}, and YAML 1.2 as {}: {instead}{without}",
            shown(written.text),
            described(&envoy),
            kubernetes.map_or_else(|_| "not at all".to_owned(), |value| format!("as {}", described(&value))),
            described(&core),
        );
        self.note(place, problem);
    }

    /// Notes the name of a member that Envoy, Kubernetes and YAML 1.2 do not read alike.
    pub(super) fn compare_names(&mut self, written: Written<'_>, key: &Node, place: &str) {
        let place = member(place, written.text);
        if self.kind != Kind::Envoy && key.is_ignored() {
            self.note(&place, "Envoy drops what has the tag `!ignore`: remove it, or the tag".to_owned());
        }
        let (envoy, kubernetes) = (written.envoy_name(), written.kubernetes_name());
        if kubernetes.as_ref() == Ok(&envoy) && envoy == written.text {
            return;
        }
        let problem = format!(
            "Envoy reads the name {} as {envoy:?}, Kubernetes {}: put it in quotes",
            shown(written.text),
            kubernetes.map_or_else(|_| "not at all".to_owned(), |name| format!("as {name:?}")),
        );
        self.note(&place, problem);
    }
}

fn shown(text: &str) -> String {
    let end = text.char_indices().nth(MAX_SHOWN).map(|(index, _)| index);
    match end.and_then(|end| text.get(..end)) {
        Some(start) => format!("`{start}...`"),
        None => format!("`{text}`"),
    }
}

fn described(value: &Value) -> String {
    match value {
        Value::String(text) => format!("the string {}", shown(text)),
        Value::Number(number) => format!("the number {number}"),
        Value::Bool(value) => format!("the boolean {value}"),
        _ => "null".to_owned(),
    }
}
