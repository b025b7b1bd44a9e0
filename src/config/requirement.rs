//! What a rule asks of a valid token.

use super::error::{ConfigError, Path};
use super::provider;
use super::remote::DAY;
use super::{Provider, raw, regex};
use crate::json::{MAX_SAFE_INTEGER, Value};
use crate::policy::{ClaimMatch, ClaimTest, GroupMatch, Requirement, StepUp};

/// `any_of` in `all_of` in `not`: deeper than this nobody can read it.
const MAX_DEPTH: usize = 8;
/// Okta's claim for groups.
const GROUPS: &str = "groups";
/// As long ago as anybody could have authenticated. Zero asks for an authentication just now (OpenID Connect Core 3.1.2.1).
const MAX_AGE: std::ops::RangeInclusive<std::time::Duration> =
    std::time::Duration::ZERO..=std::time::Duration::from_secs(366 * 86_400);

/// What a requirement may refer to.
#[derive(Clone, Copy)]
pub(super) struct RequirementScope<'a> {
    /// The providers.
    pub(super) providers: &'a [Provider],
    /// The variables of the rule's path template.
    pub(super) variables: &'a [String],
}

pub(super) fn requirement(
    at: &Path,
    raw: raw::Requires,
    known: RequirementScope<'_>,
) -> Result<Requirement, ConfigError> {
    nested(at, raw, known, MAX_DEPTH)
}

fn nested(
    at: &Path,
    raw: raw::Requires,
    known: RequirementScope<'_>,
    depth: usize,
) -> Result<Requirement, ConfigError> {
    let Some(deeper) = depth.checked_sub(1) else {
        return Err(at.error(format!("must not be nested more than {MAX_DEPTH} deep")));
    };
    // A part that every token meets makes `any_of` ask for nothing, and adds nothing to `all_of`: not what was meant.
    let part = |at: Path, raw| match nested(&at, raw, known, deeper)? {
        part if part.is_empty() => Err(at.error("must not be empty: every token meets it")),
        part => Ok(part),
    };
    let several = |name: &str, list: Option<Vec<raw::Requires>>| {
        let at = at.field(name);
        match list {
            None => Ok(Vec::new()),
            Some(list) if list.is_empty() => Err(at.error("must not be empty")),
            Some(list) => list.into_iter().enumerate().map(|(i, raw)| part(at.index(i), raw)).collect(),
        }
    };
    if raw.claims.as_ref().is_some_and(Vec::is_empty) {
        return Err(at.field("claims").error("must not be empty"));
    }
    let claims = raw.claims.unwrap_or_default().into_iter().enumerate();
    let not = match raw.not {
        None => None,
        Some(inner) => {
            let at = at.field("not");
            let inner = nested(&at, *inner, known, deeper)?;
            if inner.is_empty() {
                return Err(at.error("must not be empty: it would refuse everybody"));
            }
            Some(Box::new(inner))
        }
    };
    let providers = providers(&at.field("providers"), raw.providers, known)?;
    Ok(Requirement {
        scopes: scopes(&at.field("scopes"), raw.scopes)?,
        any_scopes: scopes(&at.field("any_scopes"), raw.any_scopes)?,
        audiences: audiences(&at.field("audiences"), raw.audiences, &providers, known)?,
        providers,
        groups: groups(at, raw.groups, raw.groups_claim)?,
        client_ids: at.field("client_ids").optional(raw.client_ids)?,
        subjects: at.field("subjects").optional(raw.subjects)?,
        user: raw.user,
        step_up: step_up(at, raw.acr_values, raw.max_age)?,
        claims: claims
            .map(|(i, raw)| claim(&at.field("claims").index(i), raw, known))
            .collect::<Result<_, _>>()?,
        any_of: several("any_of", raw.any_of)?,
        all_of: several("all_of", raw.all_of)?,
        not,
    })
}

/// Reads names of providers. No list is all providers.
pub(super) fn providers(
    at: &Path,
    names: Option<Vec<String>>,
    known: RequirementScope<'_>,
) -> Result<Vec<String>, ConfigError> {
    let names = at.optional(names)?;
    let is_known = |name: &String| known.providers.iter().any(|provider| provider.name == *name);
    match names.iter().position(|name| !is_known(name)) {
        Some(index) => Err(at.index(index).error("is not the name of a provider")),
        None => Ok(names),
    }
}

