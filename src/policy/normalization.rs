//! The options of the normalization of requests.

/// The default of `max_match_bytes`. Envoy accepts 60 KiB of request headers by default; a pattern
/// takes time for each byte.
pub(super) const DEFAULT_MAX_MATCH_BYTES: usize = 8 * 1024;

/// The options of the normalization of a request, which precedes the match of rules.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NormalizationOptions {
    /// The characters that paths may have.
    pub allowed: AllowedInPaths,
    /// The maximum length, in bytes, of a path and of a value that a rule matches
    /// (`max_match_bytes`).
    pub max_match_bytes: usize,
}

/// The characters that paths may have although upstreams interpret them in different ways
/// (`allow_in_paths`). By default, none of them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct AllowedInPaths {
    /// `%2F` is data within its segment, never a separator. Rules and regular expressions match it
    /// as `%2F`.
    pub encoded_slash: bool,
    /// `;`, encoded or not, is data within its segment.
    pub semicolon: bool,
    /// `//` contains an empty segment: `/a//b` is not `/a/b`.
    pub empty_segment: bool,
    /// `%23` is the character `#`. The filter still rejects an unencoded `#`.
    pub encoded_hash: bool,
}

impl Default for NormalizationOptions {
    fn default() -> Self {
        Self { allowed: AllowedInPaths::default(), max_match_bytes: DEFAULT_MAX_MATCH_BYTES }
    }
}

impl AllowedInPaths {
    /// Yields the allowed entries, by their names in `allow_in_paths`.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [
            ("encoded_slash", self.encoded_slash),
            ("semicolon", self.semicolon),
            ("empty_segment", self.empty_segment),
            ("encoded_hash", self.encoded_hash),
        ]
        .into_iter()
        .filter_map(|(name, allowed)| allowed.then_some(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_allowed_entries_are_those_of_the_configuration() {
        let none = AllowedInPaths::default();
        for (allowed, expected) in [
            (none, vec![]),
            (AllowedInPaths { encoded_slash: true, ..none }, vec!["encoded_slash"]),
            (AllowedInPaths { semicolon: true, ..none }, vec!["semicolon"]),
            (AllowedInPaths { empty_segment: true, ..none }, vec!["empty_segment"]),
            (AllowedInPaths { encoded_hash: true, ..none }, vec!["encoded_hash"]),
            (
                AllowedInPaths { encoded_slash: true, encoded_hash: true, ..none },
                vec!["encoded_slash", "encoded_hash"],
            ),
        ] {
            assert_eq!(allowed.names().collect::<Vec<_>>(), expected, "{allowed:?}");
        }
    }
}
