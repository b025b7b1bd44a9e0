//! The canonical form of names and values in Envoy's messages, which protobuf's JSON mapping allows
//! in several forms.
//!
//! Envoy accepts enums by name in any case, by number, and by number in quotes; booleans as text;
//! wrappers and durations as messages; and null for an absent field.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::envoy_fields::FieldType;

/// Returns the canonical form of a value. A value that Envoy rejects stays unchanged.
pub(super) fn canonical(field_type: FieldType, value: Value) -> Value {
    let canonical = match field_type {
        FieldType::Boolean => boolean(unwrapped(&value)),
        FieldType::Integer => integer(unwrapped(&value)).map(Value::from),
        FieldType::Duration => duration(&value),
        FieldType::Enum(names) => enumeration(names, &value),
        FieldType::Other => None,
    };
    canonical.unwrap_or(value)
}

/// Returns the value in a wrapper such as `BoolValue`, which may have the form of a message.
fn unwrapped(value: &Value) -> &Value {
    match value.as_object() {
        Some(members) if members.len() == 1 => members.get("value").unwrap_or(value),
        _ => value,
    }
}

/// Parses a boolean, also as text, as `absl::SimpleAtob` does.
fn boolean(value: &Value) -> Option<Value> {
    if value.is_boolean() {
        return Some(value.clone());
    }
    match value.as_str()?.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" => Some(Value::Bool(true)),
        "false" | "f" | "no" | "n" | "0" => Some(Value::Bool(false)),
        _ => None,
    }
}

/// Parses an integer, also as text or with a zero fraction.
fn integer(value: &Value) -> Option<i64> {
    let float = match value {
        Value::Number(number) => match number.as_i64() {
            Some(number) => return Some(number),
            None => number.as_f64()?,
        },
        Value::String(text) => match text.parse() {
            Ok(number) => return Some(number),
            Err(_) => text.parse().ok()?,
        },
        _ => return None,
    };
    (float.fract() == 0.0).then(|| format!("{float:.0}").parse().ok())?
}

/// Formats a `Duration` message as text: `{ seconds: 7, nanos: 500000000 }` is `7.500000000s`.
fn duration(value: &Value) -> Option<Value> {
    let members = value.as_object()?;
    if members.keys().any(|name| name != "seconds" && name != "nanos") {
        return None;
    }
    let part = |name: &str| members.get(name).map_or(Some(0), integer);
    let (seconds, nanos) = (part("seconds")?, part("nanos")?);
    Some(if nanos == 0 { json!(format!("{seconds}s")) } else { json!(format!("{seconds}.{nanos:09}s")) })
}

/// Returns the name of an enum value.
fn enumeration(names: &[(i64, &'static str)], value: &Value) -> Option<Value> {
    let by_number = |number: i64| names.iter().find(|(value, _)| *value == number);
    let by_name = |text: &str| names.iter().find(|(_, name)| name.eq_ignore_ascii_case(text));
    let found = match value {
        Value::Number(_) => by_number(integer(value)?),
        // Envoy trims a number in quotes, but not a name.
        Value::String(text) => by_name(text).or_else(|| by_number(text.trim_ascii().parse().ok()?)),
        _ => None,
    };
    found.map(|(_, name)| Value::from(*name))
}

/// The content of a `google.protobuf.Any`.
pub(super) enum AnyContent {
    /// A message of Envoy, whose fields are beside `@type`.
    Message,
    /// A well-known type of protobuf, such as `Struct`, in `value`.
    Opaque,
    /// A `Resource` of a resource file: the message is in `resource`.
    Resource,
    /// A `TypedStruct`: the fields of the message are in `value`. The text is the type URL.
    TypedStruct(String),
}

/// Returns the content of an `Any` with this `@type`, and with the `type_url` of a `TypedStruct`.
pub(super) fn any_content(message_url: Option<&str>, type_url: Option<&str>) -> AnyContent {
    let name = |url: &str| url.rsplit('/').next().unwrap_or_default().to_owned();
    let Some(message) = message_url.map(name) else { return AnyContent::Message };
    match (message.as_str(), type_url) {
        ("xds.type.v3.TypedStruct" | "udpa.type.v1.TypedStruct", Some(url)) => {
            AnyContent::TypedStruct(format!("type.googleapis.com/{}", name(url)))
        }
        ("envoy.service.discovery.v3.Resource", _) => AnyContent::Resource,
        _ if message.starts_with("google.protobuf.") => AnyContent::Opaque,
        _ => AnyContent::Message,
    }
}

/// Returns the name of a field in the `.proto` file: `fail_open` for `failOpen`.
///
/// Envoy accepts only this name and its lowerCamelCase form.
pub(super) fn snake_case(name: &str) -> Cow<'_, str> {
    let is_camel_case = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && name.bytes().any(|byte| byte.is_ascii_uppercase());
    if !is_camel_case {
        return name.into();
    }
    let mut snake = String::with_capacity(name.len().saturating_add(4));
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake.into()
}
