//! How the documents are that requests are decided by: for metrics.

use super::sources::{Keys, SourceId};
use super::{Filter, ProviderId, Sources};
use crate::config::Provider;
use crate::refresh::Schedule;
use crate::refresh::refresher::Refresher;
use crate::refresh::source::{Document as _, Source};
use crate::rejection::Rejection;
use crate::time::UnixTime;
use crate::trace::{Step, Trace};

/// How a document is: a key set, or a denylist.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Freshness {
    /// How many things are in it.
    pub count: usize,
    /// When it was fetched, if it was.
    pub fetched: Option<Fetched>,
}

/// The times of a fetched document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fetched {
    /// When it came.
    pub at: UnixTime,
    /// When a newer one should have come, at the latest.
    pub due_at: UnixTime,
    /// When it is too old to be used.
    pub stale_at: UnixTime,
}

impl Filter {
    /// How each document is that the configuration asks for.
    pub fn freshness(&self) -> impl Iterator<Item = (SourceId, Freshness)> {
        let Sources { keys, denylist } = &self.sources;
        let keys = keys.iter().enumerate().map(|(index, keys)| {
            let freshness = match keys {
                Keys::Remote(keys) => Freshness::of(keys.refresher()),
                Keys::Local(keys) => {
                    Freshness { count: keys.as_ref().map_or(0, |keys| keys.len()), fetched: None }
                }
            };
            (SourceId::Keys(ProviderId(index)), freshness)
        });
        keys.chain(denylist.iter().map(|list| (SourceId::Denylist, Freshness::of(list))))
    }
}

impl Freshness {
    fn of<S: Source>(refresher: &Refresher<S>) -> Self {
        let Schedule { cache_duration, max_stale, .. } = *refresher.schedule();
        let times =
            |at: UnixTime| Fetched { at, due_at: at.after(cache_duration), stale_at: at.after(max_stale) };
        let count = refresher.latest().map_or(0, |document| document.count());
        Self { count, fetched: refresher.fetched_at().map(times) }
    }
}

impl ProviderId {
    /// Its place in the configuration.
    pub const fn index(self) -> usize {
        self.0
    }
}

/// An observer that notes the provider that a token names and the denials of shadow mode, and nothing else.
#[derive(Debug)]
pub struct Whose<'a> {
    providers: &'a [Provider],
    /// The provider, by its place in the configuration.
    pub index: Option<usize>,
    /// The rejections with which rules in shadow mode would have denied the request, in the order of the rules.
    pub shadows: Vec<Rejection>,
}

impl<'a> Whose<'a> {
    /// One of these, if the token names it.
    pub const fn new(providers: &'a [Provider]) -> Self {
        Self { providers, index: None, shadows: Vec::new() }
    }
}

impl Trace for Whose<'_> {
    const WATCHES: bool = false;

    fn step(&mut self, step: Step<'_>) {
        match step {
            Step::From(provider) => {
                self.index = self.providers.iter().position(|one| std::ptr::eq(one, provider));
            }
            Step::Shadowed(_, Some(rejection)) => self.shadows.push(rejection),
            _ => {}
        }
    }
}
