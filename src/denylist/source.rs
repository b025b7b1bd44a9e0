//! How a denylist is fetched: with one request.

use super::Denylist;
use crate::https_url::HttpsUrl;
use crate::refresh::shared::{Names, SharedData};
use crate::refresh::source::{FetchError, Fetched, Next, Response, Source};
use crate::time::UnixTime;

/// The denylist at one place.
#[derive(Debug)]
pub struct DenylistSource {
    uri: HttpsUrl,
    names: Names,
}

impl DenylistSource {
    /// The list that is there, through this cluster.
    pub fn new(cluster: &str, uri: HttpsUrl) -> Self {
        Self { names: Names::new(&["denylist", cluster, &uri.authority, &uri.path]), uri }
    }
}

impl Source for DenylistSource {
    type Document = Denylist;
    type Step = ();

    fn names(&self) -> &Names {
        &self.names
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
    ) -> Next<()> {
        Next::Done(response.and_then(Fetched::check::<Denylist>))
    }
}
