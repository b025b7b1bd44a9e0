//! `authorization_details` and `actor`: conditions on the authorization of agents.

use super::error::ConfigError;
use super::field_path::FieldPath;
use super::raw;
use crate::claims::MAX_ACTORS;
use crate::policy::{ActorMatch, AuthorizationDetailMatch};

/// Converts the conditions on `authorization_details`. `is_negated` is whether they are in `not`.
pub(super) fn authorization_details(
    at: &FieldPath<'_>,
    raw: Option<Vec<raw::AuthorizationDetail>>,
    is_negated: bool,
) -> Result<Vec<AuthorizationDetailMatch>, ConfigError> {
    let Some(raw) = raw else { return Ok(Vec::new()) };
    if raw.is_empty() {
        return Err(at.error("must not be empty"));
    }
    // A token would meet `not` by one more member, or by a list of another type.
    if is_negated {
        return Err(at.error("must not be in `not`: a token with another member would meet it"));
    }
    at.each(raw, detail)
}

fn detail(
    at: &FieldPath<'_>,
    raw: raw::AuthorizationDetail,
) -> Result<AuthorizationDetailMatch, ConfigError> {
    if raw.detail_type.is_empty() {
        return Err(at.field("type").error("must not be empty"));
    }
    if raw.identifier.as_ref().is_some_and(String::is_empty) {
        return Err(at.field("identifier").error("must not be empty"));
    }
    let mut lists = Vec::new();
    for (name, list) in [
        ("actions", raw.actions),
        ("locations", raw.locations),
        ("datatypes", raw.datatypes),
        ("privileges", raw.privileges),
    ] {
        if let Some(list) = list {
            lists.push((name, at.field(name).non_empty_list(list)?));
        }
    }
    Ok(AuthorizationDetailMatch {
        detail_type: raw.detail_type,
        identifier: raw.identifier,
        lists,
        ignore_other_fields: matches!(raw.other_fields, Some(raw::OtherFields::Ignore)),
    })
}

/// Converts the condition on `act`.
pub(super) fn actor(at: &FieldPath<'_>, raw: Option<raw::Actor>) -> Result<Option<ActorMatch>, ConfigError> {
    let Some(raw::Actor { present, subjects, max_depth }) = raw else { return Ok(None) };
    if present.is_none() && subjects.is_none() && max_depth.is_none() {
        return Err(at.error("must have `present`, `subjects` or `max_depth`"));
    }
    if present == Some(false) && (subjects.is_some() || max_depth.is_some()) {
        return Err(at.error("must not have `subjects` or `max_depth` with `present: false`"));
    }
    let max_depth = max_depth.map(|depth| usize::try_from(depth).unwrap_or(usize::MAX));
    if max_depth.is_some_and(|depth| !(1..=MAX_ACTORS).contains(&depth)) {
        return Err(at.field("max_depth").error(format!("must be from 1 to {MAX_ACTORS}")));
    }
    Ok(Some(ActorMatch { present, subjects: at.field("subjects").optional_list(subjects)?, max_depth }))
}
