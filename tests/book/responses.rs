//! The chapter on responses. It is generated from the list of rejections and from the replies of
//! the filter.

use std::fmt::Write;

use okta_authz_filter::rejection::Rejection;
use okta_authz_filter::reply::{Reply, ReplyContext, Responses};
use serde_json::Value;

use super::assert_generated;

const HEAD: &str = "\
<!-- Generated from src/rejection.rs and src/reply.rs: make reference -->

# Responses

If the filter denies a request, the request does not reach the upstream, and the client receives a
response of the filter:

";
const STATUSES: &str = "
- `WWW-Authenticate` is the challenge of RFC 6750. `error` is the error code of RFC 6750, RFC 9449
  or RFC 9470, and `error_description` a fixed sentence for each denial code. The filter never
  copies text of the request.
- With [`dpop`](configuration.md#dpop), a 401 can have a second header `WWW-Authenticate` with the
  scheme `DPoP` and the accepted algorithms in `algs`, after that with the scheme `Bearer`. If
  proofs need a nonce, the response has the header `DPoP-Nonce`.
- The body has the sentence as `detail`, where clients of FastAPI expect it, and the denial code as
  `code`.
- `Cache-Control: no-store` is in every response.
- A response with 503 has no challenge, because another token does not help. If a retry can help, it
  has `Retry-After: 5` (seconds).

## Statuses

";
const CODES: &str = "
The challenge for a missing token has the scopes that the rule requires in `scope`. A challenge with
`insufficient_scope` has the missing scopes, if scopes are missing (RFC 6750 section 3). A challenge
with `insufficient_user_authentication` has the required `acr_values` or `max_age` (RFC 9470 section
3).

## Denial codes

The table has every code, by subject. The filter responds with the code of the first check that
fails: [Validation order](../concepts/validation.md). The code leads to causes and remedies in the
runbook.

| code | status | `error` in the body | `detail` |
|---|---|---|---|
";
const TAIL: &str = "
The code of a request is also in metrics, in filter state for access logs, and in
`%RESPONSE_CODE_DETAILS%`: see [the runbook](../runbook/index.md).

## Other bodies

[`responses`](configuration.md#responses) selects the body:

| `body` | `Content-Type` | members |
|---|---|---|
| `json` | `application/json` | `detail`, `error`, `code` |
| `detail` | `application/json` | `detail` |
| `problem` | `application/problem+json` | `type`, `title`, `status`, `detail`, `code` (RFC 9457) |
| `empty` | none | none |

`responses.custom` replaces the body of all responses with one status, for instance with a page for
browsers. The challenge stays.

## Responses without details

With `responses.details: false` clients do not receive the reason. Metrics and logs still have it.
The response above is then:

";
const REST: &str = "
RFC 9470 step-up does not work without details, because the challenge has no `acr_values` and no
`max_age`.

## gRPC

Envoy converts the response to a gRPC call: the `grpc-message` is the sentence, and the
`grpc-status` follows from the HTTP status. `responses.body` and `responses.custom` have no effect.

| HTTP status | `grpc-status` |
|---|---|
| 400 | 13 (INTERNAL) |
| 401 | 16 (UNAUTHENTICATED) |
| 403 | 7 (PERMISSION_DENIED) |
| 414 | 2 (UNKNOWN) |
| 503 | 14 (UNAVAILABLE) |

## Protected resource metadata

With [`protected_resources`](configuration.md#protected-resource) the filter serves the metadata of
RFC 9728 below `/.well-known/oauth-protected-resource`, and each challenge names their URL in
`resource_metadata`. A resource without a path is the default. The host of the request selects
nothing.
";

fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    reply.headers.iter().find(|(have, _)| *have == name).map(|(_, value)| value.as_str())
}

fn reply(rejection: Rejection, responses: &Responses) -> Reply {
    Reply::new(&rejection.into(), responses, ReplyContext::default())
}

/// Returns a reply as a client receives it.
fn http(reply: &Reply) -> String {
    let mut text = format!("```http\nHTTP/1.1 {} Unauthorized\n", reply.status);
    for (name, value) in &reply.headers {
        writeln!(text, "{name}: {value}").unwrap();
    }
    writeln!(text, "\n{}\n```", reply.body).unwrap();
    text
}

/// Returns the codes by status and challenge, in the order of the statuses.
fn statuses() -> String {
    let mut groups: Vec<((u32, String), Vec<&str>)> = Vec::new();
    for rejection in Rejection::ALL {
        let reply = reply(*rejection, &Responses::default());
        let challenge = header(&reply, "www-authenticate");
        let error =
            challenge.and_then(|challenge| Some(challenge.split_once("error=\"")?.1.split_once('"')?.0));
        let error = match (error, challenge, header(&reply, "retry-after")) {
            (Some(error), ..) => format!("`{error}`"),
            (None, Some(_), _) => "none".to_owned(),
            (None, None, Some(_)) => "no challenge; `Retry-After`".to_owned(),
            (None, None, None) => "no challenge".to_owned(),
        };
        let key = (reply.status, error);
        match groups.iter_mut().find(|(other, _)| *other == key) {
            Some((_, codes)) => codes.push(rejection.code()),
            None => groups.push((key, vec![rejection.code()])),
        }
    }
    groups.sort_by_key(|((status, _), _)| *status);
    let mut text = "| status | `error` in the challenge | codes |\n|---|---|---|\n".to_owned();
    for ((status, error), codes) in groups {
        let codes: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
        writeln!(text, "| {status} | {error} | {} |", codes.join(", ")).unwrap();
    }
    text
}

fn chapter() -> String {
    let (default, quiet) = (Responses::default(), Responses { details: false, ..Responses::default() });
    let mut text = HEAD.to_owned();
    text.push_str(&http(&reply(Rejection::TokenExpired, &default)));
    text.push_str(STATUSES);
    text.push_str(&statuses());
    text.push_str(CODES);
    for rejection in Rejection::ALL {
        let reply = reply(*rejection, &default);
        let body: Value = serde_json::from_str(&reply.body).unwrap();
        let (code, error) = (rejection.code(), body["error"].as_str().unwrap());
        writeln!(
            text,
            "| [`{code}`](../runbook/codes.md#{code}) | {} | `{error}` | {rejection} |",
            reply.status
        )
        .unwrap();
    }
    text.push_str(TAIL);
    text.push_str(&http(&reply(Rejection::TokenExpired, &quiet)));
    text.push_str(REST);
    text
}

#[test]
fn responses_chapter_is_generated() {
    assert_generated("book/src/reference/responses.md", &chapter());
}
