//! Many questions at once: one JSON object on each line, and as many answers.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::json;
use okta_authz_filter::time::UnixTime;
use serde::Deserialize;
use serde_json::Value;

use super::Question;
use crate::request::Request;
use crate::source::Source;
use crate::supply::Supply;
use crate::{Answer, Problem, documents, output};

/// A question.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// The configuration itself.
    config: Value,
    request: Request,
    token: Option<String>,
    /// Key sets of providers by name. Those of others have not arrived.
    #[serde(default)]
    jwks: BTreeMap<String, Value>,
    denylist: Option<Value>,
    at: u64,
    fetched_at: Option<u64>,
    #[serde(default)]
    show_claims: bool,
}

/// Answers every line. What a line asks is no question of the whole: the answer is yes if all could be answered.
pub(super) fn run(file: &Path) -> Answer {
    let questions = documents::read(file)?;
    let mut all = true;
    for line in questions.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        let answer = answer(line).unwrap_or_else(|Problem(problem)| {
            all = false;
            serde_json::json!({ "problem": problem })
        });
        output::print_json(&answer);
    }
    Ok(all)
}

/// Reads a line as the filter reads JSON: numbers to the last digit, and no member twice.
fn read(line: &[u8]) -> Result<Line, String> {
    let line = json::parse(line).map_err(|error| error.to_string())?;
    serde_json::from_value(line).map_err(|error| error.to_string())
}

fn answer(line: &[u8]) -> Result<Value, Problem> {
    let Line { config, mut request, token, jwks, denylist, at, fetched_at, show_claims } =
        read(line).map_err(Problem)?;
    let source = Source::new(config.to_string().as_bytes())?;
    if let Some(token) = token {
        request.authorize(&token);
    }
    let bytes = |document: Value| document.to_string().into_bytes();
    let keys: HashMap<_, _> = jwks.into_iter().map(|(name, keys)| (name, bytes(keys))).collect();
    let supply = Supply { keys, denylist: denylist.map(bytes), ..Supply::default() };
    let at = UnixTime::from_seconds(at);
    let question = Question {
        source: &source,
        request: &request,
        supply: &supply,
        verifier: &Software,
        at,
        fetched_at: fetched_at.map_or(at, UnixTime::from_seconds),
        show_claims,
    };
    Ok(question.answer().to_json())
}
