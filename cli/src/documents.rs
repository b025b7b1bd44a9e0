//! Files of YAML or JSON, read as Envoy or Kubernetes reads them.
//!
//! Envoy, Kubernetes and YAML 1.2 read some scalars differently. `check`, `explain` and `test` have to decide about the
//! configuration that the filter gets, so the reader follows the kind of a document ([`kind`]).

mod kind;
mod names;
mod node;
mod proto;
mod scalar;
mod value;

use std::fs;
use std::io::Read as _;
use std::path::Path;

use okta_authz_filter::json::{self, JsonError};
use serde_json::Value;

use super::Problem;
use kind::Kind;
use node::Node;
pub(crate) use value::Note;

/// The longest file, in bytes. A configuration is far shorter.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The documents of a file, without the empty ones.
pub(crate) struct Documents {
    /// Values as their readers see them: snake_case, names of enums and lists in Envoy's messages.
    pub(crate) values: Vec<Value>,
    /// Remarks on values that readers read differently, in the order of the file.
    pub(crate) notes: Vec<Note>,
}

/// Returns the bytes of a file; of standard input for `-`.
///
/// A file that is longer than 16 MiB is an error: a part of it may say something else than the whole.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let read = || {
        let mut bytes = Vec::new();
        if path.as_os_str() == "-" {
            std::io::stdin().take(limit).read_to_end(&mut bytes)?;
        } else {
            fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    };
    let bytes = read().map_err(|error: std::io::Error| Problem(format!("{}: {error}", path.display())))?;
    if bytes.len() > MAX_BYTES {
        return Err(Problem(format!("{}: must not be longer than 16 MiB", path.display())));
    }
    Ok(bytes)
}

/// Reads a file with configurations: each document as Envoy, Kubernetes or YAML 1.2 reads it.
pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Documents, String> {
    let nodes = nodes(path, bytes)?;
    let kinds: Vec<Option<Kind>> = nodes.iter().map(kind::of).collect();
    let is_there = |index: &usize| kinds.get(*index).is_some_and(Option::is_some);
    if kinds.contains(&Some(Kind::Envoy))
        && let Some(index) = (1..kinds.len()).find(is_there)
    {
        return Err(format!("[document {index}]: Envoy reads only the first document of a file"));
    }
    let documents: Vec<(&Node, Kind)> =
        nodes.iter().zip(kinds).filter_map(|(node, kind)| Some((node, kind?))).collect();
    let mut reading = value::Reading::new();
    let mut values = Vec::with_capacity(documents.len());
    for (index, (node, kind)) in documents.iter().enumerate() {
        let root = root(index, documents.len());
        let mut value = reading.document(node, *kind, &root)?;
        if *kind == Kind::Kubernetes {
            kind::complete(&mut value);
        }
        values.push(value);
    }
    Ok(Documents { values, notes: reading.notes })
}

/// Returns the beginning of the places in a document.
pub(crate) fn root(index: usize, count: usize) -> String {
    if count == 1 { String::new() } else { format!("[document {index}]") }
}

/// Reads a file that is one document of YAML 1.2.
pub(crate) fn parse_one(path: &Path, bytes: &[u8]) -> Result<Value, String> {
    let nodes = nodes(path, bytes)?;
    let mut documents = nodes.iter().filter(|node| !node.is_null());
    let (Some(document), None) = (documents.next(), documents.next()) else {
        return Err("must be one document".to_owned());
    };
    value::Reading::new().document(document, Kind::Bare, "")
}

/// Returns the documents as they are written, with the empty ones.
fn nodes(path: &Path, bytes: &[u8]) -> Result<Vec<Node>, String> {
    let is_named = |names: &[&str]| {
        let extension = path.extension().unwrap_or_default();
        names.iter().any(|name| extension.eq_ignore_ascii_case(name))
    };
    // Envoy reads JSON in a file of these names as YAML, in which 1.5 is text.
    if !is_named(&["yaml", "yml"]) {
        match json::parse(bytes) {
            Ok(value) => return Ok(vec![Node::from_json(value)]),
            Err(error @ JsonError::DuplicateMember) => return Err(error.to_string()),
            Err(error) if is_named(&["json"]) => return Err(error.to_string()),
            Err(_) => {}
        }
    }
    let text = str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
    node::parse(text)
}

#[cfg(test)]
mod tests;
