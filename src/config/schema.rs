//! The JSON Schema of the configuration, for editors: names, types and descriptions of the `raw`
//! types.
//!
//! The schema accepts every configuration that [`super::Config::from_bytes`] accepts, and some that
//! it rejects. There is one exception: the filter skips an unusable key of `local_jwks`, and the
//! schema rejects it if a member has the wrong type.

mod documents;

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::duration::ConfigDuration;
use super::raw;
use crate::crypto::Algorithm;

pub(super) use documents::{DenylistEntry, JwkSet};

/// Returns the JSON Schema of the configuration (draft 2020-12).
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with_transform(WithoutNull);
    let mut schema = settings.into_generator().into_root_schema_for::<raw::Config>();
    schema.insert("title".to_owned(), json!(env!("CARGO_PKG_NAME")));
    schema.to_value()
}

/// A list of algorithm names.
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

impl JsonSchema for ConfigDuration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "title": "Duration",
            "description": "A number, which may have three decimal places, and a unit: `500ms`, `0.5s`, `5s`, `10m`, `1h`, `1d`.",
            "pattern": r"^[0-9]+(\.[0-9]{1,3})?(ms|s|m|h|d)$",
        })
    }
}

/// Removes `null` from the schema. serde accepts null for every optional field; the filter rejects
/// it.
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
