//! Measures the policy: the time from a request head to its rule, in nanoseconds, for each kind of
//! match and number of rules, the time to load the configuration, and the time of twenty patterns
//! on the longest path. `make bench` runs it. Compare columns of one run, not values of two runs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    reason = "a benchmark"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use okta_authz_filter::config::Config;
use okta_authz_filter::policy::{NormalizedRequest, Policy};
use okta_authz_filter::request::RequestHead;
use serde_json::{Value, json};

const COUNTS: [usize; 4] = [10, 100, 1_000, 10_000];
/// The time for each measurement, which has at least one round.
const MEASURING_TIME: Duration = Duration::from_millis(300);
/// The number of requests in a round. They match rules all over the policy, so the processor's
/// caches rarely hold the rule.
const REQUESTS: usize = 1_000;

/// A kind of match: its name, the condition of a rule, and the host and path of a request that
/// matches it.
struct Kind {
    name: &'static str,
    condition: fn(usize) -> Value,
    request: fn(usize) -> (String, String),
}

const KINDS: &[Kind] = &[
    Kind {
        name: "path",
        condition: |i| json!({ "path": format!("/api/v1/service-{i:05}/items") }),
        request: |i| at(format!("/api/v1/service-{i:05}/items")),
    },
    Kind {
        name: "prefix",
        condition: |i| json!({ "prefix": format!("/api/v1/service-{i:05}") }),
        request: |i| at(format!("/api/v1/service-{i:05}-beta/items")),
    },
    Kind {
        name: "path_separated_prefix",
        condition: |i| json!({ "path_separated_prefix": format!("/api/v1/service-{i:05}") }),
        request: |i| at(format!("/api/v1/service-{i:05}/items")),
    },
    Kind {
        name: "path_template",
        condition: |i| json!({ "path_template": format!("/api/v1/service-{i:05}/items/{{id}}") }),
        request: |i| at(format!("/api/v1/service-{i:05}/items/1")),
    },
    Kind {
        name: "path_template, variable first",
        condition: |i| json!({ "path_template": format!("/{{tenant}}/{{version}}/service-{i:05}/**") }),
        request: |i| at(format!("/acme/v1/service-{i:05}/items/1")),
    },
    Kind {
        name: "hosts, one path",
        condition: |i| json!({ "path": "/items", "hosts": [format!("tenant-{i:05}.example.com")] }),
        request: |i| (format!("tenant-{i:05}.example.com"), "/items".to_owned()),
    },
    Kind {
        name: "no rule",
        condition: |i| json!({ "path_separated_prefix": format!("/api/v1/service-{i:05}") }),
        request: |i| at(format!("/api/v2/service-{i:05}/items")),
    },
    Kind {
        name: "safe_regex (linear)",
        condition: |i| json!({ "safe_regex": format!("/api/v1/service-{i:05}/[0-9]+") }),
        request: |i| at(format!("/api/v1/service-{i:05}/1")),
    },
];

fn at(path: String) -> (String, String) {
    ("api.example.com".to_owned(), path)
}

fn document(kind: &Kind, count: usize) -> Vec<u8> {
    let rule =
        |i| json!({ "match": (kind.condition)(i), "requires": { "scopes": [format!("items-{i}:read")] } });
    let provider = json!({
        "issuer": "https://acme.okta.com/oauth2/default", "audiences": ["api://default"],
        "remote_jwks": { "cluster": "okta" },
    });
    let rules: Vec<Value> = (0..count).map(rule).collect();
    json!({ "providers": { "okta": provider }, "rules": rules }).to_string().into_bytes()
}

/// Returns the hosts and paths of the requests.
fn requests(kind: &Kind, count: usize) -> Vec<(String, String)> {
    // 7919 is prime to every count, so consecutive requests match distant rules.
    (0..REQUESTS).map(|i| (kind.request)(i * 7919 % count)).collect()
}

/// Patterns that the request does not match. The first two contain only characters and repetitions.
/// The characters of the last are in the path.
const PATTERNS: [(&str, &str); 3] = [
    ("20 safe_regex, longest path: /.*/internalN/.*", "/.*/internalN/.*"),
    ("20 safe_regex, longest path: /[^/]+/internalN/.*", "/[^/]+/internalN/.*"),
    ("20 safe_regex, longest path: /docs/.*(a|b)N", "/docs/.*(a|b)N"),
];

/// Prints the time in microseconds for the longest path, which matches none of the patterns.
fn many_patterns() {
    println!("\n{:60}{:>10}", "us per request:", "");
    for (name, pattern) in PATTERNS {
        let rule = |i: usize| json!({ "match": { "safe_regex": pattern.replace('N', &i.to_string()) }, "deny": true });
        let provider = json!({
            "issuer": "https://acme.okta.com/oauth2/default", "audiences": ["api://default"],
            "remote_jwks": { "cluster": "okta" },
        });
        let rules: Vec<Value> = (0..20).map(rule).collect();
        let document = json!({ "providers": { "okta": provider }, "rules": rules }).to_string();
        let config = Config::from_bytes(document.as_bytes()).unwrap();
        let request = at(format!("/docs/{}", "a".repeat(8_186)));
        let time = shortest(|| decide(&config.policy, black_box(&request)));
        println!("{name:60}{:>10.1}", time.as_secs_f64() * 1e6);
    }
}

/// Selects the rule of a request.
fn decide(policy: &Policy, (host, path): &(String, String)) {
    let (path, authority) = (path.as_bytes(), host.as_bytes());
    let head = RequestHead { method: b"GET", path, authority, ..RequestHead::default() };
    let request = NormalizedRequest::new(&head, policy.required_inputs()).unwrap();
    let _ = black_box(policy.select(&request));
}

/// Returns the shortest of many rounds, because a disturbance only makes a round longer.
fn shortest<T>(mut work: impl FnMut() -> T) -> Duration {
    let begin = Instant::now();
    let mut shortest = Duration::MAX;
    while begin.elapsed() < MEASURING_TIME {
        let start = Instant::now();
        black_box(work());
        shortest = shortest.min(start.elapsed());
    }
    shortest
}

fn main() {
    println!(
        "{:30}{:>10}{:>10}{:>10}{:>10}{:>10}{:>14}",
        "ns per request, rules:", 10, 100, 1_000, 10_000, "ratio", "load 10,000"
    );
    for kind in KINDS {
        let mut nanoseconds = Vec::new();
        let mut load = Duration::ZERO;
        for count in COUNTS {
            let document = document(kind, count);
            let config = Config::from_bytes(&document).unwrap();
            load = shortest(|| Config::from_bytes(black_box(&document)));
            let requests = requests(kind, count);
            let decide_all =
                || requests.iter().for_each(|request| decide(&config.policy, black_box(request)));
            nanoseconds.push(shortest(decide_all).as_nanos() as f64 / REQUESTS as f64);
        }
        print!("{:30}", kind.name);
        nanoseconds.iter().for_each(|time| print!("{time:>10.0}"));
        println!("{:>10.2}{:>11.0} ms", nanoseconds[3] / nanoseconds[0], load.as_secs_f64() * 1e3);
    }
    many_patterns();
}
