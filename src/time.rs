//! Points in time, as arguments: no function of the core asks a clock.

use std::time::Duration;

/// A point in time: milliseconds since the Unix epoch, as Envoy's wall clock tells it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct UnixTime {
    millis: u64,
}

impl UnixTime {
    /// The time that many milliseconds after the epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self { millis }
    }

    /// The time that many seconds after the epoch.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self { millis: seconds.saturating_mul(1000) }
    }

    /// Whole seconds since the epoch: the unit of a NumericDate (RFC 7519 section 2).
    pub fn seconds(self) -> i64 {
        i64::try_from(self.millis / 1000).unwrap_or(i64::MAX)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> u64 {
        self.millis
    }

    /// This time moved into the future; stops at the end of time rather than wrapping around.
    pub fn saturating_add(self, span: Duration) -> Self {
        Self { millis: self.millis.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)) }
    }

    /// How long ago `earlier` was; zero if the clock has been set back in between.
    pub fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.millis.saturating_sub(earlier.millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_makes_nothing_negative() {
        let (early, late) = (UnixTime::from_seconds(10), UnixTime::from_seconds(20));
        assert_eq!(early.saturating_duration_since(late), Duration::ZERO);
        assert_eq!(late.saturating_duration_since(early), Duration::from_secs(10));
    }

    #[test]
    fn the_far_future_saturates() {
        assert_eq!(UnixTime::from_millis(u64::MAX).saturating_add(Duration::MAX).millis(), u64::MAX);
        assert_eq!(UnixTime::from_seconds(u64::MAX).seconds(), i64::try_from(u64::MAX / 1000).unwrap());
    }
}
