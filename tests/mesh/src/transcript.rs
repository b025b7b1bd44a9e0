//! The transcript of the tests: each request with its response, as a table in Markdown.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::sync::{Mutex, OnceLock, PoisonError};

use test_support::client::{Client, Request, Response};
use test_support::root;

/// Sends a request, and adds it to `target/mesh/transcript-{mesh}.md` with its response. `place` names
/// the proxy, and `with` what is special about the request.
///
/// # Panics
///
/// If the proxy does not respond, if the file cannot be written, or without `OKTA_AUTHZ_MESH`, which
/// `scripts/mesh` sets.
pub fn send(place: &str, client: Client, request: &Request, with: &str) -> Response {
    let response = client.send(request);
    record(place, request, with, &response);
    response
}

/// Sends a request as [`send`] does, and checks status and code of the response.
///
/// # Panics
///
/// If they differ, and as [`send`].
#[track_caller]
pub fn expect(
    place: &str,
    client: Client,
    request: &Request,
    with: &str,
    (status, code): (u16, &str),
) -> Response {
    let response = send(place, client, request, with);
    assert_eq!((response.status, response.code().as_str()), (status, code), "{with}: {response:?}");
    response
}

fn record(place: &str, request: &Request, with: &str, response: &Response) {
    static FILE: OnceLock<Mutex<File>> = OnceLock::new();
    let file = FILE.get_or_init(|| {
        let mesh = std::env::var("OKTA_AUTHZ_MESH").expect("OKTA_AUTHZ_MESH: run scripts/mesh");
        let path = root().join(format!("target/mesh/transcript-{mesh}.md"));
        let mut file = OpenOptions::new().create(true).append(true).open(path).expect("the transcript");
        let header =
            "| place | request | with | status | code or body | challenge |\n|---|---|---|---|---|---|\n";
        file.write_all(header.as_bytes()).expect("the transcript");
        Mutex::new(file)
    });
    let code = match response.code() {
        code if !code.is_empty() => code,
        _ if response.status == 200 => String::new(),
        _ => response.body.lines().next().unwrap_or_default().to_owned(),
    };
    let challenge = response.header("www-authenticate").unwrap_or_default();
    let line = format!(
        "| {place} | `{}` | {with} | {} | {code} | {} |\n",
        request.line(),
        response.status,
        challenge.replace('|', "\\|")
    );
    // One write for a line: the tests run in parallel.
    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
    file.write_all(line.as_bytes()).expect("the transcript");
}
