//! `okta-authz explain`: the decision about one request, with each check that led to it.

mod batch;
mod decision;
mod requirement;
mod steps;

use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt as _};
use okta_authz_filter::crypto::SignatureVerifier;
use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::filter::{Awaited, Environment, Verdict};
use okta_authz_filter::observer::Check;
use okta_authz_filter::request::RequestHead;
use okta_authz_filter::time::UnixTime;
use serde_json::Value;

use super::document_provider::DocumentProvider;
use super::https::Https;
use super::loaded_config::LoadedConfig;
use super::request::{Headers, Request};
use super::session::Session;
use super::{CliError, ExitOutcome, clock, documents, output, print_help};
pub(crate) use decision::Decision;
use steps::{Recorder, Steps};

const USAGE: &str = "\
Usage: okta-authz explain --config FILE --path PATH [OPTION]...
       okta-authz explain --batch FILE

Decides about a request as the filter does, and prints each check. Exit status: 0 if the filter
allows the request or responds with 200, 1 if it denies the request or waits for keys.

  --config FILE           a file with a configuration
  --select TEXT           if the file has several configurations: a part of the location of one
  --path PATH             the path with its query
  --method METHOD         default: GET
  --host HOST             the authority, with its port if there is one
  --header 'NAME: VALUE'  a request header; repeat the option for more
  --remote-ip ADDRESS     the address of the client
  --client-certificate-sha256 DIGEST
                          the SHA-256 digest of the client certificate of the connection, in
                          hexadecimal
  --route-policy NAME     the policy that the metadata of the route names
  --token TOKEN|@FILE|-   the token, a file, or standard input; it replaces `{token}` in the path or
                          a header, and is otherwise sent as `Authorization: Bearer`
  --jwks [PROVIDER=]FILE|URL
                          the JWK Set of one provider, or of all; default: fetched from the URL in
                          the configuration
  --denylist FILE|URL     the denylist; default: fetched from the URL in the configuration
  --introspection FILE    the response of the introspection endpoint; default: the filter calls the
                          endpoint, with secrets from the environment
  --ca FILE               CA certificates (PEM) to trust for fetches; default: Mozilla's
  --offline               fetch nothing, as if Okta had not responded yet
  --at SECONDS            the time of the request in seconds since 1970; default: now
  --fetched-at SECONDS    the time at which keys and denylist were fetched; default: `--at`
  --show-claims           print the claims of the token and the values of the identity headers
  --json                  print one JSON object
  --batch FILE|-          read one JSON object per line, and print one for each; fetches nothing
";

/// A request to explain, with everything that the decision depends on.
pub(crate) struct ExplainRequest<'a> {
    pub(crate) config: &'a LoadedConfig,
    pub(crate) request: &'a Request,
    pub(crate) documents: &'a DocumentProvider,
    pub(crate) verifier: &'a dyn SignatureVerifier,
    /// The time of the request.
    pub(crate) at: UnixTime,
    /// The time at which keys and denylist were fetched.
    pub(crate) fetched_at: UnixTime,
    pub(crate) show_claims: bool,
}

/// A decision with the steps that led to it.
pub(crate) struct Explanation {
    pub(crate) decision: Decision,
    steps: Steps,
    show_claims: bool,
}

