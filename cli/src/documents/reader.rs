//! Converts the nodes of a document to the value that its reader reads.

mod differences;
mod merge_keys;

use std::collections::HashSet;
use std::rc::Rc;

use serde_json::{Map, Value};

use super::envoy_fields;
use super::kind::DocumentKind;
use super::node::{Content, MAX_DEPTH, Node};
use super::proto::{self, AnyContent};
use super::scalar::RawScalar;
use crate::locate::{element, member};
pub(crate) use differences::ReaderDifference;

/// The maximum number of values in a file, including those that aliases repeat.
const MAX_VALUES: usize = 1_000_000;
/// The maximum size of text in a file, in bytes, including text that aliases repeat.
const MAX_TEXT: usize = 64 * 1024 * 1024;
const MERGE: &str = "<<";

type Members = [(Rc<Node>, Rc<Node>)];

/// Converts the documents of a file, and records the values that readers read differently.
pub(super) struct Reader {
    pub(super) differences: Vec<ReaderDifference>,
    /// The kind of the current document.
    kind: DocumentKind,
    /// The number of values so far.
    values: usize,
    /// The size of text so far, in bytes.
    text: usize,
}

/// The meaning of names and values at a position.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Scope<'a> {
    /// A message of Envoy, or a list of them, in a field of this name.
    Message(&'a str),
    /// A map from strings to messages of Envoy, in a field of this name.
    Keyed(&'a str),
    /// Any other value: names and values stay unchanged.
    Opaque,
}

/// A position in a document.
#[derive(Clone, Copy)]
struct Position<'a> {
    scope: Scope<'a>,
    location: &'a str,
    depth: usize,
}

impl Reader {
    pub(super) const fn new() -> Self {
        Self { differences: Vec::new(), kind: DocumentKind::Bare, values: 0, text: 0 }
    }

    /// Converts a document. `root` is the prefix of its locations.
    ///
    /// # Errors
    ///
    /// The location and the problem.
    pub(super) fn document(&mut self, node: &Node, kind: DocumentKind, root: &str) -> Result<Value, String> {
        self.kind = kind;
        let scope = if kind == DocumentKind::Envoy { Scope::Message("") } else { Scope::Opaque };
        self.value(node, Position { scope, location: root, depth: 0 })
    }

