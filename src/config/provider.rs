//! `providers`: the authorization servers, and the sources of their keys.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::duration::ConfigDuration;
use super::error::ConfigError;
use super::field_path::FieldPath;
use super::introspection::{check_opaque, introspection};
use super::issuer;
use super::reader::ByName;
use super::remote::{DAY, HOUR, MINUTE, SECOND, remote};
use super::{Provider, RemoteJwks, raw};
use crate::crypto::Algorithm;
use crate::https_url::{self, HttpsUrl};
use crate::jwks::KeySet;
use crate::jwks::discovery::Discovery;
use crate::jwks::source::JwksUri;
use crate::verify::{TokenProfile, TokenRequirements};

/// The default and the range of `clock_skew`.
const CLOCK_SKEW: (Duration, RangeInclusive<Duration>) = (MINUTE, Duration::ZERO..=Duration::from_secs(300));
const CACHE_DURATION: Duration = Duration::from_secs(600);
const MAX_STALE: Duration = DAY;
/// The default and the range of `unknown_kid_cooldown`.
const UNKNOWN_KID_COOLDOWN: (Duration, RangeInclusive<Duration>) = (Duration::from_secs(30), SECOND..=HOUR);
/// The range of `max_token_age`. No reasonable access token is valid for more than a year.
const MAX_TOKEN_AGE: RangeInclusive<Duration> = SECOND..=Duration::from_secs(366 * 86_400);

pub(super) fn providers(
    at: &FieldPath<'_>,
    ByName(raw): ByName<raw::Provider>,
) -> Result<Vec<Provider>, ConfigError> {
    if raw.is_empty() {
        return Err(at.error("must not be empty"));
    }
    let mut providers = Vec::with_capacity(raw.len());
    for (name, raw) in raw {
        providers.push(provider(&at.field(&name), &name, raw)?);
    }
    check_opaque(at, &providers)?;
    let issuers: Vec<_> = providers
        .iter()
        .flat_map(|provider| provider.requirements.issuers.iter().map(|issuer| (issuer, &provider.name)))
        .collect();
    for (index, (issuer, name)) in issuers.iter().enumerate() {
        if let Some((_, owner)) = issuers.iter().take(index).find(|(earlier, _)| earlier == issuer) {
            let problem = format!("must not have the issuer of provider `{owner}`: {issuer}");
            return Err(at.field(name).error(problem));
        }
    }
    Ok(providers)
}

fn provider(at: &FieldPath<'_>, name: &str, raw: raw::Provider) -> Result<Provider, ConfigError> {
    at.check_name(name)?;
    let profile = match raw.token_profile {
        None | Some(raw::TokenProfile::Okta) => TokenProfile::Okta,
        Some(raw::TokenProfile::Rfc9068) => TokenProfile::Rfc9068,
        Some(raw::TokenProfile::Any) => TokenProfile::Any,
    };
    let issuers = issuers(at, raw.issuer, raw.issuers, profile)?;
    let local_jwks = match &raw.local_jwks {
        None => None,
        Some(members) => {
            let keys = KeySet::from_members(members);
            Some(keys.map_err(|error| at.field("local_jwks").error(error.to_string()))?)
        }
    };
    let remote_jwks = match raw.remote_jwks {
        None => None,
        Some(remote) => Some(remote_jwks(&at.field("remote_jwks"), remote, &issuers)?),
    };
    let is_opaque =
        |raw: &raw::Introspection| matches!(raw.tokens, None | Some(raw::IntrospectedTokens::Opaque));
    if remote_jwks.is_none() && local_jwks.is_none() && !raw.introspection.as_ref().is_some_and(is_opaque) {
        return Err(at.error("must have `remote_jwks`, `local_jwks`, or both"));
    }
    let max_token_age = match raw.max_token_age {
        None => None,
        age => Some(seconds(age, (DAY, MAX_TOKEN_AGE), &at.field("max_token_age"))?),
    };
    let requirements = TokenRequirements {
        issuers,
        audiences: at.field("audiences").non_empty_list(raw.audiences)?,
        client_ids: raw.client_ids.map(|ids| at.field("client_ids").non_empty_list(ids)).transpose()?,
        algorithms: algorithms(&at.field("algorithms"), raw.algorithms)?,
        clock_skew: seconds(raw.clock_skew, CLOCK_SKEW, &at.field("clock_skew"))?,
        max_token_age,
        profile,
    };
    let requires_sender_constraint = matches!(raw.sender_constrained, Some(raw::SenderConstrained::Required));
    let introspection = match raw.introspection {
        None => None,
        Some(raw) => Some(introspection(&at.field("introspection"), raw, &requirements)?),
    };
    let name = name.to_owned();
    Ok(Provider { name, requirements, requires_sender_constraint, remote_jwks, local_jwks, introspection })
}

