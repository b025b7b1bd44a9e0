//! The requests that the issuer receives, by second.

use std::ops::Range;

/// The number of requests in each second.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    seconds: Vec<u32>,
}

impl Requests {
    /// Creates a count for this number of seconds.
    pub(crate) fn new(seconds: usize) -> Self {
        Self { seconds: vec![0; seconds] }
    }

    /// Counts a request at a time in milliseconds. Ignores requests after the end.
    pub(crate) fn count(&mut self, millis: u64) {
        if let Some(second) = self.seconds.get_mut(usize::try_from(millis / 1000).unwrap()) {
            *second += 1;
        }
    }

    pub(crate) fn seconds(&self) -> &[u32] {
        &self.seconds
    }

    pub(crate) fn total(&self, range: Range<usize>) -> u32 {
        self.seconds[range].iter().sum()
    }

    /// Returns the largest number of requests in one second.
    pub(crate) fn peak_second(&self, range: Range<usize>) -> u32 {
        self.seconds[range].iter().copied().max().unwrap_or(0)
    }

    /// Returns the largest number of requests in 60 consecutive seconds.
    pub(crate) fn peak_minute(&self, range: Range<usize>) -> u32 {
        let seconds = &self.seconds[range];
        seconds.windows(60.min(seconds.len())).map(|minute| minute.iter().sum()).max().unwrap_or(0)
    }
}
