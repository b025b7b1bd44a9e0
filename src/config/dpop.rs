//! `dpop`: the checks of DPoP proofs (RFC 9449).

use std::ops::RangeInclusive;
use std::time::Duration;

use super::error::ConfigError;
use super::field_path::FieldPath;
use super::parse::{number, size};
use super::provider::{algorithms, seconds};
use super::remote::{HOUR, MINUTE, SECOND};
use super::{Config, Provider, raw};
use crate::dpop::{
    DpopSettings, ExternalUrl, NonceSettings, ProofRequirements, ReplayMemory, Scheme, SchemeSource,
    TargetUriSource, parse_nonce_keys,
};
use crate::policy::{Access, AllowedInPaths, RuleAction};

/// The defaults and the ranges of `max_age`, `clock_skew` and `lifetime`.
const MAX_AGE: (Duration, RangeInclusive<Duration>) = (MINUTE, SECOND..=Duration::from_secs(300));
const CLOCK_SKEW: (Duration, RangeInclusive<Duration>) = (Duration::from_secs(10), Duration::ZERO..=MINUTE);
const LIFETIME: (Duration, RangeInclusive<Duration>) =
    (Duration::from_secs(120), Duration::from_secs(30)..=HOUR);
/// The default and the range of `max_proof_bytes`.
const MAX_PROOF_BYTES: (u32, RangeInclusive<u32>) = (8192, 512..=16_384);
/// The defaults of `slots` and `entries_per_slot`: 262,144 proofs in 6 MiB.
const SLOTS: u32 = 4096;
const ENTRIES_PER_SLOT: u32 = 64;

impl Config {
    /// Returns the keys of nonces that the environment variable of `dpop.nonce.keys_env` has; none
    /// without the field. `variable` returns the value of an environment variable.
    ///
    /// # Errors
    /// If the variable is absent, or does not have keys.
    pub fn nonce_keys(
        &self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Vec<[u8; 32]>, ConfigError> {
        let nonce = self.dpop.as_ref().and_then(|dpop| dpop.nonce.as_ref());
        let Some(name) = nonce.and_then(|nonce| nonce.keys_env.as_ref()) else { return Ok(Vec::new()) };
        let at = FieldPath::Root.field("dpop");
        let error = |problem: &str| at.field("nonce").field("keys_env").error(problem);
        let text = variable(name)
            .ok_or_else(|| error("must name an environment variable of the VM, which is set"))?;
        parse_nonce_keys(&text).ok_or_else(|| {
            error("must name an environment variable with one to four keys of 64 hexadecimal digits each, separated by commas")
        })
    }

    /// Checks that a client can meet each requirement of a bound token, and that `forward_as` has an
    /// effect.
    pub(super) fn check_sender_constraints(&self, root: &FieldPath<'_>) -> Result<(), ConfigError> {
        let forwards_as_bearer = self.dpop.as_ref().is_some_and(|dpop| dpop.forward_as_bearer);
        if forwards_as_bearer && !self.forward {
            let problem = "must not be `bearer` with `forward: false`";
            return Err(root.field("dpop").field("forward_as").error(problem));
        }
        if self.dpop.is_some() || self.client_certificate.is_some() {
            return Ok(());
        }
        if let Some(provider) = self.providers.iter().find(|provider| provider.requires_sender_constraint) {
            let at = root.field("providers");
            let at = at.field(&provider.name);
            return Err(at
                .field("sender_constrained")
                .error("must not be `required` without `dpop` or `mtls`"));
        }
        let check = |at: &FieldPath<'_>, action: &RuleAction| match &action.access {
            Access::Requires(requirement) if requirement.demands_sender_constraint() => {
                Err(at.field("requires").error("must not have `sender_constrained` without `dpop` or `mtls`"))
            }
            _ => Ok(()),
        };
        for (index, rule) in self.policy.rules().iter().enumerate() {
            check(&root.field("rules").index(index), &rule.action)?;
        }
        for (name, action) in &self.route_policies {
            check(&root.field("route_policies").field(name), action)?;
        }
        Ok(())
    }
}

/// Returns whether every token must be bound to a key, if the configuration has `dpop`. A token that
/// is bound to a certificate can have the scheme `Bearer`.
pub(super) fn is_dpop_required(providers: &[Provider], has_client_certificates: bool) -> bool {
    !has_client_certificates && providers.iter().all(|provider| provider.requires_sender_constraint)
}

