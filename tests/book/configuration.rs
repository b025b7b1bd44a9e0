//! The configuration reference. It is generated from the JSON Schema, which is generated from the
//! types and comments of src/config/raw.rs.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::Value;

use super::fields::Documented;
use super::{is_generated, read, schema};

const CHAPTER: &str = "book/src/reference/configuration.md";
const HEAD: &str = "\
<!-- Generated from the types of src/config/raw.rs: make reference -->

# Configuration

This chapter lists every field of the configuration, by section. In Envoy, the configuration is the
`configuration` of the wasm filter: a `google.protobuf.Struct` (plain YAML), or a
`google.protobuf.StringValue` with JSON text. In Istio, it is the `pluginConfig` of a `WasmPlugin`,
and in Envoy Gateway the `config` of an `EnvoyExtensionPolicy`.

- The filter rejects unknown fields and `null`. An error names the path of the field:
  `rules[2].requires.scopes[0]: must not be empty`.
- The filter checks more than the types show: for instance, that a rule has exactly one of `public`,
  `deny` and `requires`. `okta-authz check` reports these errors, and likely mistakes besides.
- A duration is a number and a unit: `500ms`, `0.5s`, `5s`, `10m`, `1h`, `1d`.
- An example is the value of one field, in YAML.
- Editors complete and validate configuration files with the JSON Schema that `okta-authz schema`
  prints.

";
const LINK: &str = "#/$defs/";
const FIELDS: &str = "| field | type | default | range | example | meaning |\n|---|---|---|---|---|---|\n";

/// A definition of the schema, and the paths at which the configuration can contain it.
struct Section {
    name: String,
    places: Vec<String>,
}

/// The definitions in the order in which a reader meets them.
fn sections(schema: &Value) -> Vec<Section> {
    let mut found: Vec<Section> = Vec::new();
    let mut next = 0;
    visit(schema, "", &mut found);
    while next < found.len() {
        let Section { name, places } = &found[next];
        let (definition, place) = (&schema["$defs"][name.as_str()], places[0].clone());
        visit(definition, &place, &mut found);
        next += 1;
    }
    found
}

/// Records the definitions that the members of an object refer to, without their own members.
fn visit(object: &Value, at: &str, found: &mut Vec<Section>) {
    let members = object["properties"].as_object().into_iter().flatten();
    let mut refer = |value: &Value, place: String| {
        let Some(name) = reference(value) else { return };
        match found.iter_mut().find(|one| one.name == name) {
            // A definition that contains itself has one place.
            Some(one) if place.starts_with(&one.places[0]) => {}
            Some(one) => one.places.push(place),
            None => found.push(Section { name: name.to_owned(), places: vec![place] }),
        }
    };
    for (name, value) in members {
        let place = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        refer(&value["items"], format!("{place}[]"));
        refer(&value["additionalProperties"], format!("{place}.{{name}}"));
        refer(value, place);
    }
    for alternative in object["anyOf"].as_array().into_iter().flatten() {
        refer(alternative, at.to_owned());
    }
}

fn reference(value: &Value) -> Option<&str> {
    value["$ref"].as_str()?.strip_prefix(LINK)
}

fn title<'a>(schema: &'a Value, name: &str) -> &'a str {
    schema["$defs"][name]["title"].as_str().unwrap_or_else(|| panic!("{name} has no title"))
}

/// Returns the type of a value, with a link to its section.
fn kind(schema: &Value, value: &Value) -> String {
    if let Some(name) = reference(value) {
        let title = title(schema, name);
        return format!("[{}](#{})", title.to_lowercase(), title.to_lowercase().replace(' ', "-"));
    }
    match value["type"].as_str() {
        Some("array") => format!("list of {}", kind(schema, &value["items"])),
        Some("object") if value["additionalProperties"].is_object() => {
            format!("map of {}", kind(schema, &value["additionalProperties"]))
        }
        Some(kind) => kind.to_owned(),
        None => "any value".to_owned(),
    }
}

/// Returns the range that the type implies.
fn range_of_type(schema: &Value, value: &Value) -> Option<String> {
    let quoted = |values: Vec<&str>| {
        let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
        values.join(", ")
    };
    if let Some(values) = value["items"]["enum"].as_array() {
        let values = values.iter().filter_map(Value::as_str).collect();
        return Some(format!("one or more of {}", quoted(values)));
    }
    if value["type"] == "boolean" {
        return Some("`true` or `false`".to_owned());
    }
    let definition = &schema["$defs"][reference(value)?];
    Some(match definition["oneOf"].as_array() {
        Some(values) => quoted(values.iter().filter_map(|value| value["const"].as_str()).collect()),
        None => "see type".to_owned(),
    })
}

