//! Merge keys (`<<`) of YAML 1.1, which Envoy does not support.

use std::collections::HashSet;
use std::rc::Rc;

use serde_json::{Map, Value};

use super::super::kind::DocumentKind;
use super::super::node::{Content, Node};
use super::{MERGE, Position, Reader, error_at};
use crate::locate::member;

impl Reader {
    /// Merges the value of `<<` into the mapping that contains it. `own_names` are the names of
    /// that mapping before `<<`.
    pub(super) fn merge(
        &mut self,
        key: &Node,
        value: &Node,
        position: Position<'_>,
        own_names: &HashSet<String>,
        into: &mut Map<String, Value>,
    ) -> Result<(), String> {
        let location = member(position.location, MERGE);
        let sources = match &value.content {
            _ if self.kind == DocumentKind::Envoy => {
                return Err(error_at(&location, key, "Envoy does not support merge keys; repeat the fields"));
            }
            Content::Mapping(_) => vec![value],
            Content::Sequence(items) => items.iter().map(Rc::as_ref).collect(),
            Content::Scalar { .. } | Content::Json(_) => Vec::new(),
        };
        if sources.is_empty() || !sources.iter().all(|source| source.is_mapping()) {
            return Err(error_at(&location, key, "must be a mapping or a list of mappings"));
        }
        if self.kind == DocumentKind::Bare {
            self.note(&location, "Envoy does not support merge keys; repeat the fields".to_owned());
        }
        // The first of several mappings takes precedence.
        for source in sources.into_iter().rev() {
            self.count(source, position)?;
            let mut fields = Map::new();
            self.members(source.members(), position.inside(position.location, position.scope), &mut fields)?;
            for (name, field) in fields {
                let is_own = own_names.contains(&name);
                if is_own && self.kind == DocumentKind::Kubernetes {
                    let problem = format!(
                        "Kubernetes replaces the earlier field `{name}`; repeat the fields instead of `<<`"
                    );
                    self.note(&location, problem);
                }
                if !is_own || self.kind == DocumentKind::Kubernetes {
                    into.insert(name, field);
                }
            }
        }
        Ok(())
    }
}
