//! What the filter would fetch: brought along in files, or fetched.

use std::collections::HashMap;
use std::path::Path;

use okta_authz_filter::config::{Config, Provider};
use okta_authz_filter::https_url::HttpsUrl;
use okta_authz_filter::jwks::source::JwksUri;
use okta_authz_filter::refresh::source::{FetchError, Response};
use serde_json::json;

use super::https::Https;
use super::{Problem, documents};

/// As much as the filter reads of anything.
const MAX_BYTES: usize = 1024 * 1024;

/// Where documents come from.
#[derive(Default)]
pub(crate) struct Supply {
    /// Key sets of providers by name.
    pub(crate) keys: HashMap<String, Vec<u8>>,
    /// The key set of all others.
    pub(crate) keys_of_all: Option<Vec<u8>>,
    pub(crate) denylist: Option<Vec<u8>>,
    /// Who fetches what is not here.
    pub(crate) https: Option<Https>,
}

impl Supply {
    /// Takes `[PROVIDER=]FILE` or `[PROVIDER=]URL`.
    pub(crate) fn add_keys(&mut self, argument: &str, config: &Config) -> Result<(), Problem> {
        let named = argument.split_once('=').and_then(|(name, place)| {
            config.providers.iter().find(|provider| provider.name == name).map(|provider| (provider, place))
        });
        match named {
            None => self.keys_of_all = Some(self.document(argument)?),
            Some((provider, _)) if provider.remote_jwks.is_none() => {
                return Err(Problem(format!(
                    "provider `{}` has keys of its own: `local_jwks`",
                    provider.name
                )));
            }
            Some((provider, place)) => {
                let document = self.document(place)?;
                self.keys.insert(provider.name.clone(), document);
            }
        }
        Ok(())
    }

    /// Takes a file or a URL.
    pub(crate) fn add_denylist(&mut self, place: &str) -> Result<(), Problem> {
        self.denylist = Some(self.document(place)?);
        Ok(())
    }

    fn document(&self, place: &str) -> Result<Vec<u8>, Problem> {
        if place.starts_with("http://") {
            return Err(Problem(format!("{place}: fetched by https only")));
        }
        match &self.https {
            Some(https) if place.starts_with("https://") => {
                let response = https.get(place, MAX_BYTES).map_err(|(_, problem)| Problem(problem))?;
                Ok(response.body)
            }
            None if place.starts_with("https://") => {
                Err(Problem(format!("{place}: nothing is fetched here")))
            }
            _ => documents::read(Path::new(place)),
        }
    }

    /// The document for a provider; for none, the denylist.
    fn has(&self, provider: Option<&Provider>) -> Option<&[u8]> {
        let document = match provider {
            Some(provider) => self.keys.get(&provider.name).or(self.keys_of_all.as_ref()),
            None => self.denylist.as_ref(),
        };
        document.map(Vec::as_slice)
    }

    /// Whether it is worth asking.
    pub(crate) fn may_have(&self, provider: Option<&Provider>) -> bool {
        self.https.is_some() || self.has(provider).is_some()
    }

    /// Answers a request of a fetch; where it cannot, with what is to be told about it.
    pub(crate) fn answer(
        &self,
        provider: Option<&Provider>,
        request: &HttpsUrl,
        max_bytes: usize,
    ) -> Result<Response, (FetchError, String)> {
        let Some(document) = self.has(provider) else {
            let nobody = || (FetchError::NoResponse, "nothing is fetched here".to_owned());
            return self.https.as_ref().ok_or_else(nobody)?.get(&request.to_string(), max_bytes);
        };
        let body = match provider.and_then(|provider| metadata(provider, request)) {
            Some(metadata) => metadata,
            None => document.to_vec(),
        };
        Ok(Response { body, max_age: None, description: String::new() })
    }
}

/// What the issuer would say of where its keys are. Who brings them along need not say.
fn metadata(provider: &Provider, request: &HttpsUrl) -> Option<Vec<u8>> {
    match &provider.remote_jwks.as_ref()?.jwks_uri {
        JwksUri::Discovered(discovery) if discovery.candidate_urls().contains(request) => {
            let (issuer, host) = (provider.expected.issuers.first()?, discovery.hosts().first()?);
            Some(json!({ "issuer": issuer, "jwks_uri": format!("https://{host}/") }).to_string().into_bytes())
        }
        _ => None,
    }
}
