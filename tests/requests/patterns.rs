//! `Pattern` searches for the characters that every match has before it runs the regular
//! expression. The tests compare its results with those of the expression alone.
//!
//! The patterns and texts are random, from few characters, so that they match often. A failure
//! names its seed.

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
fn pattern_matches_exactly_the_texts_that_its_expression_matches() {
    let (mut usable, mut matched) = (0, 0);
    for seed in 1..=PATTERNS {
        let mut random = Rng::with_seed(seed);
        let pick = |random: &mut Rng, of: &[&'static str], most: u64| -> String {
            (0..random.u64(..most)).map(|_| of[random.usize(..of.len())]).collect()
        };
        let source = pick(&mut random, PARTS, 7);
        let Ok(regex) = Regex::new(&format!("^(?:{source})$")) else { continue };
        // The configuration also rejects a text that compiles only inside the group.
        if Regex::new(&source).is_err() {
            continue;
        }
        usable += 1;
        let pattern = Pattern::new(regex.clone());
        for _ in 0..TEXTS {
            let text = pick(&mut random, CHARACTERS, 7);
            let expected = regex.is_match(&text);
            assert_eq!(pattern.is_match(&text), expected, "seed {seed}: {source:?} on {text:?}");
            matched += u64::from(expected);
        }
    }
    // Usable patterns and matches must be frequent.
    assert!(usable > PATTERNS / 2, "{usable} patterns are usable");
    assert!(matched > usable, "{matched} texts match");
}
