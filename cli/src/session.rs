//! A filter outside Envoy. It fetches documents with the code of the wasm module, as the only
//! worker of its process.

use std::cell::RefCell;
use std::collections::HashMap;

use okta_authz_filter::config::{Config, Provider};
use okta_authz_filter::filter::{Filter, SourceId};
use okta_authz_filter::introspection::{CallError, CallOutcome, CallResponse, MAX_BODY_BYTES};
use okta_authz_filter::observer::Check;
use okta_authz_filter::refresh::refresher::{Fetch, FetchProgress};
use okta_authz_filter::refresh::shared::{CasToken, SharedData};
use okta_authz_filter::refresh::state::WorkerId;
use okta_authz_filter::time::UnixTime;

use super::document_provider::DocumentProvider;
use super::https::HttpResponse;

/// A filter with the shared data of one worker.
pub(crate) struct Session {
    pub(crate) filter: Filter,
    pub(crate) shared: InMemorySharedData,
}

impl Session {
    /// Creates a session. It reads the keys of DPoP nonces from the environment variable that the
    /// configuration names. Without the variable, it accepts no nonce of another process.
    ///
    /// `earlier` is the shared data of an earlier session with the configuration. The session
    /// continues its memory of DPoP proofs, and fetches the documents again.
    pub(crate) fn new(config: Config, earlier: Option<&InMemorySharedData>) -> Self {
        let shared = InMemorySharedData::default();
        let nonce_keys = config.nonce_keys(|name| std::env::var(name).ok()).unwrap_or_default();
        let mut filter = Filter::new(config, WorkerId(1));
        // The memory of the session has no secrets.
        filter.prepare_dpop(nonce_keys, &shared, [0; 32]);
        if let Some(earlier) = earlier {
            shared.update_from(earlier);
        }
        Self { filter, shared }
    }

    /// Fetches the denylist and the key set of a provider.
    ///
    /// Returns each check without its document, with a message for the user.
    pub(crate) fn fetch_documents(
        &mut self,
        provider: &str,
        documents: &DocumentProvider,
        now: UnixTime,
    ) -> Vec<(Check, String)> {
        let mut problems = Vec::new();
        for (source, tick) in self.filter.on_tick(now, &self.shared) {
            let (check, owner) = match source {
                SourceId::Keys(id) => (Check::Keys, self.filter.provider(id)),
                SourceId::Denylist => (Check::Denylist, None),
            };
            let Some(fetch) = tick.fetch.filter(|_| owner.is_none_or(|owner| owner.name == provider)) else {
                continue;
            };
            if !documents.can_provide(owner) {
                problems.push((check, "offline: not fetched".to_owned()));
            } else if let Err(problem) = self.fetch(source, fetch, documents, now) {
                problems.push((check, problem));
            }
        }
        // A worker installs documents from the shared data at its next tick.
        self.filter.on_tick(now, &self.shared);
        problems
    }

    /// Sends the introspections that a decision has begun. Returns a message for each one without an
    /// answer.
    pub(crate) fn introspect(&self, documents: &DocumentProvider, now: UnixTime) -> Vec<String> {
        let mut problems = Vec::new();
        for (call, request) in self.filter.take_introspection_calls(now) {
            let response = documents.introspect(&request);
            let headers: Vec<(&str, &[u8])> = response
                .iter()
                .flat_map(|response| &response.headers)
                .map(|(name, value)| (name.as_str(), value.as_slice()))
                .collect();
            let received = match &response {
                Ok(HttpResponse { status, body, .. }) => {
                    let body = (body.len() <= MAX_BODY_BYTES).then(|| body.clone());
                    Ok(CallResponse { status: *status, headers: &headers, body })
                }
                Err(_) => Err(CallError::NoResponse),
            };
            let outcome = self.filter.on_introspection_response(call, now, &self.shared, received);
            match (response, outcome) {
                (Err(problem), _) => problems.push(problem),
                (Ok(_), CallOutcome::Failed(error)) => problems.push(error.to_string()),
                (Ok(_), _) => {}
            }
        }
        problems
    }

    fn fetch(
        &mut self,
        id: SourceId,
        mut fetch: Fetch,
        documents: &DocumentProvider,
        now: UnixTime,
    ) -> Result<(), String> {
        let mut message = None;
        loop {
            let provider: Option<&Provider> = match id {
                SourceId::Keys(id) => self.filter.provider(id),
                SourceId::Denylist => None,
            };
            let response = documents.respond(provider, fetch.url(), id.max_bytes());
            let response = response.map_err(|(error, problem)| {
                message = Some(problem);
                error
            });
            match self.filter.on_response(id, now, fetch, &self.shared, response) {
                FetchProgress::Request(next) => fetch = next,
                FetchProgress::Done(Ok(_)) | FetchProgress::NotModified => return Ok(()),
                FetchProgress::Done(Err(error)) => return Err(message.unwrap_or_else(|| error.to_string())),
            }
        }
    }
}

/// An implementation of Envoy's shared data in memory.
#[derive(Clone, Default)]
pub(crate) struct InMemorySharedData(RefCell<HashMap<String, (Vec<u8>, u32)>>);

impl InMemorySharedData {
    /// Sets each value that exists to that of `earlier`.
    fn update_from(&self, earlier: &Self) {
        let earlier = earlier.0.borrow();
        for (name, value) in self.0.borrow_mut().iter_mut() {
            if let Some(earlier) = earlier.get(name) {
                value.clone_from(earlier);
            }
        }
    }
}

impl SharedData for InMemorySharedData {
    fn get(&self, name: &str) -> Option<(Vec<u8>, CasToken)> {
        self.0.borrow().get(name).map(|(value, cas)| (value.clone(), CasToken(*cas)))
    }

    fn set(&self, name: &str, value: &[u8], read: Option<CasToken>) -> bool {
        let mut values = self.0.borrow_mut();
        let current = values.get(name).map(|(_, cas)| CasToken(*cas));
        if current == read {
            let next = current.map_or(1, |CasToken(cas)| cas.saturating_add(1));
            values.insert(name.to_owned(), (value.to_vec(), next));
        }
        current == read
    }
}
