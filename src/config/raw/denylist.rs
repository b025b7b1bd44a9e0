//! The denylist.

use crate::config::reader::object;

use crate::config::duration::ConfigDuration;
use crate::json::Value;

/// # Denylist
///
/// Tokens that the filter rejects before they expire. One of `entries` and `remote` is required.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct Denylist {
    /// Entries of the configuration. The filter rejects a token that matches one of them.
    ///
    /// - Range: 1 to 10,000 entries
    /// - Default: none
    /// - Example: `[{ jti: AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE }]`
    #[cfg_attr(
        not(target_arch = "wasm32"),
        schemars(with = "Option<Vec<crate::config::schema::DenylistEntry>>")
    )]
    pub(in crate::config) entries: Option<Vec<Value>>,
    /// Entries that the filter fetches, in addition to `entries`.
    ///
    /// - Default: none
    /// - Example: `{ cluster: revocations, uri: "https://revocations.example.com/denylist" }`
    pub(in crate::config) remote: Option<RemoteDenylist>,
}

object!(Denylist { entries, remote });

/// # Remote denylist
///
/// The location of the denylist, and the schedule of its fetches. The response is a JSON object
/// with the member `entries`, of at most 1 MiB and 10,000 entries.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(in crate::config) struct RemoteDenylist {
    /// The Envoy cluster through which the filter fetches the denylist.
    ///
    /// - Range: not empty
    /// - Example: `revocations`
    pub(in crate::config) cluster: String,
    /// The URL of the denylist.
    ///
    /// - Range: an https URL
    /// - Example: `https://revocations.example.com/denylist`
    pub(in crate::config) uri: String,
    /// The timeout of each request.
    ///
    /// - Range: `100ms` to `1m`
    /// - Default: `5s`
    /// - Example: `2s`
    pub(in crate::config) timeout: Option<ConfigDuration>,
    /// The time after which the filter fetches the denylist again. `Cache-Control: max-age` of the
    /// response can shorten it, but not below 30 seconds.
    ///
    /// - Range: `1s` to `1d`
    /// - Default: `1m`
    /// - Example: `30s`
    pub(in crate::config) cache_duration: Option<ConfigDuration>,
    /// The time, since the last successful fetch, for which the filter uses the cached denylist
    /// while fetches fail. After that, the filter still rejects the tokens on the list, and
    /// responds to all others with 503.
    ///
    /// - Range: `1s` to `30d`, and at least `cache_duration`
    /// - Default: `1h`
    /// - Example: `6h`
    pub(in crate::config) max_stale: Option<ConfigDuration>,
}

object!(RemoteDenylist { cluster: required, uri: required, timeout, cache_duration, max_stale });
