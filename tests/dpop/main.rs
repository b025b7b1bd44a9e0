//! The checks of DPoP proofs, without the replay check and without the filter around them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "test code"
)]

mod accepted;
mod claims;
mod headers;
mod keys;
mod nonces;
mod order;
mod third_party_proofs;
mod third_party_urls;
mod urls;

use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::crypto::{Algorithm, SignatureVerifier};
use okta_authz_filter::dpop::{
    BoundRequest, ExternalUrl, Nonces, ProofRequirements, Scheme, SchemeSource, TargetUriSource,
    VerifiedProof, verify_proof,
};
use okta_authz_filter::observer::DecisionObserver;
use okta_authz_filter::policy::{AllowedInPaths, NormalizationOptions, NormalizedRequest, RequiredInputs};
use okta_authz_filter::rejection::Rejection;
use okta_authz_filter::request::RequestHead;
use okta_authz_filter::time::UnixTime;
use rsa::sha2::{Digest as _, Sha256};
use test_support::common::NOW;
use test_support::dpop::{DpopKey, Proof};

/// The access token. The core of the checks needs only its hash.
const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
/// The URL of the request.
const URL: &str = "https://api.example.com/items/1";
/// The realm of the nonces.
const REALM: &str = "api";

/// A request with a proof, and the configuration.
#[derive(Clone)]
struct Case {
    method: &'static str,
    authority: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    /// The `DPoP` headers.
    proofs: Vec<Vec<u8>>,
    token: &'static str,
    jkt: [u8; 32],
    now: UnixTime,
    requirements: ProofRequirements,
    nonces: Option<Nonces>,
}

impl Case {
    /// Makes the case of a proof that is valid unless the argument changes it.
    fn new(change: impl FnOnce(Proof) -> Proof) -> Self {
        Self::signed(Algorithm::ES256, change)
    }

    /// Makes the case of a proof with this algorithm.
    fn signed(algorithm: Algorithm, change: impl FnOnce(Proof) -> Proof) -> Self {
        let key = DpopKey::new(algorithm);
        let proof = change(Proof::new(&key, "GET", URL, NOW).of_token(TOKEN));
        Self::sent(proof.compact(), key.thumbprint_bytes())
    }

    /// Makes the case of these bytes, for a token with this thumbprint.
    fn sent(proof: impl AsRef<[u8]>, jkt: [u8; 32]) -> Self {
        let requirements = ProofRequirements {
            algorithms: vec![
                Algorithm::ES256,
                Algorithm::ES384,
                Algorithm::ES512,
                Algorithm::RS256,
                Algorithm::RS384,
                Algorithm::RS512,
            ],
            max_age: 60,
            clock_skew: 10,
            max_proof_bytes: 8192,
            target_uri: TargetUriSource::Request(SchemeSource::Fixed(Scheme::Https)),
            allowed_in_paths: AllowedInPaths::default(),
        };
        Self {
            method: "GET",
            authority: "api.example.com",
            path: "/items/1".to_owned(),
            headers: Vec::new(),
            proofs: vec![proof.as_ref().to_vec()],
            token: TOKEN,
            jkt,
            now: UnixTime::from_seconds(NOW),
            requirements,
            nonces: None,
        }
    }

    fn to(mut self, method: &'static str, authority: &'static str, path: &str) -> Self {
        (self.method, self.authority, self.path) = (method, authority, path.to_owned());
        self
    }

    /// Sets the seconds between `iat` of the proof and the request.
    fn after(self, seconds: i64) -> Self {
        Self { now: UnixTime::from_seconds(NOW.checked_add_signed(seconds).unwrap()), ..self }
    }

    fn allowing(mut self, algorithm: Algorithm) -> Self {
        self.requirements.algorithms = vec![algorithm];
        self
    }

    fn external(mut self, urls: &[(&str, &[&str])]) -> Self {
        let allowed = self.requirements.allowed_in_paths;
        let entry = |(url, hosts): &(&str, &[&str])| {
            let entry = ExternalUrl::new(url, allowed).unwrap();
            let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
            if hosts.is_empty() { entry } else { entry.with_hosts(&hosts).unwrap() }
        };
        self.requirements.target_uri = TargetUriSource::External(urls.iter().map(entry).collect());
        self
    }

    fn scheme(mut self, source: SchemeSource) -> Self {
        self.requirements.target_uri = TargetUriSource::Request(source);
        self
    }

    fn nonces(mut self, keys: &[[u8; 32]]) -> Self {
        self.nonces = Some(nonces(keys));
        self
    }

    fn verify(&self) -> Result<VerifiedProof, Rejection> {
        self.verify_with(&Software, &mut ())
    }

    fn verify_with(
        &self,
        verifier: &dyn SignatureVerifier,
        observer: &mut impl DecisionObserver,
    ) -> Result<VerifiedProof, Rejection> {
        let pseudo_headers = [
            (":method", self.method.as_bytes()),
            (":authority", self.authority.as_bytes()),
            (":path", self.path.as_bytes()),
        ];
        let headers = self.headers.iter().map(|(name, value)| (*name, value.as_bytes()));
        let proofs = self.proofs.iter().map(|proof| ("dpop", proof.as_slice()));
        let headers: Vec<_> = pseudo_headers.into_iter().chain(headers).chain(proofs).collect();
        let head = RequestHead::new(&headers);
        let allowed = self.requirements.allowed_in_paths;
        let inputs = RequiredInputs {
            normalization: NormalizationOptions { allowed, ..NormalizationOptions::default() },
            ..RequiredInputs::default()
        };
        let request = NormalizedRequest::new(&head, &inputs).expect("an unambiguous request");
        let bound = BoundRequest {
            head: &head,
            request: &request,
            token_sha256: &Sha256::digest(self.token).into(),
            jkt: &self.jkt,
            arrived_at: self.now,
        };
        verify_proof(&bound, &self.requirements, self.nonces.as_ref(), verifier, observer)
    }
}

/// Returns nonces with a lifetime of 2 minutes.
fn nonces(keys: &[[u8; 32]]) -> Nonces {
    Nonces::new(keys.to_vec(), std::time::Duration::from_secs(120), REALM).unwrap()
}

/// Verifies each case, and reports all with another result.
fn assert_results(cases: impl IntoIterator<Item = (impl Into<String>, Case, Result<(), Rejection>)>) {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (name, case, expected) in cases {
        let result = case.verify().map(|_| ());
        if result != expected {
            wrong.push(format!("{}: expected {expected:?}, got {result:?}", name.into()));
        }
        count += 1;
    }
    assert!(count > 0 && wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
