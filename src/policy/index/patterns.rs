//! An index of the rules with a regular expression, by eight or four octets of their literals.
//!
//! A path matches a pattern only if it contains the literals of the pattern. So each pattern is in
//! the list of one *gram*: eight consecutive octets of one literal, or four if no literal has
//! eight. The filter looks up each gram of a path once, in time linear in the path, and evaluates
//! only the patterns whose gram it finds. The patterns of a policy often have a common prefix, so
//! the index takes the gram of each pattern that the fewest patterns have.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::candidates::Candidates;
use super::{Entry, add_entry};

/// The length of a gram, in octets.
const LONG: usize = 8;
/// The length of a gram of a pattern whose literals are all shorter than [`LONG`], in octets.
const SHORT: usize = 4;
/// The minimum number of patterns with known literals. With fewer, the lookups would cost more than
/// they save.
const MIN_PATTERNS: usize = 16;

/// A rule with a regular expression.
#[derive(Debug)]
pub(super) struct IndexedPattern {
    /// The index of the rule.
    pub(super) rule: usize,
    /// The IDs of its hosts.
    pub(super) hosts: Vec<usize>,
    /// The literals that every match contains.
    pub(super) literals: Vec<String>,
}

/// The rules by gram.
#[derive(Clone, Debug, Default)]
pub(super) struct PatternIndex {
    /// The list of each gram of eight octets.
    long: HashMap<u64, usize, RandomState>,
    /// The list of each gram of four octets.
    short: HashMap<u64, usize, RandomState>,
    lists: Vec<Vec<Entry>>,
}

impl PatternIndex {
    /// Builds the index. Returns it with the patterns that it does not contain: those whose
    /// literals are too short, and all if there are few.
    pub(super) fn new(patterns: Vec<IndexedPattern>) -> (Self, Vec<IndexedPattern>) {
        let mut index = Self::default();
        if patterns.len() < MIN_PATTERNS {
            return (index, patterns);
        }
        // How often each gram occurs in the patterns, by its length and its octets.
        let mut counts: HashMap<(usize, u64), usize, RandomState> = HashMap::default();
        for key in patterns.iter().flat_map(|pattern| pattern.grams()) {
            let count = counts.entry(key).or_default();
            *count = count.saturating_add(1);
        }
        let mut others = Vec::new();
        for pattern in patterns {
            match pattern.grams().min_by_key(|key| counts.get(key).copied()) {
                Some((len, gram)) => index.add(len, gram, &pattern),
                None => others.push(pattern),
            }
        }
        (index, others)
    }

    fn add(&mut self, len: usize, gram: u64, pattern: &IndexedPattern) {
        let ids = if len == LONG { &mut self.long } else { &mut self.short };
        let id = *ids.entry(gram).or_insert(self.lists.len());
        if id == self.lists.len() {
            self.lists.push(Vec::new());
        }
        if let Some(list) = self.lists.get_mut(id) {
            pattern.hosts.iter().for_each(|host| add_entry(list, (*host, pattern.rule)));
        }
    }

    /// Adds the rules whose gram a path contains to the candidates, each once. Takes time linear in
    /// the length of the path.
    pub(super) fn add_candidates<'a>(&'a self, path: &str, hosts: &[usize], candidates: &mut Candidates<'a>) {
        if self.lists.is_empty() {
            return;
        }
        // A path can contain a gram many times. The set of found lists has a bit for each.
        let mut found: Vec<u64> = Vec::new();
        let mut add = |id: Option<&usize>| {
            let Some((id, list)) = id.and_then(|id| Some((*id, self.lists.get(*id)?))) else { return };
            if found.is_empty() {
                found.resize(self.lists.len().div_ceil(64), 0);
            }
            let bit = u32::try_from(id % 64).map_or(0, |bit| 1_u64.wrapping_shl(bit));
            if let Some(word) = found.get_mut(id / 64).filter(|word| **word & bit == 0) {
                *word |= bit;
                candidates.add(list, hosts);
            }
        };
        if !self.long.is_empty() {
            grams::<LONG>(path).for_each(|gram| add(self.long.get(&gram)));
        }
        if !self.short.is_empty() {
            grams::<SHORT>(path).for_each(|gram| add(self.short.get(&gram)));
        }
    }
}

