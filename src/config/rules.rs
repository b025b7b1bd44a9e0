//! `rules` and `route_policies`.

use std::collections::HashMap;

use super::error::ConfigError;
use super::field_path::FieldPath;
use super::introspection;
use super::reader::ByName;
use super::request_match::request_match;
use super::requirement::{RequirementContext, requirement};
use super::{Provider, raw};
use crate::policy::{Access, Mode, NormalizationOptions, PathMatch, Policy, Rule, RuleAction};

pub(super) fn policy(
    at: &FieldPath<'_>,
    raw: Vec<raw::Rule>,
    providers: &[Provider],
    normalization: NormalizationOptions,
) -> Result<Policy, ConfigError> {
    let rules = at.each(raw, |at, raw| rule(at, raw, providers, normalization))?;
    Ok(Policy::new(rules).with_normalization(normalization))
}

pub(super) fn route_policies(
    at: &FieldPath<'_>,
    ByName(raw): ByName<raw::RoutePolicy>,
    providers: &[Provider],
) -> Result<HashMap<String, RuleAction>, ConfigError> {
    let mut policies = HashMap::new();
    for (name, raw) in raw {
        let at = at.field(&name);
        at.check_name(&name)?;
        // A route policy has no path template, and so no variables.
        let context = RequirementContext { providers, variables: &[] };
        let raw::RoutePolicy { public, deny, requires, introspect, mode } = raw;
        let fields = RuleFields { public, deny, requires, introspect, mode };
        let action = action(&at, fields, context)?;
        policies.insert(name, action);
    }
    Ok(policies)
}

fn rule(
    at: &FieldPath<'_>,
    raw: raw::Rule,
    providers: &[Provider],
    normalization: NormalizationOptions,
) -> Result<Rule, ConfigError> {
    let matches = request_match(&at.field("match"), raw.matches, normalization)?;
    let variables: Vec<String> =
        matches.path.iter().flat_map(PathMatch::variable_names).map(str::to_owned).collect();
    let context = RequirementContext { providers, variables: &variables };
    let raw::Rule { public, deny, requires, introspect, mode, .. } = raw;
    let fields = RuleFields { public, deny, requires, introspect, mode };
    Ok(Rule { action: action(at, fields, context)?, matches })
}

/// The fields that rules and route policies share.
struct RuleFields {
    public: Option<bool>,
    deny: Option<bool>,
    requires: Option<raw::Requires>,
    introspect: Option<bool>,
    mode: Option<raw::Mode>,
}

fn action(
    at: &FieldPath<'_>,
    fields: RuleFields,
    context: RequirementContext<'_>,
) -> Result<RuleAction, ConfigError> {
    let (public, deny) = (fields.public.unwrap_or(false), fields.deny.unwrap_or(false));
    let access = match (public, deny, fields.requires) {
        (true, false, None) => Access::Public,
        (false, true, None) => Access::Deny,
        (false, false, Some(requires)) => {
            Access::Requires(Box::new(requirement(&at.field("requires"), requires, context)?))
        }
        _ => {
            return Err(at.error(
                "must have one of `public: true`, `deny: true` and `requires` (`requires: {}` accepts any valid token)",
            ));
        }
    };
    let mode = match (fields.mode, &access) {
        (None | Some(raw::Mode::Enforce), _) => Mode::Enforce,
        (Some(_), Access::Public) => {
            return Err(at.field("mode").error("must not be combined with `public: true`"));
        }
        (Some(raw::Mode::Optional), Access::Deny) => {
            return Err(at.field("mode").error("must be `enforce` or `shadow` with `deny: true`"));
        }
        (Some(raw::Mode::Optional), _) => Mode::Optional,
        (Some(raw::Mode::Shadow), _) => Mode::Shadow,
    };
    let introspect = fields.introspect.unwrap_or(false);
    if introspect {
        let at = at.field("introspect");
        match &access {
            Access::Requires(requirement) => {
                introspection::check_rule(&at, &requirement.providers, context.providers)?;
            }
            Access::Public | Access::Deny => return Err(at.error("must not be `true` without `requires`")),
        }
        // A policy in shadow mode must not cause calls for requests that it does not decide.
        if mode == Mode::Shadow {
            return Err(at.error("must not be `true` with `mode: shadow`"));
        }
    }
    Ok(RuleAction { access, mode, introspect })
}
