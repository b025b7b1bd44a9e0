//! Accessors for documents of Envoy after [`crate::documents`] has read them: fields have
//! snake_case names, and enums have names.

use serde_json::Value;

/// Returns the full name of the message in a `google.protobuf.Any`, and its fields. A `TypedStruct`
/// counts as the message in it.
pub(super) fn message(any: &Value) -> Option<(&str, &Value)> {
    let name = type_name(any)?;
    if !name.ends_with(".TypedStruct") {
        return Some((name, any));
    }
    let inner = any.get("type_url").and_then(Value::as_str)?;
    Some((last_segment(inner), any.get("value").unwrap_or(&Value::Null)))
}

/// Returns the full name of the message in a `google.protobuf.Any`, without the host of the type
/// URL.
pub(super) fn type_name(any: &Value) -> Option<&str> {
    any.get("@type").and_then(Value::as_str).map(last_segment)
}

fn last_segment(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

/// Reports whether a field is true.
pub(super) fn is_true(value: &Value, field: &str) -> bool {
    value.get(field) == Some(&Value::Bool(true))
}

/// Returns the text of a field.
pub(super) fn text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field).and_then(Value::as_str)
}

/// Reports whether a field is this text.
pub(super) fn text_equals(value: &Value, field: &str, expected: &str) -> bool {
    text(value, field) == Some(expected)
}

/// Returns the elements of a list; empty if there is no list.
pub(super) fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Returns the elements of the list at a JSON pointer (RFC 6901); empty if there is no list.
pub(super) fn list_at<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Reports whether the part is the value or inside it.
///
/// Compares addresses, because equal values may be elsewhere.
pub(super) fn contains(value: &Value, part: &Value) -> bool {
    any(value, &|inner| std::ptr::eq(inner, part))
}

/// Reports whether the predicate holds for the value or for a value inside it.
pub(super) fn any(value: &Value, predicate: &dyn Fn(&Value) -> bool) -> bool {
    predicate(value)
        || match value {
            Value::Array(items) => items.iter().any(|item| any(item, predicate)),
            Value::Object(members) => members.values().any(|member| any(member, predicate)),
            _ => false,
        }
}

/// Calls a function with each object in the value, the outermost first.
pub(super) fn each_object<'a>(value: &'a Value, visit: &mut dyn FnMut(&'a Value)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| each_object(item, visit)),
        Value::Object(members) => {
            visit(value);
            members.values().for_each(|member| each_object(member, visit));
        }
        _ => {}
    }
}
