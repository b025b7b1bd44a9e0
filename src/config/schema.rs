//! The JSON Schema of the configuration, for editors: names, types and descriptions, as the `raw` types have them.
//!
//! It promises less than [`super::Config::from_bytes`] checks: what it refuses is refused there, too, and not the other way
//! round.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::duration::Duration;
use super::raw;
use crate::crypto::Algorithm;

/// The schema, in draft 2020-12.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with_transform(WithoutNull);
    let mut schema = settings.into_generator().into_root_schema_for::<raw::Config>();
    schema.insert("title".to_owned(), json!(env!("CARGO_PKG_NAME")));
    schema.to_value()
}

/// A list of algorithms, by their names.
pub(super) enum Algorithms {}

impl JsonSchema for Algorithms {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Algorithms".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<_> = Algorithm::ALL.iter().map(|algorithm| algorithm.name()).collect();
        json_schema!({ "type": "array", "items": { "type": "string", "enum": names }, "minItems": 1 })
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A number and a unit: `500ms`, `5s`, `10m`, `1h`, `1d`.",
            "pattern": r"^[0-9]+(\.[0-9]{1,3})?(ms|s|m|h|d)$",
        })
    }
}

/// To serde, what may be left out may be null as well. The filter refuses null.
#[derive(Clone, Debug)]
struct WithoutNull;

impl Transform for WithoutNull {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let null = json!("null");
        if let Some(Value::Array(types)) = schema.get_mut("type") {
            types.retain(|kind| *kind != null);
            if let [only] = types.as_slice() {
                let only = only.clone();
                schema.insert("type".to_owned(), only);
            }
        }
        if let Some(Value::Array(alternatives)) = schema.get_mut("anyOf") {
            alternatives.retain(|alternative| alternative.get("type") != Some(&null));
            if let [Value::Object(only)] = alternatives.as_slice() {
                let only = only.clone();
                schema.remove("anyOf");
                let members = only.into_iter().filter(|(name, _)| name != "description");
                members.for_each(|(name, value)| drop(schema.insert(name, value)));
            }
        }
    }
}
