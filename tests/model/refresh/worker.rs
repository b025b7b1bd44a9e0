//! A worker with the code of the filter.

use std::time::Duration;

use okta_authz_filter::crypto::Algorithm;
use okta_authz_filter::denylist::source::DenylistSource;
use okta_authz_filter::https_url::HttpsUrl;
use okta_authz_filter::jwks::remote::RemoteKeys;
use okta_authz_filter::jwks::source::{JwksUri, KeySource};
use okta_authz_filter::jwks::unknown_kids::KidDigest;
use okta_authz_filter::refresh::RefreshSchedule;
use okta_authz_filter::refresh::refresher::{Fetch, Refresher};
use okta_authz_filter::refresh::shared::SharedData;
use okta_authz_filter::refresh::source::{Document as _, FetchError, Response};
use okta_authz_filter::refresh::state::WorkerId;
use okta_authz_filter::time::UnixTime;

use super::{Op, Outcome, Reply, Source};
use crate::history::WorkerIndex;

/// The schedule of all scenarios.
pub(super) const SCHEDULE: RefreshSchedule = RefreshSchedule {
    cache_duration: Duration::from_secs(600),
    max_stale: Duration::from_secs(86_400),
    timeout: Duration::from_secs(5),
};
/// The cooldown of fetches for unknown key IDs.
pub(super) const COOLDOWN: Duration = Duration::from_secs(30);
/// The maximum number of documents.
const MAX_DOCUMENTS: u8 = 40;

/// The document of a worker.
#[derive(Debug)]
enum Subject {
    Keys(Box<RemoteKeys>),
    Denylist(Box<Refresher<DenylistSource>>),
}

/// A worker, and the requests that it has sent.
#[derive(Debug)]
pub(super) struct Local {
    subject: Subject,
    fetches: Vec<Option<Fetch>>,
}

/// Returns a time in milliseconds after the begin of the scenario.
pub(super) fn at(millis: u64) -> UnixTime {
    UnixTime::from_seconds(1_700_000_000).saturating_add(Duration::from_millis(millis))
}

/// Returns the ID of a worker. It causes no jitter.
pub(super) fn worker_id(worker: WorkerIndex) -> WorkerId {
    WorkerId((u64::from(worker) + 1) * 1024)
}

impl Local {
    pub(super) fn new(source: Source, worker: WorkerIndex) -> Self {
        let (id, url) = (worker_id(worker), HttpsUrl::parse("https://acme.okta.example/document").unwrap());
        let subject = match source {
            Source::Keys => {
                let issuers = ["https://acme.okta.example".to_owned()];
                let source = KeySource::new(&issuers, "okta", JwksUri::Configured(url), None);
                Subject::Keys(Box::new(RemoteKeys::new(source, SCHEDULE, COOLDOWN, id)))
            }
            Source::Denylist => {
                Subject::Denylist(Box::new(Refresher::new(DenylistSource::new("okta", url), SCHEDULE, id)))
            }
        };
        Self { subject, fetches: Vec::new() }
    }

    pub(super) fn run(&mut self, op: Op, shared: &dyn SharedData) -> Outcome {
        let mut fetch = None;
        match op {
            Op::Tick { at: millis } => {
                let tick = match &mut self.subject {
                    Subject::Keys(keys) => keys.on_tick(at(millis), shared),
                    Subject::Denylist(list) => list.on_tick(at(millis), shared),
                };
                if let Some(request) = tick.fetch {
                    fetch = Some(request.if_none_match().is_some());
                    self.fetches.push(Some(request));
                }
            }
            Op::Respond { at: millis, fetch, reply } => {
                let request = self.fetches[usize::from(fetch)].take().expect("one response for each request");
                match &mut self.subject {
                    Subject::Keys(keys) => {
                        keys.on_response(at(millis), request, shared, response(reply, jwks));
                    }
                    Subject::Denylist(list) => {
                        list.on_response(at(millis), request, shared, response(reply, denylist));
                    }
                }
            }
            Op::Release => match &mut self.subject {
                Subject::Keys(keys) => keys.release(shared),
                Subject::Denylist(list) => list.release(shared),
            },
            Op::UnknownKid { at: millis } => {
                let Subject::Keys(keys) = &mut self.subject else { panic!("keys only") };
                keys.on_unknown_kid(KidDigest::new(Some("unknown")), at(millis), shared);
            }
        }
        Outcome { fetch, installed: self.installed() }
    }

    /// Returns the number of the installed document; 0 without one.
    fn installed(&self) -> u8 {
        match &self.subject {
            Subject::Keys(keys) => keys.latest().map_or(0, |keys| {
                let has = |kid: &u8| keys.find(Some(&kid.to_string()), Algorithm::EdDSA).is_ok();
                (1..=MAX_DOCUMENTS).find(has).expect("the key of a document")
            }),
            Subject::Denylist(list) => list.latest().map_or(0, |list| u8::try_from(list.count()).unwrap()),
        }
    }
}

fn response(reply: Reply, document: fn(u8) -> String) -> Result<Response, FetchError> {
    match reply {
        Reply::Document(number) => Ok(Response {
            body: document(number).into_bytes(),
            etag: Some(format!("\"{number}\"")),
            ..Response::default()
        }),
        Reply::Failure => Err(FetchError::Status(500)),
        Reply::NotModified => Err(FetchError::NotModified(None)),
    }
}

/// Returns a key set whose key has the number of the document as its `kid`.
fn jwks(number: u8) -> String {
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"{number}","x":"{x}"}}]}}"#)
}

/// Returns a denylist that has as many entries as the number of the document.
fn denylist(number: u8) -> String {
    let entries: Vec<_> = (0..number).map(|jti| format!(r#"{{"jti":"AT.{jti}"}}"#)).collect();
    format!(r#"{{"entries":[{}]}}"#, entries.join(","))
}
