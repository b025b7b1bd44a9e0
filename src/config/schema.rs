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
    use crate::config::reader::{self, Read};

    /// Returns the names between backticks.
    fn quoted(text: &str) -> BTreeSet<String> {
        text.split('`').skip(1).step_by(2).filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    fn strings<'a>(values: impl IntoIterator<Item = &'a Value>) -> BTreeSet<String> {
        values.into_iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Asserts that the reader accepts the fields of a struct, or the names of an enum, that the
    /// schema has. Returns the name of the type.
    fn assert_agrees<T: Read + JsonSchema>() -> String {
        let name = T::schema_name().into_owned();
        let schema = SchemaGenerator::default().into_root_schema_for::<T>().to_value();
        let error = |value: &Value| reader::read::<T>(value).err().map(|error| error.problem);
        if let Some(variants) = schema["oneOf"].as_array() {
            let names = strings(variants.iter().map(|variant| &variant["const"]));
            assert_eq!(quoted(&error(&json!("")).unwrap()), names, "{name}");
            for text in names {
                assert_eq!(error(&json!(text)), None, "{name}");
            }
        } else {
            let properties = schema["properties"].as_object().into_iter().flatten();
            let names: BTreeSet<_> = properties.map(|(name, _)| name.clone()).collect();
            assert_eq!(quoted(&error(&json!({ "": 0 })).unwrap()), names, "{name}");
            let required = strings(schema["required"].as_array().into_iter().flatten());
            let missing = error(&json!({})).map(|problem| quoted(&problem)).unwrap_or_default();
            assert_eq!(missing.is_empty(), required.is_empty(), "{name}");
            assert!(missing.is_subset(&required), "{name}: {missing:?}");
        }
        name
    }

    macro_rules! assert_all_agree {
        ($($type:ident),* $(,)?) => { BTreeSet::from([$(assert_agrees::<raw::$type>()),*]) };
    }

    #[test]
    fn schema_of_each_type_has_the_fields_and_names_of_the_reader() {
        let mut checked = assert_all_agree!(
            Actor,
            AllowInPaths,
            AuthorizationDetail,
            Body,
            CertificateFormat,
            CertificateHeader,
            CertificateOrigin,
            Claim,
            ClaimToHeader,
            ClientSecret,
            Config,
            CustomBody,
            Denylist,
            Dpop,
            ExternalUrl,
            ForwardAs,
            HeaderSource,
            IntrospectedTokens,
            Introspection,
            IntrospectionAuth,
            Mode,
            Mtls,
            NamedStringMatcher,
            NoAuth,
            Nonce,
            OtherFields,
            PolicyMode,
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
            Scheme,
            SenderConstrained,
            StringMatcher,
            TokenProfile,
        );
        checked.remove("Config");
        // Types with several forms, and types without a reader.
        let others = ["ClaimName", "DenylistEntry", "Duration", "Jwk", "JwkSet", "Replay", "SafeRegex"];
        checked.extend(others.map(str::to_owned));
        let defined: BTreeSet<_> = schema()["$defs"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(checked, defined);
    }
}
