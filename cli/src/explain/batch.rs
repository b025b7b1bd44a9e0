//! `okta-authz explain --batch`: one JSON object per line, and one JSON object of output for each.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::json;
use okta_authz_filter::request::AuthScheme;
use okta_authz_filter::time::UnixTime;
use serde::Deserialize;
use serde_json::Value;

use super::ExplainRequest;
use crate::document_provider::DocumentProvider;
use crate::loaded_config::LoadedConfig;
use crate::request::Request;
use crate::{CliError, ExitOutcome, documents, output};

/// One line of the input.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchLine {
    /// The configuration of the filter.
    config: Value,
    request: Request,
    token: Option<String>,
    /// Key sets by the name of their provider. The filter has not fetched those of other providers.
    #[serde(default)]
    jwks: BTreeMap<String, Value>,
    denylist: Option<Value>,
    /// The response to an introspection.
    introspection: Option<Value>,
    /// The time of the request, in seconds since 1970.
    at: u64,
    fetched_at: Option<u64>,
    #[serde(default)]
    show_claims: bool,
}

/// Explains every line. Fails if a line is invalid; a denied request is no failure.
pub(super) fn run(file: &Path) -> Result<ExitOutcome, CliError> {
    let input = documents::read(file)?;
    let mut all_valid = true;
    for line in input.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        let explanation = explain(line).unwrap_or_else(|CliError(problem)| {
            all_valid = false;
            serde_json::json!({ "problem": problem })
        });
        output::print_json(&explanation);
    }
    Ok(ExitOutcome::from(all_valid))
}

/// Parses a line with the JSON reader of the filter: numbers are exact, and a duplicate member is
/// an error.
fn parse(line: &[u8]) -> Result<BatchLine, String> {
    let line = json::parse(line).map_err(|error| error.to_string())?;
    serde_json::from_value(line).map_err(|error| error.to_string())
}

fn explain(line: &[u8]) -> Result<Value, CliError> {
    let line = parse(line).map_err(CliError)?;
    let BatchLine { config, mut request, token, jwks, denylist, introspection, at, .. } = line;
    let (fetched_at, show_claims) = (line.fetched_at, line.show_claims);
    let config = LoadedConfig::parse(config.to_string().as_bytes())?;
    if let Some(token) = token {
        request.authorize(&token, AuthScheme::Bearer);
    }
    let bytes = |document: Value| document.to_string().into_bytes();
    let keys: HashMap<_, _> = jwks.into_iter().map(|(name, keys)| (name, bytes(keys))).collect();
    let documents = DocumentProvider {
        keys,
        denylist: denylist.map(bytes),
        introspection: introspection.map(bytes),
        ..DocumentProvider::default()
    };
    let at = UnixTime::from_seconds(at);
    let request = ExplainRequest {
        config: &config,
        request: &request,
        documents: &documents,
        verifier: &Software,
        at,
        fetched_at: fetched_at.map_or(at, UnixTime::from_seconds),
        show_claims,
        memory: None,
    };
    Ok(request.explain().to_json())
}
