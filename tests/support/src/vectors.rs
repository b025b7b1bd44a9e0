//! Runs all test vectors with any verifier.
//!
//! The verifier is an argument, so a test can run the vectors with Envoy's native crypto:
//!
//! ```ignore
//! let few = |_| vectors::MutantLimits { flips: 2, truncations: 1 };
//! let backend = vectors::Backend { name: "envoy", verifier: &WithFallback(envoy, Software),
//! mutants: few };
//! for report in vectors::run_all(&backend) {
//!     report.check();
//! }
//! ```
//!
//! `tests/data/exceptions.json` lists the cases in which this filter differs from a vector, with
//! the reason, for every verifier or for the backend with that name.

use std::collections::HashSet;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use okta_authz_filter::crypto::{
    Algorithm, Curve, PublicKey, SignatureError, SignatureInput, SignatureVerifier,
};
use okta_authz_filter::rejection::Rejection;

use data::{Case, CaseFile, CryptoFile, CryptoGroup, Expected, Layer, Mutation, Strength};
use mutations::Mutant;
use report::{Expectation, Outcome};

pub mod data;
mod layers;
mod mutations;
pub mod report;

pub use mutations::{MutantLimits, ValidSignature};
pub use report::Report;

/// A verifier under test.
pub struct Backend<'a> {
    /// Its name in `exceptions.json`.
    pub name: &'a str,
    pub verifier: &'a dyn SignatureVerifier,
    /// Returns how many mutants of a valid signature to verify. A mutant costs as much time as a
    /// signature.
    pub mutants: fn(ValidSignature) -> MutantLimits,
}

/// Runs all sets of vectors.
pub fn run_all(backend: &Backend<'_>) -> Vec<Report> {
    let files = data::CASE_FILES.into_iter().map(|file| cases(file, backend));
    files.chain(Algorithm::ALL.into_iter().map(|algorithm| crypto(algorithm, backend))).collect()
}

/// Runs the cases of a file, each in its layer.
pub fn cases(file: &str, backend: &Backend<'_>) -> Report {
    let CaseFile { count, cases } = serde_json::from_str(data::text(file)).unwrap();
    let mut report = Report::new(file, backend.name);
    for case in &cases {
        if case.layer == Layer::Jwks {
            let usable = case.expected_usable_signing_keys.expect("a number of keys");
            let expectation = Expectation::UsableKeys(usable);
            report.case(&case.id, case.strength, expectation, || layers::usable_keys(case));
        } else {
            token(case, backend, &mut report);
        }
    }
    report.finish(count)
}

/// Runs the raw signatures of one algorithm.
pub fn crypto(algorithm: Algorithm, backend: &Backend<'_>) -> Report {
    let mut report = Report::new(&crypto_set(algorithm), backend.name);
    let mut seen = HashSet::new();
    for part in CRYPTO.files.iter().filter(|part| part.alg == algorithm.name()) {
        let name = part.source.rsplit('/').next().and_then(|name| name.strip_suffix(".json")).unwrap();
        let cases: usize = part.groups.iter().map(|group| group.tests.len()).sum();
        assert_eq!(cases, part.count, "{name}");
        for group in &part.groups {
            signatures(algorithm, name, group, backend, &mut seen, &mut report);
        }
    }
    report.finish(CRYPTO.counts[algorithm.name()])
}

/// Returns the name of a set of raw signatures, in summaries and in `exceptions.json`.
pub fn crypto_set(algorithm: Algorithm) -> String {
    format!("{} {algorithm}", data::CRYPTO_FILE)
}

/// The raw signatures. They are parsed once, because the file has three megabytes.
pub static CRYPTO: LazyLock<CryptoFile> =
    LazyLock::new(|| serde_json::from_str(data::text(data::CRYPTO_FILE)).unwrap());

