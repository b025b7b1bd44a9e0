//! The end of streams whose token is no longer valid: WebSockets, gRPC streams, event streams, long
//! transfers.
//!
//! The filter decides on the request of a stream once. While the stream is open, three facts can
//! change: the time, the keys of the issuer, and the denylists. The policy depends on the request
//! and the configuration, which do not change. A rule with `max_age` applies to the request alone
//! (RFC 9470 section 4). The filter does not introspect a token again.
//!
//! A document that is missing or expired closes no stream, because an outage is no revocation. The
//! last fetched document applies.

use std::rc::{Rc, Weak};

use super::open_streams::{OpenStream, StreamState};
use super::verified_token::VerifiedToken;
use super::{Filter, Permit, PermitReason};
use crate::rejection::Rejection;
use crate::reply::{Reply, ReplyContext};
use crate::request::AuthScheme;
use crate::time::UnixTime;

/// The maximum number of streams that one callback closes. After the callback, Envoy ends each
/// stream inside the end of the one before, on one stack.
const MAX_CLOSED: usize = 32;
/// The maximum number of streams that one callback checks. A check takes about a microsecond.
const MAX_CHECKED: usize = 1024;
/// The time that a complete request has to receive its response after its token has become invalid,
/// in seconds. It is the default of Envoy's route timeout, which ends ordinary requests.
const UNANSWERED_SECONDS: i64 = 15;
/// The interval at which the filter checks such a request again, in seconds.
const RETRY_SECONDS: i64 = 1;

/// A stream that is no longer authorized.
#[derive(Debug)]
pub struct UnauthorizedStream {
    stream: OpenStream,
    rejection: Rejection,
}

impl UnauthorizedStream {
    /// Returns the ID of the stream.
    pub const fn id(&self) -> u32 {
        self.stream.id
    }

    /// Returns the reason.
    pub const fn rejection(&self) -> Rejection {
        self.rejection
    }
}

impl Filter {
    /// Tracks the stream of an allowed request if the configuration closes streams and a token
    /// authorizes the request.
    pub fn begin_stream(
        &mut self,
        id: u32,
        permit: &Permit,
        grpc: bool,
        state: &Rc<StreamState>,
        now: UnixTime,
    ) {
        if !self.config.close_streams || permit.reason() != PermitReason::Verified {
            return;
        }
        let token = permit.verified_token().map(Rc::clone);
        let stream = OpenStream { id, state: Rc::downgrade(state), token, grpc, unauthorized_since: None };
        self.streams.begin(stream, now);
    }

    /// Stops tracking a stream that has ended.
    pub fn end_stream(&mut self, state: &StreamState) {
        self.streams.end(state);
    }

    /// Returns the number of tracked streams.
    pub fn tracked_streams(&self) -> usize {
        self.streams.len()
    }

    /// Takes up to 32 streams that are no longer authorized. The host passes each to
    /// [`Filter::close_stream`].
    #[inline(never)]
    pub fn take_unauthorized_streams(&mut self, now: UnixTime) -> Vec<UnauthorizedStream> {
        let mut unauthorized = Vec::new();
        if !self.config.close_streams {
            return unauthorized;
        }
        self.streams.track_recent(now);
        for _ in 0..MAX_CHECKED {
            if unauthorized.len() >= MAX_CLOSED {
                break;
            }
            let Some(stream) = self.streams.take_due(now) else { break };
            match self.check_stream(&stream, now) {
                Ok(ends_at) => self.streams.insert(stream, ends_at),
                Err(rejection) => unauthorized.push(UnauthorizedStream { stream, rejection }),
            }
        }
        unauthorized
    }

    /// Returns whether [`Filter::take_unauthorized_streams`] has more streams to check at `now`.
    pub fn has_due_streams(&self, now: UnixTime) -> bool {
        self.streams.has_due(now)
    }

    /// Returns the response with which the host closes a stream; `None` if the stream stays open or
    /// has ended.
    ///
    /// A complete request without a response gets 15 s more: it was authorized when it arrived, and
    /// the upstream may have executed it.
    #[inline(never)]
    pub fn close_stream(
        &mut self,
        UnauthorizedStream { mut stream, rejection }: UnauthorizedStream,
        has_response: bool,
        now: UnixTime,
    ) -> Option<Reply> {
        let is_complete = Weak::upgrade(&stream.state)?.is_request_complete();
        let since = *stream.unauthorized_since.get_or_insert(now.seconds());
        let is_unanswered = is_complete && !has_response;
        if is_unanswered
            && rejection != Rejection::TooManyStreams
            && now.seconds() < since.saturating_add(UNANSWERED_SECONDS)
        {
            self.streams.insert(stream, now.seconds().saturating_add(RETRY_SECONDS));
            return None;
        }
        let context = ReplyContext { grpc: stream.grpc, ..ReplyContext::default() };
        let confirmation = stream.token.as_deref().and_then(|verified| verified.token.confirmation());
        // The filter accepts a token that is bound to a key with the scheme `DPoP` only.
        let scheme = match confirmation.and_then(|confirmation| confirmation.key_thumbprint) {
            Some(_) => AuthScheme::Dpop,
            None => AuthScheme::Bearer,
        };
        Some(self.reply_in(&rejection.into(), context, scheme, now))
    }

    /// Checks a stream again. Returns the time at which its token expires, in Unix seconds.
    ///
    /// # Errors
    /// The reason why the stream is no longer authorized.
    fn check_stream(&self, stream: &OpenStream, now: UnixTime) -> Result<i64, Rejection> {
        let token = stream.token.as_deref().ok_or(Rejection::TooManyStreams)?;
        let VerifiedToken { token, provider: id, .. } = token;
        let provider = self.provider(*id).ok_or(Rejection::Misconfigured)?;
        let requirements = provider.requirements_of(token);
        let ends_at = token.check_end(requirements, now)?;
        // No key of the provider has verified an opaque token.
        let is_withdrawn = |keys| !token.is_introspected() && !token.is_key_published(keys);
        if self.sources.latest_keys(*id).is_some_and(is_withdrawn) {
            return Err(Rejection::KeyUnknown);
        }
        let identity = token.identity_at(requirements, now);
        if self.config.local_denylist.matches(&identity, now)
            || self.sources.is_on_latest_denylist(&identity, now)
        {
            return Err(Rejection::TokenRevoked);
        }
        Ok(ends_at)
    }
}
