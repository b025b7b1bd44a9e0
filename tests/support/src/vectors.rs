//! The runner: every vector, through any verifier.
//!
//! The verifier is an argument, so that a test can put a real Envoy's native crypto to the same questions:
//!
//! ```ignore
//! let few = |_| vectors::Bounds { flips: 2, truncations: 1 };
//! let backend = vectors::Backend { name: "envoy", verifier: &Prefer(envoy, Software), mutants: few };
//! for report in vectors::everything(&backend) {
//!     report.check();
//! }
//! ```
//!
//! Where we differ from a vector is listed, with a reason, in `tests/data/exceptions.json`: for every verifier or
//! for the one that has the name of the backend.

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

pub use mutations::{Bounds, Good};
pub use report::Report;

/// What is put to the test.
pub struct Backend<'a> {
    /// The name under which `exceptions.json` knows it.
    pub name: &'a str,
    pub verifier: &'a dyn SignatureVerifier,
    /// How many mutants of a good signature it has to look at: a mutant costs as much as a signature.
    pub mutants: fn(Good) -> Bounds,
}

/// All sets of vectors, one after the other.
pub fn everything(backend: &Backend<'_>) -> Vec<Report> {
    let files = data::CASE_FILES.into_iter().map(|file| cases(file, backend));
    files.chain(Algorithm::ALL.into_iter().map(|algorithm| crypto(algorithm, backend))).collect()
}

/// The cases of a file, each in its layer.
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

/// The raw signatures of one algorithm.
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

/// The name of a set of raw signatures, in summaries and in `exceptions.json`.
pub fn crypto_set(algorithm: Algorithm) -> String {
    format!("{} {algorithm}", data::CRYPTO_FILE)
}

/// Parsed once; it has three megabytes.
pub static CRYPTO: LazyLock<CryptoFile> =
    LazyLock::new(|| serde_json::from_str(data::text(data::CRYPTO_FILE)).unwrap());

fn token(case: &Case, backend: &Backend<'_>, report: &mut Report) {
    // Whatever a symmetric key says, here nobody listens.
    let symmetric = case.tags.iter().any(|tag| tag == "hmac");
    let expected = if symmetric { Expected::Reject } else { case.expected.expect("an expectation") };
    let (token, judge) = layers::token_and_judge(case, backend.verifier);
    let ask = |token: &str| judge(token.as_bytes()).map_or_else(Outcome::Rejected, |()| Outcome::Accepted);
    let Some(outcome) = report.case(&case.id, case.strength, Expectation::Verdict(expected), || ask(&token))
    else {
        return;
    };
    let asked_for = match case.mutations.as_slice() {
        [] => false,
        [Mutation::FlipEachSignatureBit, Mutation::TruncateSignatureToEachLength] => true,
        unknown => panic!("{}: {unknown:?}", case.id),
    };
    let held = outcome == Outcome::Accepted && matches!(case.layer, Layer::Jose | Layer::Jwt);
    if !asked_for && !held {
        return;
    }
    let algorithm = layers::algorithm(&token).unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let good = Good { algorithm, len: signature.len(), first: asked_for };
    for mutant in Mutant::of(good.len, (backend.mutants)(good)) {
        let mutated = format!("{message}.{}", URL_SAFE_NO_PAD.encode(mutant.apply(&signature)));
        let answer = ask(&mutated);
        let rejected = matches!(answer, Outcome::Rejected(_));
        report.mutant(&case.id, mutant, rejected && (outcome.is_unavailable() || !answer.is_unavailable()));
    }
}

/// The cases of one key.
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
        let good = Good { algorithm, len, first: case.strength == Strength::Must && seen.insert(len) };
        for mutant in Mutant::of(len, (backend.mutants)(good)) {
            let answer = verify(key, &mutant.apply(&signature));
            report.mutant(&id, mutant, answer == Err(SignatureError::Invalid));
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
        _ => panic!("no curve {name}"),
    };
    match member("kty") {
        "RSA" => PublicKey::rsa(&bytes("n"), &bytes("e")),
        "EC" => PublicKey::ec(curve(member("crv")), &bytes("x"), &bytes("y")),
        "OKP" if member("crv") == "Ed25519" => PublicKey::ed25519(&bytes("x")),
        kind => panic!("no kind of key {kind}"),
    }
    .ok()
}

fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "{text}");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
