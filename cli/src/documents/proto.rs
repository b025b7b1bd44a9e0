//! Values of Envoy's messages in one spelling. JSON of protocol buffers has several for most of them.
//!
//! Envoy takes enums by name in any case, by number, and by number in quotes; booleans as text; wrappers and durations as
//! the messages that they are; and null for a field that is not there.

use serde_json::{Value, json};

use super::names::Type;

/// Returns the value of a field in the spelling that the checks know. A value that Envoy does not accept stays as it is.
pub(super) fn canonical(of: Type, value: Value) -> Value {
    let known = match of {
        Type::Boolean => boolean(unwrapped(&value)),
        Type::Integer => integer(unwrapped(&value)).map(Value::from),
        Type::Duration => duration(&value),
        Type::Enum(names) => enumeration(names, &value),
        Type::Other => None,
    };
    known.unwrap_or(value)
}

/// Returns the value of a wrapper such as `BoolValue`, which may be written as a message.
fn unwrapped(value: &Value) -> &Value {
    match value.as_object() {
        Some(members) if members.len() == 1 => members.get("value").unwrap_or(value),
        _ => value,
    }
}

/// Reads a boolean, also as the text that `absl::SimpleAtob` reads.
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

/// Returns a duration as text: `{ seconds: 7, nanos: 500000000 }` is `7.500000000s`.
fn duration(value: &Value) -> Option<Value> {
    let members = value.as_object()?;
    if members.keys().any(|name| name != "seconds" && name != "nanos") {
        return None;
    }
    let part = |name: &str| members.get(name).map_or(Some(0), integer);
    let (seconds, nanos) = (part("seconds")?, part("nanos")?);
    Some(if nanos == 0 { json!(format!("{seconds}s")) } else { json!(format!("{seconds}.{nanos:09}s")) })
}

fn enumeration(names: &[(i64, &'static str)], value: &Value) -> Option<Value> {
    let by_number = |number: i64| names.iter().find(|(of, _)| *of == number);
    let by_name = |text: &str| names.iter().find(|(_, name)| name.eq_ignore_ascii_case(text));
    let found = match value {
        Value::Number(_) => by_number(integer(value)?),
        // Envoy trims a number, and not a name.
        Value::String(text) => by_name(text).or_else(|| by_number(text.trim_ascii().parse().ok()?)),
        _ => None,
    };
    found.map(|(_, name)| Value::from(*name))
}

/// The content of an `Any`.
pub(super) enum Contents {
    /// A message of Envoy's, whose fields are beside `@type`.
    Message,
    /// A `Struct` or a scalar of protocol buffers in `value`.
    Opaque,
    /// The wrapper that a file of resources may have around each: the message is in `resource`.
    Resource,
    /// A `TypedStruct` in place of a message of Envoy's, whose fields are in `value`.
    TypedStruct(String),
}

/// Returns the content of a message, by its `@type`, and by the `type_url` of a `TypedStruct`.
pub(super) fn contents(kind: Option<&str>, type_url: Option<&str>) -> Contents {
    let name = |url: &str| url.rsplit('/').next().unwrap_or_default().to_owned();
    let Some(kind) = kind.map(name) else { return Contents::Message };
    match (kind.as_str(), type_url) {
        ("xds.type.v3.TypedStruct" | "udpa.type.v1.TypedStruct", Some(url)) => {
            Contents::TypedStruct(format!("type.googleapis.com/{}", name(url)))
        }
        ("envoy.service.discovery.v3.Resource", _) => Contents::Resource,
        _ if kind.starts_with("google.protobuf.") => Contents::Opaque,
        _ => Contents::Message,
    }
}
