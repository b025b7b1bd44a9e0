//! The cases of the core's benchmarks. Each case is one step of a request, or all steps without the
//! signature.

use std::hint::black_box;
use std::rc::Rc;
use std::time::Duration;

use okta_authz_filter::config::Config;
use okta_authz_filter::crypto::{Algorithm, SignatureError, SignatureInput, SignatureVerifier};
use okta_authz_filter::dpop::replay::ReplayMemory;
use okta_authz_filter::dpop::{
    BoundRequest, ProofRequirements, Scheme, SchemeSource, TargetUriSource, verify_proof,
};
use okta_authz_filter::filter::{Environment, Filter, StreamState, Verdict};
use okta_authz_filter::introspection::CallResponse;
use okta_authz_filter::policy::{AllowedInPaths, NormalizedRequest, RequiredInputs};
use okta_authz_filter::refresh::state::WorkerId;
use okta_authz_filter::request::{Header, RequestHead};
use okta_authz_filter::time::UnixTime;
use okta_authz_filter::token::JoseHeaderCache;
use okta_authz_filter::verify::UnverifiedToken;
use serde_json::{Value, json};
use test_support::common::Store;

use crate::growth;
use crate::proofs::{DpopClient, ProofSpec, access_token_hash};
use crate::tokens::{self, AUDIENCE, ISSUER, Pool, SERVICES, Signer, path, sha256};

/// The default of `max_token_bytes`, in bytes.
const MAX_TOKEN_BYTES: usize = 16_384;

/// The `token_cache_max_bytes` of the cases, in bytes. It holds all their tokens.
pub(crate) const CACHE: usize = 1 << 24;

/// The measured work of a case, which can run any number of times.
pub type Work = Box<dyn FnMut()>;

