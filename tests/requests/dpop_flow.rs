//! DPoP-bound tokens in several requests: replays, waits, nonces, responses, and the upstream.

use okta_authz_filter::filter::Verdict;
use okta_authz_filter::rejection::Rejection as R;
use okta_authz_filter::reply::{Denial, Reply};
use okta_authz_filter::request::RequestHead;
use okta_authz_filter::time::UnixTime;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny, Shadow, Wait};
use test_support::common::{NOW, Request, Store, Token, cold, config, get, outcome, scopes, with};

use super::dpop::{Worker, bound, dpop, proof, request};

fn good() -> Request {
    request("DPoP", &bound(), &[proof(&bound()).compact()])
}

#[test]
fn replayed_proof_is_rejected_also_with_a_cached_token() {
    let worker = Worker::new(&dpop(json!({}), json!({})));
    let first = good();
    assert_eq!([worker.send(&first), worker.send(&first)], [Allow, Deny(R::DpopProofReplayed)]);
    assert_eq!([worker.send(&good()), worker.send(&first)], [Allow, Deny(R::DpopProofReplayed)]);
    let same_id = |claim: i64| {
        let changed =
            proof(&bound()).claim("jti", "one").claim("iat", NOW.checked_add_signed(claim).unwrap());
        request("DPoP", &bound(), &[changed.compact()])
    };
    assert_eq!([worker.send(&same_id(0)), worker.send(&same_id(1))], [Allow, Deny(R::DpopProofReplayed)]);
}

#[test]
fn proof_that_fails_is_not_used_up() {
    let worker = Worker::new(&dpop(json!({}), json!({})));
    let wrong = proof(&bound()).claim("jti", "one").claim("htm", "POST");
    let right = proof(&bound()).claim("jti", "one");
    let send = |proof: &str| worker.send(&request("DPoP", &bound(), &[proof.to_owned()]));
    assert_eq!(send(&wrong.compact()), Deny(R::DpopMethodMismatch));
    assert_eq!(send(&right.compact()), Allow);
}

#[test]
fn proof_of_a_request_that_the_policy_denies_is_used_up() {
    let rules = json!([{ "match": {}, "requires": { "scopes": ["a"] } }]);
    let worker = Worker::new(&dpop(json!({}), json!({ "rules": rules })));
    let request = good();
    assert_eq!([worker.send(&request), worker.send(&request)], [scopes(&["a"]), Deny(R::DpopProofReplayed)]);
}

#[test]
fn proof_in_shadow_mode_is_recorded_once() {
    let rules = json!([
        { "match": {}, "requires": { "scopes": ["a"] }, "mode": "shadow" },
        { "match": {}, "requires": { "scopes": ["b"] }, "mode": "shadow" },
        { "match": {}, "requires": {} },
    ]);
    let worker = Worker::new(&dpop(json!({}), json!({ "rules": rules })));
    let request = good();
    assert_eq!([worker.send(&request), worker.send(&request)], [Allow, Deny(R::DpopProofReplayed)]);
    let worker = Worker::new(&dpop(json!({}), json!({ "mode": "shadow" })));
    assert_eq!([worker.send(&request), worker.send(&request)], [Allow, Shadow(R::DpopProofReplayed, false)]);
}

#[test]
fn request_that_waits_does_not_use_up_or_expire_its_proof() {
    let settings = dpop(json!({}), json!({}));
    let warm = Worker::new(&settings);
    let mut waiting = Worker { filter: cold(&settings), store: Store::default() };
    waiting.filter.prepare_dpop(Vec::new(), &waiting.store, [3; 32]);
    let request = request("DPoP", &bound(), &[proof(&bound()).claim("iat", NOW - 70).compact()]);
    assert_eq!(outcome(waiting.verdict(&request, NOW, NOW)), Wait(R::KeysUnavailable));
    // The keys arrive: the worker decides again, 3 s later.
    let resumed = Worker { filter: warm.filter, store: waiting.store };
    assert_eq!(outcome(resumed.verdict(&request, NOW + 3, NOW)), Allow);
    assert_eq!(outcome(resumed.verdict(&request, NOW + 3, NOW)), Deny(R::DpopProofReplayed));
    assert_eq!(outcome(resumed.verdict(&request, NOW + 3, NOW + 3)), Deny(R::DpopProofExpired));
}

#[test]
fn missing_shared_data_rejects_proofs_only() {
    for settings in [json!({}), json!({ "nonce": {} }), json!({ "nonce": {}, "replay": false })] {
        let filter = test_support::common::filter(&dpop(settings.clone(), json!({})));
        let worker = Worker { filter, store: Store::default() };
        assert_eq!(worker.send(&good()), Deny(R::DpopReplayUnavailable), "{settings}");
        assert_eq!(worker.send(&request("Bearer", &Token::user(), &[])), Allow, "{settings}");
    }
}

