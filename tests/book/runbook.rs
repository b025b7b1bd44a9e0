//! The runbook has an entry for every denial code, and no other entries.

use okta_authz_filter::rejection::Rejection;
use okta_authz_filter::reply::{Reply, ReplyContext, Responses};

use super::read;

const CODES: &str = "book/src/runbook/codes.md";
/// The parts of an entry, in this order.
const PARTS: [&str; 4] = ["**Client:** ", "**Means:** ", "**Causes:** ", "**Do:** "];

/// Returns the entries of the runbook: code and text.
fn entries() -> Vec<(String, String)> {
    let chapter = read(CODES);
    let sections = chapter.split("\n### ").skip(1);
    sections
        .map(|section| {
            let (heading, text) = section.split_once('\n').unwrap();
            (heading.trim().trim_matches('`').to_owned(), text.to_owned())
        })
        .collect()
}

#[test]
fn runbook_has_every_code_once_in_the_order_of_the_list() {
    let written: Vec<String> = entries().into_iter().map(|(code, _)| code).collect();
    let codes: Vec<&str> = Rejection::ALL.iter().map(|rejection| rejection.code()).collect();
    assert_eq!(written, codes);
}

#[test]
fn runbook_entry_has_all_parts_and_the_status_of_its_code() {
    for ((code, text), rejection) in entries().into_iter().zip(Rejection::ALL) {
        let places: Vec<_> = PARTS.map(|part| text.find(part)).into_iter().flatten().collect();
        assert!(places.len() == PARTS.len() && places.is_sorted(), "{code}: {places:?}");
        let (_, client) = text.split_once(PARTS[0]).unwrap();
        let reply = Reply::new(&(*rejection).into(), &Responses::default(), ReplyContext::default());
        assert!(client.starts_with(&reply.status.to_string()), "{code} is {}", reply.status);
    }
}
