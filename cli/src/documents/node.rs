//! The syntax tree of a YAML or JSON file, with tags and quotes.

use std::collections::HashMap;
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle, Span, Tag};
use serde_json::Value;

/// The maximum nesting. The JSON reader of the filter accepts 128 levels.
pub(super) const MAX_DEPTH: usize = 100;
/// The maximum number of documents in a file.
const MAX_DOCUMENTS: usize = 10_000;

/// A scalar, a sequence or a mapping before its reader interprets it.
pub(super) struct Node {
    pub(super) tag: Option<NodeTag>,
    /// The line, from 1; 0 in JSON.
    pub(super) line: usize,
    pub(super) content: Content,
}

pub(super) enum Content {
    Scalar {
        text: String,
        is_plain: bool,
    },
    Sequence(Vec<Rc<Node>>),
    Mapping(Vec<(Rc<Node>, Rc<Node>)>),
    /// A scalar of JSON, which all readers read alike.
    Json(Value),
}

/// An explicit tag, with its handle resolved.
pub(super) struct NodeTag {
    pub(super) name: String,
    /// Whether the tag has `%` escapes, which Envoy does not decode.
    pub(super) is_escaped: bool,
}

impl Node {
    pub(super) fn from_json(value: Value) -> Self {
        let content = match value {
            Value::Array(items) => {
                Content::Sequence(items.into_iter().map(|item| Rc::new(Self::from_json(item))).collect())
            }
            Value::Object(members) => {
                let member = |(name, value)| {
                    let name = Self { tag: None, line: 0, content: Content::Json(Value::String(name)) };
                    (Rc::new(name), Rc::new(Self::from_json(value)))
                };
                Content::Mapping(members.into_iter().map(member).collect())
            }
            scalar => Content::Json(scalar),
        };
        Self { tag: None, line: 0, content }
    }

    /// Returns the text of a scalar without its quotes.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, .. } => Some(text),
            Content::Json(value) => value.as_str(),
            Content::Sequence(_) | Content::Mapping(_) => None,
        }
    }

    /// Reports whether all readers read the node as null.
    pub(super) fn is_null(&self) -> bool {
        match &self.content {
            Content::Scalar { text, is_plain } => {
                *is_plain && self.tag.is_none() && super::scalar::is_null(text)
            }
            Content::Json(value) => value.is_null(),
            Content::Sequence(_) | Content::Mapping(_) => false,
        }
    }

    /// Returns the members of a mapping; empty for other nodes.
    pub(super) fn members(&self) -> &[(Rc<Self>, Rc<Self>)] {
        match &self.content {
            Content::Mapping(members) => members,
            _ => &[],
        }
    }

    /// Returns the value of the first member whose key has exactly this text.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let mut members = self.members().iter();
        members.find(|(key, _)| key.text() == Some(name)).map(|(_, value)| value.as_ref())
    }

    /// Returns the name of the explicit tag: `tag:yaml.org,2002:str` for `!!str`.
    pub(super) fn tag_name(&self) -> Option<&str> {
        self.tag.as_ref().map(|tag| tag.name.as_str())
    }

    /// Reports whether Envoy drops the member that has this key.
    pub(super) fn is_ignored(&self) -> bool {
        self.tag.as_ref().is_some_and(|tag| tag.name == "!ignore" && !tag.is_escaped)
    }

    pub(super) const fn is_mapping(&self) -> bool {
        matches!(self.content, Content::Mapping(_))
    }

    /// Reports whether the node is neither a list nor null.
    pub(super) fn is_single(&self) -> bool {
        !matches!(self.content, Content::Sequence(_)) && !self.is_null()
    }
}

/// Parses a YAML file.
///
/// # Errors
///
/// A syntax error with its line, or a limit that the file exceeds.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, String> {
    let mut builder = NodeBuilder::default();
    let options = granit_parser::options! { emit_comments: false, bom_inside_document_as_content: true };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| {
            let (marker, info) = (error.marker(), error.info());
            let info = info.lines().next().unwrap_or_default().to_owned();
            format!("is not YAML: line {} column {}: {info}", marker.line(), marker.col().saturating_add(1))
        })?;
        builder
            .event(event, &span, text)
            .map_err(|problem| format!("is not YAML: line {}: {problem}", span.start.line()))?;
    }
    Ok(builder.documents)
}

