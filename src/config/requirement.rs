//! `requires`: the requirement of a rule on a valid token.

use super::error::ConfigError;
use super::field_path::FieldPath;
use super::provider;
use super::remote::DAY;
use super::{Provider, agents, raw, regex};
use crate::json::{MAX_SAFE_INTEGER, Value};
use crate::policy::{ClaimMatch, ClaimTest, GroupMatch, Requirement, StepUp};

/// The maximum depth of `any_of`, `all_of` and `not`. A deeper requirement is unreadable.
const MAX_DEPTH: usize = 8;
/// The default of `groups_claim`, the claim with the groups in Okta.
const GROUPS: &str = "groups";
/// The range of `max_age`. Zero requires a new authentication (OpenID Connect Core section
/// 3.1.2.1).
const MAX_AGE: std::ops::RangeInclusive<std::time::Duration> =
    std::time::Duration::ZERO..=std::time::Duration::from_secs(366 * 86_400);

/// The parts of the configuration that a requirement can refer to.
#[derive(Clone, Copy)]
pub(super) struct RequirementContext<'a> {
    /// The providers.
    pub(super) providers: &'a [Provider],
    /// The variables of the rule's path template.
    pub(super) variables: &'a [String],
}

pub(super) fn requirement(
    at: &FieldPath<'_>,
    raw: raw::Requires,
    context: RequirementContext<'_>,
) -> Result<Requirement, ConfigError> {
    nested(at, raw, context, (MAX_DEPTH, false))
}

/// Converts a requirement. `depth` is the number of levels that it can have, and `is_negated` whether
/// it is in `not`.
fn nested(
    at: &FieldPath<'_>,
    raw: raw::Requires,
    context: RequirementContext<'_>,
    (depth, is_negated): (usize, bool),
) -> Result<Requirement, ConfigError> {
    let Some(deeper) = depth.checked_sub(1) else {
        return Err(at.error(format!("must not be nested more than {MAX_DEPTH} levels deep")));
    };
    // A part that every token meets makes `any_of` ineffective, and has no effect in `all_of`. It
    // is a mistake.
    let part = |at: &FieldPath<'_>, raw| match nested(at, raw, context, (deeper, is_negated))? {
        part if part.is_empty() => Err(at.error("must not be empty: every token meets it")),
        part => Ok(part),
    };
    let several = |name: &str, list: Option<Vec<raw::Requires>>| {
        let at = at.field(name);
        match list {
            None => Ok(Vec::new()),
            Some(list) if list.is_empty() => Err(at.error("must not be empty")),
            Some(list) => at.each(list, part),
        }
    };
    if raw.claims.as_ref().is_some_and(Vec::is_empty) {
        return Err(at.field("claims").error("must not be empty"));
    }
    let not = match raw.not {
        None => None,
        Some(inner) => {
            let at = at.field("not");
            let inner = nested(&at, *inner, context, (deeper, true))?;
            if inner.demands_sender_constraint() {
                return Err(at.error("must not have `sender_constrained`: it would deny secured tokens"));
            }
            if inner.is_empty() {
                return Err(at.error("must not be empty: it would deny every request"));
            }
            Some(Box::new(inner))
        }
    };
    if raw.sender_constrained == Some(false) {
        return Err(at.field("sender_constrained").error("must be `true`"));
    }
    let providers = providers(&at.field("providers"), raw.providers, context)?;
    Ok(Requirement {
        scopes: scopes(&at.field("scopes"), raw.scopes)?,
        any_scopes: scopes(&at.field("any_scopes"), raw.any_scopes)?,
        audiences: audiences(&at.field("audiences"), raw.audiences, &providers, context)?,
        providers,
        groups: groups(at, raw.groups, raw.groups_claim)?,
        client_ids: at.field("client_ids").optional_list(raw.client_ids)?,
        subjects: at.field("subjects").optional_list(raw.subjects)?,
        user: raw.user,
        sender_constrained: raw.sender_constrained.unwrap_or(false),
        step_up: step_up(at, raw.acr_values, raw.max_age)?,
        claims: at.field("claims").each(raw.claims.unwrap_or_default(), |at, raw| claim(at, raw, context))?,
        authorization_details: agents::authorization_details(
            &at.field("authorization_details"),
            raw.authorization_details,
            is_negated,
        )?,
        actor: agents::actor(&at.field("actor"), raw.actor)?,
        any_of: several("any_of", raw.any_of)?,
        all_of: several("all_of", raw.all_of)?,
        not,
    })
}

/// Checks the names of providers. An empty result means all providers.
pub(super) fn providers(
    at: &FieldPath<'_>,
    names: Option<Vec<String>>,
    context: RequirementContext<'_>,
) -> Result<Vec<String>, ConfigError> {
    let names = at.optional_list(names)?;
    let is_known = |name: &String| context.providers.iter().any(|provider| provider.name == *name);
    let Some(index) = names.iter().position(|name| !is_known(name)) else { return Ok(names) };
    let known: Vec<_> = context.providers.iter().map(|provider| provider.name.as_str()).collect();
    Err(at.index(index).error(format!("must be the name of a provider: `{}`", known.join("`, `"))))
}