/// Reads audiences. One that no provider accepts could never match, and neither could one of another provider than those
/// that the requirement names.
fn audiences(
    at: &Path,
    audiences: Option<Vec<String>>,
    providers: &[String],
    known: RequirementScope<'_>,
) -> Result<Vec<String>, ConfigError> {
    let audiences = at.optional(audiences)?;
    let named = |provider: &&Provider| providers.is_empty() || providers.contains(&provider.name);
    let accepts = |audience: &String| {
        known.providers.iter().filter(named).any(|provider| provider.expected.audiences.contains(audience))
    };
    match audiences.iter().position(|audience| !accepts(audience)) {
        Some(index) => Err(at.index(index).error("must be one of the providers' `audiences`")),
        None => Ok(audiences),
    }
}

fn groups(
    at: &Path,
    groups: Option<Vec<String>>,
    claim: Option<raw::ClaimName>,
) -> Result<Option<GroupMatch>, ConfigError> {
    match (groups, claim) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(at.field("groups_claim").error("is for `groups`, which are not there")),
        (Some(groups), claim) => {
            let claim = match claim {
                Some(name) => claim_path(&at.field("groups_claim"), name)?,
                None => vec![GROUPS.to_owned()],
            };
            Ok(Some(GroupMatch { claim, any_of: at.field("groups").non_empty(groups)? }))
        }
    }
}

fn step_up(
    at: &Path,
    acr_values: Option<Vec<String>>,
    max_age: Option<super::duration::Duration>,
) -> Result<StepUp, ConfigError> {
    let max_age = match max_age {
        None => None,
        written => Some(provider::seconds(written, (DAY, MAX_AGE), &at.field("max_age"))?),
    };
    Ok(StepUp { acr_values: scopes(&at.field("acr_values"), acr_values)?, max_age })
}

/// Scopes are quoted into the challenge as they are, and are scope-tokens (RFC 6749 section 3.3). So are `acr_values`
/// (RFC 9470 section 3).
pub(super) fn scopes(at: &Path, scopes: Option<Vec<String>>) -> Result<Vec<String>, ConfigError> {
    let scopes = at.optional(scopes)?;
    let fits = |byte: u8| matches!(byte, b'!'..=b'~') && byte != b'"' && byte != b'\\';
    match scopes.iter().position(|scope| !scope.bytes().all(fits)) {
        Some(index) => Err(at.index(index).error("must be printable ASCII without space, `\"` and `\\`")),
        None => Ok(scopes),
    }
}

fn claim(at: &Path, raw: raw::Claim, known: RequirementScope<'_>) -> Result<ClaimMatch, ConfigError> {
    let path = claim_path(&at.field("name"), raw.name)?;
    let mut values = raw.any_of.iter().flatten().chain(&raw.equals);
    let inexact = |value: &Value| {
        value.is_f64() && value.as_f64().is_some_and(|number| number.abs() > MAX_SAFE_INTEGER)
    };
    if values.any(inexact) {
        return Err(at.error(
            "has a number of 2^53 or more, which YAML in an Envoy configuration does not carry exactly",
        ));
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
        (None, None, None, Some(name), None) if !known.variables.contains(&name) => {
            let problem = "is not a variable of the rule's `path_template`";
            return Err(at.field("path_variable").error(problem));
        }
        (None, None, None, Some(name), None) => ClaimTest::PathVariable(name),
        (None, None, None, None, Some(exists)) => ClaimTest::Exists(exists),
        _ => {
            return Err(
                at.error("needs exactly one of `any_of`, `equals`, `matches`, `path_variable`, `exists`")
            );
        }
    };
    Ok(ClaimMatch { path, test })
}

pub(super) fn claim_path(at: &Path, name: raw::ClaimName) -> Result<Vec<String>, ConfigError> {
    match name {
        raw::ClaimName::Names(names) => at.non_empty(names),
        raw::ClaimName::Dotted(path) => {
            let names: Vec<_> = path.split('.').map(str::to_owned).collect();
            if names.iter().any(String::is_empty) {
                return Err(
                    at.error("must be names with dots between them; write a name that has dots as a list")
                );
            }
            Ok(names)
        }
    }
}