fn token(case: &Case, backend: &Backend<'_>, report: &mut Report) {
    // The filter supports no symmetric algorithm, so it also rejects the tokens that the vector
    // accepts.
    let symmetric = case.tags.iter().any(|tag| tag == "hmac");
    let expected = if symmetric { Expected::Reject } else { case.expected.expect("an expectation") };
    let (token, verify) = layers::token_and_verification(case, backend.verifier);
    let run = |token: &str| verify(token.as_bytes()).map_or_else(Outcome::Rejected, |()| Outcome::Accepted);
    let Some(outcome) = report.case(&case.id, case.strength, Expectation::Verdict(expected), || run(&token))
    else {
        return;
    };
    let mutants_requested = match case.mutations.as_slice() {
        [] => false,
        [Mutation::FlipEachSignatureBit, Mutation::TruncateSignatureToEachLength] => true,
        unknown => panic!("{}: {unknown:?}", case.id),
    };
    let accepted = outcome == Outcome::Accepted && matches!(case.layer, Layer::Jose | Layer::Jwt);
    if !mutants_requested && !accepted {
        return;
    }
    let algorithm = layers::algorithm(&token).unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let valid = ValidSignature { algorithm, len: signature.len(), first: mutants_requested };
    for mutant in Mutant::of(valid.len, (backend.mutants)(valid)) {
        let mutated = format!("{message}.{}", URL_SAFE_NO_PAD.encode(mutant.apply(&signature)));
        let result = run(&mutated);
        let rejected = matches!(result, Outcome::Rejected(_));
        report.mutant(&case.id, mutant, rejected && (outcome.is_unavailable() || !result.is_unavailable()));
    }
}

/// Runs the cases of one key.
fn signatures(
    algorithm: Algorithm,
    part: &str,
    group: &CryptoGroup,
    backend: &Backend<'_>,
    seen: &mut HashSet<usize>,
    report: &mut Report,
) {
    let key = public_key(group);
    for case in &group.tests {
        let id = format!("{part}#{}", case.number);
        let (message, signature) = (unhex(&case.msg_hex), unhex(&case.sig_hex));
        let verify = |key: &PublicKey, signature: &[u8]| {
            backend.verifier.verify(&SignatureInput { algorithm, key, message: &message, signature })
        };
        let expectation = Expectation::Verdict(case.expected);
        let outcome = report.case(&id, case.strength, expectation, || match &key {
            None => Outcome::Rejected(Rejection::KeysUnavailable),
            Some(key) => match verify(key, &signature) {
                Ok(()) => Outcome::Accepted,
                Err(SignatureError::Invalid) => Outcome::Rejected(Rejection::SignatureInvalid),
                Err(SignatureError::Unavailable) => Outcome::Rejected(Rejection::CryptoUnavailable),
            },
        });
        let (Some(Outcome::Accepted), Some(key)) = (outcome, &key) else { continue };
        let len = signature.len();
        let valid =
            ValidSignature { algorithm, len, first: case.strength == Strength::Must && seen.insert(len) };
        for mutant in Mutant::of(len, (backend.mutants)(valid)) {
            let result = verify(key, &mutant.apply(&signature));
            report.mutant(&id, mutant, result == Err(SignatureError::Invalid));
        }
    }
}

fn public_key(group: &CryptoGroup) -> Option<PublicKey> {
    let member = |name: &str| group.jwk[name].as_str();
    let bytes = |name| URL_SAFE_NO_PAD.decode(member(name)).unwrap();
    let curve = |name| match name {
        "P-256" => Curve::P256,
        "P-384" => Curve::P384,
        "P-521" => Curve::P521,
        _ => panic!("unknown curve {name}"),
    };
    match member("kty") {
        "RSA" => PublicKey::rsa(&bytes("n"), &bytes("e")),
        "EC" => PublicKey::ec(curve(member("crv")), &bytes("x"), &bytes("y")),
        "OKP" if member("crv") == "Ed25519" => PublicKey::ed25519(&bytes("x")),
        kind => panic!("unknown key type {kind}"),
    }
    .ok()
}

fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "{text}");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
