//! The chapter on answers, made from the list of rejections and from the replies that they become.

use std::fmt::Write;

use okta_authz_filter::rejection::Rejection;
use okta_authz_filter::reply::{Reply, ReplyContext, Responses};

use super::is_generated;

const HEAD: &str = "\
<!-- Generated from src/rejection.rs and src/reply.rs: make reference -->

# Answers

Every reason for which a request is turned away, in the order of the checks: the first that applies is the answer. The code
leads to what it means and what to do about it. `error` is that of the challenge in `WWW-Authenticate` (RFC 6750, RFC 9470);
the sentence is its `error_description`, and `detail` in the body.

| code | status | `error` | sentence |
|---|---|---|---|
";
const TAIL: &str = "
Every answer has `Cache-Control: no-store`. Those with 503 have no challenge, for another token would not help; where it may help
to try again, they have `Retry-After`. With `responses.details: false` sentence and code are not sent, but are counted and
logged all the same.
";

fn chapter() -> String {
    let mut text = HEAD.to_owned();
    for rejection in Rejection::ALL {
        let reply = Reply::new(&(*rejection).into(), &Responses::default(), ReplyContext::default());
        let header =
            |name: &str| reply.headers.iter().find(|(have, _)| *have == name).map(|(_, value)| value);
        let error = match (header("www-authenticate"), header("retry-after")) {
            (Some(challenge), _) => challenge.split_once("error=\"").map_or_else(
                || "a challenge without".to_owned(),
                |(_, rest)| format!("`{}`", rest.split_once('"').unwrap().0),
            ),
            (None, Some(_)) => "none; `Retry-After`".to_owned(),
            (None, None) => "none".to_owned(),
        };
        let (code, status) = (rejection.code(), reply.status);
        writeln!(text, "| [`{code}`](../runbook/codes.md#{code}) | {status} | {error} | {rejection} |")
            .unwrap();
    }
    text.push_str(TAIL);
    text
}

#[test]
fn the_chapter_is_generated() {
    is_generated("book/src/reference/responses.md", &chapter());
}
