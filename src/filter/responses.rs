//! The responses to denied requests.

use super::Filter;
use crate::reply::{Denial, DpopChallenge, Reply, ReplyContext};
use crate::request::{AuthScheme, RequestHead};
use crate::time::UnixTime;

impl Filter {
    /// Builds the response to a request that the filter denies at the time `now`.
    pub fn reply(&self, denial: &Denial, head: &RequestHead<'_>, now: UnixTime) -> Reply {
        let resource_metadata = self.config.protected_resources.metadata_url(head.path);
        let context = ReplyContext { grpc: head.is_grpc(), resource_metadata, dpop: None };
        let scheme = head.authorization(true).map_or(AuthScheme::Bearer, |(scheme, _)| scheme);
        self.reply_in(denial, context, scheme, now)
    }

    /// Builds the response like [`Self::reply`], to a client that used this scheme.
    pub(super) fn reply_in(
        &self,
        denial: &Denial,
        context: ReplyContext<'_>,
        scheme: AuthScheme,
        now: UnixTime,
    ) -> Reply {
        let Some(settings) = &self.config.dpop else {
            return Reply::new(denial, &self.config.responses, context);
        };
        let algorithms = settings.algorithm_names();
        let nonce = self.nonces.as_ref().map(|nonces| nonces.issue(now));
        let dpop = Some(DpopChallenge {
            scheme,
            algorithms: &algorithms,
            nonce: nonce.as_deref(),
            offers_bearer: self.config.offers_bearer(),
        });
        Reply::new(denial, &self.config.responses, ReplyContext { dpop, ..context })
    }
}
