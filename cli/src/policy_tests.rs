//! `okta-authz test`: runs policy tests, without Envoy and without a private key of Okta.

mod expect;
mod file;
mod keys;
mod proof;
mod runner;
mod test_issuer;

use std::path::Path;

use lexopt::Parser;
use okta_authz_filter::time::UnixTime;
use serde_json::{Value, json};

use super::arguments::FileArguments;
use super::document_provider::DocumentProvider;
use super::explain::Explanation;
use super::loaded_config::LoadedConfig;
use super::{CliError, ExitOutcome, clock, documents, output, print_help};
use file::{Jwks, TestFile};
use runner::TestRunner;
use test_issuer::TestIssuer;

const USAGE: &str = "\
Usage: okta-authz test [--json] FILE...

Runs policy tests. Exit status: 0 if all tests pass, 1 if a test fails. A FILE is YAML:

  config: envoy.yaml       # relative to this file; `select: TEXT` if it has several configurations
  at: 1750000000           # the time of the requests in seconds since 1970; default: now
  jwks: keys.json          # the keys of `jwt` tokens; or a map of files by provider
  denylist: revoked.json   # default: an empty denylist
  tests:
    - name: read scope allows GET
      request: { method: GET, path: /items, host: api.example.com, headers: { x-a: b },
                 remote_ip: 10.0.0.1 }
      token: { provider: okta, claims: { scp: [items:read] } }    # or `none`, or { jwt: eyJ... }
      proof: true          # or `none`, or { claims, header, age, alg, key: other, nonce_from },
                           # or { repeat: NAME }; default: no proof, and a token that is not bound
      expect: allow        # or `deny`, a code, or a map of `code`, `status`, `scope`, `shadow`
                           # and `headers`

`claims` replace claims of a valid token of the provider, which has iss, aud, iat, exp, jti, sub,
uid, cid and scp; null removes a claim. The signature of this token counts as valid; every other
check is that of the filter. The token replaces `{token}` in the path or a header, and is otherwise
sent as `Authorization: Bearer`.

With `proof`, the token is bound to a key (`cnf.jkt`) and sent as `Authorization: DPoP`, with a DPoP
proof for the request. `claims` and `header` change the proof, `age` is its age in seconds, and with
`key: other` the proof has another key than the token. `none` sends no proof. `nonce_from: NAME`
takes the nonce of the response to an earlier test. `repeat: NAME` sends the token and the proof of
an earlier test again; the filter then remembers that test.

`shadow` lists the codes for which shadow mode would deny the
request.

  --json           print one JSON object
";

/// The result of one test.
struct TestResult {
    name: String,
    explanation: Explanation,
    /// The differences from the expectation; empty if the test passes.
    differences: Vec<String>,
}

pub(crate) fn run(args: Parser) -> Result<ExitOutcome, CliError> {
    let Some(FileArguments { flags: [as_json], files }) = FileArguments::parse(args, ["json"], USAGE)? else {
        return Ok(print_help(USAGE));
    };
    let mut results = Vec::new();
    for file in &files {
        results.extend(run_file(file)?);
    }
    let failed = results.iter().filter(|result| !result.passed()).count();
    if as_json {
        let tests: Vec<Value> = results.iter().map(TestResult::to_json).collect();
        output::print_json(&json!({ "ok": failed == 0, "tests": tests }));
    } else {
        results.iter().for_each(TestResult::print);
        output::print(&format!("{} passed, {failed} failed", results.len().saturating_sub(failed)));
    }
    Ok(ExitOutcome::from(failed == 0))
}

fn run_file(path: &Path) -> Result<Vec<TestResult>, CliError> {
    let in_file = |problem: String| CliError(format!("{}: {problem}", path.display()));
    let file = TestFile::read(path)?;
    let relative = |other: &Path| path.parent().map_or_else(|| other.to_owned(), |folder| folder.join(other));
    let config = LoadedConfig::load(&relative(&file.config), file.select.as_deref())?;
    let denylist = match &file.denylist {
        Some(path) => documents::read(&relative(path))?,
        None => json!({ "entries": [] }).to_string().into_bytes(),
    };
    let mut documents = DocumentProvider {
        denylist: Some(denylist.clone()),
        // A test has no endpoint: every JWT is active.
        introspection: Some(br#"{"active":true}"#.to_vec()),
        ..DocumentProvider::default()
    };
    match &file.jwks {
        Some(Jwks::File(path)) => documents.default_keys = Some(documents::read(&relative(path))?),
        Some(Jwks::ByProvider(paths)) => {
            for (name, path) in paths {
                documents.keys.insert(name.clone(), documents::read(&relative(path))?);
            }
        }
        None => {}
    }
    let at = file.at.map_or_else(clock::now, UnixTime::from_seconds);
    let issuer = TestIssuer::new(&config, denylist)?;
    TestRunner { config, documents, issuer, at }.run(&file.tests).map_err(in_file)
}

impl TestResult {
    fn passed(&self) -> bool {
        self.differences.is_empty()
    }

    fn print(&self) {
        let result = if self.passed() { "ok  " } else { "FAIL" };
        output::print(&output::line(&format!("{result}  {}", self.name)));
        if !self.passed() {
            let decision = self.explanation.decision.lines();
            let lines = self.differences.iter().cloned().chain(self.explanation.lines()).chain(decision);
            lines.for_each(|line| output::print(&output::line(&format!("      {line}"))));
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "ok": self.passed(),
            "differences": self.differences,
            "explanation": self.explanation.to_json(),
        })
    }
}
