//! A pattern looks for the characters that every match has before it asks the regular expression. Here the test asks the
//! expression each time, and the answers must agree.
//!
//! Random patterns and texts, seeded, over so few characters that they match often; a failure names its seed.

use fastrand::Rng;
use okta_authz_filter::policy::Pattern;
use regex_lite::Regex;

const PATTERNS: u64 = 30_000;
const TEXTS: u64 = 20;

const PARTS: &[&str] = &[
    "a",
    "b",
    "ab",
    "/",
    "é",
    ".*",
    ".*",
    ".*",
    ".*?",
    ".+",
    ".",
    ".?",
    "a*",
    "b+",
    "b+?",
    "a?",
    "a{2}",
    "(ab)",
    "(a|b)",
    "(?:a|/b)+",
    "[ab]",
    "[^a]",
    "[^a]*",
    "[]a]",
    "[a-b/]+",
    "(a(b|[)])?)*",
    "\\.",
    "\\.*",
    "\\d",
    "\\w+",
    "\\b",
    "|",
    "(?i)",
    "(?i:b)",
    "(?P<n>a)?",
    "^",
    "$",
    "]",
    "\\(",
    "(?:)",
    "\\x61",
    "\\n",
    "(?s).*",
];
const CHARACTERS: &[&str] = &["a", "b", "ab", "/", "é", ".", "1", "\n", "A", "B", ")", "]", "("];

#[test]
fn pattern_says_what_the_expression_says() {
    let (mut usable, mut matched) = (0, 0);
    for seed in 1..=PATTERNS {
        let mut random = Rng::with_seed(seed);
        let pick = |random: &mut Rng, of: &[&'static str], most: u64| -> String {
            (0..random.u64(..most)).map(|_| of[random.usize(..of.len())]).collect()
        };
        let written = pick(&mut random, PARTS, 7);
        let Ok(regex) = Regex::new(&format!("^(?:{written})$")) else { continue };
        // As the configuration does: a text that compiles only inside the group is no pattern.
        if Regex::new(&written).is_err() {
            continue;
        }
        usable += 1;
        let pattern = Pattern::new(regex.clone());
        for _ in 0..TEXTS {
            let text = pick(&mut random, CHARACTERS, 7);
            let expected = regex.is_match(&text);
            assert_eq!(pattern.is_match(&text), expected, "seed {seed}: {written:?} on {text:?}");
            matched += u64::from(expected);
        }
    }
    // Else the test would say little.
    assert!(usable > PATTERNS / 2, "{usable} patterns are usable");
    assert!(matched > usable, "{matched} texts match");
}
