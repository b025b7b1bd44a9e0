//! `denylist`: the entries in the configuration, and the source of further entries.

use super::error::ConfigError;
use super::field_path::FieldPath;
use super::remote::{HOUR, MINUTE, remote};
use super::{RemoteDenylist, raw};
use crate::denylist::{Denylist, DenylistError};
use crate::https_url::HttpsUrl;
use crate::json::Value;

pub(super) fn denylist(
    at: &FieldPath<'_>,
    raw: Option<raw::Denylist>,
) -> Result<(Denylist, Option<RemoteDenylist>), ConfigError> {
    match raw {
        None => Ok((Denylist::default(), None)),
        Some(raw::Denylist { entries: None, remote: None }) => {
            Err(at.error("needs `entries`, `remote`, or both"))
        }
        Some(raw::Denylist { entries, remote }) => Ok((
            entries.map_or_else(|| Ok(Denylist::default()), |list| local(&at.field("entries"), &list))?,
            remote.map(|raw| remote_denylist(&at.field("remote"), raw)).transpose()?,
        )),
    }
}

fn local(at: &FieldPath<'_>, entries: &[Value]) -> Result<Denylist, ConfigError> {
    if entries.is_empty() {
        return Err(at.error("must not be empty"));
    }
    Denylist::new(entries).map_err(|error| match error {
        DenylistError::Entry { index, error } => {
            let at = at.index(index);
            error.member.map_or(at, |member| at.field(member)).error(error.problem)
        }
        DenylistError::Malformed | DenylistError::TooManyEntries => {
            at.error(format!("is not usable: {error}"))
        }
    })
}

fn remote_denylist(at: &FieldPath<'_>, raw: raw::RemoteDenylist) -> Result<RemoteDenylist, ConfigError> {
    Ok(RemoteDenylist {
        remote: remote(at, raw.cluster, raw.timeout, (raw.cache_duration, MINUTE), (raw.max_stale, HOUR))?,
        uri: HttpsUrl::parse(&raw.uri).map_err(|problem| at.field("uri").error(problem))?,
    })
}
