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

/// Removes `null` from the schema. The derived schema accepts null for every optional field; the
/// filter rejects it.
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::reader::{self, Field, Fields, Presence, Read};

    /// Returns the names between backticks.
    fn quoted(text: &str) -> BTreeSet<String> {
        text.split('`').skip(1).step_by(2).filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    fn strings<'a>(values: impl IntoIterator<Item = &'a Value>) -> BTreeSet<String> {
        values.into_iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Asserts that the fields of the reader are those of the schema, and that the reader requires
    /// those that the schema requires. Returns the name of the type.
    fn assert_fields<T: Fields + JsonSchema>() -> String {
        let name = T::schema_name().into_owned();
        let schema = SchemaGenerator::default().into_root_schema_for::<T>().to_value();
        let properties = schema["properties"].as_object().into_iter().flatten();
        let properties: BTreeSet<_> = properties.map(|(name, _)| name.clone()).collect();
        let fields = |is_included: &dyn Fn(&Field) -> bool| -> BTreeSet<_> {
            T::FIELDS.iter().filter(|field| is_included(field)).map(|field| field.name.to_owned()).collect()
        };
        assert_eq!(fields(&|_| true), properties, "{name}");
        let required = strings(schema["required"].as_array().into_iter().flatten());
        assert_eq!(fields(&|field| field.presence == Presence::Required), required, "{name}");
        name
    }

    /// Asserts that the names of the reader are those of the schema. Returns the name of the type.
    fn assert_names<T: Read + JsonSchema>() -> String {
        let name = T::schema_name().into_owned();
        let schema = SchemaGenerator::default().into_root_schema_for::<T>().to_value();
        let error = |text: &str| reader::read::<T>(&json!(text)).err().map(|error| error.problem);
        let names = strings(schema["oneOf"].as_array().unwrap().iter().map(|variant| &variant["const"]));
        assert_eq!(quoted(&error("").unwrap()), names, "{name}");
        for text in names {
            assert_eq!(error(&text), None, "{name}");
        }
        name
    }

    macro_rules! each_type {
        ($function:ident, [$($type:ident),* $(,)?]) => { [$($function::<raw::$type>()),*] };
    }

    #[test]
    fn schema_of_each_type_has_the_fields_and_names_of_the_reader() {
        let structs = each_type!(
            assert_fields,
            [
                Actor,
                AuthorizationDetail,
                CertificateHeader,
                Claim,
                ClaimToHeader,
                ClientSecret,
                Config,
                CustomBody,
                Denylist,
                Dpop,
                ExternalUrl,
                HeaderSource,
                Introspection,
                IntrospectionAuth,
                Mtls,
                NamedStringMatcher,
                NoAuth,
                Nonce,
                PrivateKeyJwt,
                ProtectedResource,
                Provider,
                RegexMatcher,
                RemoteDenylist,
                RemoteJwks,
                ReplaySize,
                RequestMatch,
                Requires,
                Responses,
                RoutePolicy,
                Rule,
                StringMatcher
            ]
        );
        let enums = each_type!(
            assert_names,
            [
                AllowInPaths,
                Body,
                CertificateFormat,
                CertificateOrigin,
                FilterStateName,
                ForwardAs,
                IntrospectedTokens,
                Mode,
                OtherFields,
                PolicyMode,
                Scheme,
                SenderConstrained,
                TokenProfile
            ]
        );
        let mut checked = BTreeSet::from(structs);
        checked.extend(enums);
        checked.remove("Config");
        // Types with several forms, and types without a reader.
        let others = ["ClaimName", "DenylistEntry", "Duration", "Jwk", "JwkSet", "Replay", "SafeRegex"];
        checked.extend(others.map(str::to_owned));
        let defined: BTreeSet<_> = schema()["$defs"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(checked, defined);
    }
}