impl IndexedPattern {
    /// Yields the grams of the literals with their length: the long ones, or the short ones if there
    /// is no long one.
    fn grams(&self) -> impl Iterator<Item = (usize, u64)> {
        let has_long = self.literals.iter().any(|literal| literal.len() >= LONG);
        let long = self.literals.iter().filter(move |_| has_long).flat_map(|literal| grams::<LONG>(literal));
        let short =
            self.literals.iter().filter(move |_| !has_long).flat_map(|literal| grams::<SHORT>(literal));
        long.map(|gram| (LONG, gram)).chain(short.map(|gram| (SHORT, gram)))
    }
}

/// Yields each group of `LEN` consecutive octets of a text as a number. `LEN` is at most 8.
fn grams<const LEN: usize>(text: &str) -> impl Iterator<Item = u64> {
    let bits = u32::try_from(LEN.saturating_mul(8)).unwrap_or(u32::MAX);
    let mask = u64::MAX.checked_shl(bits).map_or(u64::MAX, |others| !others);
    let mut gram = 0_u64;
    let grams = text.bytes().map(move |octet| {
        gram = (gram << 8) | u64::from(octet);
        gram & mask
    });
    grams.skip(LEN.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(rule: usize, literals: &[&str]) -> IndexedPattern {
        let literals = literals.iter().map(|literal| (*literal).to_owned()).collect();
        IndexedPattern { rule, hosts: vec![0], literals }
    }

    /// Returns the candidates of an index with these patterns, and the patterns that it lacks.
    fn candidates(patterns: Vec<IndexedPattern>, path: &str) -> (Vec<usize>, Vec<usize>) {
        let (index, others) = PatternIndex::new(patterns);
        let mut candidates = Candidates::default();
        index.add_candidates(path, &[0], &mut candidates);
        (candidates.collect(), others.into_iter().map(|pattern| pattern.rule).collect())
    }

    #[test]
    fn grams_of_a_short_text_are_none() {
        assert_eq!(grams::<4>("abcde").collect::<Vec<_>>(), [0x6162_6364, 0x6263_6465]);
        assert_eq!(grams::<8>("abcdefgh").collect::<Vec<_>>(), [0x6162_6364_6566_6768]);
        assert_eq!(grams::<8>("abcdefg").count() + grams::<4>("abc").count(), 0);
    }

    #[test]
    fn candidates_of_a_path_are_the_patterns_with_its_grams() {
        let patterns = || {
            let numbered = |rule| pattern(rule, &["/api/", &format!("/internal-{rule:02}/"), ""]);
            let mut patterns: Vec<_> = (0..20).map(numbered).collect();
            patterns.extend([pattern(20, &["/ab", "cdef"]), pattern(21, &["/a", ""]), pattern(22, &[])]);
            patterns
        };
        for (path, expected) in [
            ("/api/x/internal-07/y", vec![7]),
            ("/api/x/internal-07/internal-03/internal-07/", vec![3, 7]),
            ("/api/x/internal-99/", vec![]),
            ("/ab/cdef", vec![20]),
            ("/a", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(candidates(patterns(), path), (expected, vec![21, 22]), "{path}");
        }
    }

    #[test]
    fn index_of_few_patterns_is_empty() {
        let few: Vec<_> = (0..15).map(|rule| pattern(rule, &["/long-literal/"])).collect();
        assert_eq!(candidates(few, "/long-literal/"), (vec![], (0..15).collect()));
        let many: Vec<_> = (0..16).map(|rule| pattern(rule, &["/long-literal/"])).collect();
        assert_eq!(candidates(many, "/long-literal/long-literal/"), ((0..16).collect(), vec![]));
    }
}
