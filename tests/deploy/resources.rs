//! Kubernetes resources, and the schemas of their kinds (`tests/data/crds`). The tests of the Helm
//! chart use this file too.

use jsonschema::error::ValidationErrorKind;
use serde_json::Value;
use test_support::root;

/// Reads all documents of a YAML file of the repository.
pub(crate) fn documents(file: &str) -> Vec<Value> {
    parse(&std::fs::read_to_string(root().join(file)).expect(file))
}

/// Parses all documents of a YAML text.
pub(crate) fn parse(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{error}:\n{text}"))
}

/// Returns the first violation of the schema of the resource's kind.
pub(crate) fn schema_violation(resource: &Value) -> Option<String> {
    let kind = resource["kind"].as_str().expect("a kind");
    let text = std::fs::read_to_string(root().join(format!("tests/data/crds/{kind}.json"))).expect(kind);
    let schema: Value = serde_json::from_str(&text).unwrap();
    let error = jsonschema::validate(&schema, resource).err()?;
    // The error of `additionalProperties` has the path of the object.
    if let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() {
        return Some(format!("{}/{}: is not allowed", error.instance_path(), unexpected.join(", ")));
    }
    let keyword = error.schema_path().to_string();
    let keyword = keyword.rsplit('/').next()?;
    Some(format!("{}: {keyword}: {error}", error.instance_path()))
}
