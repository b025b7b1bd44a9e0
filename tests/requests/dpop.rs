//! DPoP-bound tokens (RFC 9449 section 7): schemes, bindings and proofs, one request in each row.

use std::collections::BTreeSet;

use okta_authz_filter::crypto::Algorithm;
use okta_authz_filter::crypto::software::Software;
use okta_authz_filter::filter::{Environment, Filter, Verdict};
use okta_authz_filter::rejection::Rejection as R;
use okta_authz_filter::request::RequestHead;
use okta_authz_filter::time::UnixTime;
use serde_json::{Value, json};
use test_support::common::Outcome::{Allow, Deny, Pass, Public, Shadow};
use test_support::common::{NOW, Outcome, Request, Store, Token, config, get, outcome, scopes, with};
use test_support::dpop::{DpopKey, Proof};

pub(crate) const URL: &str = "https://api.example.com/items/1";

/// A filter with shared data, as a worker has it.
pub(crate) struct Worker {
    pub(crate) filter: Filter,
    pub(crate) store: Store,
}

impl Worker {
    pub(crate) fn new(config: &Value) -> Self {
        let (mut filter, store) = (test_support::common::filter(config), Store::default());
        let keys = filter.config().nonce_keys(|_| Some("0f".repeat(32))).unwrap();
        filter.prepare_dpop(keys, &store, [3; 32]);
        Self { filter, store }
    }

    pub(crate) fn verdict(&self, request: &Request, now: u64, arrived_at: u64) -> Verdict {
        let headers = [
            (":method", request.method.as_bytes()),
            (":authority", request.authority.as_bytes()),
            (":path", request.path.as_bytes()),
        ];
        let own = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        let headers: Vec<_> = headers.into_iter().chain(own).collect();
        let [now, arrived_at] = [now, arrived_at].map(UnixTime::from_seconds);
        let environment = Environment {
            arrived_at,
            shared_data: &self.store,
            connection: request,
            ..Environment::new(now, &Software)
        };
        self.filter.decide(&RequestHead::new(&headers), &environment)
    }

    pub(crate) fn send(&self, request: &Request) -> Outcome {
        outcome(self.verdict(request, NOW, NOW))
    }
}

pub(crate) fn key() -> DpopKey {
    DpopKey::new(Algorithm::ES256)
}

pub(crate) fn bound() -> Token {
    Token::user().bound_to_key(&key())
}

pub(crate) fn proof(token: &Token) -> Proof {
    Proof::new(&key(), "GET", URL, NOW).of_token(&token.compact())
}

pub(crate) fn dpop(settings: Value, rest: Value) -> Value {
    config(json!({}), with(json!({ "dpop": settings }), rest))
}

/// Returns a request with a token of this scheme, and with these proofs.
pub(crate) fn request(scheme: &str, token: &Token, proofs: &[String]) -> Request {
    let request = get("/items/1").header("authorization", format!("{scheme} {}", token.compact()));
    proofs.iter().fold(request, |request, proof| request.header("dpop", proof))
}

struct Row {
    name: &'static str,
    config: Value,
    request: Request,
    expected: Outcome,
}

/// Returns the rows for `okta-authz explain`, which decides about one request at a time.
pub(crate) fn single_rows() -> Vec<super::Row> {
    let single = |Row { name, config, request, expected }| {
        super::row(name, config, request, super::Auth::Missing, 0, expected)
    };
    rows().into_iter().map(single).collect()
}

