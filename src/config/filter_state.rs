//! `filter_state`: the values that the filter writes for allowed requests.

use super::error::ConfigError;
use super::field_path::FieldPath;
use super::raw;
use crate::filter_state::FilterStateName;

pub(super) fn filter_state(
    at: &FieldPath<'_>,
    raw: Option<Vec<raw::FilterStateName>>,
) -> Result<Vec<FilterStateName>, ConfigError> {
    let mut names = Vec::new();
    for (index, raw) in raw.into_iter().flatten().enumerate() {
        let name = match raw {
            raw::FilterStateName::Decision => FilterStateName::Decision,
            raw::FilterStateName::Code => FilterStateName::Code,
            raw::FilterStateName::Sub => FilterStateName::Sub,
            raw::FilterStateName::Uid => FilterStateName::Uid,
            raw::FilterStateName::Cid => FilterStateName::Cid,
            raw::FilterStateName::Provider => FilterStateName::Provider,
            raw::FilterStateName::Scopes => FilterStateName::Scopes,
        };
        if names.contains(&name) {
            return Err(at.index(index).error("duplicate entry"));
        }
        names.push(name);
    }
    Ok(names)
}