/// Returns the response to a request, whose denial must have this code.
fn reply(worker: &Worker, request: &Request, now: u64, expected: R) -> Reply {
    let Verdict::Deny(denial) = worker.verdict(request, now, now) else { panic!("not denied") };
    assert_eq!(denial.rejection, expected);
    reply_to(worker, &denial, request, now)
}

fn reply_to(worker: &Worker, denial: &Denial, request: &Request, now: u64) -> Reply {
    let headers: Vec<_> =
        request.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let head = RequestHead { path: request.path.as_bytes(), ..RequestHead::new(&headers) };
    worker.filter.reply(denial, &head, UnixTime::from_seconds(now))
}

fn values<'a>(reply: &'a Reply, name: &str) -> Vec<&'a str> {
    reply.headers.iter().filter(|(other, _)| *other == name).map(|(_, value)| value.as_str()).collect()
}

#[test]
fn nonce_of_a_response_makes_the_next_proof_valid() {
    for settings in [json!({ "nonce": {} }), json!({ "nonce": { "keys_env": "KEYS" }, "replay": false })] {
        let worker = Worker::new(&dpop(settings, json!({})));
        let with_nonce = |nonce: &str| request("DPoP", &bound(), &[proof(&bound()).nonce(nonce).compact()]);
        let without_nonce = reply(&worker, &good(), NOW, R::DpopNonceRequired);
        let nonce = values(&without_nonce, "dpop-nonce")[0].to_owned();
        assert_eq!(nonce.len(), 27);
        assert_eq!(worker.send(&with_nonce(&nonce)), Allow);
        // 120 s, so that 60 s are two intervals later.
        let later = NOW + 180;
        let stale = reply(&worker, &with_nonce(&nonce), later, R::DpopNonceStale);
        assert_ne!(values(&stale, "dpop-nonce"), [nonce.as_str()]);
        let challenge = values(&stale, "www-authenticate");
        assert!(challenge[0].contains(r#"error="use_dpop_nonce""#), "{challenge:?}");
    }
}

#[test]
fn nonce_accepts_a_client_whose_clock_is_wrong() {
    let worker = Worker::new(&dpop(json!({ "nonce": {} }), json!({})));
    let nonce = values(&reply(&worker, &good(), NOW, R::DpopNonceRequired), "dpop-nonce")[0].to_owned();
    let at = |iat: u64| {
        worker.send(&request("DPoP", &bound(), &[proof(&bound()).claim("iat", iat).nonce(&nonce).compact()]))
    };
    assert_eq!([at(NOW - 300), at(NOW + 300)], [Allow, Allow]);
    assert_eq!([at(NOW - 301), at(NOW + 301)], [Deny(R::DpopProofExpired), Deny(R::DpopProofFromTheFuture)]);
}

#[test]
fn responses_have_the_challenges_of_the_specification() {
    const ALGS: &str = r#"algs="ES256 RS256""#;
    let settings = || json!({ "algorithms": ["ES256", "RS256"] });
    let optional = Worker::new(&dpop(settings(), json!({})));
    let required = Worker::new(&with(
        config(json!({ "sender_constrained": "required" }), json!({})),
        json!({ "dpop": settings() }),
    ));
    let (bearer, plain) = (r#"Bearer realm="api""#.to_owned(), format!(r#"DPoP realm="api",{ALGS}"#));
    let error = |scheme: &str, code: &str, rejection: R| {
        let algs = if scheme == "DPoP" { format!(",{ALGS}") } else { String::new() };
        format!(r#"{scheme} realm="api",error="{code}",error_description="{rejection}"{algs}"#)
    };
    let bearer_use = request("Bearer", &bound(), &[]);
    let both = good().header("authorization", "Bearer a");
    let cases: [(&Worker, Request, R, u32, Vec<String>); 8] = [
        (&optional, get("/"), R::TokenMissing, 401, vec![bearer, plain.clone()]),
        (&required, get("/"), R::TokenMissing, 401, vec![plain.clone()]),
        (
            &optional,
            bearer_use,
            R::DpopSchemeRequired,
            401,
            vec![error("Bearer", "invalid_token", R::DpopSchemeRequired), plain.clone()],
        ),
        (
            &required,
            request("Bearer", &Token::user(), &[]),
            R::SenderConstraintRequired,
            401,
            vec![error("Bearer", "invalid_token", R::SenderConstraintRequired), plain],
        ),
        (
            &optional,
            request("DPoP", &bound(), &[]),
            R::DpopProofMissing,
            401,
            vec![error("DPoP", "invalid_dpop_proof", R::DpopProofMissing)],
        ),
        (
            &optional,
            request("DPoP", &Token::user(), &[]),
            R::TokenNotBound,
            401,
            vec![error("DPoP", "invalid_token", R::TokenNotBound)],
        ),
        (
            &optional,
            both,
            R::MultipleCredentials,
            400,
            ["Bearer", "DPoP"]
                .map(|scheme| error(scheme, "invalid_request", R::MultipleCredentials))
                .to_vec(),
        ),
        (
            &optional,
            request("DPoP", &bound().claims(json!({ "exp": NOW - 1000 })), &[]),
            R::TokenExpired,
            401,
            vec![error("DPoP", "invalid_token", R::TokenExpired)],
        ),
    ];
    for (worker, request, rejection, status, expected) in cases {
        let reply = reply(worker, &request, NOW, rejection);
        assert_eq!(
            (reply.status, values(&reply, "www-authenticate")),
            (status, expected.iter().map(String::as_str).collect())
        );
        assert!(values(&reply, "dpop-nonce").is_empty());
    }
    let denial = Denial { scopes: vec!["items:read".to_owned()], ..R::InsufficientScope.into() };
    let reply = reply_to(&optional, &denial, &good(), NOW);
    let challenge = values(&reply, "www-authenticate");
    assert!(challenge[0].starts_with(r#"DPoP realm="api",error="insufficient_scope""#), "{challenge:?}");
    assert!(challenge[0].ends_with(&format!(r#",{ALGS},scope="items:read""#)), "{challenge:?}");
}

#[test]
fn response_without_details_keeps_algorithms_and_nonce() {
    let settings = json!({ "algorithms": ["ES256"], "nonce": {} });
    let worker = Worker::new(&dpop(settings, json!({ "responses": { "details": false } })));
    let reply = reply(&worker, &good(), NOW, R::DpopNonceRequired);
    assert_eq!(
        values(&reply, "www-authenticate"),
        [r#"DPoP realm="api",error="use_dpop_nonce",algs="ES256""#]
    );
    assert_eq!(values(&reply, "dpop-nonce").len(), 1);
}

#[test]
fn every_denial_with_status_401_and_a_dpop_challenge_has_a_nonce() {
    let worker = Worker::new(&dpop(json!({ "nonce": {} }), json!({})));
    for rejection in R::ALL {
        for request in [good(), get("/")] {
            let reply = reply_to(&worker, &(*rejection).into(), &request, NOW);
            let challenges = values(&reply, "www-authenticate");
            let has_dpop = challenges.iter().any(|challenge| challenge.starts_with("DPoP "));
            assert_eq!(
                values(&reply, "dpop-nonce").len(),
                usize::from(has_dpop && reply.status == 401),
                "{rejection:?}"
            );
        }
    }
}

#[test]
fn metadata_announces_dpop() {
    let resources = json!({ "protected_resources": [{ "resource": "https://api.example.com" }] });
    let settings = json!({ "dpop": { "algorithms": ["ES256"] } });
    for (mode, mtls, required) in
        [("optional", false, false), ("required", false, true), ("required", true, false)]
    {
        let mut config =
            with(config(json!({ "sender_constrained": mode }), resources.clone()), settings.clone());
        if mtls {
            config["mtls"] = json!({ "from": "connection" });
        }
        let worker = Worker::new(&config);
        let request = get("/.well-known/oauth-protected-resource");
        let Verdict::LocalResponse(reply) = worker.verdict(&request, NOW, NOW) else { panic!("no metadata") };
        let metadata: Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(metadata["dpop_signing_alg_values_supported"], json!(["ES256"]));
        let expected = if required { json!(true) } else { Value::Null };
        assert_eq!(metadata["dpop_bound_access_tokens_required"], expected, "{mode}");
    }
}

#[test]
fn upstream_receives_no_proof_and_the_configured_scheme() {
    let authorization = format!("DPoP {}", bound().compact());
    let headers = [("authorization", authorization.as_bytes()), ("dpop", b"x")];
    let head = RequestHead::new(&headers);
    for (settings, expected) in [
        (json!({}), None),
        (json!({ "forward_as": "sent" }), None),
        (json!({ "forward_as": "bearer" }), Some(format!("Bearer {}", bound().compact()).into_bytes())),
    ] {
        let worker = Worker::new(&dpop(settings, json!({})));
        let config = worker.filter.config();
        assert_eq!(config.upstream_authorization(&head), expected);
        assert!(config.must_strip("dpop", true) && config.must_strip_trailer("dpop", true));
        assert!(!config.must_strip("dpop", false) && !config.must_strip_trailer("dpop", false));
    }
    let off = cold(&config(json!({}), json!({})));
    assert!(!off.config().must_strip("dpop", true));
}
