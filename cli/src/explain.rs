//! `okta-authz explain`: one request, what becomes of it, and why.

mod batch;
mod decision;
mod requirement;
mod steps;

use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt as _};
use okta_authz_filter::crypto::SignatureVerifier;
use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::filter::Verdict;
use okta_authz_filter::request::RequestHead;
use okta_authz_filter::time::UnixTime;
use serde_json::Value;

use super::https::Https;
use super::request::{Headers, Request};
use super::session::Session;
use super::source::Source;
use super::supply::Supply;
use super::{Answer, Problem, clock, documents, help, output};
pub(crate) use decision::Decision;
use steps::{Recorder, Steps};

const USAGE: &str = "\
Usage: okta-authz explain --config FILE --path PATH [--token TOKEN|@FILE|-] [...]

Decides about a request as the filter would, and tells each step that led there. Exit status 0 if it passes.

  --config FILE           the configuration, wherever it is in the file
  --select TEXT           the one whose place has this in it, of several
  --token TOKEN|@FILE|-   from a file, or from standard input; sent where the path or a header has `{token}`, or else as
                          `Authorization: Bearer`
  --method METHOD         GET if it is not given
  --path PATH             with the query
  --host HOST
  --header 'NAME: VALUE'  any number of them
  --remote-ip ADDRESS     where the client is
  --route-policy NAME     the policy that the route names
  --jwks [PROVIDER=]FILE|URL
                          keys of one provider, or of all; without it, they are fetched from where they are
  --denylist FILE|URL     the denylist; likewise
  --ca FILE               certificate authorities to trust for that, PEM; otherwise Mozilla's
  --offline               fetch nothing: it has not arrived yet
  --at SECONDS            when, since 1970; otherwise now
  --fetched-at SECONDS    when keys and denylist were fetched; otherwise then
  --show-claims           print the claims of the token, and what is set from them
  --json                  for machines
  --batch FILE|-          many questions, one JSON object on each line, and as many answers; nothing is fetched
";

/// A question: what becomes of this request?
pub(crate) struct Question<'a> {
    pub(crate) source: &'a Source,
    pub(crate) request: &'a Request,
    pub(crate) supply: &'a Supply,
    pub(crate) verifier: &'a dyn SignatureVerifier,
    pub(crate) at: UnixTime,
    pub(crate) fetched_at: UnixTime,
    pub(crate) show_claims: bool,
}

/// An answer: the decision, and the steps that led there.
pub(crate) struct Explanation {
    pub(crate) decision: Decision,
    steps: Steps,
    show_claims: bool,
}

impl Question<'_> {
    /// Asks the filter: first as when it has just been started, and has nothing; and again when that has arrived which
    /// this request depends on.
    pub(crate) fn answer(&self) -> Explanation {
        let headers = self.request.to_headers();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let head = self.request.head(&headers);
        let mut session = Session::new(self.source.config.clone());
        let (mut verdict, mut steps) = self.decide(&session, &head);
        if let Some(provider) = &steps.provider {
            let problems = session.deliver(provider, self.supply, self.fetched_at);
            (verdict, steps) = self.decide(&session, &head);
            for (check, problem) in problems {
                steps.undelivered(check, problem);
            }
        }
        let decision = Decision::of(&verdict, &session.filter, &head, &steps.shadows);
        Explanation { decision, steps, show_claims: self.show_claims }
    }

    fn decide(&self, session: &Session, head: &RequestHead<'_>) -> (Verdict, Steps) {
        let filter = &session.filter;
        let mut recorder = Recorder::new(filter.config(), &self.source.written, self.show_claims);
        let verdict = filter.decide_with_observer(head, self.at, self.verifier, &mut recorder);
        if let Verdict::Allow(permit) = &verdict {
            recorder.permit(permit);
        }
        (verdict, recorder.into_steps())
    }
}

impl Explanation {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.steps.lines()
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut answer = self.decision.to_json(self.show_claims);
        if let Some(members) = answer.as_object_mut() {
            members.insert("steps".to_owned(), self.steps.to_json());
        }
        answer
    }
}

/// What the command line says.
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
    jwks: Vec<String>,
    denylist: Option<String>,
    ca: Option<PathBuf>,
    offline: bool,
    at: Option<u64>,
    fetched_at: Option<u64>,
    show_claims: bool,
    as_json: bool,
    batch: Option<PathBuf>,
}

impl Options {
    /// `None` if only help is wanted.
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
                        None => Err("a header is `name: value`"),
                    };
                    options.headers.push(args.value()?.parse_with(header)?);
                }
                Arg::Long("remote-ip") => options.remote_ip = Some(args.value()?.parse()?),
                Arg::Long("route-policy") => options.route_policy = Some(args.value()?.string()?),
                Arg::Long("jwks") => options.jwks.push(args.value()?.string()?),
                Arg::Long("denylist") => options.denylist = Some(args.value()?.string()?),
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

    fn request(&self) -> Result<Request, Problem> {
        let path = self.path.clone().ok_or_else(|| Problem("--path is missing".to_owned()))?;
        let mut request = Request {
            method: self.method.clone().unwrap_or_else(|| "GET".to_owned()),
            path,
            host: self.host.clone().unwrap_or_default(),
            headers: Headers::default(),
            remote_ip: self.remote_ip,
            route_policy: self.route_policy.clone(),
        };
        for (name, value) in &self.headers {
            request.headers.push(name, value.clone());
        }
        if let Some(token) = &self.token {
            request.authorize(&token_from(token)?);
        }
        Ok(request)
    }
}

/// A token on the command line can be read by everybody on the machine; in a file it cannot.
fn token_from(argument: &str) -> Result<String, Problem> {
    let file = match argument.strip_prefix('@') {
        Some(file) => file,
        None if argument == "-" => argument,
        None => return Ok(argument.to_owned()),
    };
    let bytes = documents::read(file.as_ref())?;
    let token = str::from_utf8(&bytes).map_err(|_| Problem(format!("{file}: the token is not text")))?;
    Ok(token.trim().to_owned())
}

pub(crate) fn run(args: Parser) -> Answer {
    let Some(options) = Options::parse(args)? else { return help(USAGE) };
    if let Some(file) = &options.batch {
        return batch::run(file);
    }
    let config = options.config.as_ref().ok_or_else(|| Problem(format!("--config is missing\n\n{USAGE}")))?;
    let source = Source::load(config, options.select.as_deref())?;
    let request = options.request()?;
    let https = if options.offline { None } else { Some(Https::new(options.ca.as_deref())?) };
    let mut supply = Supply { https, ..Supply::default() };
    for argument in &options.jwks {
        supply.add_keys(argument, &source.config)?;
    }
    if let Some(place) = &options.denylist {
        supply.add_denylist(place)?;
    }
    let at = options.at.map_or_else(clock::now, UnixTime::from_seconds);
    let explanation = Question {
        source: &source,
        request: &request,
        supply: &supply,
        verifier: &Software,
        at,
        fetched_at: options.fetched_at.map_or(at, UnixTime::from_seconds),
        show_claims: options.show_claims,
    }
    .answer();
    if options.as_json {
        output::print_json(&explanation.to_json());
    } else {
        explanation.lines().iter().for_each(|line| output::print(line));
        explanation.decision.lines().iter().for_each(|line| output::print(&output::line(line)));
    }
    Ok(!explanation.decision.is_denied())
}
