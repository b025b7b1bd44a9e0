//! The chapter on the configuration, made from its JSON Schema, which is made from the types.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::Value;

use super::{is_generated, read, schema};

const CHAPTER: &str = "book/src/reference/configuration.md";
const HEAD: &str = "\
<!-- Generated from the types of src/config/raw.rs: make reference -->

# Configuration

Every option, by the object that it is in. The text is that of the types which the filter reads its configuration into.
Unknown fields are errors, and so is null. The filter checks more than a type can say (that a rule has one of `public`, `deny`
and `requires`, for instance): `okta-authz check` says what. README.md in the repository says more about paths, places of tokens,
identity headers and revocation.

";
const LINK: &str = "#/$defs/";

/// An object that has been found, and everywhere it can be.
struct Found {
    name: String,
    places: Vec<String>,
}

/// The objects in the order in which a reader meets them.
fn objects(schema: &Value) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut next = 0;
    visit(schema, "", &mut found);
    while next < found.len() {
        let Found { name, places } = &found[next];
        let (definition, place) = (&schema["$defs"][name.as_str()], places[0].clone());
        visit(definition, &place, &mut found);
        next += 1;
    }
    found
}

/// Notes what the members of an object refer to, without going into it.
fn visit(object: &Value, at: &str, found: &mut Vec<Found>) {
    let members = object["properties"].as_object().into_iter().flatten();
    let mut refer = |value: &Value, place: String| {
        let Some(name) = value["$ref"].as_str().and_then(|link| link.strip_prefix(LINK)) else { return };
        match found.iter_mut().find(|one| one.name == name) {
            // One of an object inside itself says nothing new.
            Some(one) if place.starts_with(&one.places[0]) => {}
            Some(one) => one.places.push(place),
            None => found.push(Found { name: name.to_owned(), places: vec![place] }),
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

/// What a value may be, in words.
fn kind(value: &Value) -> String {
    if let Some(name) = value["$ref"].as_str().and_then(|link| link.strip_prefix(LINK)) {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(names) = value["enum"].as_array() {
        let names: Vec<String> = names.iter().map(|name| format!("`{}`", name.as_str().unwrap())).collect();
        return format!("one of {}", names.join(", "));
    }
    match value["type"].as_str() {
        Some("array") => format!("list of {}", kind(&value["items"])),
        Some("object") if value["additionalProperties"].is_object() => {
            format!("{} by name", kind(&value["additionalProperties"]))
        }
        Some(kind) => kind.to_owned(),
        None => "any value".to_owned(),
    }
}

/// The description, and the default at its end.
fn described(value: &Value) -> (String, String) {
    // A row of a table is one line.
    let text = value["description"].as_str().unwrap_or_default().replace('|', "\\|").replace('\n', " ");
    let (meaning, default) = match text.strip_prefix("Default: ") {
        Some(default) => ("", Some(default)),
        None => text.split_once(" Default: ").map_or((text.as_str(), None), |(a, b)| (a, Some(b))),
    };
    let default = default.map_or("", |default| default.trim_end_matches('.'));
    (meaning.to_owned(), default.to_owned())
}

fn section(text: &mut String, object: &Value) {
    let (description, _) = described(object);
    if !description.is_empty() {
        writeln!(text, "{description}\n").unwrap();
    }
    let required: Vec<&str> =
        object["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if let Some(members) = object["properties"].as_object() {
        text.push_str("| field | type | default | meaning |\n|---|---|---|---|\n");
        for (name, value) in members {
            let (meaning, default) = described(value);
            let default = if required.contains(&name.as_str()) { "required" } else { &default };
            writeln!(text, "| `{name}` | {} | {default} | {meaning} |", kind(value)).unwrap();
        }
    } else if let Some(variants) = object["oneOf"].as_array() {
        text.push_str("| value | meaning |\n|---|---|\n");
        for variant in variants {
            let (meaning, _) = described(variant);
            writeln!(text, "| `{}` | {meaning} |", variant["const"].as_str().unwrap()).unwrap();
        }
    } else if let Some(alternatives) = object["anyOf"].as_array() {
        let kinds: Vec<String> = alternatives.iter().map(kind).collect();
        writeln!(text, "Either {}.", kinds.join(", or ")).unwrap();
    } else {
        writeln!(text, "A {}.", kind(object)).unwrap();
    }
}

fn chapter() -> String {
    let schema = schema();
    let mut text = HEAD.to_owned();
    text.push_str("## The whole\n\n");
    section(&mut text, &schema);
    for Found { name, places } in objects(&schema) {
        let places: Vec<String> = places.iter().map(|place| format!("`{place}`")).collect();
        write!(text, "\n## {name}\n\nAt {}.\n\n", places.join(", ")).unwrap();
        section(&mut text, &schema["$defs"][name.as_str()]);
    }
    text
}

#[test]
fn the_chapter_is_generated() {
    is_generated(CHAPTER, &chapter());
}

#[test]
fn table_of_reference_has_as_many_cells_in_each_row_as_in_its_head() {
    let cells = |row: &str| row.replace("\\|", "").matches('|').count();
    for chapter in [CHAPTER, "book/src/reference/responses.md", "book/src/reference/metrics.md"] {
        let text = read(chapter);
        let mut head = None;
        for line in text.lines() {
            match head {
                _ if !line.starts_with('|') => {
                    assert!(!line.ends_with(" |"), "{chapter}: the end of a row: {line}");
                    head = None;
                }
                None => head = Some(cells(line)),
                Some(head) => assert_eq!(cells(line), head, "{chapter}: {line}"),
            }
            assert!(!line.starts_with('|') || line.ends_with('|'), "{chapter}: {line}");
        }
    }
}

/// Looked up in the text, whatever has written it.
#[test]
fn every_option_and_every_value_of_one_is_in_the_chapter() {
    let schema = schema();
    let chapter = read(CHAPTER);
    let definitions = schema["$defs"].as_object().unwrap();
    let mut options = BTreeSet::new();
    for object in definitions.values().chain([&schema]) {
        options.extend(object["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()));
        let variants = object["oneOf"].as_array().into_iter().flatten();
        options.extend(variants.filter_map(|variant| variant["const"].as_str()));
    }
    assert!(options.len() > 80, "{}", options.len());
    for option in options {
        assert!(chapter.contains(&format!("\n| `{option}` | ")), "{option}");
    }
    for name in definitions.keys() {
        assert!(chapter.contains(&format!("\n## {name}\n")), "{name}");
    }
}
