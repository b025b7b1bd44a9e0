//! `okta-authz test`: a policy held against expectations, without Envoy and without Okta's private key.

mod expect;
mod stand_in;

use std::path::{Path, PathBuf};

use lexopt::{Arg, Parser};
use okta_authz_filter::config::Provider;
use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::json::Object;
use okta_authz_filter::time::UnixTime;
use serde::Deserialize;
use serde_json::{Value, json};

use super::explain::{Explanation, Question};
use super::request::Request;
use super::source::Source;
use super::supply::Supply;
use super::{Answer, Problem, clock, documents, help, output};
use expect::Expect;
use stand_in::StandIn;

const USAGE: &str = "\
Usage: okta-authz test [--json] FILE...

Holds a policy against expectations. A FILE is YAML:

  config: envoy.yaml       # relative to this file; `select: TEXT` if it has several configurations
  at: 1750000000           # when, since 1970; otherwise now
  jwks: keys.json          # keys for `jwt` tokens; or a file for each provider by name
  denylist: revoked.json   # instead of the one that would be fetched; otherwise nothing is on it
  tests:
    - name: a reader reads
      request: { method: GET, path: /items, host: api.example.com, headers: { x-a: b }, remote_ip: 10.0.0.1 }
      token: { provider: okta, claims: { scp: [items:read] } }    # or `none`, or { jwt: eyJ... }
      expect: allow        # or `deny`, a code, or { code: ..., status: ..., scope: ..., headers: { name: value } };
                           # an empty expectation is an error; `shadow: [CODE]`: what rules in shadow mode would deny

`claims` are set over those of a good token of the provider: iss, aud, iat, exp, jti, sub, uid, cid and scp; null takes
one away. Its signature counts as good; nothing else is any different from Envoy. The token is sent where the path or a
header has `{token}`, or else as `Authorization: Bearer`.
";

/// A file of expectations.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Suite {
    config: PathBuf,
    select: Option<String>,
    at: Option<u64>,
    jwks: Option<Jwks>,
    denylist: Option<PathBuf>,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a file, or files for providers by name")]
enum Jwks {
    File(PathBuf),
    ByProvider(std::collections::BTreeMap<String, PathBuf>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Test {
    name: String,
    request: Request,
    #[serde(default)]
    token: Token,
    at: Option<u64>,
    expect: Expect,
}

#[derive(Default, Deserialize)]
#[serde(untagged, expecting = "expected `none`, `{jwt: ...}`, or `{provider: ..., claims: {...}}`")]
enum Token {
    #[default]
    Absent,
    None(NoToken),
    Jwt(Jwt),
    Claims(Claims),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum NoToken {
    None,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Jwt {
    jwt: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    /// Not needed where there is only one.
    provider: Option<String>,
    #[serde(default)]
    claims: Object,
    /// Over `alg` and `kid`, and what the profile asks for.
    #[serde(default)]
    header: Object,
}

/// What has become of a test.
struct Outcome {
    name: String,
    explanation: Explanation,
    /// What is not as expected.
    differences: Vec<String>,
}

pub(crate) fn run(mut args: Parser) -> Answer {
    let (mut as_json, mut files) = (false, Vec::new());
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("json") => as_json = true,
            Arg::Short('h') | Arg::Long("help") => return help(USAGE),
            Arg::Value(file) => files.push(PathBuf::from(file)),
            other => return Err(other.unexpected().into()),
        }
    }
    if files.is_empty() {
        return Err(Problem(format!("a file is missing\n\n{USAGE}")));
    }
    let mut outcomes = Vec::new();
    for file in &files {
        outcomes.extend(run_file(file)?);
    }
    let failed = outcomes.iter().filter(|outcome| !outcome.differences.is_empty()).count();
    if as_json {
        let tests: Vec<Value> = outcomes.iter().map(Outcome::to_json).collect();
        output::print_json(&json!({ "ok": failed == 0, "tests": tests }));
    } else {
        outcomes.iter().for_each(Outcome::print);
        output::print(&format!("{} passed, {failed} failed", outcomes.len().saturating_sub(failed)));
    }
    Ok(failed == 0)
}

fn run_file(file: &Path) -> Result<Vec<Outcome>, Problem> {
    let in_file = |problem: String| Problem(format!("{}: {problem}", file.display()));
    let document = documents::parse_one(file, &documents::read(file)?).map_err(in_file)?;
    let suite: Suite =
        serde_path_to_error::deserialize(document).map_err(|error| in_file(error.to_string()))?;
    if suite.tests.is_empty() {
        return Err(in_file("tests: must not be empty".to_owned()));
    }
    let beside = |path: &Path| file.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path));
    let source = Source::load(&beside(&suite.config), suite.select.as_deref())?;
    let denylist = match &suite.denylist {
        Some(path) => documents::read(&beside(path))?,
        None => json!({ "entries": [] }).to_string().into_bytes(),
    };
    let mut supply = Supply { denylist: Some(denylist.clone()), ..Supply::default() };
    match &suite.jwks {
        Some(Jwks::File(path)) => supply.keys_of_all = Some(documents::read(&beside(path))?),
        Some(Jwks::ByProvider(paths)) => {
            for (name, path) in paths {
                supply.keys.insert(name.clone(), documents::read(&beside(path))?);
            }
        }
        None => {}
    }
    let at = suite.at.map_or_else(clock::now, UnixTime::from_seconds);
    let stand_in = StandIn::new(&source, denylist)?;
    let run = |test: &Test| {
        let at = test.at.map_or(at, UnixTime::from_seconds);
        let problem = |problem| in_file(format!("{}: {problem}", test.name));
        test.run(&source, &supply, &stand_in, at).map_err(problem)
    };
    suite.tests.iter().map(run).collect()
}

