//! The order of the checks.

use okta_authz_filter::crypto::Algorithm;
use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::observer::{Check, DecisionEvent, DecisionObserver};
use okta_authz_filter::rejection::Rejection;
use serde_json::json;
use test_support::common::NOW;
use test_support::dpop::{DpopKey, Proof};

use super::{Case, TOKEN, URL};

/// A defect of a proof or its request.
type Defect = (Rejection, Check, fn(&mut Request));

struct Request {
    proof: Proof,
    jkt: [u8; 32],
    /// What the client sends in place of the compact proof.
    sent: fn(&str) -> Vec<Vec<u8>>,
}

/// One defect for each code that the proof alone can cause, in the order of the checks.
const DEFECTS: &[Defect] = &[
    (Rejection::DpopProofMissing, Check::ProofHeader, |request| request.sent = |_| Vec::new()),
    (Rejection::DpopProofRepeated, Check::ProofHeader, |request| {
        request.sent = |proof| vec![format!("{proof}{},", "x".repeat(9000)).into_bytes()];
    }),
    (Rejection::DpopProofTooLarge, Check::ProofHeader, |request| {
        request.sent = |proof| vec![format!("{proof}{}.", "x".repeat(9000)).into_bytes()];
    }),
    (Rejection::DpopProofMalformed, Check::ProofForm, |request| {
        request.sent = |proof| vec![format!("{proof}.").into_bytes()];
    }),
    (Rejection::DpopTypeNotAllowed, Check::ProofType, |request| head(request, json!({ "typ": "JWT" }))),
    (Rejection::DpopCriticalExtension, Check::ProofType, |request| head(request, json!({ "crit": ["x"] }))),
    (Rejection::DpopAlgorithmNotAllowed, Check::ProofAlgorithm, |request| {
        head(request, json!({ "alg": "HS256" }));
    }),
    (Rejection::DpopKeyPrivate, Check::ProofKey, |request| jwk(request, json!({ "d": "AQAB" }))),
    (Rejection::DpopKeyMalformed, Check::ProofKey, |request| jwk(request, json!({ "use": "enc" }))),
    (Rejection::DpopKeyMismatch, Check::ProofBinding, |request| request.jkt = [0; 32]),
    (Rejection::DpopClaimMissing, Check::ProofClaims, |request| claims(request, json!({ "jti": null }))),
    (Rejection::DpopProofMalformed, Check::ProofClaims, |request| claims(request, json!({ "jti": 1 }))),
    (Rejection::DpopProofExpired, Check::ProofTimes, |request| claims(request, json!({ "iat": NOW - 9999 }))),
    (Rejection::DpopProofFromTheFuture, Check::ProofTimes, |request| {
        claims(request, json!({ "iat": NOW + 9999 }));
    }),
    (Rejection::DpopSignatureInvalid, Check::ProofSignature, |request| {
        request.sent = |proof| {
            let (message, _) = proof.rsplit_once('.').unwrap();
            vec![format!("{message}.{}", "A".repeat(86)).into_bytes()]
        };
    }),
    (Rejection::DpopMethodMismatch, Check::ProofMethod, |request| claims(request, json!({ "htm": "PUT" }))),
    (Rejection::DpopUrlMismatch, Check::ProofUrl, |request| claims(request, json!({ "htu": "x" }))),
    (Rejection::DpopTokenMismatch, Check::ProofToken, |request| claims(request, json!({ "ath": "x" }))),
    (Rejection::DpopNonceRequired, Check::ProofNonce, |request| claims(request, json!({ "nonce": "x" }))),
];

fn head(request: &mut Request, changes: serde_json::Value) {
    request.proof = request.proof.clone().headers(changes);
}

fn jwk(request: &mut Request, changes: serde_json::Value) {
    request.proof = request.proof.clone().jwk_members(changes);
}

fn claims(request: &mut Request, changes: serde_json::Value) {
    request.proof = request.proof.clone().claims(changes);
}

/// Records the checks and the URLs.
#[derive(Default)]
struct Recorder {
    checks: Vec<(Check, Option<Rejection>)>,
    targets: Vec<(String, Option<String>)>,
}

impl DecisionObserver for Recorder {
    fn record(&mut self, event: DecisionEvent<'_>) {
        match event {
            DecisionEvent::Checked(check, rejection) => self.checks.push((check, rejection)),
            DecisionEvent::ProofTargetCompared(htu, target) => {
                self.targets.push((htu.to_owned(), target.map(ToString::to_string)));
            }
            _ => panic!("{event:?}"),
        }
    }
}

fn case(defects: &[Defect]) -> Case {
    let key = DpopKey::new(Algorithm::ES256);
    let mut request = Request {
        proof: Proof::new(&key, "GET", URL, NOW).of_token(TOKEN),
        jkt: key.thumbprint_bytes(),
        sent: |proof| vec![proof.as_bytes().to_vec()],
    };
    // The earliest defect is made last, so it replaces a later one of the same member.
    defects.iter().rev().for_each(|(.., make)| make(&mut request));
    let proofs = (request.sent)(&request.proof.compact());
    Case { proofs, ..Case::sent("", request.jkt) }.nonces(&[[1; 32]])
}

#[test]
fn check_order_reports_the_first_of_all_defects() {
    for (index, (expected, check, _)) in DEFECTS.iter().enumerate() {
        let mut recorder = Recorder::default();
        let case = case(&DEFECTS[index..]);
        assert_eq!(case.verify_with(&Software, &mut recorder), Err(*expected), "{index}");
        assert_eq!(recorder.checks.last(), Some(&(*check, Some(*expected))), "{index}");
        let passed = &recorder.checks[..recorder.checks.len() - 1];
        assert!(passed.iter().all(|(_, rejection)| rejection.is_none()), "{index}");
    }
}

#[test]
fn defect_alone_has_its_code() {
    for (index, (expected, ..)) in DEFECTS.iter().enumerate() {
        let case = case(&DEFECTS[index..=index]);
        // The valid part of these proofs has no nonce.
        assert_eq!(case.verify(), Err(*expected), "{index}");
    }
}

#[test]
fn observer_receives_each_check_of_a_valid_proof() {
    let mut recorder = Recorder::default();
    let nonce = super::nonces(&[[1; 32]]).issue(okta_authz_filter::time::UnixTime::from_seconds(NOW));
    let case = Case::new(|proof| proof.claims(json!({ "nonce": nonce }))).nonces(&[[1; 32]]);
    assert!(case.verify_with(&Software, &mut recorder).is_ok());
    let checks: Vec<Check> = recorder.checks.iter().map(|(check, _)| *check).collect();
    let expected = [
        Check::ProofHeader,
        Check::ProofForm,
        Check::ProofType,
        Check::ProofAlgorithm,
        Check::ProofKey,
        Check::ProofBinding,
        Check::ProofClaims,
        Check::ProofTimes,
        Check::ProofSignature,
        Check::ProofMethod,
        Check::ProofUrl,
        Check::ProofToken,
        Check::ProofNonce,
    ];
    assert_eq!(checks, expected);
    assert_eq!(recorder.targets, [(URL.to_owned(), Some(URL.to_owned()))]);
}
