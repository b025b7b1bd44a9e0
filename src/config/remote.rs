//! The fields of every remote document: the cluster, and the schedule of the fetches.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::Remote;
use super::duration::ConfigDuration;
use super::error::ConfigError;
use super::field_path::FieldPath;
use crate::refresh::RefreshSchedule;

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3600);
pub(super) const DAY: Duration = Duration::from_secs(86_400);

/// The default and the range of `timeout`.
const TIMEOUT: (Duration, RangeInclusive<Duration>) =
    (Duration::from_secs(5), Duration::from_millis(100)..=MINUTE);
/// The range of `cache_duration`.
const CACHE_DURATION: RangeInclusive<Duration> = SECOND..=DAY;
/// The range of `max_stale`.
const MAX_STALE: RangeInclusive<Duration> = SECOND..=Duration::from_secs(30 * 86_400);

/// Checks the cluster and the schedule. The last two parameters are fields with their defaults.
pub(super) fn remote(
    at: &FieldPath<'_>,
    cluster: String,
    timeout: Option<ConfigDuration>,
    (cache_duration, default_cache_duration): (Option<ConfigDuration>, Duration),
    (max_stale, default_max_stale): (Option<ConfigDuration>, Duration),
) -> Result<Remote, ConfigError> {
    if cluster.is_empty() {
        return Err(at.field("cluster").error("must not be empty"));
    }
    let (default_timeout, timeouts) = TIMEOUT;
    let schedule = RefreshSchedule {
        timeout: ConfigDuration::within(timeout, default_timeout, timeouts, &at.field("timeout"))?,
        cache_duration: ConfigDuration::within(
            cache_duration,
            default_cache_duration,
            CACHE_DURATION,
            &at.field("cache_duration"),
        )?,
        max_stale: ConfigDuration::within(max_stale, default_max_stale, MAX_STALE, &at.field("max_stale"))?,
    };
    if schedule.max_stale < schedule.cache_duration {
        return Err(at.field("max_stale").error("must not be shorter than `cache_duration`"));
    }
    Ok(Remote { cluster, schedule })
}
