//! `introspection` of a provider (RFC 7662).

use std::ops::RangeInclusive;
use std::time::Duration;

use super::duration::ConfigDuration;
use super::error::ConfigError;
use super::field_path::FieldPath;
use super::parse::{number, size};
use super::remote::{HOUR, SECOND};
use super::{Provider, raw};
use crate::https_url::HttpsUrl;
use crate::introspection::{ClientAuth, EnvSecret, IntrospectedTokens, IntrospectionSettings};
use crate::refresh::MAX_WAIT;
use crate::verify::{TokenProfile, TokenRequirements};

/// The default and the range of `timeout`. A request does not wait for longer than the maximum.
const TIMEOUT: (Duration, RangeInclusive<Duration>) =
    (Duration::from_secs(2), Duration::from_millis(100)..=MAX_WAIT);
/// The default and the range of `cache_duration`.
const CACHE_DURATION: (Duration, RangeInclusive<Duration>) = (Duration::from_secs(30), SECOND..=HOUR);
/// The default and the range of `inactive_cache_duration`.
const INACTIVE_CACHE_DURATION: (Duration, RangeInclusive<Duration>) =
    (Duration::from_secs(10), SECOND..=HOUR);
/// The default and the range of `max_stale`.
const MAX_STALE: (Duration, RangeInclusive<Duration>) = (Duration::ZERO, Duration::ZERO..=HOUR);
/// The default and the range of `max_in_flight`.
const MAX_IN_FLIGHT: (u32, RangeInclusive<u32>) = (64, 1..=1024);
/// The default and the range of `max_per_second`.
const MAX_PER_SECOND: (u32, RangeInclusive<u32>) = (20, 1..=10_000);

/// Converts the introspection endpoint of a provider with these requirements.
pub(super) fn introspection(
    at: &FieldPath<'_>,
    raw: raw::Introspection,
    requirements: &TokenRequirements,
) -> Result<IntrospectionSettings, ConfigError> {
    if raw.cluster.is_empty() {
        return Err(at.field("cluster").error("must not be empty"));
    }
    let issuer = requirements.issuers.first().map_or("", String::as_str);
    let uri = raw.uri.unwrap_or_else(|| format!("{}/v1/introspect", issuer.trim_end_matches('/')));
    let auth = client_auth(&at.field("auth"), raw.auth)?;
    let at_client_id = at.field("client_id");
    let client_id = match (raw.client_id, &auth) {
        (None, ClientAuth::None) => None,
        (None, _) => return Err(at_client_id.error("must be set with this `auth`")),
        (Some(id), _) if id.is_empty() => return Err(at_client_id.error("must not be empty")),
        (Some(id), _) => Some(id),
    };
    let duration = |field, name: &str, (default, bounds): (Duration, RangeInclusive<Duration>)| {
        ConfigDuration::within(field, default, bounds, &at.field(name))
    };
    let (default_in_flight, in_flight) = MAX_IN_FLIGHT;
    let (default_per_second, per_second) = MAX_PER_SECOND;
    Ok(IntrospectionSettings {
        cluster: raw.cluster,
        uri: HttpsUrl::parse(&uri).map_err(|problem| at.field("uri").error(problem))?,
        tokens: match raw.tokens {
            None | Some(raw::IntrospectedTokens::Opaque) => IntrospectedTokens::Opaque,
            Some(raw::IntrospectedTokens::All) => IntrospectedTokens::All,
            Some(raw::IntrospectedTokens::Rules) => IntrospectedTokens::Rules,
        },
        client_id,
        auth,
        timeout: duration(raw.timeout, "timeout", TIMEOUT)?,
        cache_duration: duration(raw.cache_duration, "cache_duration", CACHE_DURATION)?,
        inactive_cache_duration: duration(
            raw.inactive_cache_duration,
            "inactive_cache_duration",
            INACTIVE_CACHE_DURATION,
        )?,
        max_stale: duration(raw.max_stale, "max_stale", MAX_STALE)?,
        max_in_flight: size(
            &at.field("max_in_flight"),
            raw.max_in_flight.unwrap_or(default_in_flight),
            in_flight,
        )?,
        max_per_second: number(
            &at.field("max_per_second"),
            raw.max_per_second.unwrap_or(default_per_second),
            per_second,
        )?,
        requirements: TokenRequirements { profile: TokenProfile::Introspected, ..requirements.clone() },
    })
}