/// Checks audiences. An audience that none of these providers accepts could never match.
fn audiences(
    at: &FieldPath<'_>,
    audiences: Option<Vec<String>>,
    providers: &[String],
    context: RequirementContext<'_>,
) -> Result<Vec<String>, ConfigError> {
    let audiences = at.optional_list(audiences)?;
    let is_named = |provider: &&Provider| providers.is_empty() || providers.contains(&provider.name);
    let is_accepted = |audience: &String| {
        context
            .providers
            .iter()
            .filter(is_named)
            .any(|provider| provider.requirements.audiences.contains(audience))
    };
    match audiences.iter().position(|audience| !is_accepted(audience)) {
        Some(index) => Err(at.index(index).error("must be one of the `audiences` of the providers")),
        None => Ok(audiences),
    }
}

fn groups(
    at: &FieldPath<'_>,
    groups: Option<Vec<String>>,
    claim: Option<raw::ClaimName>,
) -> Result<Option<GroupMatch>, ConfigError> {
    match (groups, claim) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(at.field("groups_claim").error("must not be set without `groups`")),
        (Some(groups), claim) => {
            let claim = match claim {
                Some(name) => claim_path(&at.field("groups_claim"), name)?,
                None => vec![GROUPS.to_owned()],
            };
            Ok(Some(GroupMatch { claim, any_of: at.field("groups").non_empty_list(groups)? }))
        }
    }
}

fn step_up(
    at: &FieldPath<'_>,
    acr_values: Option<Vec<String>>,
    max_age: Option<super::duration::ConfigDuration>,
) -> Result<StepUp, ConfigError> {
    let max_age = match max_age {
        None => None,
        age => Some(provider::seconds(age, (DAY, MAX_AGE), &at.field("max_age"))?),
    };
    Ok(StepUp { acr_values: scopes(&at.field("acr_values"), acr_values)?, max_age })
}

/// Checks a list of scope-tokens (RFC 6749 section 3.3) or `acr_values` (RFC 9470 section 3). A
/// challenge can quote them without escapes.
pub(super) fn scopes(at: &FieldPath<'_>, scopes: Option<Vec<String>>) -> Result<Vec<String>, ConfigError> {
    let scopes = at.optional_list(scopes)?;
    let is_allowed = |byte: u8| matches!(byte, b'!'..=b'~') && byte != b'"' && byte != b'\\';
    match scopes.iter().position(|scope| !scope.bytes().all(is_allowed)) {
        Some(index) => Err(at.index(index).error("must be printable ASCII without space, `\"` and `\\`")),
        None => Ok(scopes),
    }
}

fn claim(
    at: &FieldPath<'_>,
    raw: raw::Claim,
    context: RequirementContext<'_>,
) -> Result<ClaimMatch, ConfigError> {
    let path = claim_path(&at.field("name"), raw.name)?;
    let mut values = raw.any_of.iter().flatten().chain(&raw.equals);
    let is_inexact = |value: &Value| {
        value.is_f64() && value.as_f64().is_some_and(|number| number.abs() > MAX_SAFE_INTEGER)
    };
    if values.any(is_inexact) {
        return Err(at.error("must not have a number of 2^53 or more: Envoy does not pass it exactly"));
    }
    let test = match (raw.any_of, raw.equals, raw.matches, raw.path_variable, raw.exists) {
        (Some(values), None, None, None, None) if values.is_empty() => {
            return Err(at.field("any_of").error("must not be empty"));
        }
        (Some(values), None, None, None, None) => ClaimTest::AnyOf(values),
        (None, Some(value), None, None, None) => ClaimTest::AnyOf(vec![value]),
        (None, None, Some(pattern), None, None) => {
            ClaimTest::Matches(regex::anchored(&at.field("matches"), pattern)?)
        }
        (None, None, None, Some(name), None) if !context.variables.contains(&name) => {
            let problem = "must be a variable of the `path_template` of the rule";
            return Err(at.field("path_variable").error(problem));
        }
        (None, None, None, Some(name), None) => ClaimTest::PathVariable(name),
        (None, None, None, None, Some(exists)) => ClaimTest::Exists(exists),
        _ => {
            return Err(
                at.error("must have exactly one of `any_of`, `equals`, `matches`, `path_variable`, `exists`")
            );
        }
    };
    Ok(ClaimMatch { path, test })
}

/// Parses the name of a claim into the names of the members that lead to it.
pub(super) fn claim_path(at: &FieldPath<'_>, name: raw::ClaimName) -> Result<Vec<String>, ConfigError> {
    match name {
        raw::ClaimName::Names(names) => at.non_empty_list(names),
        raw::ClaimName::Dotted(path) => {
            let names: Vec<_> = path.split('.').map(str::to_owned).collect();
            if names.iter().any(String::is_empty) {
                return Err(at.error("must be names with dots between them; a list can have names with dots"));
            }
            Ok(names)
        }
    }
}
