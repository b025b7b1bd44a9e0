//! The settings of a configuration for DPoP.

use std::fmt;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::{Nonces, ProofRequirements, ReplayMemory};
use crate::crypto::Algorithm;
use crate::hex;
use crate::refresh::shared::{SharedData, SharedKeys};

/// The maximum number of nonce keys.
pub(crate) const MAX_NONCE_KEYS: usize = 4;
/// The length of a nonce key, in bytes.
const KEY_BYTES: usize = 32;

/// The settings of a configuration for DPoP.
#[derive(Clone, Debug)]
pub struct DpopSettings {
    /// The requirements for proofs.
    pub requirements: ProofRequirements,
    /// The memory of accepted proofs; `None` to accept a proof several times.
    pub replay: Option<ReplayMemory>,
    /// The nonces that every proof must have; `None` to require none.
    pub nonce: Option<NonceSettings>,
    /// Whether the upstream receives a token of the scheme `DPoP` with the scheme `Bearer`.
    pub forward_as_bearer: bool,
}

/// The settings of nonces.
#[derive(Clone, Debug)]
pub struct NonceSettings {
    /// The environment variable with the keys; `None` for a random key for each process.
    pub keys_env: Option<String>,
    /// The lifetime of a nonce.
    pub lifetime: Duration,
    /// The realm of the challenges. A nonce of another realm is invalid.
    pub realm: String,
}

impl DpopSettings {
    /// The algorithms that a configuration without `algorithms` accepts. Okta's authorization
    /// servers accept proofs with these.
    pub const DEFAULT_ALGORITHMS: [Algorithm; 6] = [
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::ES512,
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
    ];

    /// Returns the names of the accepted algorithms, for `algs` of challenges.
    pub fn algorithm_names(&self) -> String {
        let names: Vec<_> = self.requirements.algorithms.iter().map(|algorithm| algorithm.name()).collect();
        names.join(" ")
    }
}

/// Describes the settings for the log.
impl fmt::Display for DpopSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nonces = match &self.nonce {
            None => "off",
            Some(NonceSettings { keys_env: None, .. }) => "of the process",
            Some(_) => "with configured keys",
        };
        write!(f, "algorithms: {}, nonces: {nonces}, replay memory: ", self.algorithm_names())?;
        match &self.replay {
            None => f.write_str("off"),
            Some(replay) => write!(f, "{} slots of {} proofs", replay.slots(), replay.entries_per_slot()),
        }
    }
}

impl NonceSettings {
    /// Creates the nonces with these keys; with none, the nonces with the key of the process.
    /// Returns `None` if the process has no key, because it cannot read or write shared data.
    pub(crate) fn nonces(
        &self,
        mut keys: Vec<[u8; KEY_BYTES]>,
        shared: &dyn SharedData,
        random: &mut dyn FnMut() -> [u8; KEY_BYTES],
    ) -> Option<Nonces> {
        if keys.is_empty() {
            keys.push(process_key(shared, random)?);
        }
        Nonces::new(keys, self.lifetime, &self.realm)
    }
}

/// Parses nonce keys: one to four, separated by commas, each of 64 hexadecimal digits.
pub(crate) fn parse_nonce_keys(text: &str) -> Option<Vec<[u8; KEY_BYTES]>> {
    let keys: Vec<_> = text.split(',').map(|key| parse_key(key.trim())).collect::<Option<_>>()?;
    (keys.len() <= MAX_NONCE_KEYS).then_some(keys)
}

fn parse_key(digits: &str) -> Option<[u8; KEY_BYTES]> {
    hex::decode(digits.as_bytes())?.try_into().ok()
}

/// Returns a source of random values, which one random value determines.
pub(crate) fn random_values(seed: [u8; 32]) -> impl FnMut() -> [u8; 32] {
    let mut count = 0_u8;
    move || {
        count = count.wrapping_add(1);
        Sha256::new().chain_update(seed).chain_update([count]).finalize().into()
    }
}

/// Returns the key of the process. The first worker writes it: Envoy ignores the number of a
/// compare-and-set for an absent name, and rejects a second write without the number of the first.
fn process_key(
    shared: &dyn SharedData,
    random: &mut dyn FnMut() -> [u8; KEY_BYTES],
) -> Option<[u8; KEY_BYTES]> {
    let name = SharedKeys::new(&["dpop", "nonce"]).key("key");
    let read = || shared.get(&name).and_then(|(key, _)| key.try_into().ok());
    if shared.get(&name).is_none() {
        shared.set(&name, &random(), None);
    }
    read()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_nonce_keys_of_each_text_is_keys_or_none() {
        let key = "0123456789abcdefABCDEF00112233445566778899aabbccddeeff0011223344";
        let parsed = parse_nonce_keys(key).unwrap();
        assert_eq!(parsed.len(), 1);
        assert_eq!(parsed[0][..4], [0x01, 0x23, 0x45, 0x67]);
        let several = |count: usize| vec![key; count].join(", ");
        assert_eq!(parse_nonce_keys(&several(4)).unwrap().len(), 4);
        let not_hexadecimal = key.replace('0', "g");
        for text in ["", ",", &key[2..], &key[1..], &format!("{key}00"), &format!("{key},"), &several(5)] {
            assert_eq!(parse_nonce_keys(text), None, "{text}");
        }
        for text in [not_hexadecimal, format!("+{}", &key[1..]), format!("{}é", &key[2..])] {
            assert_eq!(parse_nonce_keys(&text), None, "{text}");
        }
    }
}
