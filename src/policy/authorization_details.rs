//! Conditions on rich authorization (RFC 9396).

use crate::claims::Claims;
use crate::json::{Members, ValueRef};

/// A condition on the `authorization_details` of a token (RFC 9396 section 2). One element must
/// meet all of it.
#[derive(Clone, Debug)]
pub struct AuthorizationDetailMatch {
    /// The value of `type`.
    pub detail_type: String,
    /// The value of `identifier`; `None` if the condition does not name it.
    pub identifier: Option<String>,
    /// The members that are lists, each with values that it must contain.
    pub lists: Vec<(&'static str, Vec<String>)>,
    /// Whether an element can have members that the condition does not name. Such a member can be a
    /// limit, for example an amount.
    pub ignore_other_fields: bool,
}

impl AuthorizationDetailMatch {
    /// Returns whether one element of the claim meets the condition.
    pub fn matches(&self, claims: &Claims) -> bool {
        match claims.get("authorization_details") {
            Some(ValueRef::Array(mut details)) => {
                details.any(|detail| matches!(detail, ValueRef::Object(detail) if self.is_met_by(&detail)))
            }
            _ => false,
        }
    }

    /// Returns whether an element meets the condition.
    fn is_met_by(&self, detail: &Members<'_>) -> bool {
        let has = |name: &str, text: &str| {
            detail.get(name).is_some_and(|value| value.as_str().is_some_and(|value| value == text))
        };
        has("type", &self.detail_type)
            && self.identifier.as_ref().is_none_or(|identifier| has("identifier", identifier))
            && self
                .lists
                .iter()
                .all(|(name, required)| detail.get(name).is_some_and(|list| contains_all(&list, required)))
            && (self.ignore_other_fields || detail.clone().all(|(name, _)| self.names(name)))
    }

    /// Returns whether the condition names this member.
    fn names(&self, name: &str) -> bool {
        name == "type"
            || (name == "identifier" && self.identifier.is_some())
            || self.lists.iter().any(|(list, _)| *list == name)
    }
}

/// Returns whether a value is an array of strings that contains all of these.
fn contains_all(list: &ValueRef<'_>, required: &[String]) -> bool {
    let Some(items) = list.as_array() else { return false };
    items.clone().all(|item| item.as_str().is_some())
        && required.iter().all(|required| items.clone().any(|item| item.as_str() == Some(required)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorization_detail_one_element_must_meet_the_whole_condition() {
        let condition = |ignore_other_fields| AuthorizationDetailMatch {
            detail_type: "payment".to_owned(),
            identifier: Some("a1".to_owned()),
            lists: vec![("actions", vec!["initiate".to_owned(), "status".to_owned()])],
            ignore_other_fields,
        };
        for (details, strict, lenient) in [
            (r#"[{"type":"payment","identifier":"a1","actions":["status","x","initiate"]}]"#, true, true),
            (
                r#"[{"type":"a"},{"type":"payment","identifier":"a1","actions":["status","initiate"]}]"#,
                true,
                true,
            ),
            (
                r#"[{"type":"payment","identifier":"a1","actions":["status","initiate"],"limit":1}]"#,
                false,
                true,
            ),
            (
                r#"[{"type":"payment","identifier":"a1","actions":["status","initiate"],"limit":null}]"#,
                false,
                true,
            ),
            (
                r#"[{"type":"payment","identifier":"a1","actions":["status","initiate"],"locations":[]}]"#,
                false,
                true,
            ),
            (
                r#"[{"type":"payment","identifier":"a1","actions":["initiate"]},{"type":"payment","identifier":"a1","actions":["status"]}]"#,
                false,
                false,
            ),
            (
                r#"[{"type":"payment","identifier":"a1"},{"type":"payment","actions":["status","initiate"]}]"#,
                false,
                false,
            ),
            (r#"[{"type":"Payment","identifier":"a1","actions":["status","initiate"]}]"#, false, false),
            (r#"[{"type":"payment","identifier":"a2","actions":["status","initiate"]}]"#, false, false),
            (r#"[{"type":"payment","identifier":["a1"],"actions":["status","initiate"]}]"#, false, false),
            (r#"[{"type":"payment","identifier":"a1","actions":"status initiate"}]"#, false, false),
            (r#"[{"type":"payment","identifier":"a1","actions":["status","initiate",1]}]"#, false, false),
            ("[]", false, false),
        ] {
            let claims = format!(r#"{{"authorization_details":{details}}}"#);
            let claims = Claims::parse(claims.into_bytes()).unwrap();
            assert_eq!(condition(false).matches(&claims), strict, "{details}");
            assert_eq!(condition(true).matches(&claims), lenient, "{details}");
        }
        assert!(!condition(true).matches(&Claims::parse(b"{}".to_vec()).unwrap()));
    }
}