    fn value(&mut self, node: &Node, position: Position<'_>) -> Result<Value, String> {
        self.count(node, position)?;
        match &node.content {
            Content::Json(value) => Ok(value.clone()),
            Content::Scalar { text, is_plain } => {
                let scalar = RawScalar { text, is_plain: *is_plain, tag: node.tag_name() };
                if position.scope == Scope::Opaque {
                    self.compare(scalar, position.location);
                }
                let read = match self.kind {
                    DocumentKind::Envoy => Ok(scalar.to_envoy()),
                    DocumentKind::Kubernetes => scalar.to_kubernetes(),
                    DocumentKind::Bare => Ok(scalar.to_core()),
                };
                read.map_err(|problem| error_at(position.location, node, &problem))
            }
            Content::Sequence(items) => {
                let mut read = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    read.push(
                        self.value(
                            item,
                            position.inside(&element(position.location, index), position.scope),
                        )?,
                    );
                }
                Ok(read.into())
            }
            Content::Mapping(members) => {
                let mut read = Map::new();
                self.members(members, position, &mut read)?;
                Ok(read.into())
            }
        }
    }

    fn members(
        &mut self,
        members: &Members,
        position: Position<'_>,
        into: &mut Map<String, Value>,
    ) -> Result<(), String> {
        let content = match position.scope {
            Scope::Message(_) => self.any_content(members),
            Scope::Keyed(_) | Scope::Opaque => AnyContent::Message,
        };
        let mut own_names = HashSet::new();
        for (key, value) in members {
            if self.is_ignored(key) {
                continue;
            }
            if self.is_merge(key) {
                self.merge(key, value, position, &own_names, into)?;
                continue;
            }
            let name = self.name(key, position)?;
            let location = member(position.location, &name);
            if !own_names.insert(name.clone()) {
                return Err(error_at(&location, key, "is a duplicate field"));
            }
            // The fields of the message in a `TypedStruct` or a `Resource` become fields of this
            // object.
            match (&content, name.as_str(), &value.content) {
                (AnyContent::TypedStruct(_), "value", Content::Mapping(fields))
                | (AnyContent::Resource, "resource", Content::Mapping(fields)) => {
                    self.members(fields, position.inside(position.location, position.scope), into)?;
                    continue;
                }
                (AnyContent::Resource, ..) => continue,
                _ => {}
            }
            let scope = self.scope_of(&name, &content, position);
            let read = if position.is_list(&name) && value.is_single() {
                Value::Array(vec![self.value(value, position.inside(&element(&location, 0), scope))?])
            } else {
                self.value(value, position.inside(&location, scope))?
            };
            let read = match (position.scope, &content, name.as_str()) {
                // In a message, null means an absent field.
                (Scope::Message(_), ..) if read.is_null() => continue,
                (Scope::Message(_), AnyContent::TypedStruct(_), "type_url") => continue,
                (Scope::Message(_), AnyContent::TypedStruct(type_url), "@type") => type_url.clone().into(),
                (Scope::Message(within), ..) => proto::canonical(envoy_fields::type_of(&name, within), read),
                _ => read,
            };
            into.insert(name, read);
        }
        Ok(())
    }

    /// Returns the scope of the value of a member.
    fn scope_of<'a>(&self, name: &'a str, content: &AnyContent, position: Position<'a>) -> Scope<'a> {
        match position.scope {
            // Istio and Envoy Gateway pass these values to Envoy.
            Scope::Opaque
                if self.kind == DocumentKind::Kubernetes && name == "value" && position.is_patch() =>
            {
                Scope::Message("")
            }
            Scope::Opaque => Scope::Opaque,
            Scope::Keyed(within) => Scope::Message(within),
            Scope::Message(_) if name == "value" && matches!(content, AnyContent::Opaque) => Scope::Opaque,
            Scope::Message(within) if envoy_fields::is_opaque(name, within) => Scope::Opaque,
            Scope::Message(_) if envoy_fields::is_keyed(name) => Scope::Keyed(name),
            Scope::Message(_) => Scope::Message(name),
        }
    }

    /// Returns the name of a member.
    fn name(&mut self, key: &Node, position: Position<'_>) -> Result<String, String> {
        self.count(key, position)?;
        let name = match &key.content {
            Content::Json(Value::String(name)) => name.clone(),
            Content::Scalar { text, is_plain } => {
                let scalar = RawScalar { text, is_plain: *is_plain, tag: key.tag_name() };
                if position.scope == Scope::Opaque {
                    self.compare_names(scalar, key, position.location);
                }
                let name = match self.kind {
                    DocumentKind::Envoy => Ok(scalar.envoy_name()),
                    DocumentKind::Kubernetes => scalar.kubernetes_name(),
                    DocumentKind::Bare => Ok(text.clone()),
                };
                name.map_err(|problem| error_at(&member(position.location, text), key, &problem))?
            }
            _ => return Err(error_at(position.location, key, "the name of a member must be a scalar")),
        };
        Ok(if position.is_message() { proto::snake_case(&name).into_owned() } else { name })
    }

    /// Reports whether Envoy drops the member that has this key.
    fn is_ignored(&self, key: &Node) -> bool {
        self.kind == DocumentKind::Envoy && key.is_ignored()
    }

    /// Reports whether this key is `<<`.
    fn is_merge(&self, key: &Node) -> bool {
        let Content::Scalar { text, is_plain } = &key.content else { return false };
        let is_untagged = key.tag.is_none() || key.tag_name() == Some("tag:yaml.org,2002:merge");
        // Envoy treats `<<` as a field name, which no message has.
        text == MERGE && (self.kind == DocumentKind::Envoy || (*is_plain && is_untagged))
    }

    fn any_content(&self, members: &Members) -> AnyContent {
        let text = |names: &[&str]| {
            let mut members = members.iter().filter(|(key, _)| !self.is_ignored(key));
            members.find(|(key, _)| key.text().is_some_and(|key| names.contains(&key)))?.1.text()
        };
        proto::any_content(text(&["@type"]), text(&["type_url", "typeUrl"]))
    }

    /// Counts a node. The limits stop aliases from exhausting memory.
    fn count(&mut self, node: &Node, position: Position<'_>) -> Result<(), String> {
        self.values = self.values.saturating_add(1);
        self.text = self.text.saturating_add(node.text().map_or(0, str::len));
        if self.values > MAX_VALUES || self.text > MAX_TEXT {
            return Err(format!(
                "must not have more than {MAX_VALUES} values or 64 MiB of text, including those that aliases repeat"
            ));
        }
        if position.depth > MAX_DEPTH {
            return Err(format!("must not be nested deeper than {MAX_DEPTH} levels"));
        }
        Ok(())
    }
}

impl<'a> Position<'a> {
    const fn inside<'b>(self, location: &'b str, scope: Scope<'b>) -> Position<'b> {
        Position { scope, location, depth: self.depth.saturating_add(1) }
    }

    const fn is_message(self) -> bool {
        matches!(self.scope, Scope::Message(_))
    }

    /// Reports whether the field of this name is repeated.
    fn is_list(self, name: &str) -> bool {
        matches!(self.scope, Scope::Message(within) if envoy_fields::is_repeated(name, within))
    }

    /// Reports whether this is in an element of `spec.configPatches` of an `EnvoyFilter`, or of
    /// `spec.jsonPatches` of an `EnvoyPatchPolicy`.
    fn is_patch(self) -> bool {
        self.location.ends_with(".patch") || self.location.ends_with(".operation")
    }
}

/// Formats an error with the location and the line of a node.
fn error_at(location: &str, node: &Node, problem: &str) -> String {
    let location = if location.is_empty() { String::new() } else { format!("{location}: ") };
    let line = if node.line == 0 { String::new() } else { format!(" (line {})", node.line) };
    format!("{location}{problem}{line}")
}
