//! The source of a denylist, which one request fetches.

use super::Denylist;
use crate::https_url::HttpsUrl;
use crate::refresh::shared::{SharedData, SharedKeys};
use crate::refresh::source::{FetchAction, FetchError, FetchedDocument, Response, Source};
use crate::time::UnixTime;

/// The source of the denylist at one URL.
#[derive(Debug)]
pub struct DenylistSource {
    uri: HttpsUrl,
    shared_keys: SharedKeys,
}

impl DenylistSource {
    /// Creates the source of the denylist at a URL. The fetches go through an Envoy cluster.
    pub fn new(cluster: &str, uri: HttpsUrl) -> Self {
        Self { shared_keys: SharedKeys::new(&["denylist", cluster, &uri.authority, &uri.path]), uri }
    }
}

impl Source for DenylistSource {
    type Document = Denylist;
    type State = ();
    const IS_CONDITIONAL: bool = true;

    fn shared_keys(&self) -> &SharedKeys {
        &self.shared_keys
    }

    fn begin(&self, _: UnixTime, _: &dyn SharedData) -> (HttpsUrl, ()) {
        (self.uri.clone(), ())
    }

    fn on_response(
        &self,
        (): (),
        _: UnixTime,
        _: &dyn SharedData,
        response: Result<Response, FetchError>,
    ) -> FetchAction<()> {
        FetchAction::Done(response.and_then(FetchedDocument::check::<Denylist>))
    }
}
