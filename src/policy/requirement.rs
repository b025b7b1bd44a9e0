//! The requirement of a rule on a valid token.

use super::actor::ActorMatch;
use super::authorization_details::AuthorizationDetailMatch;
use super::claim_match::ClaimMatch;
use super::path::PathVariables;
use crate::json::ValueRef;
use crate::verify::Identity;

/// Conditions on a valid token. The token must meet all of them. Without conditions, any valid
/// token meets the requirement.
#[derive(Clone, Debug, Default)]
pub struct Requirement {
    /// Accepted providers by name, any of.
    pub providers: Vec<String>,
    /// Accepted audiences, any of.
    pub audiences: Vec<String>,
    /// Required scopes, all of.
    pub scopes: Vec<String>,
    /// Required scopes, any of.
    pub any_scopes: Vec<String>,
    /// Required membership in a group.
    pub groups: Option<GroupMatch>,
    /// Accepted client IDs, any of.
    pub client_ids: Vec<String>,
    /// Accepted values of `sub`, any of.
    pub subjects: Vec<String>,
    /// `true` requires a token of a user, `false` a token of the client credentials grant.
    pub user: Option<bool>,
    /// Whether the token must be bound to a key or a certificate of the client.
    pub sender_constrained: bool,
    /// Required authentication of the user.
    pub step_up: StepUp,
    /// Conditions on claims, all of.
    pub claims: Vec<ClaimMatch>,
    /// Conditions on `authorization_details`, all of.
    pub authorization_details: Vec<AuthorizationDetailMatch>,
    /// Condition on the actor.
    pub actor: Option<ActorMatch>,
    /// Alternatives: the token must meet at least one.
    pub any_of: Vec<Self>,
    /// Further requirements: the token must meet all of them.
    pub all_of: Vec<Self>,
    /// A requirement that the token must not meet.
    pub not: Option<Box<Self>>,
}

/// A condition on the groups of a user.
#[derive(Clone, Debug)]
pub struct GroupMatch {
    /// The names of the members that lead to the claim with the groups: an array, or a string for a
    /// single group.
    pub claim: Vec<String>,
    /// Accepted groups, any of.
    pub any_of: Vec<String>,
}

/// A condition on the authentication of the user (RFC 9470).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StepUp {
    /// Accepted values of `acr`, any of. An empty list accepts all.
    pub acr_values: Vec<String>,
    /// The maximum number of seconds since `auth_time`.
    pub max_age: Option<i64>,
}

/// The properties of a request that a requirement checks.
#[derive(Clone, Copy, Debug)]
pub struct AuthzContext<'a> {
    /// The identity that the valid token gives.
    pub identity: &'a Identity<'a>,
    /// The name of the provider of the token.
    pub provider: &'a str,
    /// The values of the variables of the rule's path template.
    pub variables: PathVariables<'a>,
}

/// The reason why a token does not meet a requirement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum UnmetRequirement {
    /// The token is not bound to its client. A bound token can help.
    SenderConstraint,
    /// The token has none of the accepted values of `acr`. A step-up authentication can help.
    Acr(StepUp),
    /// The last authentication of the user is too old.
    AuthenticationAge(StepUp),
    /// The token lacks one or more of these scopes. A token with all of them meets the requirement.
    Scopes(Vec<String>),
    /// The token does not meet a condition that the client cannot change.
    Other,
}

impl Requirement {
    /// Checks whether the token meets the requirement.
    ///
    /// # Errors
    /// The reason why it does not. [`UnmetRequirement::Scopes`] and the two variants for
    /// authentication occur only if a token with these scopes, or after this authentication, meets
    /// the requirement. Authentication comes first, because it results in a new token.
    pub fn check(&self, context: &AuthzContext<'_>) -> Result<(), UnmetRequirement> {
        let identity = context.identity;
        let is_met = (self.providers.is_empty() || is_one_of(&self.providers, Some(context.provider)))
            && (self.audiences.is_empty()
                || identity.claims().audiences().any(|audience| is_one_of(&self.audiences, Some(audience))))
            // The search for a claim visits each claim, so the filter omits it without a condition.
            && (self.client_ids.is_empty() || is_one_of(&self.client_ids, identity.client_id()))
            && (self.subjects.is_empty() || is_one_of(&self.subjects, identity.claims().string("sub")))
            && self.user.is_none_or(|user| identity.is_user() == Some(user))
            && self.groups.as_ref().is_none_or(|groups| groups.matches(identity))
            && self.claims.iter().all(|claim| claim.matches(identity.claims(), &context.variables))
            && self.authorization_details.iter().all(|detail| detail.matches(identity.claims()))
            && self.actor.as_ref().is_none_or(|actor| actor.matches(identity.claims()))
            && self.not.as_ref().is_none_or(|not| not.check(context).is_err());
        if !is_met {
            return Err(UnmetRequirement::Other);
        }
        let mut missing = MissingCollector::default();
        if self.sender_constrained && !identity.is_sender_constrained() {
            missing.add(Err(UnmetRequirement::SenderConstraint))?;
        }
        missing.add(self.step_up.check(identity))?;
        if !self.scopes.iter().all(|scope| identity.has_scope(scope)) {
            missing.scopes.extend_from_slice(&self.scopes);
        }
        if !self.any_scopes.is_empty() && !self.any_scopes.iter().any(|scope| identity.has_scope(scope)) {
            missing.scopes.extend_from_slice(&self.any_scopes);
        }
        for part in &self.all_of {
            missing.add(part.check(context))?;
        }
        missing.add(self.check_any_of(context))?;
        missing.into_result()
    }

