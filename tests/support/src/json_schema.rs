//! A validator of JSON Schemas, in as much of the language as ours and those of custom resources have in them.

use regex_lite::Regex;
use serde_json::Value;

/// What is wrong with a value: as much of draft 2020-12 as the schema has in it, and a panic for the rest.
pub fn problem(root: &Value, schema: &Value, value: &Value) -> Option<String> {
    let Value::Object(keywords) = schema else {
        return (*schema == false).then(|| "is not allowed".to_owned());
    };
    keywords.iter().find_map(|(keyword, expected)| {
        let check = |schema: &Value, value: &Value| problem(root, schema, value);
        let passing = |list: &Value| {
            list.as_array().unwrap().iter().filter(|schema| check(schema, value).is_none()).count()
        };
        let holds = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "default" | "format" => true,
            "$ref" => {
                let target = root.pointer(expected.as_str()?.strip_prefix('#')?).expect("a definition");
                return check(target, value);
            }
            "type" => match expected.as_str().expect("one type") {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_u64() || value.is_i64(),
                other => panic!("type {other}"),
            },
            "const" => value == expected,
            "enum" => expected.as_array().unwrap().contains(value),
            "pattern" => value
                .as_str()
                .is_none_or(|text| Regex::new(expected.as_str().unwrap()).unwrap().is_match(text)),
            "minimum" => value.as_f64().is_none_or(|number| number >= expected.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= expected.as_f64().unwrap()),
            "minItems" => {
                value.as_array().is_none_or(|items| items.len() as u64 >= expected.as_u64().unwrap())
            }
            "maxItems" => {
                value.as_array().is_none_or(|items| items.len() as u64 <= expected.as_u64().unwrap())
            }
            "minLength" => {
                value.as_str().is_none_or(|text| text.chars().count() as u64 >= expected.as_u64().unwrap())
            }
            "maxLength" => {
                value.as_str().is_none_or(|text| text.chars().count() as u64 <= expected.as_u64().unwrap())
            }
            "minProperties" => {
                value.as_object().is_none_or(|members| members.len() as u64 >= expected.as_u64().unwrap())
            }
            "maxProperties" => {
                value.as_object().is_none_or(|members| members.len() as u64 <= expected.as_u64().unwrap())
            }
            "not" => check(expected, value).is_some(),
            "anyOf" => passing(expected) > 0,
            "oneOf" => passing(expected) == 1,
            "required" => {
                let has = |name: &Value| value.get(name.as_str().unwrap()).is_some();
                !value.is_object() || expected.as_array().unwrap().iter().all(has)
            }
            "items" => return value.as_array()?.iter().find_map(|item| check(expected, item)),
            "properties" => {
                let members = value.as_object()?.iter();
                return members
                    .filter_map(|(name, member)| Some((name, expected.get(name)?, member)))
                    .find_map(|(name, schema, member)| Some(format!("{name}: {}", check(schema, member)?)));
            }
            "additionalProperties" => {
                let known = |name: &String| schema["properties"].get(name).is_some();
                let mut others = value.as_object()?.iter().filter(|(name, _)| !known(name));
                return others
                    .find_map(|(name, member)| Some(format!("{name}: {}", check(expected, member)?)));
            }
            other => panic!("the schema has a keyword that this test does not know: {other}"),
        };
        (!holds).then(|| format!("{keyword}: {expected}"))
    })
}