impl ExplainRequest<'_> {
    /// Decides about the request.
    ///
    /// The first decision is that of a filter which has fetched nothing. If it depends on a
    /// provider, a second decision follows after the documents of that provider are fetched.
    pub(crate) fn explain(&self) -> Explanation {
        let headers = self.request.to_headers();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let head = self.request.head(&headers);
        let mut session = Session::new(self.config.config.clone());
        let (mut verdict, mut steps) = self.decide(&session, &head);
        if let Some(provider) = &steps.provider {
            let mut problems = session.fetch_documents(provider, self.documents, self.fetched_at);
            (verdict, steps) = self.decide(&session, &head);
            let unanswered = session.introspect(self.documents, self.at);
            problems.extend(unanswered.into_iter().map(|problem| (Check::Introspection, problem)));
            (verdict, steps) = self.decide_again(&session, &head, (verdict, steps));
            for (check, problem) in problems {
                steps.note_fetch_failure(check, problem);
            }
        }
        let decision = Decision::new(&verdict, &session.filter, (&head, self.at), &steps.shadows);
        Explanation { decision, steps, show_claims: self.show_claims }
    }

    /// Decides again if the decision depended on an introspection.
    fn decide_again(
        &self,
        session: &Session,
        head: &RequestHead<'_>,
        (verdict, steps): (Verdict, Steps),
    ) -> (Verdict, Steps) {
        let pending = match &verdict {
            Verdict::Wait(pending) => Some(pending),
            Verdict::Allow(permit) => permit.pending_fetch(),
            _ => None,
        };
        match pending.map(|pending| pending.awaited) {
            Some(Awaited::Introspection(..)) => self.decide(session, head),
            _ => (verdict, steps),
        }
    }

    fn decide(&self, session: &Session, head: &RequestHead<'_>) -> (Verdict, Steps) {
        let filter = &session.filter;
        let mut recorder = Recorder::new(filter.config(), &self.config.json, self.show_claims);
        // Each decision has its own memory of DPoP proofs, so that the second one is no replay.
        let shared_data = &session.shared.clone();
        let environment =
            Environment { connection: self.request, shared_data, ..Environment::new(self.at, self.verifier) };
        let verdict = filter.decide_with_observer(head, &environment, &mut recorder);
        if let Verdict::Allow(permit) = &verdict {
            recorder.record_permit(permit);
        }
        (verdict, recorder.into_steps())
    }
}

impl Explanation {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.steps.lines()
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut explanation = self.decision.to_json(self.show_claims);
        if let Some(members) = explanation.as_object_mut() {
            members.insert("steps".to_owned(), self.steps.to_json());
        }
        explanation
    }
}

/// The options of the command line.
#[derive(Default)]
struct Options {
    config: Option<PathBuf>,
    select: Option<String>,
    token: Option<String>,
    method: Option<String>,
    path: Option<String>,
    host: Option<String>,
    headers: Vec<(String, String)>,
    remote_ip: Option<std::net::IpAddr>,
    route_policy: Option<String>,
    client_certificate_sha256: Option<String>,
    jwks: Vec<String>,
    denylist: Option<String>,
    introspection: Option<PathBuf>,
    ca: Option<PathBuf>,
    offline: bool,
    at: Option<u64>,
    fetched_at: Option<u64>,
    show_claims: bool,
    as_json: bool,
    batch: Option<PathBuf>,
}

impl Options {
    /// Parses the arguments. Returns `None` for `--help`.
    fn parse(mut args: Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut options = Self::default();
        while let Some(arg) = args.next()? {
            match arg {
                Arg::Long("config") => options.config = Some(args.value()?.into()),
                Arg::Long("select") => options.select = Some(args.value()?.string()?),
                Arg::Long("token") => options.token = Some(args.value()?.string()?),
                Arg::Long("method") => options.method = Some(args.value()?.string()?),
                Arg::Long("path") => options.path = Some(args.value()?.string()?),
                Arg::Long("host") => options.host = Some(args.value()?.string()?),
                Arg::Long("header") => {
                    let header = |text: &str| match text.split_once(':') {
                        Some((name, value)) => Ok((name.trim().to_owned(), value.trim().to_owned())),
                        None => Err("must be `NAME: VALUE`"),
                    };
                    options.headers.push(args.value()?.parse_with(header)?);
                }
                Arg::Long("remote-ip") => options.remote_ip = Some(args.value()?.parse()?),
                Arg::Long("route-policy") => options.route_policy = Some(args.value()?.string()?),
                Arg::Long("client-certificate-sha256") => {
                    options.client_certificate_sha256 = Some(args.value()?.string()?);
                }
                Arg::Long("jwks") => options.jwks.push(args.value()?.string()?),
                Arg::Long("denylist") => options.denylist = Some(args.value()?.string()?),
                Arg::Long("introspection") => options.introspection = Some(args.value()?.into()),
                Arg::Long("ca") => options.ca = Some(args.value()?.into()),
                Arg::Long("offline") => options.offline = true,
                Arg::Long("at") => options.at = Some(args.value()?.parse()?),
                Arg::Long("fetched-at") => options.fetched_at = Some(args.value()?.parse()?),
                Arg::Long("show-claims") => options.show_claims = true,
                Arg::Long("json") => options.as_json = true,
                Arg::Long("batch") => options.batch = Some(args.value()?.into()),
                Arg::Short('h') | Arg::Long("help") => return Ok(None),
                other => return Err(other.unexpected()),
            }
        }
        Ok(Some(options))
    }

