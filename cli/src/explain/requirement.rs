//! The parts of a requirement. Each part is evaluated as a separate requirement by the core.

use okta_authz_filter::policy::{
    ActorMatch, AuthorizationDetailMatch, AuthzContext, ClaimMatch, ClaimTest, Requirement, StepUp,
};
use serde_json::{Value, json};

use crate::output;

/// A part of a requirement.
pub(crate) struct RequirementPart {
    /// The field of the configuration with its value.
    name: String,
    is_met: bool,
    parts: Vec<Self>,
}

/// Evaluates the parts of a requirement, named as in the configuration.
pub(crate) fn parts(requirement: &Requirement, context: &AuthzContext<'_>) -> Vec<RequirementPart> {
    let Requirement {
        providers,
        audiences,
        scopes,
        any_scopes,
        groups,
        client_ids,
        subjects,
        user,
        sender_constrained,
        step_up: StepUp { acr_values, max_age },
        claims,
        authorization_details,
        actor,
        any_of,
        all_of,
        not,
    } = requirement.clone();
    let none = Requirement::default;
    let mut single = Vec::new();
    let mut list = |name: &str, values: &[String], requirement: Requirement| {
        if !values.is_empty() {
            single.push((format!("{name}: {}", values.join(", ")), requirement));
        }
    };
    list("scopes", &scopes.clone(), Requirement { scopes, ..none() });
    list("any_scopes", &any_scopes.clone(), Requirement { any_scopes, ..none() });
    if let Some(groups) = groups {
        let name = format!("groups (in {})", groups.claim.join("."));
        list(&name, &groups.any_of.clone(), Requirement { groups: Some(groups), ..none() });
    }
    list("audiences", &audiences.clone(), Requirement { audiences, ..none() });
    list("client_ids", &client_ids.clone(), Requirement { client_ids, ..none() });
    list("subjects", &subjects.clone(), Requirement { subjects, ..none() });
    list("providers", &providers.clone(), Requirement { providers, ..none() });
    let step_up = StepUp { acr_values: acr_values.clone(), max_age: None };
    list("acr_values", &acr_values, Requirement { step_up, ..none() });
    if let Some(seconds) = max_age {
        let step_up = StepUp { acr_values: Vec::new(), max_age };
        single.push((format!("max_age: {seconds}s"), Requirement { step_up, ..none() }));
    }
    if let Some(is_user) = user {
        single.push((format!("user: {is_user}"), Requirement { user, ..none() }));
    }
    if sender_constrained {
        single.push(("sender_constrained: true".to_owned(), Requirement { sender_constrained, ..none() }));
    }
    for claim in claims {
        single.push((claim_name(&claim), Requirement { claims: vec![claim], ..none() }));
    }
    for detail in authorization_details {
        let name = detail_name(&detail);
        single.push((name, Requirement { authorization_details: vec![detail], ..none() }));
    }
    if let Some(actor) = actor {
        single.push((actor_name(&actor), Requirement { actor: Some(actor), ..none() }));
    }
    let part = |name: String, requirement: &Requirement, parts| RequirementPart {
        name,
        is_met: requirement.check(context).is_ok(),
        parts,
    };
    let nested = |name: String, inner: &Requirement| part(name, inner, parts(inner, context));
    let numbered = |list: &str, inner: &[Requirement]| -> Vec<RequirementPart> {
        let inner = inner.iter().enumerate();
        inner.map(|(index, inner)| nested(format!("{list}[{index}]"), inner)).collect()
    };
    let mut parts: Vec<RequirementPart> =
        single.iter().map(|(name, requirement)| part(name.clone(), requirement, Vec::new())).collect();
    if !any_of.is_empty() {
        let alternatives = numbered("any_of", &any_of);
        parts.push(part("any_of".to_owned(), &Requirement { any_of, ..none() }, alternatives));
    }
    parts.extend(numbered("all_of", &all_of));
    if let Some(inner) = not {
        let inside = self::parts(&inner, context);
        parts.push(part("not".to_owned(), &Requirement { not: Some(inner), ..none() }, inside));
    }
    parts
}

fn claim_name(claim: &ClaimMatch) -> String {
    let name = claim.path.join(".");
    match &claim.test {
        ClaimTest::AnyOf(values) => format!("claim {name}: {}", json!(values)),
        ClaimTest::Matches(pattern) => format!("claim {name}: matches {pattern}"),
        ClaimTest::PathVariable(variable) => format!("claim {name}: equals path variable {{{variable}}}"),
        ClaimTest::Exists(expected) => format!("claim {name}: exists: {expected}"),
    }
}

fn detail_name(detail: &AuthorizationDetailMatch) -> String {
    let mut fields = vec![format!("type: {}", detail.detail_type)];
    fields.extend(detail.identifier.iter().map(|identifier| format!("identifier: {identifier}")));
    fields.extend(detail.lists.iter().map(|(name, values)| format!("{name}: {}", json!(values))));
    if detail.ignore_other_fields {
        fields.push("other_fields: ignore".to_owned());
    }
    format!("authorization_details: {}", fields.join(", "))
}

fn actor_name(ActorMatch { present, subjects, max_depth }: &ActorMatch) -> String {
    let mut fields = Vec::new();
    fields.extend(present.iter().map(|present| format!("present: {present}")));
    if !subjects.is_empty() {
        fields.push(format!("subjects: {}", json!(subjects)));
    }
    fields.extend(max_depth.iter().map(|depth| format!("max_depth: {depth}")));
    format!("actor: {}", fields.join(", "))
}

impl RequirementPart {
    /// Appends the part and its parts as lines of text, indented by `indent` spaces.
    pub(crate) fn lines(&self, indent: usize, lines: &mut Vec<String>) {
        let result = if self.is_met { "ok" } else { "NO" };
        lines.push(output::line(&format!("{:indent$}{result}  {}", "", self.name)));
        self.parts.iter().for_each(|part| part.lines(indent.saturating_add(4), lines));
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut part = json!({ "part": self.name, "ok": self.is_met });
        if let (false, Some(members)) = (self.parts.is_empty(), part.as_object_mut()) {
            members.insert("parts".to_owned(), self.parts.iter().map(Self::to_json).collect());
        }
        part
    }
}
