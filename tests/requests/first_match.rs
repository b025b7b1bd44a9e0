//! Compares the index by path and host with linear evaluation: both must find the same rule.
//!
//! The policies and requests are random, from few words, so that many rules overlap. A failure
//! names its seed.

use fastrand::Rng;
use okta_authz_filter::policy::{
    Access, AllowedInPaths, HostMatch, Mode, NormalizationOptions, NormalizedRequest, PathMatch, Pattern,
    Policy, RequestMatch, Requirement, Rule, RuleAction,
};
use okta_authz_filter::request::RequestHead;
use regex_lite::Regex;

const POLICIES: u64 = 2_000;
const REQUESTS: u64 = 20;

/// Words with common prefixes. The empty word ends a path with a slash.
const SEGMENTS: &[&str] = &["a", "ab", "abc", "b", "ba", "é", ""];
/// Words with the characters that `allow_in_paths` allows.
const ALLOWED_SEGMENTS: &[&str] = &["a", "ab", "a%2Fb", "%2F", "a;b", ";", "a#b", "b", "", ""];
const ALLOWED: AllowedInPaths =
    AllowedInPaths { encoded_slash: true, semicolon: true, empty_segment: true, encoded_hash: true };
const HOSTS: &[&str] = &["", "x", "a.x", "b.a.x", "aa.x", "y", ".x", "a.x.y"];
const METHODS: &[&str] = &["GET", "POST"];

/// A generator of random policies and requests.
struct Generator {
    random: Rng,
    allowed: AllowedInPaths,
}

