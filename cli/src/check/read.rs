//! Readers of Envoy's documents, whose fields have snake_case names and whose enums have names.

use serde_json::Value;

/// Returns the full name of the message in a `google.protobuf.Any`, and its fields.
///
/// A `TypedStruct` counts as the message that it stands for.
pub(super) fn message(any: &Value) -> Option<(&str, &Value)> {
    let kind = kind(any)?;
    if !kind.ends_with(".TypedStruct") {
        return Some((kind, any));
    }
    let inner = any.get("type_url").and_then(Value::as_str)?;
    Some((last(inner), any.get("value").unwrap_or(&Value::Null)))
}

/// Returns the full name of the message in a `google.protobuf.Any`, without the host of the type URL.
pub(super) fn kind(any: &Value) -> Option<&str> {
    any.get("@type").and_then(Value::as_str).map(last)
}

fn last(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

pub(super) fn is_true(value: &Value, name: &str) -> bool {
    value.get(name) == Some(&Value::Bool(true))
}

pub(super) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

pub(super) fn says(value: &Value, name: &str, expected: &str) -> bool {
    text(value, name) == Some(expected)
}

/// Returns the elements of a list; none if there is no list.
pub(super) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Tells whether the part is this very value, or inside it.
///
/// Compares addresses, because equal values may be elsewhere.
pub(super) fn contains(value: &Value, part: &Value) -> bool {
    any(value, &|inner| std::ptr::eq(inner, part))
}

/// Tells whether the predicate holds for the value or for anything inside.
pub(super) fn any(value: &Value, is: &dyn Fn(&Value) -> bool) -> bool {
    is(value)
        || match value {
            Value::Array(items) => items.iter().any(|item| any(item, is)),
            Value::Object(members) => members.values().any(|member| any(member, is)),
            _ => false,
        }
}
