//! The parts of a request that a client chooses: `make bench-instructions` fails if the work of a
//! decision grows faster than one of them.

use std::hint::black_box;

use okta_authz_filter::config::Config;
use okta_authz_filter::filter::{Environment, Filter, Verdict};
use okta_authz_filter::header_map::{self, serialize};
use okta_authz_filter::policy::NormalizedRequest;
use okta_authz_filter::refresh::state::WorkerId;
use okta_authz_filter::request::{Header, RequestHead};
use serde_json::{Value, json};

use crate::cases::{AlwaysValid, CACHE, Work, config, head, now};
use crate::tokens::{self, AUDIENCE, ISSUER, Pool, Signer};

/// A part of a request: its name, its size, and the function that prepares the work for a size. The
/// benchmark compares the work for this size with the work for twice the size.
pub type Part = (&'static str, usize, fn(&Signer, usize) -> Work);

/// All parts.
pub const PARTS: &[Part] = &[
    ("path, 1,000 patterns", 3_900, |signer, len| {
        let rules = patterns(1_000);
        request(signer, rules, &format!("/api/{}", "x".repeat(len)), &[], None)
    }),
    ("path close to 20 patterns", 3_900, |signer, len| {
        let near: String = (0..20).map(|i| format!("/internal-{i:05}/")).collect();
        let path = format!("/api{}{}/end", near.replace("//", "/"), "x".repeat(len));
        request(signer, patterns(20), &path, &[], None)
    }),
    ("path with segments, 100 templates", 1_900, |signer, count| {
        let rule =
            |i| json!({ "match": { "path_template": format!("/{{a}}/{{b}}/{i}/**") }, "public": true });
        request(signer, (0..100).map(rule).collect(), &"/a".repeat(count), &[], None)
    }),
    ("headers", 200, |signer, count| {
        let rule = json!({ "match": { "headers": [{ "name": "x-role", "string_match": { "exact": "admin" } }] }, "public": true });
        let headers: Vec<_> = (0..count).map(|i| (format!("x-header-{i}"), "value".to_owned())).collect();
        request(signer, vec![rule], "/", &headers, None)
    }),
    ("query parameters", 200, |signer, count| {
        let condition = json!([{ "name": "role", "string_match": { "exact": "admin" } }]);
        let rule = json!({ "match": { "query_parameters": condition }, "public": true });
        let query: String = (0..count).map(|i| format!("parameter-{i}=value&")).collect();
        request(signer, vec![rule], &format!("/?{query}"), &[], None)
    }),
    ("cookies", 200, |signer, count| {
        let cookies: String = (0..count).map(|i| format!("cookie-{i}=value; ")).collect();
        request(signer, protected(), "/", &[("cookie".to_owned(), cookies)], None)
    }),
    ("groups of a token", 100, |signer, count| {
        let groups: Vec<String> = (0..count).map(|i| format!("group-{i}")).collect();
        request(signer, protected(), "/", &[], Some(format!(r#","roles":{}"#, json!(groups))))
    }),
    ("claims of a token", 100, |signer, count| {
        let claims: String = (0..count).map(|i| format!(r#","claim-{i}":"value""#)).collect();
        request(signer, protected(), "/", &[], Some(claims))
    }),
];

/// Returns rules whose patterns have one literal in common and one that differs.
fn patterns(count: usize) -> Vec<Value> {
    let path = |i| format!("/api/.*/internal-{i:05}/[0-9]+/.*end");
    (0..count).map(|i| json!({ "match": { "safe_regex": path(i) }, "public": true })).collect()
}

fn protected() -> Vec<Value> {
    let requires = json!({ "groups": ["none"], "groups_claim": "roles" });
    vec![json!({ "match": { "prefix": "/" }, "requires": requires })]
}

/// Prepares the decision on a request that no rule allows. `claims` is JSON text for its token.
fn request(
    signer: &Signer,
    rules: Vec<Value>,
    path: &str,
    headers: &[(String, String)],
    claims: Option<String>,
) -> Work {
    let document = json!({
        "providers": { "okta": { "issuer": ISSUER, "audiences": [AUDIENCE], "local_jwks": signer.jwks() } },
        "claim_to_headers": [{ "header_name": "x-okta-sub", "claim_name": "sub" }],
        "from_cookies": ["session"], "rules": rules, "token_cache_max_bytes": 0,
    });
    let config = Config::from_bytes(document.to_string().as_bytes()).expect("a configuration");
    let (filter, now) = (Filter::new(config, WorkerId(1)), now());
    let (path, mut headers) = (path.to_owned(), headers.to_vec());
    let token = claims.map(|claims| signer.mint_with(Pool::Repeated, &claims));
    headers.extend(token.map(|token| ("authorization".to_owned(), format!("Bearer {token}"))));
    Box::new(move || {
        let pseudo: [Header<'_>; 3] =
            [(":method", b"GET"), (":authority", b"api.example.com"), (":path", path.as_bytes())];
        let others = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let headers: Vec<Header<'_>> = pseudo.into_iter().chain(others).collect();
        let head = RequestHead::new(&headers);
        let stripped = headers.iter().filter(|(name, _)| filter.config().must_strip(name, true)).count();
        let verdict = filter.decide(black_box(&head), &Environment::new(now, &AlwaysValid));
        assert!(matches!(black_box((verdict, stripped)), (Verdict::Deny(_), 0)));
    })
}

/// Parses the header map of a request with this number of headers, decides about the request, and
/// looks for headers to strip.
pub(crate) fn headers(signer: &Signer, count: usize) -> Work {
    const NAMES: [&str; 8] = [
        "accept-encoding",
        "user-agent",
        "x-forwarded-for",
        "x-request-id",
        "sec-fetch-mode",
        "content-type",
        "x-envoy-internal",
        "traceparent",
    ];
    let (filter, now, path) = (Filter::new(config(signer, 10, CACHE), WorkerId(1)), now(), tokens::path(5));
    let token = format!("Bearer {}", signer.token());
    let fixed = [
        (":authority", "api.example.com"),
        (":path", path.as_str()),
        (":method", "GET"),
        ("authorization", token.as_str()),
    ];
    let others = (fixed.len()..count).map(|i| (NAMES[i % NAMES.len()], "a value of usual length"));
    let map = serialize(&fixed.into_iter().chain(others).collect::<Vec<_>>());
    Box::new(move || {
        let headers = header_map::parse(black_box(&map)).expect("a map");
        let head = RequestHead::new(&headers);
        let verdict = filter.decide(&head, &Environment::new(now, &AlwaysValid));
        let stripped = headers.iter().filter(|(name, _)| filter.config().must_strip(name, true)).count();
        assert!(matches!(black_box((verdict, stripped)), (Verdict::Allow(_), 0)));
    })
}

/// Selects the rule for the longest path, which no pattern matches. All patterns have one literal in
/// common.
pub(crate) fn longest_path(patterns: usize) -> Work {
    let rule =
        |i| json!({ "match": { "safe_regex": format!("/api/.*/internal-{i:05}/[0-9]+") }, "public": true });
    let rules: Vec<Value> = (0..patterns).map(rule).collect();
    let document = json!({
        "providers": { "okta": { "issuer": ISSUER, "audiences": [AUDIENCE],
            "remote_jwks": { "cluster": "okta" } } },
        "rules": rules,
    });
    let config = Config::from_bytes(document.to_string().as_bytes()).expect("a configuration");
    let path = format!("/api/{}", "x".repeat(8_187));
    Box::new(move || {
        let head = head(&path, &[]);
        let request = NormalizedRequest::new(&head, config.policy.required_inputs()).expect("a clean path");
        assert!(black_box(config.policy.select(&request)).is_err());
    })
}