impl Generator {
    fn below(&mut self, bound: u64) -> u64 {
        self.random.u64(..bound)
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    fn pick(&mut self, choices: &[&'static str]) -> &'static str {
        choices[self.random.usize(..choices.len())]
    }

    fn segments(&self) -> &'static [&'static str] {
        if self.allowed.empty_segment { ALLOWED_SEGMENTS } else { SEGMENTS }
    }

    /// One to four segments; only the last may be empty, unless empty segments are allowed.
    fn path(&mut self, segments: &[&'static str]) -> String {
        let count = 1 + self.below(4);
        let mut path = String::new();
        for at in 1..=count {
            let segment = self.pick(segments);
            path.push('/');
            let may_be_empty = at == count || self.allowed.empty_segment;
            path.push_str(if segment.is_empty() && !may_be_empty { "a" } else { segment });
        }
        path
    }

    fn template(&mut self) -> PathMatch {
        let mut template = match self.allowed.empty_segment {
            false => self.path(&["a", "ab", "b", "*", "{x}", "{y}", ""]),
            true => self.path(&["a", "a%2Fb", "a;b", "b", "*", "{x}", "{y}", ""]),
        };
        if self.one_in(3) {
            template = format!("{}/**", template.trim_end_matches('/'));
        }
        // A template must not have a variable twice.
        for (at, name) in ["{x}", "{y}"].into_iter().enumerate() {
            while template.matches(name).count() > 1 {
                template = template.replacen(name, if at == 0 { "*" } else { "b" }, 1);
            }
        }
        PathMatch::template(&template, self.allowed).unwrap_or_else(|error| panic!("{template}: {error:?}"))
    }

    fn path_match(&mut self) -> Option<PathMatch> {
        let segments = self.segments();
        Some(match self.below(11) {
            0 | 1 => PathMatch::Exact(self.path(segments)),
            2 | 3 => PathMatch::Prefix(self.path(segments)),
            4 | 5 => PathMatch::PathSeparatedPrefix(self.path(segments)),
            6..=8 => self.template(),
            9 => PathMatch::SafeRegex(Pattern::new(Regex::new("^(?:/[ab]+(/.*)?)$").unwrap())),
            // The configuration rejects these; the policy accepts them.
            _ if self.one_in(8) => PathMatch::Prefix("".into()),
            _ if self.one_in(8) => PathMatch::PathSeparatedPrefix("".into()),
            _ if self.one_in(8) => PathMatch::Exact("*".into()),
            _ => return None,
        })
    }

    fn request_match(&mut self) -> RequestMatch {
        let host = |random: &mut Self| match random.pick(HOSTS) {
            host if random.one_in(2) => HostMatch::Exact(host.to_owned()),
            host => HostMatch::Suffix(format!(".{host}")),
        };
        let hosts = (0..self.below(4)).map(|_| host(self)).collect();
        let methods = (0..1 + self.below(2)).map(|_| self.pick(METHODS).to_owned()).collect();
        RequestMatch {
            path: self.path_match(),
            methods: self.one_in(2).then_some(methods),
            hosts: self.one_in(2).then_some(hosts),
            ..RequestMatch::default()
        }
    }

    /// Returns method, path and host of a request.
    fn request(&mut self) -> (&'static str, String, &'static str) {
        let path = match self.below(40) {
            0 => String::new(),
            1 => "*".to_owned(),
            _ => {
                let segments = self.segments();
                self.path(segments).replace('#', "%23")
            }
        };
        (self.pick(METHODS), path, self.pick(HOSTS))
    }
}

/// Returns a rule whose required scope is its index.
fn rule(index: usize, matches: RequestMatch) -> Rule {
    let requirement = Requirement { scopes: vec![index.to_string()], ..Requirement::default() };
    Rule {
        matches,
        action: RuleAction {
            access: Access::Requires(Box::new(requirement)),
            mode: Mode::Enforce,
            introspect: false,
        },
    }
}

/// Returns the index of the rule that the policy finds.
fn decided(policy: &Policy, request: &NormalizedRequest<'_>) -> Option<usize> {
    match &policy.select(request).ok()?.action.access {
        Access::Requires(requirement) => Some(requirement.scopes[0].parse().unwrap()),
        other => panic!("no rule has {other:?}"),
    }
}

#[test]
fn index_finds_the_first_rule_that_matches() {
    let mut matched = 0;
    for seed in 1..=POLICIES {
        let allowed = if seed % 2 == 0 { ALLOWED } else { AllowedInPaths::default() };
        let mut random = Generator { random: Rng::with_seed(seed), allowed };
        let count = 1 + random.below(40);
        let matches: Vec<RequestMatch> = (0..count).map(|_| random.request_match()).collect();
        let rules = matches.iter().enumerate().map(|(i, matches)| rule(i, matches.clone())).collect();
        let policy = Policy::new(rules)
            .with_normalization(NormalizationOptions { allowed, ..NormalizationOptions::default() });
        for _ in 0..REQUESTS {
            let (method, path, authority) = random.request();
            let head = RequestHead {
                method: method.as_bytes(),
                path: path.as_bytes(),
                authority: authority.as_bytes(),
                ..RequestHead::default()
            };
            let request = NormalizedRequest::new(&head, policy.required_inputs()).unwrap();
            let first = matches.iter().position(|matches| matches.matches(&request));
            assert_eq!(decided(&policy, &request), first, "seed {seed}: {request:?} in {matches:#?}");
            matched += u64::from(first.is_some());
        }
    }
    // Requests with and without a matching rule must both be frequent.
    let all = POLICIES * REQUESTS;
    assert!((all / 4..all * 19 / 20).contains(&matched), "{matched} of {all} requests have a rule");
}

/// Parts of patterns: literals, which the index of patterns uses, and gaps.
const PATTERN_PARTS: &[&str] = &[
    "/alpha",
    "/alphabet",
    "/beta-gamma",
    "/ab",
    "é\\.longer",
    "/x",
    "(/.*)?",
    ".*",
    "[a-z]+",
    "a+",
    "(?:/alpha|/x)",
];
const PATH_PARTS: &[&str] = &["/alpha", "/alphabet", "/beta-gamma", "/ab", "é.longer", "/x", "/y", "a", "bc"];

#[test]
fn index_of_many_patterns_finds_the_first_pattern_that_matches() {
    let mut matched = 0;
    for seed in 1..=200 {
        let mut random = Generator { random: Rng::with_seed(seed), allowed: AllowedInPaths::default() };
        let matches: Vec<RequestMatch> = (0..16 + random.below(30))
            .map(|_| {
                let parts: String = (0..2 + random.below(3)).map(|_| random.pick(PATTERN_PARTS)).collect();
                let pattern = Pattern::new(Regex::new(&format!("^(?:/alpha{parts})$")).unwrap());
                RequestMatch { path: Some(PathMatch::SafeRegex(pattern)), ..random.request_match() }
            })
            .collect();
        let rules = matches.iter().enumerate().map(|(i, matches)| rule(i, matches.clone())).collect();
        let policy = Policy::new(rules);
        for _ in 0..100 {
            let parts: String = (0..1 + random.below(5)).map(|_| random.pick(PATH_PARTS)).collect();
            let (path, authority) = (format!("/alpha{parts}"), random.pick(HOSTS));
            let head = RequestHead {
                method: b"GET",
                path: path.as_bytes(),
                authority: authority.as_bytes(),
                ..RequestHead::default()
            };
            let request = NormalizedRequest::new(&head, policy.required_inputs()).unwrap();
            let first = matches.iter().position(|matches| matches.matches(&request));
            assert_eq!(decided(&policy, &request), first, "seed {seed}: {request:?} in {matches:#?}");
            matched += u64::from(first.is_some());
        }
    }
    assert!((1_000..19_500).contains(&matched), "{matched} of 20,000 requests have a rule");
}
