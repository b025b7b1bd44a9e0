//! The files in `tests/data/vectors`. Unknown members are errors, because a member can be a check
//! that this runner would skip. `tests/data/README.md` describes the members.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

/// The files with cases of tokens and key sets.
pub const CASE_FILES: [&str; 6] = [
    "rfc_jws.json",
    "rfc_jwks.json",
    "rfc9068_at.json",
    "jwt_verify_lib.json",
    "jwt_verify_lib_jwks.json",
    "wycheproof_jws.json",
];
/// The file with messages and raw signatures, grouped by key.
pub const CRYPTO_FILE: &str = "wycheproof_crypto.json";

/// The files with DPoP proofs and with thumbprints of keys.
pub const DPOP_FILES: [&str; 2] = ["rfc9449_dpop.json", "rfc_thumbprint.json"];

/// Returns the text of a file.
pub fn text(file: &str) -> &'static str {
    match file {
        "rfc_jws.json" => include_str!("../../../data/vectors/rfc_jws.json"),
        "rfc_jwks.json" => include_str!("../../../data/vectors/rfc_jwks.json"),
        "rfc9068_at.json" => include_str!("../../../data/vectors/rfc9068_at.json"),
        "jwt_verify_lib.json" => include_str!("../../../data/vectors/jwt_verify_lib.json"),
        "jwt_verify_lib_jwks.json" => include_str!("../../../data/vectors/jwt_verify_lib_jwks.json"),
        "wycheproof_jws.json" => include_str!("../../../data/vectors/wycheproof_jws.json"),
        "rfc9449_dpop.json" => include_str!("../../../data/vectors/rfc9449_dpop.json"),
        "rfc_thumbprint.json" => include_str!("../../../data/vectors/rfc_thumbprint.json"),
        CRYPTO_FILE => include_str!("../../../data/vectors/wycheproof_crypto.json"),
        _ => panic!("unknown file {file}"),
    }
}

#[derive(Deserialize)]
pub struct CaseFile {
    pub count: usize,
    pub cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub id: String,
    pub layer: Layer,
    pub strength: Strength,
    pub expected: Option<Expected>,
    pub expected_usable_signing_keys: Option<usize>,
    #[serde(default)]
    pub tags: Vec<String>,
    pub token: Option<String>,
    pub claims: Option<Map<String, Value>>,
    pub decoded_claims: Option<Map<String, Value>>,
    pub jwks: Option<Value>,
    pub jwks_raw: Option<String>,
    pub issuer: Option<OneOrMany>,
    pub audience: Option<OneOrMany>,
    pub clock: Option<u64>,
    pub leeway: Option<i64>,
    pub allowed_algs: Option<Vec<String>>,
    #[serde(default)]
    pub mutations: Vec<Mutation>,
    #[serde(rename = "mutations_expected")]
    _mutations_expected: Option<MutationsExpected>,
    #[serde(default, rename = "name")]
    _name: IgnoredAny,
    #[serde(default, rename = "source")]
    _source: IgnoredAny,
    #[serde(default, rename = "license")]
    _license: IgnoredAny,
    // The token's header has the algorithm too.
    #[serde(default, rename = "alg")]
    _alg: IgnoredAny,
    #[serde(default, rename = "upstream_expected")]
    _upstream_expected: IgnoredAny,
    #[serde(default, rename = "validated")]
    _validated: IgnoredAny,
    #[serde(default, rename = "notes")]
    _notes: IgnoredAny,
}

#[derive(Deserialize)]
pub struct CryptoFile {
    pub counts: BTreeMap<String, usize>,
    pub files: Vec<CryptoPart>,
}

/// A file of Wycheproof.
#[derive(Deserialize)]
pub struct CryptoPart {
    pub source: String,
    pub alg: String,
    pub count: usize,
    pub groups: Vec<CryptoGroup>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CryptoGroup {
    pub jwk: BTreeMap<String, String>,
    pub tests: Vec<CryptoCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CryptoCase {
    #[serde(rename = "tcId")]
    pub number: u32,
    pub msg_hex: String,
    pub sig_hex: String,
    pub expected: Expected,
    #[serde(default = "Strength::must")]
    pub strength: Strength,
    #[serde(default, rename = "comment")]
    _comment: IgnoredAny,
    #[serde(default, rename = "flags")]
    _flags: IgnoredAny,
    #[serde(default, rename = "upstream_expected")]
    _upstream_expected: IgnoredAny,
    #[serde(default, rename = "validated")]
    _validated: IgnoredAny,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    Claims,
    Jose,
    Jwks,
    Jwt,
    Parse,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    Must,
    Should,
    Policy,
    Disputed,
}

impl Strength {
    const fn must() -> Self {
        Self::Must
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Expected {
    Accept,
    Reject,
    Either,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Mutation {
    FlipEachSignatureBit,
    TruncateSignatureToEachLength,
}

/// The expected result of mutations. All vectors expect `reject`.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum MutationsExpected {
    Reject,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub fn to_vec(&self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one.clone()],
            Self::Many(many) => many.clone(),
        }
    }
}
