//! Key sets and denylists for a filter outside Envoy: from files, or fetched over HTTPS.

use std::collections::HashMap;
use std::path::Path;

use okta_authz_filter::config::{Config, Provider};
use okta_authz_filter::https_url::HttpsUrl;
use okta_authz_filter::introspection::CallRequest;
use okta_authz_filter::jwks::source::JwksUri;
use okta_authz_filter::refresh::source::{FetchError, Response};
use serde_json::json;

use super::https::{HttpResponse, Https};
use super::{CliError, documents};

/// The most bytes of a document that is fetched for `--jwks` or `--denylist`.
const MAX_BYTES: usize = 1024 * 1024;

/// The documents that the filter would fetch.
#[derive(Default)]
pub(crate) struct DocumentProvider {
    /// Key sets by the name of their provider.
    pub(crate) keys: HashMap<String, Vec<u8>>,
    /// The key set of all other providers.
    pub(crate) default_keys: Option<Vec<u8>>,
    pub(crate) denylist: Option<Vec<u8>>,
    /// The response to every introspection.
    pub(crate) introspection: Option<Vec<u8>>,
    /// The problem with the secrets for introspection in the environment.
    pub(crate) secrets_problem: Option<String>,
    /// The client that fetches documents which are not given. Without it, the command is offline.
    pub(crate) https: Option<Https>,
}

impl DocumentProvider {
    /// Adds the key set of `[PROVIDER=]FILE` or `[PROVIDER=]URL`.
    pub(crate) fn add_keys(&mut self, argument: &str, config: &Config) -> Result<(), CliError> {
        let named = argument.split_once('=').and_then(|(name, source)| {
            config.providers.iter().find(|provider| provider.name == name).map(|provider| (provider, source))
        });
        match named {
            None => self.default_keys = Some(self.load(argument)?),
            Some((provider, _)) if provider.remote_jwks.is_none() => {
                return Err(CliError(format!(
                    "--jwks: provider `{}` has only `local_jwks`: the filter fetches no keys for it",
                    provider.name
                )));
            }
            Some((provider, source)) => {
                let document = self.load(source)?;
                self.keys.insert(provider.name.clone(), document);
            }
        }
        Ok(())
    }

    /// Adds the denylist of a file or URL.
    pub(crate) fn add_denylist(&mut self, source: &str) -> Result<(), CliError> {
        self.denylist = Some(self.load(source)?);
        Ok(())
    }

    /// Adds the introspection response of a file.
    pub(crate) fn add_introspection(&mut self, file: &Path) -> Result<(), CliError> {
        self.introspection = Some(documents::read(file)?);
        Ok(())
    }

    /// Returns status, headers and body of the response to an introspection.
    ///
    /// # Errors
    ///
    /// A message for the user.
    pub(crate) fn introspect(&self, request: &CallRequest) -> Result<HttpResponse, String> {
        if let Some(body) = &self.introspection {
            return Ok(HttpResponse { status: 200, headers: Vec::new(), body: body.clone() });
        }
        match (&self.https, &self.secrets_problem) {
            (None, _) => Err("offline: not introspected".to_owned()),
            (Some(_), Some(problem)) => Err(problem.clone()),
            (Some(https), None) => https.post(request),
        }
    }

    fn load(&self, source: &str) -> Result<Vec<u8>, CliError> {
        if source.starts_with("http://") {
            return Err(CliError(format!("{source}: must be a file or an https URL")));
        }
        match &self.https {
            Some(https) if source.starts_with("https://") => {
                let response = https.get(source, MAX_BYTES).map_err(|(_, problem)| CliError(problem))?;
                Ok(response.body)
            }
            None if source.starts_with("https://") => {
                Err(CliError(format!("{source}: cannot be fetched with --offline; use a file")))
            }
            _ => documents::read(Path::new(source)),
        }
    }

    /// Returns the key set of a provider; without a provider, the denylist.
    fn document(&self, provider: Option<&Provider>) -> Option<&[u8]> {
        let document = match provider {
            Some(provider) => self.keys.get(&provider.name).or(self.default_keys.as_ref()),
            None => self.denylist.as_ref(),
        };
        document.map(Vec::as_slice)
    }

    /// Reports whether the document is given, or can be fetched.
    pub(crate) fn can_provide(&self, provider: Option<&Provider>) -> bool {
        self.https.is_some() || self.document(provider).is_some()
    }

    /// Returns the response to a request of the filter.
    ///
    /// # Errors
    ///
    /// The error for the filter, and a message for the user.
    pub(crate) fn respond(
        &self,
        provider: Option<&Provider>,
        request: &HttpsUrl,
        max_bytes: usize,
    ) -> Result<Response, (FetchError, String)> {
        let Some(document) = self.document(provider) else {
            let offline = || (FetchError::NoResponse, "offline: cannot fetch".to_owned());
            return self.https.as_ref().ok_or_else(offline)?.get(&request.to_string(), max_bytes);
        };
        let body = match provider.and_then(|provider| metadata(provider, request)) {
            Some(metadata) => metadata,
            None => document.to_vec(),
        };
        Ok(Response { body, ..Response::default() })
    }
}

/// Returns authorization server metadata (RFC 8414) if the request asks for it. A given key set
/// needs no metadata of the issuer, so the URL in it is a placeholder.
fn metadata(provider: &Provider, request: &HttpsUrl) -> Option<Vec<u8>> {
    match &provider.remote_jwks.as_ref()?.jwks_uri {
        JwksUri::Discovered(discovery) if discovery.candidate_urls().contains(request) => {
            let (issuer, host) = (provider.requirements.issuers.first()?, discovery.hosts().first()?);
            Some(json!({ "issuer": issuer, "jwks_uri": format!("https://{host}/") }).to_string().into_bytes())
        }
        _ => None,
    }
}
