//! `okta-authz explain` says of every row of the tables what the filter says, and its steps agree with that.

use std::io::Write as _;
use std::process::Stdio;
use std::thread;

use okta_authz_filter::policy::StepUp;
use okta_authz_filter::rejection::Rejection;
use okta_authz_filter::reply::Denial;
use okta_authz_filter::request::RequestHead;
use serde_json::{Value, json};
use test_support::common::{NOW, Outcome, cold, jwks};

use super::{
    Delivery, Row, conditions, denylist, hosts, keys, modes, policy, requirements, resources, sources,
    step_up, times, tokens,
};

/// Every row, and what has been fetched before.
fn rows() -> Vec<(Row, Delivery)> {
    let tables = [
        (policy::rows(), Delivery::All),
        (hosts::rows(), Delivery::All),
        (requirements::rows(), Delivery::All),
        (conditions::rows(), Delivery::All),
        (modes::rows(), Delivery::All),
        (modes::cold_rows(), Delivery::Nothing),
        (step_up::rows(), Delivery::All),
        (tokens::rows(), Delivery::All),
        (tokens::credentials_rows(), Delivery::All),
        (sources::rows(), Delivery::All),
        (resources::rows(), Delivery::All),
        (times::rows(), Delivery::All),
        (keys::rows(), Delivery::All),
        (keys::cold_rows(), Delivery::Nothing),
        (denylist::rows(), Delivery::All),
        (denylist::cold_rows(), Delivery::Keys),
    ];
    tables.into_iter().flat_map(|(rows, delivery)| rows.into_iter().map(move |row| (row, delivery))).collect()
}

/// A row as a line of `--batch`.
fn question(row: &Row, delivery: Delivery) -> Value {
    let request = &row.request;
    let mut headers: Vec<Value> = request.headers.iter().map(|(name, value)| json!([name, value])).collect();
    headers.extend(row.credentials().iter().map(|header| json!(header)));
    let (key_sets, denylist) = match delivery {
        Delivery::Nothing => (json!({}), None),
        Delivery::Keys => (json!({ "okta": jwks("okta"), "other": jwks("other") }), None),
        Delivery::All => {
            (json!({ "okta": jwks("okta"), "other": jwks("other") }), Some(json!({ "entries": [] })))
        }
    };
    json!({
        "config": row.config,
        "request": {
            "method": request.method, "path": request.path, "host": request.authority, "headers": headers,
            "route_policy": request.route_policy, "remote_ip": request.remote_ip,
        },
        "jwks": key_sets,
        "denylist": denylist,
        "at": NOW.checked_add_signed(row.at).unwrap(),
        "fetched_at": NOW,
    })
}

/// What the answer must be, but for the steps and the headers for the backend.
fn expected(row: &Row) -> Value {
    let allow =
        |code: &str, is_shadow: bool| json!({ "decision": "allow", "code": code, "shadow": is_shadow });
    let deny = |decision: &str, denial: Denial| {
        let path = row.request.path.as_bytes();
        let headers = row.request.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        let headers: Vec<_> = headers.collect();
        let head = RequestHead { path, headers: &headers, ..RequestHead::default() };
        let reply = cold(&row.config).reply(&denial, &head);
        let challenge = reply.headers.iter().find(|(name, _)| *name == "www-authenticate");
        json!({
            "decision": decision, "code": denial.rejection.code(), "shadow": false, "status": reply.status,
            "www_authenticate": challenge.map(|(_, value)| value),
            "scopes": denial.scopes, "acr_values": denial.step_up.acr_values, "max_age": denial.step_up.max_age,
        })
    };
    match &row.verdict {
        Outcome::Allow => allow("allowed", false),
        Outcome::Public => allow("public", false),
        Outcome::Pass(code) => allow(code, false),
        Outcome::Shadow(rejection, is_identified) => {
            let mut answer = allow(rejection.code(), true);
            answer["identified"] = json!(is_identified);
            answer
        }
        Outcome::StepUp(rejection, acr_values, max_age) => {
            let acr_values = acr_values.iter().map(|&value| value.to_owned()).collect();
            let step_up = StepUp { acr_values, max_age: *max_age };
            deny("deny", Denial { step_up, ..Denial::from(*rejection) })
        }
        Outcome::Scopes(scopes) => {
            deny("deny", Denial { scopes: scopes.clone(), ..Denial::from(Rejection::InsufficientScope) })
        }
        Outcome::Deny(rejection) => deny("deny", (*rejection).into()),
        Outcome::Answer => json!({ "decision": "answer", "status": 200 }),
        Outcome::Wait(rejection) => deny("wait", (*rejection).into()),
    }
}

/// What is wrong with an answer.
fn problem(row: &Row, answer: &Value) -> Option<String> {
    let expected = expected(row);
    for (name, value) in expected.as_object().unwrap() {
        if answer[name] != *value {
            return Some(format!("{}: {name} is {}, not {value}", row.name, answer[name]));
        }
    }
    let passed: Vec<bool> = answer["steps"].as_array()?.iter().map(|step| step["ok"] == true).collect();
    let is_denied = answer["decision"] == "deny" || answer["decision"] == "wait";
    let has_shadows = answer["shadow_codes"].as_array().is_some_and(|codes| !codes.is_empty());
    let explained = match (!is_denied, has_shadows) {
        (true, false) => passed.iter().all(|passed| *passed),
        (true, true) => passed.iter().any(|passed| !passed),
        (false, _) => passed.last() == Some(&false),
    };
    // A signature is enough to know a token by.
    let values = row.credentials();
    let secrets =
        values.iter().filter_map(|(_, value)| value.rsplit_once('.')).map(|(_, signature)| signature);
    let mut leaks = secrets.filter(|secret| secret.len() > 8 && answer.to_string().contains(secret));
    match (explained, leaks.next()) {
        (true, None) => None,
        (false, _) => Some(format!("{}: the steps do not tell: {}", row.name, answer["steps"])),
        (_, Some(_)) => Some(format!("{}: the token is printed", row.name)),
    }
}

#[test]
fn explain_says_what_the_filter_says() {
    let rows = rows();
    let questions: String =
        rows.iter().map(|(row, delivery)| format!("{}\n", question(row, *delivery))).collect();
    let mut explain = test_support::okta_authz()
        .args(["explain", "--batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = explain.stdin.take().unwrap();
    let writer = thread::spawn(move || stdin.write_all(questions.as_bytes()));
    let output = explain.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let answers: Vec<Value> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    assert_eq!(answers.len(), rows.len());
    let wrong: Vec<String> =
        rows.iter().zip(&answers).filter_map(|((row, _), answer)| problem(row, answer)).collect();
    assert!(rows.len() > 300, "only {} rows", rows.len());
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}
