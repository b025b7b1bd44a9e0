//! The system clock. The core never reads a clock: its callers pass the time.

use std::time::{SystemTime, UNIX_EPOCH};

use okta_authz_filter::time::UnixTime;

/// Returns the system time.
#[expect(clippy::disallowed_methods, reason = "the command line passes the system time to the core")]
pub(crate) fn now() -> UnixTime {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_seconds(elapsed.as_secs())
}
