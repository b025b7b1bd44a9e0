//! Conditions on the actor of a delegated token (RFC 8693 section 4.1).

use crate::claims::Claims;

/// A condition on `act`. Only the outermost `act` identifies the actor. The nested ones are
/// information about earlier actors (RFC 8693 section 4.1).
#[derive(Clone, Debug, Default)]
pub struct ActorMatch {
    /// Whether the token has `act`; `None` accepts both.
    pub present: Option<bool>,
    /// Accepted values of `act.sub`, any of. An empty list accepts all, and tokens without `act`.
    pub subjects: Vec<String>,
    /// The maximum number of nested `act`. A token without `act` has none.
    pub max_depth: Option<usize>,
}

impl ActorMatch {
    /// Returns whether the claims meet the condition.
    pub fn matches(&self, claims: &Claims) -> bool {
        let depth = claims.actors().count();
        self.present.is_none_or(|present| present == (depth > 0))
            && self.max_depth.is_none_or(|max_depth| depth <= max_depth)
            && (self.subjects.is_empty() || self.has_subject(claims))
    }

    /// Returns whether the actor is one of the subjects. Issuers can give one `sub` to different
    /// actors, so an `act` that names another issuer than the token's meets no condition.
    fn has_subject(&self, claims: &Claims) -> bool {
        let Some(actor) = claims.actors().next() else { return false };
        let is_of_issuer = match actor.get("iss") {
            None => true,
            Some(issuer) => issuer.as_str().is_some_and(|issuer| claims.string("iss") == Some(issuer)),
        };
        let subject = actor.get("sub").and_then(|subject| subject.as_str());
        is_of_issuer
            && subject.is_some_and(|subject| self.subjects.iter().any(|accepted| accepted == subject))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actor_condition_reads_only_the_outermost_act() {
        let any = ActorMatch::default;
        let subject = || ActorMatch { subjects: vec!["agent".to_owned()], ..any() };
        let present = |present| ActorMatch { present: Some(present), ..any() };
        let depth = |depth| ActorMatch { max_depth: Some(depth), ..any() };
        let nested = r#"{"act":{"sub":"agent","act":{"sub":"other"}}}"#;
        for (claims, condition, expected) in [
            ("{}", present(true), false),
            ("{}", present(false), true),
            ("{}", subject(), false),
            ("{}", depth(1), true),
            (r#"{"act":{}}"#, present(true), true),
            (r#"{"act":{}}"#, present(false), false),
            (r#"{"act":{}}"#, subject(), false),
            (r#"{"act":{"sub":"agent"}}"#, subject(), true),
            (r#"{"act":{"sub":"Agent"}}"#, subject(), false),
            (r#"{"sub":"agent","act":{"sub":"other"}}"#, subject(), false),
            (r#"{"act":{"sub":"other","act":{"sub":"agent"}}}"#, subject(), false),
            (nested, subject(), true),
            (nested, depth(1), false),
            (nested, depth(2), true),
            (nested, ActorMatch { max_depth: Some(1), ..subject() }, false),
            (r#"{"iss":"https://a","act":{"sub":"agent","iss":"https://a"}}"#, subject(), true),
            (r#"{"iss":"https://a","act":{"sub":"agent","iss":"https://b"}}"#, subject(), false),
            (r#"{"act":{"sub":"agent","iss":"https://b"}}"#, subject(), false),
        ] {
            let parsed = Claims::parse(claims.as_bytes().to_vec()).unwrap();
            assert_eq!(condition.matches(&parsed), expected, "{claims} {condition:?}");
        }
    }
}
