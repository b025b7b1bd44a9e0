//! Which requirements every valid token meets, and which have a condition on the sender.

use super::*;
use crate::policy::ClaimTest;

fn any() -> Requirement {
    Requirement::default()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// Returns one requirement for each kind of condition.
fn conditions() -> Vec<Requirement> {
    let one = || names(&["a"]);
    let detail = AuthorizationDetailMatch {
        detail_type: "a".to_owned(),
        identifier: None,
        lists: Vec::new(),
        ignore_other_fields: false,
    };
    vec![
        Requirement { providers: one(), ..any() },
        Requirement { audiences: one(), ..any() },
        Requirement { scopes: one(), ..any() },
        Requirement { any_scopes: one(), ..any() },
        Requirement { groups: Some(GroupMatch { claim: one(), any_of: one() }), ..any() },
        Requirement { client_ids: one(), ..any() },
        Requirement { subjects: one(), ..any() },
        Requirement { user: Some(true), ..any() },
        Requirement { user: Some(false), ..any() },
        Requirement { sender_constrained: true, ..any() },
        Requirement { step_up: StepUp { acr_values: one(), max_age: None }, ..any() },
        Requirement { step_up: StepUp { acr_values: Vec::new(), max_age: Some(0) }, ..any() },
        Requirement { claims: vec![ClaimMatch { path: one(), test: ClaimTest::Exists(true) }], ..any() },
        Requirement { authorization_details: vec![detail], ..any() },
        Requirement { actor: Some(ActorMatch::default()), ..any() },
        Requirement { not: Some(Box::new(any())), ..any() },
    ]
}

#[test]
fn is_empty_with_any_condition_is_false() {
    assert!(any().is_empty());
    for condition in conditions() {
        assert!(!condition.is_empty(), "{condition:?}");
        let part = || condition.clone();
        for (parts, any_of, all_of) in [
            (vec![part()], false, false),
            (vec![part(), part()], false, false),
            // One empty alternative is enough for every token. All parts of `all_of` count.
            (vec![part(), any()], true, false),
            (vec![any(), part()], true, false),
        ] {
            let alternatives = Requirement { any_of: parts.clone(), ..any() };
            assert_eq!(alternatives.is_empty(), any_of, "{alternatives:?}");
            let further = Requirement { all_of: parts, ..any() };
            assert_eq!(further.is_empty(), all_of, "{further:?}");
        }
    }
    for parts in [vec![], vec![any()], vec![any(), any()]] {
        assert!(Requirement { any_of: parts.clone(), ..any() }.is_empty());
        assert!(Requirement { all_of: parts, ..any() }.is_empty());
    }
}

#[test]
fn demands_sender_constraint_in_any_part_is_true() {
    let bound = || Requirement { sender_constrained: true, ..any() };
    for condition in conditions() {
        let expected = condition.sender_constrained;
        assert_eq!(condition.demands_sender_constraint(), expected, "{condition:?}");
    }
    for (requirement, expected) in [
        (Requirement { any_of: vec![any(), bound()], ..any() }, true),
        (Requirement { all_of: vec![bound(), any()], ..any() }, true),
        (Requirement { not: Some(Box::new(bound())), ..any() }, true),
        (Requirement { all_of: vec![Requirement { any_of: vec![bound()], ..any() }], ..any() }, true),
        (
            Requirement { any_of: vec![any()], all_of: vec![any()], not: Some(Box::new(any())), ..any() },
            false,
        ),
    ] {
        assert_eq!(requirement.demands_sender_constraint(), expected, "{requirement:?}");
    }
}

#[test]
fn initial_scopes_repeats_no_scope() {
    let scopes = |list: &[&str]| Requirement { scopes: names(list), ..any() };
    for (requirement, expected) in [
        (any(), vec![]),
        (Requirement { any_scopes: names(&["b", "c"]), ..scopes(&["a"]) }, vec!["a", "b"]),
        (Requirement { any_scopes: names(&["b", "a"]), ..scopes(&["a"]) }, vec!["a"]),
        (
            Requirement { all_of: vec![scopes(&["a", "b"]), scopes(&["b", "c"])], ..any() },
            vec!["a", "b", "c"],
        ),
        (Requirement { any_of: vec![any(), scopes(&["a", "b"]), scopes(&["c"])], ..any() }, vec!["a", "b"]),
        (Requirement { not: Some(Box::new(scopes(&["a"]))), ..any() }, vec![]),
    ] {
        assert_eq!(requirement.initial_scopes(), names(&expected), "{requirement:?}");
    }
}
