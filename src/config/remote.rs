//! What all that is fetched has in common: a cluster, and a schedule.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::Remote;
use super::duration::Duration as Written;
use super::error::{ConfigError, Path};
use crate::refresh::RefreshSchedule;

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3600);
pub(super) const DAY: Duration = Duration::from_secs(86_400);

const TIMEOUT: (Duration, RangeInclusive<Duration>) =
    (Duration::from_secs(5), Duration::from_millis(100)..=MINUTE);
const CACHE_DURATION: RangeInclusive<Duration> = SECOND..=DAY;
const MAX_STALE: RangeInclusive<Duration> = SECOND..=Duration::from_secs(30 * 86_400);

/// The two last durations come with their defaults.
pub(super) fn remote(
    at: &Path,
    cluster: String,
    timeout: Option<Written>,
    (cache_duration, default_duration): (Option<Written>, Duration),
    (max_stale, default_stale): (Option<Written>, Duration),
) -> Result<Remote, ConfigError> {
    if cluster.is_empty() {
        return Err(at.field("cluster").error("must not be empty"));
    }
    let (usual_timeout, timeouts) = TIMEOUT;
    let schedule = RefreshSchedule {
        timeout: Written::within(timeout, usual_timeout, timeouts, &at.field("timeout"))?,
        cache_duration: Written::within(
            cache_duration,
            default_duration,
            CACHE_DURATION,
            &at.field("cache_duration"),
        )?,
        max_stale: Written::within(max_stale, default_stale, MAX_STALE, &at.field("max_stale"))?,
    };
    if schedule.max_stale < schedule.cache_duration {
        return Err(at.field("max_stale").error("must not be shorter than `cache_duration`"));
    }
    Ok(Remote { cluster, schedule })
}