fn rows() -> Vec<Row> {
    let on = || dpop(json!({}), json!({}));
    let sent = |proof: Proof| request("DPoP", &bound(), &[proof.compact()]);
    let good = || sent(proof(&bound()));
    let mut rows = Vec::new();
    let mut add = |name, config: Value, request: Request, expected: Outcome| {
        rows.push(Row { name, config, request, expected });
    };

    add("plain ES256", on(), good(), Allow);
    for scheme in ["dpop", "DPOP"] {
        add(scheme, on(), request(scheme, &bound(), &[proof(&bound()).compact()]), Allow);
    }
    let unbound_with_proof = |scheme| request(scheme, &Token::user(), &[proof(&Token::user()).compact()]);
    add("bearer, unbound", on(), request("Bearer", &Token::user(), &[]), Allow);
    add("bearer, unbound, stray proof", on(), unbound_with_proof("Bearer"), Allow);
    add("bearer, unbound, broken proof", on(), request("Bearer", &Token::user(), &["x".to_owned()]), Allow);
    add("DPoP, unbound", on(), unbound_with_proof("DPoP"), Deny(R::TokenNotBound));
    add("DPoP, unbound, no proof", on(), request("DPoP", &Token::user(), &[]), Deny(R::TokenNotBound));
    let certificate = Token::user().bound_to_certificate(b"der");
    let mtls = || dpop(json!({}), json!({ "mtls": { "from": "connection" } }));
    add("DPoP, bound to a certificate", mtls(), request("DPoP", &certificate, &[]), Deny(R::TokenNotBound));
    add("bearer, bound", on(), request("Bearer", &bound(), &[]), Deny(R::DpopSchemeRequired));
    let with_proof = request("Bearer", &bound(), &[proof(&bound()).compact()]);
    add("bearer, bound, good proof", on(), with_proof, Deny(R::DpopSchemeRequired));
    let cookie = get("/items/1").header("cookie", format!("t={}", bound().compact()));
    let cookie = cookie.header("dpop", proof(&bound()).compact());
    let cookies = dpop(json!({}), json!({ "from_cookies": ["t"] }));
    add("cookie, bound, good proof", cookies, cookie, Deny(R::DpopSchemeRequired));
    let off = config(json!({}), json!({}));
    add("not configured, bearer", off.clone(), request("Bearer", &bound(), &[]), Deny(R::TokenBound));
    add("not configured, DPoP", off, good(), Deny(R::TokenMissing));
    for (name, cnf) in
        [("unknown member", json!({ "jkt": key().thumbprint(), "kid": "1" })), ("null", json!(null))]
    {
        let token = Token::user().claims(json!({ "cnf": cnf }));
        // A null claim is removed by `claims`.
        let token = if cnf.is_null() { token.raw_payload(&token_with_null(&Token::user())) } else { token };
        let request = request("DPoP", &token, &[proof(&token).compact()]);
        add(name, on(), request, Deny(R::TokenBound));
    }
    let twice = good().header("authorization", format!("Bearer {}", Token::user().compact()));
    add("both schemes", on(), twice, Deny(R::MultipleCredentials));
    let both = bound().bound_to_certificate(b"der");
    let digest = "96ed1a5f3f4b2ee40eb3af2b54efc66da03a9c4d7dcb9ac61d4f5c0c5f8ae0ff";
    let with_certificate = request("DPoP", &both, &[proof(&both).compact()]);
    add(
        "both bindings, other certificate",
        mtls(),
        with_certificate.clone().client_certificate(digest),
        Deny(R::CertificateMismatch),
    );
    add(
        "both bindings, right certificate",
        mtls(),
        with_certificate.client_certificate(&hex_sha256(b"der")),
        Allow,
    );
    let no_proof = request("DPoP", &both, &[]).client_certificate(&hex_sha256(b"der"));
    add("both bindings, no proof", mtls(), no_proof, Deny(R::DpopProofMissing));

    add("no proof", on(), request("DPoP", &bound(), &[]), Deny(R::DpopProofMissing));
    add("two proofs", on(), good().header("dpop", proof(&bound()).compact()), Deny(R::DpopProofRepeated));
    let large = proof(&bound()).of_length(8193);
    add("8193 bytes", on(), sent(large.clone()), Deny(R::DpopProofTooLarge));
    add("8193 bytes allowed", dpop(json!({ "max_proof_bytes": 8193 }), json!({})), sent(large), Allow);
    for (name, text) in [("empty", ""), ("one segment", "a"), ("not ASCII", "\u{ff}.a.b")] {
        add(name, on(), request("DPoP", &bound(), &[text.to_owned()]), Deny(R::DpopProofMalformed));
    }
    let other = DpopKey::other(Algorithm::ES256);
    let changed = |change: fn(Proof) -> Proof| sent(change(proof(&bound())));
    for (name, request, rejection) in [
        ("typ", changed(|proof| proof.header("typ", "JWT")), R::DpopTypeNotAllowed),
        ("crit", changed(|proof| proof.header("crit", json!(["b64"]))), R::DpopCriticalExtension),
        ("alg", changed(|proof| proof.header("alg", "HS256")), R::DpopAlgorithmNotAllowed),
        ("private key", changed(|proof| proof.jwk_member("d", "AA")), R::DpopKeyPrivate),
        ("no key", changed(|proof| proof.without_header("jwk")), R::DpopKeyMalformed),
        ("other key", sent(proof(&bound()).with_key(&other)), R::DpopKeyMismatch),
        ("no jti", changed(|proof| proof.without("jti")), R::DpopClaimMissing),
        ("jti of 257 bytes", changed(|proof| proof.claim("jti", "a".repeat(257))), R::DpopProofMalformed),
        ("71 s old", changed(|proof| proof.claim("iat", NOW - 71)), R::DpopProofExpired),
        ("11 s ahead", changed(|proof| proof.claim("iat", NOW + 11)), R::DpopProofFromTheFuture),
        ("other signer", sent(proof(&bound()).signed_by(&other)), R::DpopSignatureInvalid),
        ("other method", changed(|proof| proof.claim("htm", "POST")), R::DpopMethodMismatch),
        (
            "other path",
            changed(|proof| proof.claim("htu", "https://api.example.com/items/2")),
            R::DpopUrlMismatch,
        ),
        (
            "other scheme",
            changed(|proof| proof.claim("htu", URL.replace("https", "http"))),
            R::DpopUrlMismatch,
        ),
        ("other token", changed(|proof| proof.of_token("x")), R::DpopTokenMismatch),
    ] {
        add(name, on(), request, Deny(rejection));
    }
    add("70 s old", on(), changed(|proof| proof.claim("iat", NOW - 70)), Allow);
    let narrow = dpop(json!({ "max_age": "5s", "clock_skew": "0s" }), json!({}));
    add("max_age", narrow.clone(), changed(|proof| proof.claim("iat", NOW - 6)), Deny(R::DpopProofExpired));
    add("clock_skew", narrow, changed(|proof| proof.claim("iat", NOW + 1)), Deny(R::DpopProofFromTheFuture));
    let only_rsa = dpop(json!({ "algorithms": ["RS256"] }), json!({}));
    add("algorithms", only_rsa, good(), Deny(R::DpopAlgorithmNotAllowed));
    let rsa = DpopKey::new(Algorithm::RS256);
    let token = Token::user().bound_to_key(&rsa);
    add("RS256", on(), request("DPoP", &token, &[proof(&token).with_key(&rsa).compact()]), Allow);
    let urls = json!([{ "url": "https://public.example.com/svc1", "hosts": ["api.example.com"] }]);
    let external = dpop(json!({ "external_urls": urls }), json!({}));
    add("external URL, URL of the backend", external.clone(), good(), Deny(R::DpopUrlMismatch));
    let public = sent(proof(&bound()).claim("htu", "https://public.example.com/svc1/items/1"));
    add("external URL", external, public, Allow);
    let forwarded = dpop(json!({ "scheme": "forwarded" }), json!({}));
    add("forwarded scheme", forwarded.clone(), good().header("x-forwarded-proto", "https"), Allow);
    add("forwarded http", forwarded, good().header("x-forwarded-proto", "http"), Deny(R::DpopUrlMismatch));

    let nonces = || dpop(json!({ "nonce": {} }), json!({}));
    add("no nonce", nonces(), good(), Deny(R::DpopNonceRequired));
    add("forged nonce", nonces(), sent(proof(&bound()).nonce("AAAA")), Deny(R::DpopNonceRequired));
    add("nonce, although nonces are off", on(), sent(proof(&bound()).nonce("AAAA")), Allow);

    let expired = || bound().claims(json!({ "exp": NOW - 1000 }));
    let expired = request("DPoP", &expired(), &[proof(&expired()).compact()]);
    add("expired token, good proof", on(), expired, Deny(R::TokenExpired));
    let requires =
        |requires: Value| dpop(json!({}), json!({ "rules": [{ "match": {}, "requires": requires }] }));
    add("missing scope, good proof", requires(json!({ "scopes": ["a"] })), good(), scopes(&["a"]));
    let demanded = || requires(json!({ "sender_constrained": true }));
    let bearer = || request("Bearer", &Token::user(), &[]);
    add("rule demands a binding, bound", demanded(), good(), Allow);
    add("rule demands a binding, unbound", demanded(), bearer(), Deny(R::SenderConstraintRequired));
    let alternatives = requires(json!({ "any_of": [{ "sender_constrained": true }, { "scopes": ["a"] }] }));
    add(
        "alternative demands a binding, unbound",
        alternatives.clone(),
        bearer(),
        Deny(R::SenderConstraintRequired),
    );
    add("alternative demands a binding, bound", alternatives, good(), Allow);
    let required =
        || with(config(json!({ "sender_constrained": "required" }), json!({})), json!({ "dpop": {} }));
    add("provider demands a binding, bound", required(), good(), Allow);
    add("provider demands a binding, unbound", required(), bearer(), Deny(R::SenderConstraintRequired));
    add(
        "provider demands a binding, DPoP, unbound",
        required(),
        unbound_with_proof("DPoP"),
        Deny(R::TokenNotBound),
    );
    let public = dpop(json!({}), json!({ "rules": [{ "match": {}, "public": true }] }));
    add("public, broken proof", public, request("DPoP", &bound(), &["x".to_owned()]), Public);
    let optional = dpop(json!({}), json!({ "rules": [{ "match": {}, "requires": {}, "mode": "optional" }] }));
    let proof_only = get("/items/1").header("dpop", proof(&bound()).compact());
    add("optional, proof without a token", optional.clone(), proof_only, Pass("anonymous"));
    add(
        "optional, broken proof",
        optional,
        request("DPoP", &bound(), &["x".to_owned()]),
        Deny(R::DpopProofMalformed),
    );
    let shadow = dpop(json!({}), json!({ "mode": "shadow" }));
    let failed = request("DPoP", &bound(), &["x".to_owned()]);
    add("shadow, broken proof", shadow.clone(), failed, Shadow(R::DpopProofMalformed, false));
    add("shadow, good proof", shadow, good(), Allow);
    let revoked = dpop(json!({}), json!({ "denylist": { "entries": [{ "sub": "joe.user@example.com" }] } }));
    add(
        "revoked token, broken proof",
        revoked.clone(),
        request("DPoP", &bound(), &["x".to_owned()]),
        Deny(R::DpopProofMalformed),
    );
    add("revoked token, good proof", revoked, good(), Deny(R::TokenRevoked));
    rows
}

/// Returns the payload of a token with the claim `cnf: null`.
fn token_with_null(token: &Token) -> String {
    token.payload.replacen('{', r#"{"cnf":null,"#, 1)
}

fn hex_sha256(bytes: &[u8]) -> String {
    use rsa::sha2::{Digest as _, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the rejections that rows of this module and [`super::dpop_flow`] expect.
pub(crate) fn expected_rejections() -> BTreeSet<R> {
    let denied = rows().into_iter().filter_map(|row| match row.expected {
        Deny(rejection) => Some(rejection),
        _ => None,
    });
    denied.chain([R::DpopNonceStale, R::DpopProofReplayed, R::DpopReplayUnavailable]).collect()
}

#[test]
fn dpop_rows_have_expected_outcomes() {
    let mut names = BTreeSet::new();
    let mut wrong = Vec::new();
    for Row { name, config, request, expected } in rows() {
        assert!(names.insert(name), "two rows are named {name}");
        let outcome = Worker::new(&config).send(&request);
        if outcome != expected {
            wrong.push(format!("{name}: expected {expected:?}, got {outcome:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
