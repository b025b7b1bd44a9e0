//! A filter outside Envoy: what it fetches goes through the same machine as in the module, and one worker shares with
//! nobody.

use std::cell::RefCell;
use std::collections::HashMap;

use okta_authz_filter::config::{Config, Provider};
use okta_authz_filter::filter::{Filter, SourceId};
use okta_authz_filter::observer::Check;
use okta_authz_filter::refresh::refresher::{Fetch, FetchProgress};
use okta_authz_filter::refresh::shared::{CasToken, SharedData};
use okta_authz_filter::refresh::state::WorkerId;
use okta_authz_filter::time::UnixTime;

use super::supply::Supply;

/// A filter, and what the workers of its process would share.
pub(crate) struct Session {
    pub(crate) filter: Filter,
    shared: Store,
}

impl Session {
    pub(crate) fn new(config: Config) -> Self {
        Self { filter: Filter::new(config, WorkerId(1)), shared: Store::default() }
    }

    /// Lets all arrive that a token of the provider depends on; says what has not, and why.
    pub(crate) fn deliver(&mut self, provider: &str, supply: &Supply, now: UnixTime) -> Vec<(Check, String)> {
        let mut problems = Vec::new();
        for (source, tick) in self.filter.on_tick(now, &self.shared) {
            let (check, of) = match source {
                SourceId::Keys(id) => (Check::Keys, self.filter.provider(id)),
                SourceId::Denylist => (Check::Denylist, None),
            };
            let Some(fetch) = tick.fetch.filter(|_| of.is_none_or(|of| of.name == provider)) else {
                continue;
            };
            if !supply.may_have(of) {
                problems.push((check, "nothing has been fetched".to_owned()));
            } else if let Err(problem) = self.fetch(source, fetch, supply, now) {
                problems.push((check, problem));
            }
        }
        // What was published is taken over at the next tick.
        self.filter.on_tick(now, &self.shared);
        problems
    }

    fn fetch(
        &mut self,
        id: SourceId,
        mut fetch: Fetch,
        supply: &Supply,
        now: UnixTime,
    ) -> Result<(), String> {
        let mut told = None;
        loop {
            let provider: Option<&Provider> = match id {
                SourceId::Keys(id) => self.filter.provider(id),
                SourceId::Denylist => None,
            };
            let answer = supply.answer(provider, fetch.url(), id.max_bytes());
            let response = answer.map_err(|(error, problem)| {
                told = Some(problem);
                error
            });
            match self.filter.on_response(id, now, fetch, &self.shared, response) {
                FetchProgress::Request(next) => fetch = next,
                FetchProgress::Done(Ok(_)) => return Ok(()),
                FetchProgress::Done(Err(error)) => return Err(told.unwrap_or_else(|| error.to_string())),
            }
        }
    }
}

/// Envoy's shared data, in memory.
#[derive(Default)]
struct Store(RefCell<HashMap<String, (Vec<u8>, u32)>>);

impl SharedData for Store {
    fn get(&self, name: &str) -> Option<(Vec<u8>, CasToken)> {
        self.0.borrow().get(name).map(|(value, cas)| (value.clone(), CasToken(*cas)))
    }

    fn set(&self, name: &str, value: &[u8], read: Option<CasToken>) -> bool {
        let mut values = self.0.borrow_mut();
        let stands = values.get(name).map(|(_, cas)| CasToken(*cas));
        if stands == read {
            let next = stands.map_or(1, |CasToken(cas)| cas.saturating_add(1));
            values.insert(name.to_owned(), (value.to_vec(), next));
        }
        stands == read
    }
}