fn client_auth(at: &FieldPath<'_>, raw: raw::IntrospectionAuth) -> Result<ClientAuth, ConfigError> {
    let secret = |name: &str, field: &str, variable: String| {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if variable.is_empty() || !variable.bytes().all(is_name) {
            let problem = "must be the name of an environment variable: letters, digits and `_`";
            return Err(at.field(name).field(field).error(problem));
        }
        Ok(EnvSecret::new(variable))
    };
    match (raw.client_secret_basic, raw.client_secret_post, raw.private_key_jwt, raw.none) {
        (Some(basic), None, None, None) => {
            Ok(ClientAuth::SecretBasic(secret("client_secret_basic", "secret_env", basic.secret_env)?))
        }
        (None, Some(post), None, None) => {
            Ok(ClientAuth::SecretPost(secret("client_secret_post", "secret_env", post.secret_env)?))
        }
        (None, None, Some(raw), None) => {
            if raw.alg.as_deref().is_some_and(|alg| alg != "ES256") {
                return Err(at.field("private_key_jwt").field("alg").error("must be ES256"));
            }
            if raw.kid.as_deref() == Some("") {
                return Err(at.field("private_key_jwt").field("kid").error("must not be empty"));
            }
            let key = secret("private_key_jwt", "key_env", raw.key_env)?;
            Ok(ClientAuth::PrivateKeyJwt { key, key_id: raw.kid, parsed: None })
        }
        (None, None, None, Some(raw::NoAuth {})) => Ok(ClientAuth::None),
        _ => Err(at.error(
            "must have exactly one of `client_secret_basic`, `client_secret_post`, `private_key_jwt`, `none`",
        )),
    }
}

/// Checks that at most one provider introspects opaque tokens, which do not name their provider.
pub(super) fn check_opaque(at: &FieldPath<'_>, providers: &[Provider]) -> Result<(), ConfigError> {
    let is_opaque = |provider: &&Provider| {
        provider.introspection.as_ref().is_some_and(|settings| settings.tokens == IntrospectedTokens::Opaque)
    };
    let mut opaque = providers.iter().filter(is_opaque);
    match (opaque.next(), opaque.next()) {
        (Some(first), Some(second)) => {
            let problem = format!("must not be `opaque` for two providers: `{}` has it", first.name);
            Err(at.field(&second.name).field("introspection").field("tokens").error(problem))
        }
        _ => Ok(()),
    }
}

/// Checks that each provider whose tokens a rule with `introspect: true` accepts can introspect.
pub(super) fn check_rule(
    at: &FieldPath<'_>,
    accepted: &[String],
    providers: &[Provider],
) -> Result<(), ConfigError> {
    let is_accepted = |provider: &&Provider| accepted.is_empty() || accepted.contains(&provider.name);
    match providers.iter().filter(is_accepted).find(|provider| provider.introspection.is_none()) {
        Some(provider) => Err(at.error(format!(
            "must not be `true`: provider `{}` has no `introspection`; `requires.providers` can exclude it",
            provider.name
        ))),
        None => Ok(()),
    }
}

/// Reads the secrets of all providers from the environment.
pub(super) fn resolve_secrets(
    providers: &mut [Provider],
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<(), ConfigError> {
    for provider in providers {
        let Some(settings) = &mut provider.introspection else { continue };
        settings.auth.resolve(variable).map_err(|error| {
            let variable = settings.auth.variable().unwrap_or_default();
            let field = settings.auth.variable_field().join(".");
            let at = FieldPath::Root.field("providers");
            let problem = format!("{error}: {variable}");
            at.field(&provider.name).field("introspection").field("auth").field(&field).error(problem)
        })?;
    }
    Ok(())
}
