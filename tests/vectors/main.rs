//! Public test vectors, with the software verifier.
//!
//! `tests/data/README.md` has their sources. The tests in Envoy use the same runner.

#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod dpop;

use std::collections::BTreeSet;

use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::crypto::{Algorithm, SignatureError, SignatureInput, SignatureVerifier};
use rsa::sha2::{Digest as _, Sha256};
use test_support::vectors::report::Exception;
use test_support::vectors::{self, Backend, MutantLimits, ValidSignature, data};

const SOFTWARE: Backend<'static> = Backend { name: "software", verifier: &Software, mutants: sample };

/// Returns the mutants of a valid signature that fit into a few seconds.
///
/// All lengths, because the check of the length is fast. All bits for one signature of each
/// algorithm that is fast or that Okta uses; a sample for the others (in a debug build, a check
/// takes 5 ms for P-384 and 1 ms for RSA-4096). [`signature_with_any_flipped_bit_is_rejected`] has
/// all bits.
fn sample(valid: ValidSignature) -> MutantLimits {
    let flips = match (valid.first, valid.algorithm) {
        (true, Algorithm::RS256) if valid.len == 256 => usize::MAX,
        (true, Algorithm::ES256 | Algorithm::EdDSA) => usize::MAX,
        (true, _) => 64,
        (false, _) => 1,
    };
    MutantLimits { flips, ..MutantLimits::EVERY }
}

/// Defines a test for each set of vectors.
macro_rules! sets {
    ($($name:ident: $run:ident($set:expr),)+) => {
        $(#[test]
        fn $name() {
            vectors::$run($set, &SOFTWARE).check();
        })+
    };
}

sets! {
    rfc_jws: cases("rfc_jws.json"),
    rfc_jwks: cases("rfc_jwks.json"),
    rfc9068: cases("rfc9068_at.json"),
    jwt_verify_lib: cases("jwt_verify_lib.json"),
    jwt_verify_lib_jwks: cases("jwt_verify_lib_jwks.json"),
    wycheproof_jws: cases("wycheproof_jws.json"),
    wycheproof_rs256: crypto(Algorithm::RS256),
    wycheproof_rs384: crypto(Algorithm::RS384),
    wycheproof_rs512: crypto(Algorithm::RS512),
    wycheproof_ps256: crypto(Algorithm::PS256),
    wycheproof_ps384: crypto(Algorithm::PS384),
    wycheproof_ps512: crypto(Algorithm::PS512),
    wycheproof_es256: crypto(Algorithm::ES256),
    wycheproof_es384: crypto(Algorithm::ES384),
    wycheproof_es512: crypto(Algorithm::ES512),
    wycheproof_eddsa: crypto(Algorithm::EdDSA),
}

#[test]
#[ignore = "takes a minute; the tests of the algorithms check a sample"]
fn signature_with_any_flipped_bit_is_rejected() {
    let every = |valid: ValidSignature| {
        if valid.first { MutantLimits::EVERY } else { MutantLimits { flips: 0, truncations: 0 } }
    };
    for report in vectors::run_all(&Backend { mutants: every, ..SOFTWARE }) {
        report.check();
    }
}

#[test]
fn vector_files_have_their_checksums() {
    let sums = include_str!("../data/vectors/SHA256SUMS");
    let listed: BTreeSet<&str> = sums
        .lines()
        .map(|line| {
            let (sum, file) = line.split_once("  ").unwrap();
            let actual: String =
                Sha256::digest(data::text(file)).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(actual, sum, "{file}");
            file
        })
        .collect();
    let files = data::CASE_FILES.into_iter().chain(data::DPOP_FILES).chain([data::CRYPTO_FILE]);
    assert_eq!(listed, files.collect());
}

#[test]
fn raw_signature_tests_cover_every_algorithm_and_case() {
    let parts: usize = vectors::CRYPTO.files.iter().map(|part| part.count).sum();
    assert_eq!(vectors::CRYPTO.counts.values().sum::<usize>(), parts);
    let names: BTreeSet<&str> = vectors::CRYPTO.counts.keys().map(String::as_str).collect();
    assert_eq!(names, Algorithm::ALL.map(Algorithm::name).into());
}

#[test]
fn exception_names_cases_and_has_a_reason() {
    let mut sets: BTreeSet<String> = data::CASE_FILES.map(str::to_owned).into();
    sets.extend(Algorithm::ALL.map(vectors::crypto_set));
    for (set, exceptions) in Exception::all() {
        assert!(sets.contains(&set), "{set}");
        for exception in exceptions {
            assert!(!exception.ids.is_empty() && exception.cases > 0, "{set}: {:?}", exception.ids);
            assert!(exception.reason.len() > 20, "{set}: {:?} needs a reason", exception.ids);
        }
    }
}

/// The runner must be able to fail.
#[test]
fn verifier_with_constant_result_fails_the_vectors() {
    struct ConstantVerifier(Result<(), SignatureError>);

    impl SignatureVerifier for ConstantVerifier {
        fn verify(&self, _: &SignatureInput<'_>) -> Result<(), SignatureError> {
            self.0
        }
    }

    for result in [Ok(()), Err(SignatureError::Invalid), Err(SignatureError::Unavailable)] {
        let mutants = |_| MutantLimits { flips: 1, truncations: 1 };
        let backend = Backend { verifier: &ConstantVerifier(result), mutants, ..SOFTWARE };
        let reports = ["rfc_jws.json", "rfc9068_at.json", "jwt_verify_lib.json"]
            .map(|file| vectors::cases(file, &backend));
        for report in reports.iter().chain([&vectors::crypto(Algorithm::EdDSA, &backend)]) {
            assert!(!report.failures().is_empty(), "{result:?}: {report}");
        }
    }
}
