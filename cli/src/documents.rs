//! Files of YAML or JSON, read as Envoy or Kubernetes reads them.
//!
//! Envoy, Kubernetes and YAML 1.2 read some scalars differently. `check`, `explain` and `test` must
//! use the configuration that the filter gets, so the kind of a document selects its reader
//! ([`kind`]).

mod envoy_fields;
mod kind;
mod node;
mod proto;
mod reader;
mod scalar;

use std::fs;
use std::io::Read as _;
use std::path::Path;

use okta_authz_filter::json::{self, JsonError};
use serde_json::Value;

use super::CliError;
use kind::DocumentKind;
use node::Node;
use reader::Reader;
pub(crate) use reader::ReaderDifference;

/// The maximum size of a file, in bytes (16 MiB).
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The documents of a file, without the empty ones.
pub(crate) struct Documents {
    /// Each document as its reader reads it. In messages of Envoy, fields have snake_case names,
    /// enums have names, and repeated fields are lists.
    pub(crate) values: Vec<Value>,
    /// The values that readers read differently, in the order of the file.
    pub(crate) differences: Vec<ReaderDifference>,
}

/// Reads a file; `-` is standard input.
///
/// # Errors
///
/// An I/O error, or a file of more than 16 MiB. It is not truncated, because a part of a file can
/// have another meaning.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
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
    let bytes = read().map_err(|error: std::io::Error| CliError(format!("{}: {error}", path.display())))?;
    if bytes.len() > MAX_BYTES {
        return Err(CliError(format!("{}: must not be longer than 16 MiB", path.display())));
    }
    Ok(bytes)
}

/// Parses a file with configurations, each document as its reader reads it.
///
/// # Errors
///
/// The location in the file and the problem.
pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Documents, String> {
    let nodes = nodes(path, bytes)?;
    let kinds: Vec<Option<DocumentKind>> = nodes.iter().map(kind::of).collect();
    let is_not_empty = |index: &usize| kinds.get(*index).is_some_and(Option::is_some);
    if kinds.contains(&Some(DocumentKind::Envoy))
        && let Some(index) = (1..kinds.len()).find(is_not_empty)
    {
        return Err(format!(
            "[document {index}]: Envoy reads only the first document of a file; use one document"
        ));
    }
    let documents: Vec<(&Node, DocumentKind)> =
        nodes.iter().zip(kinds).filter_map(|(node, kind)| Some((node, kind?))).collect();
    let mut reader = Reader::new();
    let mut values = Vec::with_capacity(documents.len());
    for (index, (node, kind)) in documents.iter().enumerate() {
        let root = root(index, documents.len());
        let mut value = reader.document(node, *kind, &root)?;
        if *kind == DocumentKind::Kubernetes {
            kind::complete_list_items(&mut value);
        }
        values.push(value);
    }
    Ok(Documents { values, differences: reader.differences })
}

/// Returns the prefix of the locations in a document, of which the file has `count`.
pub(crate) fn root(index: usize, count: usize) -> String {
    if count == 1 { String::new() } else { format!("[document {index}]") }
}

/// Parses a file that is one document of YAML 1.2.
pub(crate) fn parse_one(path: &Path, bytes: &[u8]) -> Result<Value, String> {
    let nodes = nodes(path, bytes)?;
    let mut documents = nodes.iter().filter(|node| !node.is_null());
    let (Some(document), None) = (documents.next(), documents.next()) else {
        return Err("must contain one YAML document".to_owned());
    };
    Reader::new().document(document, DocumentKind::Bare, "")
}

/// Parses the documents of a file, including empty ones.
fn nodes(path: &Path, bytes: &[u8]) -> Result<Vec<Node>, String> {
    let is_named = |names: &[&str]| {
        let extension = path.extension().unwrap_or_default();
        names.iter().any(|name| extension.eq_ignore_ascii_case(name))
    };
    // Envoy reads JSON in a file with these extensions as YAML, in which 1.5 is a string.
    if !is_named(&["yaml", "yml"]) {
        match json::parse(bytes) {
            Ok(value) => return Ok(vec![Node::from_json(value)]),
            Err(error @ JsonError::DuplicateMember) => return Err(error.to_string()),
            Err(error) if is_named(&["json"]) => return Err(error.to_string()),
            Err(_) => {}
        }
    }
    let text = str::from_utf8(bytes).map_err(|_| "must be UTF-8".to_owned())?;
    node::parse(text)
}

#[cfg(test)]
mod tests;
