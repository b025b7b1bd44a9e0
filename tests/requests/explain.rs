//! `okta-authz explain` reports the outcome of every row of the tables, and its steps agree with
//! it.

use std::io::Write as _;
use std::process::Stdio;
use std::thread;

use okta_authz_filter::policy::StepUp;
use okta_authz_filter::rejection::Rejection;
use okta_authz_filter::reply::Denial;
use okta_authz_filter::request::RequestHead;
use okta_authz_filter::time::UnixTime;
use serde_json::{Value, json};
use test_support::common::{NOW, Outcome, cold, jwks};

use super::{FetchedDocuments, Row, all_rows, dpop};

/// Returns a row as a line of `--batch`.
fn batch_line(row: &Row, fetched: FetchedDocuments) -> Value {
    let request = &row.request;
    let mut headers: Vec<Value> = request.headers.iter().map(|(name, value)| json!([name, value])).collect();
    headers.extend(row.credentials().iter().map(|header| json!(header)));
    let (key_sets, denylist) = match fetched {
        FetchedDocuments::None => (json!({}), None),
        FetchedDocuments::Keys => (json!({ "okta": jwks("okta"), "other": jwks("other") }), None),
        FetchedDocuments::All => {
            (json!({ "okta": jwks("okta"), "other": jwks("other") }), Some(json!({ "entries": [] })))
        }
    };
    json!({
        "config": row.config,
        "request": {
            "method": request.method, "path": request.path, "host": request.authority, "headers": headers,
            "route_policy": request.route_policy, "remote_ip": request.remote_ip,
            "client_certificate_sha256": request.client_certificate,
        },
        "jwks": key_sets,
        "denylist": denylist,
        "at": NOW.checked_add_signed(row.at).unwrap(),
        "fetched_at": NOW,
    })
}

/// Returns the expected explanation, without its steps and identity headers.
fn expected(row: &Row) -> Value {
    let allow =
        |code: &str, is_shadow: bool| json!({ "decision": "allow", "code": code, "shadow": is_shadow });
    let deny = |decision: &str, denial: Denial| {
        let path = row.request.path.as_bytes();
        let headers = row.request.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        let headers: Vec<_> = headers.collect();
        let head = RequestHead { path, headers: &headers, ..RequestHead::default() };
        let reply = cold(&row.config).reply(&denial, &head, UnixTime::from_seconds(NOW));
        let challenge = reply.headers.iter().find(|(name, _)| *name == "www-authenticate");
        json!({
            "decision": decision, "code": denial.rejection.code(), "shadow": false, "status": reply.status,
            "www_authenticate": challenge.map(|(_, value)| value),
            "scopes": denial.scopes, "acr_values": denial.step_up.acr_values, "max_age": denial.step_up.max_age,
        })
    };
    match &row.expected {
        Outcome::Allow => allow("allowed", false),
        Outcome::Public => allow("public", false),
        Outcome::Pass(code) => allow(code, false),
        Outcome::Shadow(rejection, is_identified) => {
            let mut explanation = allow(rejection.code(), true);
            explanation["identified"] = json!(is_identified);
            explanation
        }
        Outcome::StepUp(rejection, acr_values, max_age) => {
            let acr_values = acr_values.iter().map(|&value| value.to_owned()).collect();
            let step_up = StepUp { acr_values, max_age: *max_age };
            deny("deny", Denial { step_up, ..Denial::from(*rejection) })
        }
        Outcome::Scopes(scopes) => {
            deny("deny", Denial { scopes: scopes.clone(), ..Denial::from(Rejection::InsufficientScope) })
        }
        Outcome::MissingWithScopes(scopes) => {
            deny("deny", Denial { scopes: scopes.clone(), ..Denial::from(Rejection::TokenMissing) })
        }
        Outcome::Deny(rejection) => deny("deny", (*rejection).into()),
        Outcome::LocalResponse => json!({ "decision": "answer", "status": 200 }),
        Outcome::Wait(rejection) => deny("wait", (*rejection).into()),
    }
}

/// Returns the difference between an explanation and the row, if there is one.
fn mismatch(row: &Row, explanation: &Value) -> Option<String> {
    let expected = expected(row);
    for (name, value) in expected.as_object().unwrap() {
        if explanation[name] != *value {
            return Some(format!("{}: {name} is {}, not {value}", row.name, explanation[name]));
        }
    }
    let passed: Vec<bool> = explanation["steps"].as_array()?.iter().map(|step| step["ok"] == true).collect();
    let is_denied = explanation["decision"] == "deny" || explanation["decision"] == "wait";
    let has_shadows = explanation["shadow_codes"].as_array().is_some_and(|codes| !codes.is_empty());
    let steps_agree = match (!is_denied, has_shadows) {
        (true, false) => passed.iter().all(|passed| *passed),
        (true, true) => passed.iter().any(|passed| !passed),
        (false, _) => passed.last() == Some(&false),
    };
    // The output must not have the signature: with it, a reader could use the token.
    let values = row.credentials();
    let secrets =
        values.iter().filter_map(|(_, value)| value.rsplit_once('.')).map(|(_, signature)| signature);
    let mut leaks = secrets.filter(|secret| secret.len() > 8 && explanation.to_string().contains(secret));
    match (steps_agree, leaks.next()) {
        (true, None) => None,
        (false, _) => {
            Some(format!("{}: the steps do not agree with the decision: {}", row.name, explanation["steps"]))
        }
        (_, Some(_)) => Some(format!("{}: the output has the signature of the token", row.name)),
    }
}

#[test]
fn explain_reports_the_outcome_of_every_row() {
    let dpop = dpop::single_rows().into_iter().map(|row| (row, FetchedDocuments::All));
    let rows: Vec<_> = all_rows().into_iter().chain(dpop).collect();
    let batch: String =
        rows.iter().map(|(row, fetched)| format!("{}\n", batch_line(row, *fetched))).collect();
    let mut explain = test_support::okta_authz()
        .args(["explain", "--batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = explain.stdin.take().unwrap();
    let writer = thread::spawn(move || stdin.write_all(batch.as_bytes()));
    let output = explain.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let explanations: Vec<Value> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    assert_eq!(explanations.len(), rows.len());
    let wrong: Vec<String> = rows
        .iter()
        .zip(&explanations)
        .filter_map(|((row, _), explanation)| mismatch(row, explanation))
        .collect();
    assert!(rows.len() > 300, "only {} rows", rows.len());
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}