impl Test {
    fn run(
        &self,
        source: &Source,
        supply: &Supply,
        stand_in: &StandIn,
        at: UnixTime,
    ) -> Result<Outcome, String> {
        let mut request = self.request.clone();
        let explain = |request: &Request, is_made_up: bool| {
            let verifier = if is_made_up { stand_in.verifier() } else { &Software };
            let (source, supply) =
                if is_made_up { (&stand_in.source, &stand_in.supply) } else { (source, supply) };
            Question { source, request, supply, verifier, at, fetched_at: at, show_claims: is_made_up }
                .answer()
        };
        let explanation = match &self.token {
            Token::Absent | Token::None(NoToken::None) => explain(&request, true),
            Token::Jwt(Jwt { jwt }) => {
                request.authorize(jwt);
                explain(&request, false)
            }
            Token::Claims(Claims { provider, claims, header }) => {
                let provider = the_provider(&source.config.providers, provider.as_deref())?;
                request.authorize(&stand_in::token(provider, header, claims, at));
                explain(&request, true)
            }
        };
        let is_made_up = !matches!(self.token, Token::Jwt(_));
        let differences = self.expect.differences(&explanation.decision, is_made_up);
        Ok(Outcome { name: self.name.clone(), explanation, differences })
    }
}

fn the_provider<'a>(providers: &'a [Provider], name: Option<&str>) -> Result<&'a Provider, String> {
    match (name, providers) {
        (None, [one]) => Ok(one),
        (None, _) => Err("token.provider: there are several".to_owned()),
        (Some(name), _) => {
            let named = providers.iter().find(|provider| provider.name == name);
            named.ok_or_else(|| format!("token.provider: there is no provider `{name}`"))
        }
    }
}

impl Outcome {
    fn print(&self) {
        let mark = if self.differences.is_empty() { "ok  " } else { "FAIL" };
        output::print(&output::line(&format!("{mark}  {}", self.name)));
        if !self.differences.is_empty() {
            let decision = self.explanation.decision.lines();
            let lines = self.differences.iter().cloned().chain(self.explanation.lines()).chain(decision);
            lines.for_each(|line| output::print(&output::line(&format!("      {line}"))));
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "ok": self.differences.is_empty(),
            "differences": self.differences,
            "explanation": self.explanation.to_json(),
        })
    }
}
