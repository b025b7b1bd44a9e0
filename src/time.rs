//! Points in time. The core reads no clock; the host passes the time as an argument.

use std::time::Duration;

/// A point in time, in milliseconds since the Unix epoch. The host takes it from Envoy's wall
/// clock.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct UnixTime {
    millis: u64,
}

impl UnixTime {
    /// Returns the time `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self { millis }
    }

    /// Returns the time `seconds` seconds after the epoch, at most the maximum.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self { millis: seconds.saturating_mul(1000) }
    }

    /// Returns the whole seconds since the epoch, the unit of a NumericDate (RFC 7519 section 2).
    pub fn seconds(self) -> i64 {
        i64::try_from(self.millis / 1000).unwrap_or(i64::MAX)
    }

    /// Returns the milliseconds since the epoch.
    pub const fn millis(self) -> u64 {
        self.millis
    }

    /// Returns the time `span` later, at most the maximum.
    pub fn saturating_add(self, span: Duration) -> Self {
        Self { millis: self.millis.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)) }
    }

    /// Returns the duration since `earlier`; zero if `earlier` is later, because the clock was set
    /// back.
    pub fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.millis.saturating_sub(earlier.millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_since_later_time_is_zero() {
        let (early, late) = (UnixTime::from_seconds(10), UnixTime::from_seconds(20));
        assert_eq!(early.saturating_duration_since(late), Duration::ZERO);
        assert_eq!(late.saturating_duration_since(early), Duration::from_secs(10));
    }

    #[test]
    fn time_beyond_maximum_saturates() {
        assert_eq!(UnixTime::from_millis(u64::MAX).saturating_add(Duration::MAX).millis(), u64::MAX);
        assert_eq!(UnixTime::from_seconds(u64::MAX).seconds(), i64::try_from(u64::MAX / 1000).unwrap());
    }
}
