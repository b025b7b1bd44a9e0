//! Conversion of `google.protobuf.Struct`, a configuration as plain YAML in envoy.yaml, into JSON.
//!
//! Envoy's documentation says that Envoy passes a Struct as JSON. Envoy 1.36 to 1.40 pass the
//! serialized message (`MessageUtil::anyToBytes` unwraps only StringValue and BytesValue), so the
//! filter parses it. Istio converts its `pluginConfig` into JSON.

use prost::Message as _;
use prost_types::value::Kind;
use prost_types::{Struct, Value as ProtoValue};

use crate::json::{self, Object, Value};

/// Parses a serialized Struct. Returns `None` for other bytes.
pub(super) fn decode(bytes: &[u8]) -> Option<Value> {
    object(Struct::decode(bytes).ok()?)
}

fn object(message: Struct) -> Option<Value> {
    // `collect` would sort the members first, which takes 6 KiB of the module.
    let mut members = Object::new();
    for (name, member) in message.fields {
        members.insert(name, value(member)?);
    }
    Some(Value::Object(members))
}

fn value(message: ProtoValue) -> Option<Value> {
    Some(match message.kind? {
        Kind::NullValue(_) => Value::Null,
        Kind::BoolValue(bool) => Value::Bool(bool),
        Kind::StringValue(string) => Value::String(string),
        Kind::NumberValue(number) => self::number(number)?,
        Kind::ListValue(list) => Value::Array(list.values.into_iter().map(value).collect::<Option<_>>()?),
        Kind::StructValue(message) => object(message)?,
    })
}

/// Converts a number of a Struct, which is a double. A whole number within the exact range of a
/// double becomes an integer.
fn number(number: f64) -> Option<Value> {
    if number.fract() == 0.0 && number.abs() <= json::MAX_SAFE_INTEGER {
        return Some((number as i64).into());
    }
    serde_json::Number::from_f64(number).map(Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(json: &Value) -> ProtoValue {
        let kind = match json {
            Value::Null => Kind::NullValue(0),
            Value::Bool(bool) => Kind::BoolValue(*bool),
            Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap()),
            Value::String(string) => Kind::StringValue(string.clone()),
            Value::Array(items) => {
                Kind::ListValue(prost_types::ListValue { values: items.iter().map(message).collect() })
            }
            Value::Object(members) => Kind::StructValue(Struct {
                fields: members.iter().map(|(name, member)| (name.clone(), message(member))).collect(),
            }),
        };
        ProtoValue { kind: Some(kind) }
    }

    #[test]
    fn decode_every_kind_of_value_is_exact() {
        let json = serde_json::json!({ "n": null, "b": true, "i": -300, "f": 1.5, "s": "é", "l": [{}, [], 0], "o": { "a": 1 } });
        let Some(Kind::StructValue(message)) = message(&json).kind else { unreachable!() };
        assert_eq!(decode(&message.encode_to_vec()), Some(json));
    }

    #[test]
    fn decode_other_bytes_returns_none() {
        // JSON; a member without a value; NaN; a truncated message.
        for bytes in [
            &b"{\"providers\":{}}"[..],
            b"\x0a\x03\x0a\x01a",
            b"\x0a\x0e\x0a\x01a\x12\x09\x11\0\0\0\0\0\0\xf8\x7f",
            b"\x0a\xff",
        ] {
            assert_eq!(decode(bytes), None, "{bytes:?}");
        }
    }
}
