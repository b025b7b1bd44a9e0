//! What a rule asks of a valid token.

use super::claim_match::ClaimMatch;
use super::path::PathVariables;
use crate::json::ValueRef;
use crate::verify::Identity;

/// Conditions on an identity; all that are given must hold. With none, any valid token will do.
#[derive(Clone, Debug, Default)]
pub struct Requirement {
    /// Providers by name, one of them.
    pub providers: Vec<String>,
    /// Audiences, one of them.
    pub audiences: Vec<String>,
    /// Scopes, all of them.
    pub scopes: Vec<String>,
    /// Scopes, at least one of them.
    pub any_scopes: Vec<String>,
    /// Membership in a group.
    pub groups: Option<GroupMatch>,
    /// Clients, one of them.
    pub client_ids: Vec<String>,
    /// Subjects, one of them.
    pub subjects: Vec<String>,
    /// Whether the token is a user's, or a machine's own.
    pub user: Option<bool>,
    /// How and when the user must have authenticated.
    pub step_up: StepUp,
    /// Conditions on claims, all of them.
    pub claims: Vec<ClaimMatch>,
    /// At least one of these.
    pub any_of: Vec<Self>,
    /// Every one of these.
    pub all_of: Vec<Self>,
    /// Not this.
    pub not: Option<Box<Self>>,
}

/// Membership in at least one of some groups.
#[derive(Clone, Debug)]
pub struct GroupMatch {
    /// Where the claim with the groups is: a list, or a string for a single one.
    pub claim: Vec<String>,
    /// The groups.
    pub any_of: Vec<String>,
}

/// What RFC 9470 calls step-up: a better or a more recent authentication than the token tells of.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StepUp {
    /// Accepted values of `acr`, one of them; none accepts all.
    pub acr_values: Vec<String>,
    /// Seconds since `auth_time`.
    pub max_age: Option<i64>,
}

/// Who asks, and for what.
#[derive(Clone, Copy, Debug)]
pub struct AuthzContext<'a> {
    /// The token.
    pub identity: &'a Identity<'a>,
    /// The name of its provider.
    pub provider: &'a str,
    /// What stands in the path where the rule's template has a variable.
    pub variables: PathVariables<'a>,
}

/// What a subject lacks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum UnmetRequirement {
    /// The `acr` of the token is not one of these; another authentication would do.
    Acr(StepUp),
    /// The user has authenticated too long ago.
    AuthenticationAge(StepUp),
    /// These scopes would do.
    Scopes(Vec<String>),
    /// Something that the client can do nothing about.
    Other,
}

impl Requirement {
    /// Whether the subject meets the requirement.
    ///
    /// # Errors
    /// What is missing. Scopes and authentications are named only where they alone would help: a client that fetches
    /// them and is refused again has been misled. Authentication comes first, for it brings another token.
    pub fn check(&self, subject: &AuthzContext<'_>) -> Result<(), UnmetRequirement> {
        let identity = subject.identity;
        let one_of = |accepted: &[String], value: Option<&str>| {
            accepted.is_empty()
                || value.is_some_and(|value| accepted.iter().any(|accepted| accepted == value))
        };
        let holds = one_of(&self.providers, Some(subject.provider))
            && (self.audiences.is_empty()
                || identity.claims().audiences().any(|one| one_of(&self.audiences, Some(one))))
            && one_of(&self.client_ids, identity.client_id())
            && one_of(&self.subjects, identity.claims().string("sub"))
            && self.user.is_none_or(|user| identity.is_user() == Some(user))
            && self.groups.as_ref().is_none_or(|groups| groups.holds(identity))
            && self.claims.iter().all(|claim| claim.holds(identity.claims(), &subject.variables))
            && self.not.as_ref().is_none_or(|not| not.check(subject).is_err());
        if !holds {
            return Err(UnmetRequirement::Other);
        }
        let mut lacks = MissingCollector::default();
        lacks.add(self.step_up.check(identity))?;
        if !self.scopes.iter().all(|scope| identity.has_scope(scope)) {
            lacks.scopes.extend_from_slice(&self.scopes);
        }
        if !self.any_scopes.is_empty() && !self.any_scopes.iter().any(|scope| identity.has_scope(scope)) {
            lacks.scopes.extend_from_slice(&self.any_scopes);
        }
        for part in &self.all_of {
            lacks.add(part.check(subject))?;
        }
        lacks.add(self.check_any_of(subject))?;
        lacks.into_result()
    }

    /// Whether every valid token meets it.
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
            step_up,
            claims,
            any_of,
            all_of,
            not,
        } = self;
        [providers, audiences, scopes, any_scopes, client_ids, subjects].iter().all(|list| list.is_empty())
            && groups.is_none()
            && user.is_none()
            && *step_up == StepUp::default()
            && claims.is_empty()
            && (any_of.is_empty() || any_of.iter().any(Self::is_empty))
            && all_of.iter().all(Self::is_empty)
            && not.is_none()
    }

    fn check_any_of(&self, subject: &AuthzContext<'_>) -> Result<(), UnmetRequirement> {
        let mut best = if self.any_of.is_empty() { Ok(()) } else { Err(UnmetRequirement::Other) };
        for alternative in &self.any_of {
            match alternative.check(subject) {
                Ok(()) => return Ok(()),
                Err(unmet) if best == Err(UnmetRequirement::Other) => best = Err(unmet),
                Err(_) => {}
            }
        }
        best
    }
}

impl GroupMatch {
    fn holds(&self, identity: &Identity<'_>) -> bool {
        let wanted = |group: ValueRef<'_>| {
            group.as_str().is_some_and(|group| self.any_of.iter().any(|wanted| wanted == group))
        };
        match identity.claims().at(&self.claim) {
            Some(ValueRef::Array(mut groups)) => groups.any(wanted),
            Some(only) => wanted(only),
            None => false,
        }
    }
}

impl StepUp {
    fn check(&self, identity: &Identity<'_>) -> Result<(), UnmetRequirement> {
        let acr = identity.claims().string("acr");
        if !self.acr_values.is_empty()
            && !acr.is_some_and(|acr| self.acr_values.iter().any(|value| value == acr))
        {
            return Err(UnmetRequirement::Acr(self.clone()));
        }
        if self.max_age.is_some_and(|max_age| identity.authentication_is_older_than(max_age)) {
            return Err(UnmetRequirement::AuthenticationAge(self.clone()));
        }
        Ok(())
    }
}

/// What has been found missing so far, and can be helped.
#[derive(Default)]
struct MissingCollector {
    authentication: Option<UnmetRequirement>,
    scopes: Vec<String>,
}

impl MissingCollector {
    /// Adds what is missing to the rest; what cannot be helped ends the search.
    fn add(&mut self, outcome: Result<(), UnmetRequirement>) -> Result<(), UnmetRequirement> {
        match outcome {
            Ok(()) => {}
            Err(UnmetRequirement::Other) => return Err(UnmetRequirement::Other),
            Err(UnmetRequirement::Scopes(missing)) => self.scopes.extend(missing),
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
