//! `okta-authz explain`: the decision about one request, with each check that led to it.

mod batch;
mod decision;
mod options;
mod requirement;
mod steps;

use lexopt::Parser;
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
use super::request::Request;
use super::session::{InMemorySharedData, Session};
use super::{CliError, ExitOutcome, clock, output, print_help};
pub(crate) use decision::Decision;
use options::Options;
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
    /// The memory of the filter after an earlier request ([`Explanation::memory`]).
    pub(crate) memory: Option<&'a InMemorySharedData>,
}

/// A decision with the steps that led to it.
pub(crate) struct Explanation {
    pub(crate) decision: Decision,
    /// The shared data after the request, with the DPoP proofs that the filter has accepted.
    pub(crate) memory: InMemorySharedData,
    steps: Steps,
    show_claims: bool,
}

/// A verdict with its steps, and the shared data after it.
type Decided = (Verdict, Steps, InMemorySharedData);

impl ExplainRequest<'_> {
    /// Decides about the request.
    ///
    /// The first decision is that of a filter which has fetched nothing. If it depends on a
    /// provider, a second decision follows after the documents of that provider are fetched.
    pub(crate) fn explain(&self) -> Explanation {
        let headers = self.request.to_headers();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let head = self.request.head(&headers);
        let mut session = Session::new(self.config.config.clone(), self.memory);
        let (mut verdict, mut steps, mut memory) = self.decide(&session, &head);
        if let Some(provider) = &steps.provider {
            let mut problems = session.fetch_documents(provider, self.documents, self.fetched_at);
            (verdict, steps, memory) = self.decide(&session, &head);
            let unanswered = session.introspect(self.documents, self.at);
            problems.extend(unanswered.into_iter().map(|problem| (Check::Introspection, problem)));
            (verdict, steps, memory) = self.decide_again(&session, &head, (verdict, steps, memory));
            for (check, problem) in problems {
                steps.note_fetch_failure(check, problem);
            }
        }
        let decision = Decision::new(&verdict, &session.filter, (&head, self.at), &steps.shadows);
        Explanation { decision, memory, steps, show_claims: self.show_claims }
    }

    /// Decides again if the decision depended on an introspection.
    fn decide_again(&self, session: &Session, head: &RequestHead<'_>, decided: Decided) -> Decided {
        let pending = match &decided.0 {
            Verdict::Wait(pending) => Some(pending),
            Verdict::Allow(permit) => permit.pending_fetch(),
            _ => None,
        };
        match pending.map(|pending| pending.awaited) {
            Some(Awaited::Introspection(..)) => self.decide(session, head),
            _ => decided,
        }
    }

    fn decide(&self, session: &Session, head: &RequestHead<'_>) -> Decided {
        let filter = &session.filter;
        let mut recorder = Recorder::new(filter.config(), &self.config.json, self.show_claims);
        // Each decision has its own memory of DPoP proofs, so that the second one is no replay.
        let memory = session.shared.clone();
        let environment = Environment {
            connection: self.request,
            shared_data: &memory,
            ..Environment::new(self.at, self.verifier)
        };
        let verdict = filter.decide_with_observer(head, &environment, &mut recorder);
        if let Verdict::Allow(permit) = &verdict {
            recorder.record_permit(permit);
        }
        (verdict, recorder.into_steps(), memory)
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
        memory: None,
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
