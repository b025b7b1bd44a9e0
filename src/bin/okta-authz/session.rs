//! A filter outside Envoy: its keys go through the same machine as in the module, and one worker shares with nobody.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

use okta_authz_filter::config::{Config, Provider};
use okta_authz_filter::filter::{Filter, ProviderId};
use okta_authz_filter::https_url::HttpsUrl;
use okta_authz_filter::jwks::fetch::{Fetch, FetchError, Response, Source};
use okta_authz_filter::jwks::record::WorkerId;
use okta_authz_filter::jwks::refresh::Progress;
use okta_authz_filter::jwks::shared::{Cas, SharedData};
use okta_authz_filter::time::UnixTime;
use serde_json::json;

use super::https::Https;
use super::{Problem, documents};

/// Where keys come from.
#[derive(Default)]
pub(crate) struct Keys {
    /// Documents for providers by name.
    pub(crate) of: HashMap<String, Vec<u8>>,
    /// The document for all others.
    pub(crate) of_all: Option<Vec<u8>>,
    /// Who fetches what is not here.
    pub(crate) https: Option<Https>,
}

/// A filter, and what the workers of its process would share.
pub(crate) struct Session {
    pub(crate) filter: Filter,
    shared: Store,
}

impl Keys {
    /// Takes `[PROVIDER=]FILE` or `[PROVIDER=]URL`.
    pub(crate) fn add(&mut self, argument: &str, config: &Config) -> Result<(), Problem> {
        let named = argument.split_once('=').and_then(|(name, place)| {
            config.providers.iter().find(|provider| provider.name == name).map(|provider| (provider, place))
        });
        let (provider, place) = match named {
            Some((provider, place)) => (Some(provider), place),
            None => (None, argument),
        };
        let document = self.document(place)?;
        match provider {
            None => self.of_all = Some(document),
            Some(provider) if provider.remote_jwks.is_none() => {
                return Err(Problem(format!(
                    "provider `{}` has keys of its own: `local_jwks`",
                    provider.name
                )));
            }
            Some(provider) => drop(self.of.insert(provider.name.clone(), document)),
        }
        Ok(())
    }

    fn document(&self, place: &str) -> Result<Vec<u8>, Problem> {
        if place.starts_with("http://") {
            return Err(Problem(format!("{place}: keys are fetched by https only")));
        }
        match &self.https {
            Some(https) if place.starts_with("https://") => {
                https.get(place).map(|response| response.body).map_err(|(_, problem)| Problem(problem))
            }
            None if place.starts_with("https://") => {
                Err(Problem(format!("{place}: nothing is fetched here")))
            }
            _ => documents::read(Path::new(place)),
        }
    }

    fn may_have(&self, provider: &str) -> bool {
        self.https.is_some() || self.of_all.is_some() || self.of.contains_key(provider)
    }

    /// Answers a request of a fetch.
    fn answer(&self, provider: &Provider, request: &HttpsUrl) -> Result<Response, (FetchError, String)> {
        let Some(document) = self.of.get(&provider.name).or(self.of_all.as_ref()) else {
            let nobody = || (FetchError::NoAnswer, "not fetched".to_owned());
            return self.https.as_ref().ok_or_else(nobody)?.get(&request.to_string());
        };
        let source = provider.remote_jwks.as_ref().map(|remote| &remote.source);
        let body = match source {
            // Who brings the keys along need not say where they would be.
            Some(Source::Discovery(discovery)) if discovery.places().contains(request) => {
                let host = discovery.hosts().first().map_or("", String::as_str);
                let issuer = provider.expected.issuers.first();
                json!({ "issuer": issuer, "jwks_uri": format!("https://{host}/") }).to_string().into_bytes()
            }
            _ => document.clone(),
        };
        Ok(Response { body, max_age: None })
    }
}

impl Session {
    pub(crate) fn new(config: Config) -> Self {
        Self { filter: Filter::new(config, WorkerId(1)), shared: Store::default() }
    }

    /// Lets the keys of a provider arrive; says why they have not.
    pub(crate) fn deliver(&mut self, provider: &str, keys: &Keys, now: UnixTime) -> Result<(), String> {
        let is_remote = |it: &Provider| it.name == provider && it.remote_jwks.is_some();
        if !self.filter.config().providers.iter().any(is_remote) {
            return Ok(());
        }
        if !keys.may_have(provider) {
            return Err("no keys have been fetched".to_owned());
        }
        let is_it =
            |filter: &Filter, id: ProviderId| filter.provider(id).is_some_and(|it| it.name == provider);
        let ticks = self.filter.on_tick(now, &self.shared);
        let due = ticks.into_iter().find(|(id, _)| is_it(&self.filter, *id));
        let Some((id, Some(fetch))) = due.map(|(id, tick)| (id, tick.fetch)) else { return Ok(()) };
        let outcome = self.fetch(id, fetch, keys, now);
        // What was published is taken over at the next tick.
        self.filter.on_tick(now, &self.shared);
        outcome
    }

    fn fetch(&mut self, id: ProviderId, mut fetch: Fetch, keys: &Keys, now: UnixTime) -> Result<(), String> {
        let mut told = None;
        loop {
            let Some(provider) = self.filter.provider(id) else { return Ok(()) };
            let response = keys.answer(provider, fetch.request()).map_err(|(error, problem)| {
                told = Some(problem);
                error
            });
            match self.filter.on_response(id, now, fetch, &self.shared, response) {
                Progress::Request(next) => fetch = next,
                Progress::Done(Ok(_)) => return Ok(()),
                Progress::Done(Err(error)) => return Err(told.unwrap_or_else(|| error.to_string())),
            }
        }
    }
}

/// Envoy's shared data, in memory.
#[derive(Default)]
struct Store(RefCell<HashMap<String, (Vec<u8>, u32)>>);

impl SharedData for Store {
    fn get(&self, name: &str) -> Option<(Vec<u8>, Cas)> {
        self.0.borrow().get(name).map(|(value, cas)| (value.clone(), Cas(*cas)))
    }

    fn set(&self, name: &str, value: &[u8], read: Option<Cas>) -> bool {
        let mut values = self.0.borrow_mut();
        let stands = values.get(name).map(|(_, cas)| Cas(*cas));
        if stands == read {
            let next = stands.map_or(1, |Cas(cas)| cas.saturating_add(1));
            values.insert(name.to_owned(), (value.to_vec(), next));
        }
        stands == read
    }
}
