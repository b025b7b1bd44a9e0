//! Values as the reader of a document reads them, from the nodes of the file.

mod compare;

use std::collections::HashSet;
use std::rc::Rc;

use serde_json::{Map, Value};

use super::kind::Kind;
use super::names;
use super::node::{Content, MAX_DEPTH, Node};
use super::proto::{self, Contents};
use super::scalar::Written;
use crate::places::{element, member};
pub(crate) use compare::Note;

/// The most values of a file, with those that aliases repeat.
const MAX_VALUES: usize = 1_000_000;
/// The most text of a file, in bytes, with repetitions by aliases.
const MAX_TEXT: usize = 64 * 1024 * 1024;
const MERGE: &str = "<<";

type Members = [(Rc<Node>, Rc<Node>)];

/// The documents of a file while they are read.
pub(super) struct Reading {
    pub(super) notes: Vec<Note>,
    /// The kind of the current document.
    kind: Kind,
    values: usize,
    text: usize,
}

/// The meaning of names and values at a place.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Scope<'a> {
    /// A message of Envoy's, or a list of them, in a field of this name.
    Message(&'a str),
    /// A map with keys of the author, and messages behind them.
    Keyed(&'a str),
    /// Anything else: every name and every value stays as it is.
    Opaque,
}

/// A place in a document.
#[derive(Clone, Copy)]
struct Here<'a> {
    scope: Scope<'a>,
    place: &'a str,
    depth: usize,
}

impl Reading {
    pub(super) const fn new() -> Self {
        Self { notes: Vec::new(), kind: Kind::Bare, values: 0, text: 0 }
    }

    /// Reads a document, whose places begin with `root`.
    pub(super) fn document(&mut self, node: &Node, kind: Kind, root: &str) -> Result<Value, String> {
        self.kind = kind;
        let scope = if kind == Kind::Envoy { Scope::Message("") } else { Scope::Opaque };
        self.value(node, Here { scope, place: root, depth: 0 })
    }