/// A case: its name, and the function that prepares the work.
pub type Case = (&'static str, fn(&Signer) -> Work);

/// A verifier that accepts every signature. Envoy verifies signatures, so this benchmark does not
/// measure it.
pub(crate) struct AlwaysValid;

impl SignatureVerifier for AlwaysValid {
    fn verify(&self, _: &SignatureInput<'_>) -> Result<(), SignatureError> {
        Ok(())
    }
}

/// All cases.
pub const CASES: &[Case] = &[
    ("parse a token", parse),
    ("check claims", claims),
    ("policy, 10 rules", |signer| lookup(signer, 10)),
    ("policy, 10,000 rules", |signer| lookup(signer, SERVICES)),
    ("decide, new token, 10 rules", |signer| decide(signer, 10, Pool::Repeated, 1, 0)),
    ("decide, cached token, 10 rules", |signer| decide(signer, 10, Pool::Repeated, 1, CACHE)),
    ("decide, cached token, 60 headers", |signer| growth::headers(signer, 60)),
    ("decide, cached token, 5 headers", |signer| growth::headers(signer, 5)),
    ("policy, 10,000 patterns, longest path", |_| growth::longest_path(10_000)),
    ("decide, cached token, 10,000 rules", |signer| decide(signer, SERVICES, Pool::Repeated, 1, CACHE)),
    // More than the processor's first-level cache holds.
    ("decide, 256 cached tokens, 10 rules", |signer| decide(signer, 10, Pool::Repeated, 256, CACHE)),
    ("stream, cached token, close_streams off", |signer| stream(signer, false)),
    ("stream, cached token, close_streams on", |signer| stream(signer, true)),
    ("verify a DPoP proof, ES256", proof),
    ("decide, cached opaque token, 10 rules", opaque),
    ("reject, expired", |signer| decide(signer, 10, Pool::Expired, 1, CACHE)),
    ("reject, unknown issuer", |signer| decide(signer, 10, Pool::UnknownIssuer, 1, CACHE)),
    ("record a DPoP proof, memory full", |_| record_proof()),
];

pub(crate) fn config(signer: &Signer, rules: usize, cache: usize) -> Config {
    let document = document(signer, rules, cache);
    Config::from_bytes(document.to_string().as_bytes()).expect("a configuration")
}

fn document(signer: &Signer, rules: usize, cache: usize) -> Value {
    let rule = |i| json!({ "match": { "path": path(i) }, "requires": { "scopes": ["items:read"] } });
    let provider = json!({ "issuer": ISSUER, "audiences": [AUDIENCE], "local_jwks": signer.jwks() });
    let headers = json!([{ "header_name": "x-okta-sub", "claim_name": "sub" }]);
    let rules: Vec<Value> = (0..rules).map(rule).collect();
    json!({
        "providers": { "okta": provider }, "claim_to_headers": headers, "rules": rules, "token_cache_max_bytes": cache,
    })
}

/// Decides about a request whose opaque token has a cached introspection.
fn opaque(signer: &Signer) -> Work {
    let rule = |i| json!({ "match": { "path": path(i) }, "requires": { "scopes": ["items:read"] } });
    let document = json!({
        "providers": { "okta": {
            "issuer": ISSUER, "audiences": [AUDIENCE], "local_jwks": signer.jwks(),
            "introspection": { "cluster": "okta", "auth": { "none": {} }, "cache_duration": "1h" },
        } },
        "claim_to_headers": [{ "header_name": "x-okta-sub", "claim_name": "sub" }],
        "rules": (0..10).map(rule).collect::<Vec<Value>>(),
    });
    let config = Config::from_bytes(document.to_string().as_bytes()).expect("a configuration");
    let (filter, now, path) = (Filter::new(config, WorkerId(1)), now(), path(5));
    let decide = move |filter: &Filter| {
        let headers: [Header<'_>; 4] = [
            (":method", b"GET"),
            (":authority", b"api.example.com"),
            (":path", path.as_bytes()),
            ("authorization", b"Bearer 8xLOxBtZp8Qmv4atR0c2hN9eYwKf1sJdGuB7o0000000"),
        ];
        filter.decide(&RequestHead::new(&headers), &Environment::new(now, &AlwaysValid))
    };
    assert!(matches!(decide(&filter), Verdict::Wait(_)));
    let (call, _) = filter.take_introspection_calls(now).pop().expect("a call");
    let claims = json!({
        "active": true, "aud": AUDIENCE, "iss": ISSUER, "exp": now.seconds() + 3600, "scope": "items:read",
        "sub": "joe.user@example.com", "client_id": "0oa1m2mSvcClnt9A5d07", "token_type": "Bearer",
    });
    let response = CallResponse { status: 200, headers: &[], body: Some(claims.to_string().into_bytes()) };
    filter.on_introspection_response(call, now, &(), Ok(response));
    Box::new(move || {
        assert!(matches!(black_box(decide(black_box(&filter))), Verdict::Allow(_)));
    })
}

fn parse(signer: &Signer) -> Work {
    let (token, headers) = (signer.token(), JoseHeaderCache::default());
    Box::new(move || {
        black_box(UnverifiedToken::parse(black_box(token.as_bytes()), MAX_TOKEN_BYTES, &headers))
            .expect("a token");
    })
}

fn claims(signer: &Signer) -> Work {
    let (config, token, now) = (config(signer, 10, 0), signer.token(), now());
    let provider = &config.providers[0];
    let keys = provider.local_jwks.as_ref().expect("keys");
    let token = UnverifiedToken::parse(token.as_bytes(), MAX_TOKEN_BYTES, &JoseHeaderCache::default())
        .expect("a token");
    let token = token.precheck(&provider.requirements, now, &mut ()).expect("a good token");
    let claims = token.verify(keys, &AlwaysValid, &mut ()).expect("a good token");
    let requirements = provider.requirements.clone();
    Box::new(move || {
        black_box(claims.clone().accept(black_box(&requirements), now, &mut ())).expect("a good token");
    })
}

fn lookup(signer: &Signer, rules: usize) -> Work {
    let config = config(signer, rules, 0);
    let mut i = 0;
    Box::new(move || {
        // 7919 is prime to both numbers of rules, so consecutive requests match distant rules.
        i = (i + 7919) % rules;
        let path = path(i);
        let head = head(&path, &[]);
        let request = NormalizedRequest::new(&head, config.policy.required_inputs()).expect("a clean path");
        assert!(black_box(config.policy.select(&request)).is_ok());
    })
}

fn decide(signer: &Signer, rules: usize, pool: Pool, tokens: usize, cache: usize) -> Work {
    let good = pool == Pool::Repeated;
    let (filter, now) = (Filter::new(config(signer, rules, cache), WorkerId(1)), now());
    let token = |_| format!("Bearer {}", signer.mint(pool));
    let tokens: Vec<String> = (0..tokens).map(token).collect();
    let mut i = 0;
    Box::new(move || {
        i = (i + 7919) % rules;
        let path = path(i);
        let headers = [("authorization", tokens[i % tokens.len()].as_bytes())];
        let verdict =
            black_box(filter.decide(black_box(&head(&path, &headers)), &Environment::new(now, &AlwaysValid)));
        assert_eq!(matches!(verdict, Verdict::Allow(_)), good, "{verdict:?}");
    })
}

/// Decides about a request, begins its stream and ends it, at 1,000 requests per second. A hundredth
/// of the work is a tick, which Envoy calls every 100 ms.
fn stream(signer: &Signer, close_streams: bool) -> Work {
    const PER_TICK: u64 = 100;
    let mut document = document(signer, 10, CACHE);
    document["close_streams"] = json!(close_streams);
    let config = Config::from_bytes(document.to_string().as_bytes()).expect("a configuration");
    let (mut filter, start) = (Filter::new(config, WorkerId(1)), now());
    let (token, path) = (format!("Bearer {}", signer.token()), path(5));
    let mut count: u64 = 0;
    let mut work = move || {
        count += 1;
        let now = start.saturating_add(Duration::from_millis(count));
        let headers = [("authorization", token.as_bytes())];
        let verdict = filter.decide(black_box(&head(&path, &headers)), &Environment::new(now, &AlwaysValid));
        let Verdict::Allow(permit) = verdict else { panic!("{verdict:?}") };
        let state = Rc::new(StreamState::default());
        filter.begin_stream(1, &permit, false, black_box(&state), now);
        filter.end_stream(&state);
        if count.is_multiple_of(PER_TICK) {
            assert!(black_box(filter.take_unauthorized_streams(now)).is_empty());
        }
    };
    // After a second, each tick drops as many streams as begin between two ticks.
    (0..2_000).for_each(|_| work());
    Box::new(work)
}

/// Verifies a proof for a cached token, whose digest the filter has.
fn proof(_: &Signer) -> Work {
    let (client, now, path) = (DpopClient::new(), now(), path(1));
    let token = Signer::es256().bound_token(client.thumbprint());
    let (url, token_hash) = (format!("https://api.example.com{path}"), access_token_hash(&token));
    let issued_at = now.millis() / 1000;
    let proof = client.proof(&ProofSpec { url: &url, token_hash: &token_hash, issued_at });
    let token_sha256: [u8; 32] = sha256(token.as_bytes());
    let requirements = ProofRequirements {
        algorithms: vec![Algorithm::ES256, Algorithm::RS256],
        max_age: 60,
        clock_skew: 10,
        max_proof_bytes: 8192,
        target_uri: TargetUriSource::Request(SchemeSource::Fixed(Scheme::Https)),
        allowed_in_paths: AllowedInPaths::default(),
    };
    let inputs = RequiredInputs::default();
    Box::new(move || {
        let headers = [("dpop", proof.as_bytes())];
        let head = head(&path, &headers);
        let request = NormalizedRequest::new(&head, &inputs).expect("a clean path");
        let bound = BoundRequest {
            head: &head,
            request: &request,
            token_sha256: &token_sha256,
            jkt: client.thumbprint(),
            arrived_at: now,
        };
        black_box(verify_proof(black_box(&bound), &requirements, None, &AlwaysValid, &mut ()))
            .expect("a good proof");
    })
}

/// Records proofs in one slot, which is always full. The work does not depend on the number of
/// slots.
fn record_proof() -> Work {
    const ENTRIES: u32 = 64;
    const PER_SECOND: u64 = 32;
    let (window, skew) = (Duration::from_secs(60), Duration::from_secs(10));
    let (memory, shared) = (ReplayMemory::new(1, ENTRIES, window, skew), Store::default());
    memory.seed(&shared, || [7; 32]);
    let (now, mut count) = (now(), 0_u64);
    let mut record = move || {
        count += 1;
        let now = now.saturating_add(Duration::from_secs(count / PER_SECOND));
        let expires_at = now.saturating_add(window + skew);
        let result = memory.record(&shared, &[1; 32], black_box(&count.to_le_bytes()), now, expires_at, now);
        assert_eq!(black_box(result), Ok(()));
    };
    (0..ENTRIES).for_each(|_| record());
    Box::new(record)
}

pub(crate) fn head<'a>(path: &'a str, headers: &'a [Header<'a>]) -> RequestHead<'a> {
    let (method, authority, path) = (&b"GET"[..], &b"api.example.com"[..], path.as_bytes());
    RequestHead { method, authority, path, ..RequestHead::new(headers) }
}

pub(crate) fn now() -> UnixTime {
    UnixTime::from_seconds(tokens::now())
}
