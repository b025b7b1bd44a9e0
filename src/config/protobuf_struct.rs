//! `google.protobuf.Struct`, the plain YAML of an envoy.yaml, as JSON.
//!
//! Envoy's documentation says that it hands a Struct on as JSON. Envoy 1.36 to 1.40 hand on the message as it is
//! (`MessageUtil::anyToBytes` unwraps StringValue and BytesValue only), so it is read here. Istio makes JSON of its
//! `pluginConfig` by itself.

use prost::Message as _;
use prost_types::value::Kind;
use prost_types::{Struct, Value as ProtoValue};

use crate::json::{self, Object, Value};

/// The object that a serialized Struct is, or `None` if these bytes are none.
pub(super) fn decode(bytes: &[u8]) -> Option<Value> {
    object(Struct::decode(bytes).ok()?)
}

fn object(message: Struct) -> Option<Value> {
    // One by one: `collect` sorts them first, which takes 6 KiB of the module.
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

/// A Struct has doubles only. What was a whole number is one again, as far as a double can tell.
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
    fn every_kind_of_value_comes_back() {
        let json = serde_json::json!({ "n": null, "b": true, "i": -300, "f": 1.5, "s": "é", "l": [{}, [], 0], "o": { "a": 1 } });
        let Some(Kind::StructValue(message)) = message(&json).kind else { unreachable!() };
        assert_eq!(decode(&message.encode_to_vec()), Some(json));
    }

    #[test]
    fn bytes_that_are_no_struct() {
        // The second is a member without a value, the third a number that JSON does not have.
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