    fn value(&mut self, node: &Node, here: Here<'_>) -> Result<Value, String> {
        self.count(node, here)?;
        match &node.content {
            Content::Json(value) => Ok(value.clone()),
            Content::Scalar { text, is_plain } => {
                let written = Written { text, is_plain: *is_plain, tag: node.tag_name() };
                if here.scope == Scope::Opaque {
                    self.compare(written, here.place);
                }
                let read = match self.kind {
                    Kind::Envoy => Ok(written.to_envoy()),
                    Kind::Kubernetes => written.to_kubernetes(),
                    Kind::Bare => Ok(written.to_core()),
                };
                read.map_err(|problem| at(here.place, node, &problem))
            }
            Content::Sequence(items) => {
                let mut read = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    read.push(self.value(item, here.inside(&element(here.place, index), here.scope))?);
                }
                Ok(read.into())
            }
            Content::Mapping(members) => {
                let mut read = Map::new();
                self.members(members, here, &mut read)?;
                Ok(read.into())
            }
        }
    }

    fn members(
        &mut self,
        members: &Members,
        here: Here<'_>,
        into: &mut Map<String, Value>,
    ) -> Result<(), String> {
        let contents = match here.scope {
            Scope::Message(_) => self.contents(members),
            Scope::Keyed(_) | Scope::Opaque => Contents::Message,
        };
        let mut written = HashSet::new();
        for (key, value) in members {
            if self.is_ignored(key) {
                continue;
            }
            if self.is_merge(key) {
                self.merge(key, value, here, &written, into)?;
                continue;
            }
            let name = self.name(key, here)?;
            let place = member(here.place, &name);
            if !written.insert(name.clone()) {
                return Err(at(&place, key, "must not be there twice"));
            }
            // The message that a TypedStruct or a Resource stands for has its fields here.
            match (&contents, name.as_str(), &value.content) {
                (Contents::TypedStruct(_), "value", Content::Mapping(fields))
                | (Contents::Resource, "resource", Content::Mapping(fields)) => {
                    self.members(fields, here.inside(here.place, here.scope), into)?;
                    continue;
                }
                (Contents::Resource, ..) => continue,
                _ => {}
            }
            let scope = self.scope_of(&name, &contents, here);
            let read = if here.is_list(&name) && value.is_single() {
                Value::Array(vec![self.value(value, here.inside(&element(&place, 0), scope))?])
            } else {
                self.value(value, here.inside(&place, scope))?
            };
            let read = match (here.scope, &contents, name.as_str()) {
                // Of a message, null is a field that is not there.
                (Scope::Message(_), ..) if read.is_null() => continue,
                (Scope::Message(_), Contents::TypedStruct(_), "type_url") => continue,
                (Scope::Message(_), Contents::TypedStruct(of), "@type") => of.clone().into(),
                (Scope::Message(within), ..) => proto::canonical(names::type_of(&name, within), read),
                _ => read,
            };
            into.insert(name, read);
        }
        Ok(())
    }

    /// Returns the scope of the value of a member.
    fn scope_of<'a>(&self, name: &'a str, contents: &Contents, here: Here<'a>) -> Scope<'a> {
        match here.scope {
            // Istio and Envoy Gateway hand these on to Envoy.
            Scope::Opaque if self.kind == Kind::Kubernetes && name == "value" && here.is_patch() => {
                Scope::Message("")
            }
            Scope::Opaque => Scope::Opaque,
            Scope::Keyed(within) => Scope::Message(within),
            Scope::Message(_) if name == "value" && matches!(contents, Contents::Opaque) => Scope::Opaque,
            Scope::Message(within) if names::is_opaque(name, within) => Scope::Opaque,
            Scope::Message(_) if names::is_keyed(name) => Scope::Keyed(name),
            Scope::Message(_) => Scope::Message(name),
        }
    }

    /// Reads the value of `<<` into the mapping around it. `written` are the names that the mapping has itself.
    fn merge(
        &mut self,
        key: &Node,
        value: &Node,
        here: Here<'_>,
        written: &HashSet<String>,
        into: &mut Map<String, Value>,
    ) -> Result<(), String> {
        let place = member(here.place, MERGE);
        let sources = match &value.content {
            _ if self.kind == Kind::Envoy => {
                return Err(at(&place, key, "Envoy does not read merge keys: write the fields out"));
            }
            Content::Mapping(_) => vec![value],
            Content::Sequence(items) => items.iter().map(Rc::as_ref).collect(),
            Content::Scalar { .. } | Content::Json(_) => Vec::new(),
        };
        if sources.is_empty() || !sources.iter().all(|source| source.is_mapping()) {
            return Err(at(&place, key, "must be a mapping or a list of mappings"));
        }
        if self.kind == Kind::Bare {
            self.note(&place, "Envoy does not read merge keys: write the fields out".to_owned());
        }
        // Of several mappings with the same name, the first counts.
        for source in sources.into_iter().rev() {
            self.count(source, here)?;
            let mut fields = Map::new();
            self.members(source.members(), here.inside(here.place, here.scope), &mut fields)?;
            for (name, field) in fields {
                let is_written = written.contains(&name);
                if is_written && self.kind == Kind::Kubernetes {
                    let problem =
                        format!("Kubernetes replaces `{name}`, which is before it: write the fields out");
                    self.note(&place, problem);
                }
                if !is_written || self.kind == Kind::Kubernetes {
                    into.insert(name, field);
                }
            }
        }
        Ok(())
    }

    /// Returns the name of a member.
    fn name(&mut self, key: &Node, here: Here<'_>) -> Result<String, String> {
        self.count(key, here)?;
        let name = match &key.content {
            Content::Json(Value::String(name)) => name.clone(),
            Content::Scalar { text, is_plain } => {
                let written = Written { text, is_plain: *is_plain, tag: key.tag_name() };
                if here.scope == Scope::Opaque {
                    self.compare_names(written, key, here.place);
                }
                let name = match self.kind {
                    Kind::Envoy => Ok(written.envoy_name()),
                    Kind::Kubernetes => written.kubernetes_name(),
                    Kind::Bare => Ok(text.clone()),
                };
                name.map_err(|problem| at(&member(here.place, text), key, &problem))?
            }
            _ => return Err(at(here.place, key, "the name of a member must be a scalar")),
        };
        Ok(if here.is_message() { names::snake_case(&name).into_owned() } else { name })
    }

    fn is_ignored(&self, key: &Node) -> bool {
        self.kind == Kind::Envoy && key.is_ignored()
    }

    fn is_merge(&self, key: &Node) -> bool {
        let Content::Scalar { text, is_plain } = &key.content else { return false };
        let is_untagged = key.tag.is_none() || key.tag_name() == Some("tag:yaml.org,2002:merge");
        // To Envoy, it is a name like any other, which no message has.
        text == MERGE && (self.kind == Kind::Envoy || (*is_plain && is_untagged))
    }

    fn contents(&self, members: &Members) -> Contents {
        let text = |names: &[&str]| {
            let mut members = members.iter().filter(|(key, _)| !self.is_ignored(key));
            members.find(|(key, _)| key.text().is_some_and(|key| names.contains(&key)))?.1.text()
        };
        proto::contents(text(&["@type"]), text(&["type_url", "typeUrl"]))
    }

    /// Counts a node, so that aliases cannot make more of a file than there is memory.
    fn count(&mut self, node: &Node, here: Here<'_>) -> Result<(), String> {
        self.values = self.values.saturating_add(1);
        self.text = self.text.saturating_add(node.text().map_or(0, str::len));
        if self.values > MAX_VALUES || self.text > MAX_TEXT {
            return Err(format!(
                "must not have more than {MAX_VALUES} values or 64 MiB of text, with those that aliases repeat"
            ));
        }
        if here.depth > MAX_DEPTH {
            return Err(format!("must not be nested deeper than {MAX_DEPTH} levels"));
        }
        Ok(())
    }
}

impl<'a> Here<'a> {
    const fn inside<'b>(self, place: &'b str, scope: Scope<'b>) -> Here<'b> {
        Here { scope, place, depth: self.depth.saturating_add(1) }
    }

    const fn is_message(self) -> bool {
        matches!(self.scope, Scope::Message(_))
    }

    /// Returns whether a member of this name is a list, of which a single value is one.
    fn is_list(self, name: &str) -> bool {
        matches!(self.scope, Scope::Message(within) if names::is_repeated(name, within))
    }

    /// Returns whether this is an element of `spec.configPatches` of an EnvoyFilter, or of `spec.jsonPatches` of an
    /// EnvoyPatchPolicy.
    fn is_patch(self) -> bool {
        self.place.ends_with(".patch") || self.place.ends_with(".operation")
    }
}

fn at(place: &str, node: &Node, problem: &str) -> String {
    let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
    let line = if node.line == 0 { String::new() } else { format!(" (line {})", node.line) };
    format!("{place}{problem}{line}")
}
