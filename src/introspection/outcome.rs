//! Answers of an introspection endpoint, and what the filter makes of them.

use std::rc::Rc;

use super::call::CallError;
use crate::claims::Claims;
use crate::rejection::Rejection;

/// The result that a worker has for a token.
pub(crate) enum Cached<T> {
    /// The token is active.
    Active(Rc<T>),
    /// The filter rejects the token, or the last call has failed.
    Rejected(Rejection),
    /// A call is in flight.
    InFlight,
    /// The filter needs a call.
    Unknown,
}

/// An accepted token.
pub(crate) struct Accepted<T> {
    pub(crate) token: T,
    /// `exp` of the response, in seconds since the epoch.
    pub(crate) expires_at: Option<i64>,
    /// The approximate size of the token in memory, in bytes.
    pub(crate) bytes: usize,
}

/// The answer of the endpoint.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The token is active, with these claims.
    Active(Claims),
    /// The token is not active.
    Inactive,
}

/// The outcome of a call, for metrics and logs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CallOutcome {
    /// The token is active, and the filter accepts it.
    Active,
    /// The token is not active, or the filter does not accept it.
    Rejected,
    /// The call failed.
    Failed(CallError),
}

/// The numbers of events since the creation. They wrap around.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct IntrospectionCounts {
    /// Requests that needed no call, because a result was cached.
    pub cache_hits: u64,
    /// Requests that were denied because of a limit.
    pub limited: u64,
}
