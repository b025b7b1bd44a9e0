//! The runbook has an entry for every code, and none for a code that does not exist.

use okta_authz_filter::rejection::Rejection;
use okta_authz_filter::reply::{Reply, ReplyContext, Responses};

use super::read;

const CODES: &str = "book/src/runbook/codes.md";
/// What every entry says, in this order.
const PARTS: [&str; 4] = ["**Client:** ", "**Means:** ", "**Causes:** ", "**Do:** "];

/// Entries of the runbook: code and text.
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
fn the_runbook_has_every_code_once_in_the_order_of_the_checks() {
    let written: Vec<String> = entries().into_iter().map(|(code, _)| code).collect();
    let codes: Vec<&str> = Rejection::ALL.iter().map(|rejection| rejection.code()).collect();
    assert_eq!(written, codes);
}

#[test]
fn every_entry_says_what_the_client_sees_what_it_means_why_and_what_to_do() {
    for ((code, text), rejection) in entries().into_iter().zip(Rejection::ALL) {
        let places: Vec<_> = PARTS.map(|part| text.find(part)).into_iter().flatten().collect();
        assert!(places.len() == PARTS.len() && places.is_sorted(), "{code}: {places:?}");
        let (_, client) = text.split_once(PARTS[0]).unwrap();
        let reply = Reply::new(&(*rejection).into(), &Responses::default(), ReplyContext::default());
        assert!(client.starts_with(&reply.status.to_string()), "{code} is {}", reply.status);
    }
}
