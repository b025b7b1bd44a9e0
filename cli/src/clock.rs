//! The one place that looks at a clock; the core is told the time.

use std::time::{SystemTime, UNIX_EPOCH};

use okta_authz_filter::time::UnixTime;

/// The time.
#[expect(clippy::disallowed_methods, reason = "the core is told the time; here is who tells it")]
pub(crate) fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_seconds(since.as_secs())
}
