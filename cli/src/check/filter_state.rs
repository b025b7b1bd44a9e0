//! Filter state that a file reads, and that the configuration does not list (`filter_state`).
//!
//! Access logs, headers and other filters name filter state in format strings, matchers and
//! expressions, so this module searches every string of the file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use okta_authz_filter::config::Config;
use okta_authz_filter::filter_state::FilterStateName;
use serde_json::Value;

use super::connection_managers::{ConnectionManager, FileContext, PERMIT, POLICY};
use super::envoy_json::contains;
use super::finding::Finding;
use crate::locate::ConfigContext;

/// The prefix of the filter state of this filter.
const PREFIX: &str = "wasm.okta.";
/// Envoy's command operator before a name of filter state.
const OPERATOR: &str = "FILTER_STATE(";
/// Names that the filter writes whatever the configuration.
const ALWAYS_WRITTEN: [&str; 3] = [PERMIT, POLICY, "wasm.okta.shadow"];

/// A search for filter state in the strings of a file.
struct Search<'a> {
    /// The connection managers that have the filter; empty if the file does not show them.
    own_managers: Vec<&'a ConnectionManager<'a>>,
    /// The names that the file reads, without the prefix.
    names: Vec<String>,
}

/// Returns a warning if the file reads filter state that the filter does not write for allowed
/// requests, and one for each name that the filter never writes. In a file for Envoy, connection
/// managers without this filter do not count.
pub(super) fn warnings(context: ConfigContext<'_>, config: &Config, file: &FileContext<'_>) -> Vec<Finding> {
    let own_managers = match context {
        ConfigContext::Envoy { plugin, .. } => {
            file.managers_with(plugin).chain(file.manager_with_upgrade(plugin)).collect()
        }
        _ => Vec::new(),
    };
    let mut search = Search { own_managers, names: Vec::new() };
    file.documents.iter().for_each(|document| search.value(document));
    let is_read = |name: FilterStateName| search.names.iter().any(|read| read == short(name));
    let is_selected = |name: FilterStateName| config.filter_state.contains(&name);
    let missing: Vec<_> = FilterStateName::ALL
        .into_iter()
        .filter(|name| is_read(*name) && !is_selected(*name))
        .map(short)
        .collect();
    let unknown = search.names.iter().filter(|name| !is_known(name)).map(|name| {
        Finding::warning(
            "filter_state",
            format!("the file reads `{PREFIX}{name}`, which the filter never writes"),
        )
    });
    let mut findings: Vec<Finding> = unknown.collect();
    if !missing.is_empty() {
        let all = FilterStateName::ALL.into_iter().filter(|name| is_selected(*name) || is_read(*name));
        let problem = format!(
            "the file reads {}, which the filter does not write for allowed requests; use `filter_state: [{}]`",
            missing.iter().map(|name| format!("`{PREFIX}{name}`")).collect::<Vec<_>>().join(", "),
            all.map(short).collect::<Vec<_>>().join(", "),
        );
        findings.push(Finding::warning("filter_state", problem));
    }
    findings
}

/// Returns the name that the configuration uses.
fn short(name: FilterStateName) -> &'static str {
    name.key().strip_prefix("okta.").unwrap_or_default()
}

fn is_known(name: &str) -> bool {
    ALWAYS_WRITTEN.iter().any(|written| written.strip_prefix(PREFIX) == Some(name))
        || FilterStateName::ALL.into_iter().any(|known| short(known) == name)
}

/// Returns whether a value is an HTTP connection manager. The protocol options of a cluster have
/// `http_filters`, too, and filters there read the state of every request.
fn is_connection_manager(value: &Value) -> bool {
    value["@type"].as_str().is_some_and(|name| name.ends_with(".HttpConnectionManager"))
}

impl Search<'_> {
    fn value(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter().for_each(|item| self.value(item)),
            Value::Object(members) => {
                if is_connection_manager(value) && !self.has_filter(value) {
                    return;
                }
                for (name, member) in members {
                    match name.as_str() {
                        // `set_filter_state` writes the state with this key.
                        "object_key" => {}
                        "inline_bytes" => self.base64(member),
                        _ => self.value(member),
                    }
                }
            }
            _ => {}
        }
    }

    /// Returns whether requests of this connection manager pass the filter.
    fn has_filter(&self, manager: &Value) -> bool {
        self.own_managers.is_empty() || self.own_managers.iter().any(|own| contains(own.value, manager))
    }

    /// Adds the names in a `DataSource` with Base64.
    fn base64(&mut self, value: &Value) {
        if let Some(octets) = value.as_str().and_then(|text| STANDARD.decode(text).ok()) {
            self.text(&String::from_utf8_lossy(&octets));
        }
    }

    /// Adds the names in a text. A name of another form counts only after Envoy's command operator,
    /// because a statistic can also begin with the prefix.
    fn text(&mut self, text: &str) {
        for (start, _) in text.match_indices(PREFIX) {
            let (before, rest) = text.split_at_checked(start).unwrap_or_default();
            let rest = rest.strip_prefix(PREFIX).unwrap_or_default();
            let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
            let name = rest.split(|character| !is_name(character)).next().unwrap_or_default();
            let counts = is_known(name) || before.ends_with(OPERATOR);
            if counts && !name.is_empty() && !self.names.iter().any(|known| known == name) {
                self.names.push(name.to_owned());
            }
        }
    }
}