/// A sequence or a mapping before its end event.
struct OpenCollection {
    anchor: usize,
    tag: Option<NodeTag>,
    line: usize,
    is_mapping: bool,
    items: Vec<Rc<Node>>,
}

/// Builds nodes from the events of the parser.
#[derive(Default)]
struct NodeBuilder {
    documents: Vec<Node>,
    open: Vec<OpenCollection>,
    /// The anchored nodes by the number that the parser gives them, which is unique in a file.
    anchors: HashMap<usize, Rc<Node>>,
    root: Option<Rc<Node>>,
}

impl NodeBuilder {
    fn event(&mut self, event: Event<'_>, span: &Span, text: &str) -> Result<(), String> {
        let line = span.start.line();
        let tag = |tag: Option<std::borrow::Cow<'_, Tag>>| tag.map(|tag| NodeTag::new(&tag, span, text));
        match event {
            Event::Scalar(text, style, anchor, node_tag) => {
                let content =
                    Content::Scalar { text: text.into_owned(), is_plain: style == ScalarStyle::Plain };
                self.add(anchor, Node { tag: tag(node_tag), line, content });
            }
            Event::SequenceStart(_, anchor, node_tag) => self.begin(anchor, tag(node_tag), line, false)?,
            Event::MappingStart(_, anchor, node_tag) => self.begin(anchor, tag(node_tag), line, true)?,
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else {
                    return Err("an end event without a start".to_owned());
                };
                let content = if open.is_mapping {
                    let mut items = open.items.into_iter();
                    let mut members = Vec::new();
                    while let (Some(key), Some(value)) = (items.next(), items.next()) {
                        members.push((key, value));
                    }
                    Content::Mapping(members)
                } else {
                    Content::Sequence(open.items)
                };
                self.add(open.anchor, Node { tag: open.tag, line: open.line, content });
            }
            Event::Alias(id) => {
                let node = self.anchors.get(&id).map(Rc::clone);
                self.insert(node.ok_or_else(|| "an alias is inside the node that it refers to".to_owned())?);
            }
            Event::DocumentStart(..) if self.documents.len() >= MAX_DOCUMENTS => {
                return Err(format!("must not have more than {MAX_DOCUMENTS} documents"));
            }
            Event::DocumentEnd => {
                // An anchor would share ownership of the root.
                self.anchors.clear();
                let root = self.root.take().and_then(|root| Rc::try_unwrap(root).ok());
                let empty = || Node {
                    tag: None,
                    line,
                    content: Content::Scalar { text: String::new(), is_plain: true },
                };
                self.documents.push(root.unwrap_or_else(empty));
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(
        &mut self,
        anchor: usize,
        tag: Option<NodeTag>,
        line: usize,
        is_mapping: bool,
    ) -> Result<(), String> {
        if self.open.len() >= MAX_DEPTH {
            return Err(format!("must not be nested deeper than {MAX_DEPTH} levels"));
        }
        self.open.push(OpenCollection { anchor, tag, line, is_mapping, items: Vec::new() });
        Ok(())
    }

    fn add(&mut self, anchor: usize, node: Node) {
        let node = Rc::new(node);
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.insert(node);
    }

    fn insert(&mut self, node: Rc<Node>) {
        match self.open.last_mut() {
            Some(open) => open.items.push(node),
            None => self.root = Some(node),
        }
    }
}

impl NodeTag {
    fn new(tag: &Tag, span: &Span, text: &str) -> Self {
        let source = span.tag_span().and_then(|span| span.slice(text));
        let is_escaped = source.is_none_or(|source| source.contains('%'));
        Self { name: format!("{}{}", tag.handle(), tag.suffix()), is_escaped }
    }
}