/// Returns a row of a table of fields. It has six cells, and none is empty.
fn row(schema: &Value, name: &str, value: &Value, required: bool) -> String {
    let Documented { meaning, range, default, example } = Documented::of(value);
    let range = range.or_else(|| range_of_type(schema, value));
    let default = if required { Some("required".to_owned()) } else { default };
    let cell = |text: Option<String>, what: &str| {
        text.unwrap_or_else(|| panic!("{name} has no {what}")).replace('|', "\\|")
    };
    format!(
        "| `{name}` | {} | {} | {} | {} | {} |\n",
        kind(schema, value),
        cell(default, "default"),
        cell(range, "range"),
        cell(example.map(|example| format!("`{example}`")), "example"),
        cell(Some(meaning), "meaning"),
    )
}

fn section(text: &mut String, schema: &Value, object: &Value) {
    writeln!(text, "{}\n", Documented::of(object).meaning).unwrap();
    let required: Vec<&str> =
        object["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if let Some(members) = object["properties"].as_object() {
        text.push_str(FIELDS);
        for (name, value) in members {
            text.push_str(&row(schema, name, value, required.contains(&name.as_str())));
        }
    } else if let Some(variants) = object["oneOf"].as_array() {
        text.push_str("| value | meaning |\n|---|---|\n");
        for variant in variants {
            let value = variant["const"].as_str().unwrap();
            writeln!(text, "| `{value}` | {} |", Documented::of(variant).meaning).unwrap();
        }
    } else if let Some(alternatives) = object["anyOf"].as_array() {
        let kinds: Vec<String> = alternatives.iter().map(|one| kind(schema, one)).collect();
        writeln!(text, "Type: {}.", kinds.join(", or ")).unwrap();
    } else {
        writeln!(text, "Type: {}.", kind(schema, object)).unwrap();
    }
}

fn chapter() -> String {
    let schema = schema();
    let mut text = HEAD.to_owned();
    text.push_str("## Top level\n\n");
    section(&mut text, &schema, &schema);
    for Section { name, places } in sections(&schema) {
        let places: Vec<String> = places.iter().map(|place| format!("`{place}`")).collect();
        write!(text, "\n## {}\n\n", title(&schema, &name)).unwrap();
        // A duration stands in many places, which say nothing about it.
        if name != "Duration" {
            write!(text, "Path: {}.\n\n", places.join(", ")).unwrap();
        }
        section(&mut text, &schema, &schema["$defs"][name.as_str()]);
    }
    text
}

#[test]
fn configuration_chapter_is_generated() {
    is_generated(CHAPTER, &chapter());
}

/// Splits a row at the pipes that are not escaped.
fn cells(row: &str) -> Vec<String> {
    let row = row.replace("\\|", "\0");
    let row = row.strip_prefix('|').and_then(|row| row.strip_suffix('|')).unwrap();
    row.split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// The tables as Markdown renders them: lines that begin and end with a pipe.
#[test]
fn reference_table_row_has_all_cells_of_its_head_and_none_is_empty() {
    for (chapter, least) in
        [(CHAPTER, 130), ("book/src/reference/responses.md", 50), ("book/src/reference/metrics.md", 20)]
    {
        let text = read(chapter);
        let (mut head, mut rows) = (None, 0);
        for line in text.lines() {
            if !line.starts_with('|') {
                assert!(!line.ends_with(" |"), "{chapter}: a row on two lines: {line}");
                head = None;
                continue;
            }
            let cells = cells(line);
            assert!(cells.iter().all(|cell| !cell.is_empty()), "{chapter}: an empty cell: {line}");
            assert_eq!(*head.get_or_insert(cells.len()), cells.len(), "{chapter}: {line}");
            rows += 1;
        }
        assert!(rows > least, "{chapter}: {rows}");
    }
}

#[test]
fn field_row_has_type_default_range_example_and_meaning() {
    let text = read(CHAPTER);
    let mut rows = 0;
    for table in text.split(FIELDS).skip(1) {
        for line in table.lines().take_while(|line| line.starts_with('|')) {
            let cells = cells(line);
            assert_eq!(cells.len(), 6, "{line}");
            assert!(cells[5].ends_with('.') && cells[5].len() > 12, "the meaning is a sentence: {line}");
            rows += 1;
        }
    }
    assert!(rows > 100, "{rows}");
}

/// Searches the text, however it was written.
#[test]
fn chapter_has_every_field_value_and_section() {
    let schema = schema();
    let chapter = read(CHAPTER);
    let definitions = schema["$defs"].as_object().unwrap();
    let mut options = BTreeSet::new();
    for object in definitions.values().chain([&schema]) {
        options.extend(object["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()));
        let variants = object["oneOf"].as_array().into_iter().flatten();
        options.extend(variants.filter_map(|variant| variant["const"].as_str()));
    }
    for name in ["jti", "issued_before", "kty", "token_cache_max_bytes"] {
        assert!(options.contains(name), "{name}");
    }
    for option in options {
        assert!(chapter.contains(&format!("\n| `{option}` | ")), "{option}");
    }
    for name in definitions.keys() {
        assert!(chapter.contains(&format!("\n## {}\n", title(&schema, name))), "{name}");
    }
}