    /// Returns whether every valid token meets the requirement.
    pub fn is_empty(&self) -> bool {
        let Self {
            providers,
            audiences,
            scopes,
            any_scopes,
            groups,
            client_ids,
            subjects,
            user,
            sender_constrained,
            step_up,
            claims,
            authorization_details,
            actor,
            any_of,
            all_of,
            not,
        } = self;
        [providers, audiences, scopes, any_scopes, client_ids, subjects].iter().all(|list| list.is_empty())
            && groups.is_none()
            && user.is_none()
            && !sender_constrained
            && *step_up == StepUp::default()
            && claims.is_empty()
            && authorization_details.is_empty()
            && actor.is_none()
            && (any_of.is_empty() || any_of.iter().any(Self::is_empty))
            && all_of.iter().all(Self::is_empty)
            && not.is_none()
    }

    /// Returns the scopes that a client without a token should request: all of `scopes`, the first
    /// of `any_scopes`, and of `any_of` the scopes of the first alternative that has some. A token
    /// with them meets the conditions on scopes outside `not`.
    #[cold]
    #[inline(never)]
    pub fn initial_scopes(&self) -> Vec<String> {
        let mut scopes = self.scopes.clone();
        if !self.any_scopes.iter().any(|scope| scopes.contains(scope)) {
            scopes.extend(self.any_scopes.first().cloned());
        }
        let parts = self.all_of.iter().map(Self::initial_scopes);
        let alternative = self.any_of.iter().map(Self::initial_scopes).find(|scopes| !scopes.is_empty());
        for scope in parts.chain(alternative).flatten() {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        scopes
    }

    /// Returns whether the requirement or a part of it requires a bound token.
    pub(crate) fn demands_sender_constraint(&self) -> bool {
        let parts = self.any_of.iter().chain(&self.all_of).chain(self.not.as_deref());
        self.sender_constrained || parts.into_iter().any(Self::demands_sender_constraint)
    }

    fn check_any_of(&self, context: &AuthzContext<'_>) -> Result<(), UnmetRequirement> {
        let mut best = if self.any_of.is_empty() { Ok(()) } else { Err(UnmetRequirement::Other) };
        for alternative in &self.any_of {
            match alternative.check(context) {
                Ok(()) => return Ok(()),
                Err(unmet) if best == Err(UnmetRequirement::Other) => best = Err(unmet),
                Err(_) => {}
            }
        }
        best
    }
}

impl GroupMatch {
    fn matches(&self, identity: &Identity<'_>) -> bool {
        let is_accepted = |group: ValueRef<'_>| {
            group.as_str().is_some_and(|group| self.any_of.iter().any(|accepted| accepted == group))
        };
        match identity.claims().at(&self.claim) {
            Some(ValueRef::Array(mut groups)) => groups.any(is_accepted),
            Some(group) => is_accepted(group),
            None => false,
        }
    }
}

impl StepUp {
    fn check(&self, identity: &Identity<'_>) -> Result<(), UnmetRequirement> {
        if !self.acr_values.is_empty() && !is_one_of(&self.acr_values, identity.claims().string("acr")) {
            return Err(UnmetRequirement::Acr(self.clone()));
        }
        if self.max_age.is_some_and(|max_age| identity.authentication_is_older_than(max_age)) {
            return Err(UnmetRequirement::AuthenticationAge(self.clone()));
        }
        Ok(())
    }
}

/// Returns whether there is a value, and the list has it.
fn is_one_of(accepted: &[String], value: Option<&str>) -> bool {
    value.is_some_and(|value| accepted.iter().any(|accepted| accepted == value))
}

/// The unmet parts of a requirement that the client can change.
#[derive(Default)]
struct MissingCollector {
    /// The binding or the authentication, which results in a new token.
    authentication: Option<UnmetRequirement>,
    scopes: Vec<String>,
}

impl MissingCollector {
    /// Adds the result of a check. [`UnmetRequirement::Other`] is an error, which ends the check.
    fn add(&mut self, result: Result<(), UnmetRequirement>) -> Result<(), UnmetRequirement> {
        match result {
            Ok(()) => {}
            Err(UnmetRequirement::Other) => return Err(UnmetRequirement::Other),
            Err(UnmetRequirement::Scopes(scopes)) => self.scopes.extend(scopes),
            Err(authentication) => {
                self.authentication.get_or_insert(authentication);
            }
        }
        Ok(())
    }

    fn into_result(self) -> Result<(), UnmetRequirement> {
        match (self.authentication, self.scopes.is_empty()) {
            (Some(authentication), _) => Err(authentication),
            (None, false) => Err(UnmetRequirement::Scopes(self.scopes)),
            (None, true) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