    fn request(&self) -> Result<Request, CliError> {
        let path = self.path.clone().ok_or_else(|| CliError("--path is missing".to_owned()))?;
        let mut request = Request {
            method: self.method.clone().unwrap_or_else(|| "GET".to_owned()),
            path,
            host: self.host.clone().unwrap_or_default(),
            headers: Headers::default(),
            remote_ip: self.remote_ip,
            route_policy: self.route_policy.clone(),
            client_certificate_sha256: self.client_certificate_sha256.clone(),
        };
        for (name, value) in &self.headers {
            request.headers.push(name, value.clone());
        }
        if let Some(token) = &self.token {
            request.authorize(&read_token(token)?);
        }
        Ok(request)
    }
}

/// Returns the token of `TOKEN`, `@FILE` or `-`. Other users of the machine can read a command
/// line, so a token should come from a file.
fn read_token(argument: &str) -> Result<String, CliError> {
    let file = match argument.strip_prefix('@') {
        Some(file) => file,
        None if argument == "-" => argument,
        None => return Ok(argument.to_owned()),
    };
    let bytes = documents::read(file.as_ref())?;
    let token = str::from_utf8(&bytes).map_err(|_| CliError(format!("{file}: the token must be UTF-8")))?;
    Ok(token.trim().to_owned())
}

pub(crate) fn run(args: Parser) -> Result<ExitOutcome, CliError> {
    let Some(options) = Options::parse(args)? else { return Ok(print_help(USAGE)) };
    if let Some(file) = &options.batch {
        return batch::run(file);
    }
    let file = options.config.as_ref().ok_or_else(|| CliError(format!("--config is missing\n\n{USAGE}")))?;
    let mut config = LoadedConfig::load(file, options.select.as_deref())?;
    let secrets_problem = config.config.resolve_secrets(&|name| std::env::var(name).ok()).err();
    let request = options.request()?;
    let https = if options.offline { None } else { Some(Https::new(options.ca.as_deref())?) };
    let mut documents = DocumentProvider {
        https,
        secrets_problem: secrets_problem.map(|error| error.to_string()),
        ..DocumentProvider::default()
    };
    for argument in &options.jwks {
        documents.add_keys(argument, &config.config)?;
    }
    if let Some(source) = &options.denylist {
        documents.add_denylist(source)?;
    }
    if let Some(file) = &options.introspection {
        documents.add_introspection(file)?;
    }
    let at = options.at.map_or_else(clock::now, UnixTime::from_seconds);
    let explanation = ExplainRequest {
        config: &config,
        request: &request,
        documents: &documents,
        verifier: &Software,
        at,
        fetched_at: options.fetched_at.map_or(at, UnixTime::from_seconds),
        show_claims: options.show_claims,
    }
    .explain();
    if options.as_json {
        output::print_json(&explanation.to_json());
    } else {
        explanation.lines().iter().for_each(|line| output::print(line));
        explanation.decision.lines().iter().for_each(|line| output::print(&output::line(line)));
    }
    Ok(ExitOutcome::from(!explanation.decision.is_denied()))
}