/// Converts the settings for DPoP. `realm` is that of the challenges.
pub(super) fn dpop(
    at: &FieldPath<'_>,
    raw: Option<raw::Dpop>,
    realm: &str,
    allowed_in_paths: AllowedInPaths,
) -> Result<Option<DpopSettings>, ConfigError> {
    let Some(raw) = raw else { return Ok(None) };
    let (default_bytes, bytes) = MAX_PROOF_BYTES;
    let max_proof_bytes = raw.max_proof_bytes.unwrap_or(default_bytes);
    let requirements = ProofRequirements {
        algorithms: match raw.algorithms {
            None => DpopSettings::DEFAULT_ALGORITHMS.to_vec(),
            names => algorithms(&at.field("algorithms"), names)?,
        },
        max_age: seconds(raw.max_age, MAX_AGE, &at.field("max_age"))?,
        clock_skew: seconds(raw.clock_skew, CLOCK_SKEW, &at.field("clock_skew"))?,
        max_proof_bytes: size(&at.field("max_proof_bytes"), max_proof_bytes, bytes)?,
        target_uri: target_uri(at, raw.external_urls, raw.scheme, allowed_in_paths)?,
        allowed_in_paths,
    };
    let nonce = match raw.nonce {
        None => None,
        Some(nonce) => Some(self::nonce(&at.field("nonce"), nonce, realm)?),
    };
    let replay = replay(&at.field("replay"), raw.replay, &requirements, nonce.is_some())?;
    let forward_as_bearer = matches!(raw.forward_as, Some(raw::ForwardAs::Bearer));
    Ok(Some(DpopSettings { requirements, replay, nonce, forward_as_bearer }))
}

fn target_uri(
    at: &FieldPath<'_>,
    external_urls: Option<Vec<raw::ExternalUrl>>,
    scheme: Option<raw::Scheme>,
    allowed: AllowedInPaths,
) -> Result<TargetUriSource, ConfigError> {
    let Some(raw) = external_urls else {
        return Ok(TargetUriSource::Request(match scheme {
            None | Some(raw::Scheme::Https) => SchemeSource::Fixed(Scheme::Https),
            Some(raw::Scheme::Http) => SchemeSource::Fixed(Scheme::Http),
            Some(raw::Scheme::Forwarded) => SchemeSource::Forwarded,
        }));
    };
    if scheme.is_some() {
        return Err(at.error("must not have both `external_urls` and `scheme`"));
    }
    let at = at.field("external_urls");
    if raw.is_empty() {
        return Err(at.error("must not be empty"));
    }
    let mut urls: Vec<ExternalUrl> = Vec::new();
    for (index, raw::ExternalUrl { url, hosts }) in raw.into_iter().enumerate() {
        let at = at.index(index);
        let mut url = ExternalUrl::new(&url, allowed).map_err(|problem| at.field("url").error(problem))?;
        if let Some(hosts) = hosts {
            url = url.with_hosts(&hosts).map_err(|problem| at.field("hosts").error(problem))?;
        }
        let hosts = url.hosts().iter();
        let duplicate = |host: &&String| urls.iter().any(|other| other.hosts().contains(host));
        if let Some(host) = hosts.clone().find(duplicate) {
            return Err(at.error(format!("must not have the host of another entry: {host}")));
        }
        urls.push(url);
    }
    Ok(TargetUriSource::External(urls))
}

fn nonce(
    at: &FieldPath<'_>,
    raw::Nonce { keys_env, lifetime }: raw::Nonce,
    realm: &str,
) -> Result<NonceSettings, ConfigError> {
    let is_name = |name: &String| {
        !name.is_empty()
            && !name.starts_with(|first: char| first.is_ascii_digit())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if keys_env.as_ref().is_some_and(|name| !is_name(name)) {
        return Err(at.field("keys_env").error("must be the name of an environment variable"));
    }
    let lifetime = seconds(lifetime, LIFETIME, &at.field("lifetime"))?;
    let lifetime = Duration::from_secs(u64::try_from(lifetime).unwrap_or_default());
    Ok(NonceSettings { keys_env, lifetime, realm: realm.to_owned() })
}

fn replay(
    at: &FieldPath<'_>,
    raw: Option<raw::Replay>,
    requirements: &ProofRequirements,
    has_nonces: bool,
) -> Result<Option<ReplayMemory>, ConfigError> {
    let size = match raw {
        None => raw::ReplaySize { slots: None, entries_per_slot: None },
        Some(raw::Replay::Size(size)) => size,
        Some(raw::Replay::Enabled(true)) => {
            return Err(at.error("must be `false`, or the size of the memory"));
        }
        Some(raw::Replay::Enabled(false)) if has_nonces => return Ok(None),
        Some(raw::Replay::Enabled(false)) => return Err(at.error("must not be `false` without `nonce`")),
    };
    let slots = number(&at.field("slots"), size.slots.unwrap_or(SLOTS), ReplayMemory::SLOTS)?;
    let entries = size.entries_per_slot.unwrap_or(ENTRIES_PER_SLOT);
    let entries = number(&at.field("entries_per_slot"), entries, ReplayMemory::ENTRIES_PER_SLOT)?;
    let (max_age, clock_skew) = requirements.replay_window(has_nonces);
    Ok(Some(ReplayMemory::new(slots, entries, max_age, clock_skew)))
}
