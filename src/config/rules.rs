//! Rules, and the policies that routes name.

use std::collections::{BTreeMap, HashMap};

use super::error::{ConfigError, Path};
use super::request_match::request_match;
use super::requirement::{RequirementScope, requirement};
use super::{Provider, raw};
use crate::policy::{Access, Mode, NormalizationOptions, PathMatch, Policy, Rule, RuleAction};

pub(super) fn policy(
    at: &Path,
    raw: Vec<raw::Rule>,
    providers: &[Provider],
    reading: NormalizationOptions,
) -> Result<Policy, ConfigError> {
    let rules =
        raw.into_iter().enumerate().map(|(index, raw)| rule(&at.index(index), raw, providers, reading));
    Ok(Policy::new(rules.collect::<Result<_, _>>()?).with_normalization(reading))
}

pub(super) fn route_policies(
    at: &Path,
    raw: BTreeMap<String, raw::RoutePolicy>,
    providers: &[Provider],
) -> Result<HashMap<String, RuleAction>, ConfigError> {
    let policy = |(name, raw): (String, raw::RoutePolicy)| {
        let at = at.field(&name);
        at.named(&name)?;
        // No path belongs to it.
        let known = RequirementScope { providers, variables: &[] };
        let asked = RuleFields { public: raw.public, deny: raw.deny, requires: raw.requires, mode: raw.mode };
        Ok((name, action(&at, asked, known)?))
    };
    raw.into_iter().map(policy).collect()
}

fn rule(
    at: &Path,
    raw: raw::Rule,
    providers: &[Provider],
    reading: NormalizationOptions,
) -> Result<Rule, ConfigError> {
    let matches = request_match(&at.field("match"), raw.matches, reading)?;
    let variables: Vec<String> =
        matches.path.iter().flat_map(PathMatch::variable_names).map(str::to_owned).collect();
    let known = RequirementScope { providers, variables: &variables };
    let asked = RuleFields { public: raw.public, deny: raw.deny, requires: raw.requires, mode: raw.mode };
    Ok(Rule { action: action(at, asked, known)?, matches })
}

/// What a rule and a route's policy have in common.
struct RuleFields {
    public: Option<bool>,
    deny: Option<bool>,
    requires: Option<raw::Requires>,
    mode: Option<raw::Mode>,
}

fn action(at: &Path, asked: RuleFields, known: RequirementScope<'_>) -> Result<RuleAction, ConfigError> {
    let (public, deny) = (asked.public.unwrap_or(false), asked.deny.unwrap_or(false));
    let access = match (public, deny, asked.requires) {
        (true, false, None) => Access::Public,
        (false, true, None) => Access::Deny,
        (false, false, Some(requires)) => {
            Access::Requires(Box::new(requirement(&at.field("requires"), requires, known)?))
        }
        _ => {
            return Err(at.error(
                "needs one of `public: true`, `deny: true` and `requires` (`requires: {}` is any valid token)",
            ));
        }
    };
    let mode = match (asked.mode, &access) {
        (None | Some(raw::Mode::Enforce), _) => Mode::Enforce,
        (Some(_), Access::Public) => {
            return Err(at.field("mode").error("is for rules that ask for something"));
        }
        (Some(raw::Mode::Optional), Access::Deny) => {
            return Err(at.field("mode").error("must not be `optional` where everybody is denied"));
        }
        (Some(raw::Mode::Optional), _) => Mode::Optional,
        (Some(raw::Mode::Shadow), _) => Mode::Shadow,
    };
    Ok(RuleAction { access, mode })
}