fn issuers(
    at: &FieldPath<'_>,
    one: Option<String>,
    several: Option<Vec<String>>,
    profile: TokenProfile,
) -> Result<Vec<String>, ConfigError> {
    match (one, several) {
        (Some(issuer), None) => {
            issuer::check(&at.field("issuer"), &issuer, profile)?;
            Ok(vec![issuer])
        }
        (None, Some(issuers)) => {
            let at = at.field("issuers");
            let issuers = at.non_empty_list(issuers)?;
            for (index, issuer) in issuers.iter().enumerate() {
                issuer::check(&at.index(index), issuer, profile)?;
            }
            Ok(issuers)
        }
        _ => Err(at.error("must have either `issuer` or `issuers`")),
    }
}

/// Checks the names of signature algorithms. The default is that of tokens.
pub(super) fn algorithms(
    at: &FieldPath<'_>,
    names: Option<Vec<String>>,
) -> Result<Vec<Algorithm>, ConfigError> {
    let Some(names) = names else { return Ok(vec![Algorithm::RS256]) };
    at.each(at.non_empty_list(names)?, |at, name| {
        Algorithm::from_name(&name).ok_or_else(|| {
            let names: Vec<_> = Algorithm::ALL.iter().map(|algorithm| algorithm.name()).collect();
            at.error(format!("must be one of {}; the filter never accepts HS* and none", names.join(", ")))
        })
    })
}

fn remote_jwks(
    at: &FieldPath<'_>,
    raw: raw::RemoteJwks,
    issuers: &[String],
) -> Result<RemoteJwks, ConfigError> {
    let (default_cooldown, bounds) = UNKNOWN_KID_COOLDOWN;
    let at_cooldown = at.field("unknown_kid_cooldown");
    Ok(RemoteJwks {
        remote: remote(
            at,
            raw.cluster,
            raw.timeout,
            (raw.cache_duration, CACHE_DURATION),
            (raw.max_stale, MAX_STALE),
        )?,
        jwks_uri: jwks_uri(at, raw.uri, raw.discovery.unwrap_or(false), raw.jwks_hosts, issuers)?,
        unknown_kid_cooldown: ConfigDuration::within(
            raw.unknown_kid_cooldown,
            default_cooldown,
            bounds,
            &at_cooldown,
        )?,
    })
}

/// Returns the source of the key set. With several issuers, it depends on the first, because the
/// issuers of an Okta authorization server share their keys.
fn jwks_uri(
    at: &FieldPath<'_>,
    uri: Option<String>,
    discovery: bool,
    hosts: Option<Vec<String>>,
    issuers: &[String],
) -> Result<JwksUri, ConfigError> {
    let issuer = issuers.first().map_or("", String::as_str);
    match (uri, discovery) {
        (Some(_), true) => Err(at.error("must not have both `uri` and `discovery: true`")),
        (uri, false) => {
            if hosts.is_some() {
                return Err(at.field("jwks_hosts").error("must not be set without `discovery: true`"));
            }
            let uri = uri.unwrap_or_else(|| format!("{}/v1/keys", issuer.trim_end_matches('/')));
            let url = HttpsUrl::parse(&uri).map_err(|problem| at.field("uri").error(problem))?;
            Ok(JwksUri::Configured(url))
        }
        (None, true) => {
            let url = |issuer: &String| HttpsUrl::parse(issuer).map_err(|problem| at.error(problem));
            let urls = issuers.iter().map(url).collect::<Result<Vec<_>, _>>()?;
            let issuer_hosts = || urls.iter().map(|url| url.authority.clone()).collect();
            let at = at.field("jwks_hosts");
            let hosts = hosts.map_or_else(|| Ok(issuer_hosts()), |hosts| at.non_empty_list(hosts))?;
            for (index, host) in hosts.iter().enumerate() {
                if !https_url::is_authority(host) {
                    return Err(at.index(index).error("must be a host, with a port unless it is 443"));
                }
            }
            let url = urls.into_iter().next().ok_or_else(|| at.error("must have an issuer"))?;
            Ok(JwksUri::Discovered(Discovery::new(issuer, &url, hosts)))
        }
    }
}

/// Converts a duration into whole seconds, the unit of the times in a token.
pub(super) fn seconds(
    duration: Option<ConfigDuration>,
    (default, bounds): (Duration, RangeInclusive<Duration>),
    at: &FieldPath<'_>,
) -> Result<i64, ConfigError> {
    let duration = ConfigDuration::within(duration, default, bounds, at)?;
    if duration.subsec_nanos() != 0 {
        return Err(at.error("must be a whole number of seconds"));
    }
    Ok(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX))
}
