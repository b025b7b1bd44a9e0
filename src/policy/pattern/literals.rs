//! The literals of a regular expression.

use crate::text::position;

/// The literals that every match of a pattern contains, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Literals {
    /// The beginning of every match; may be empty.
    pub(super) prefix: String,
    /// The literals between prefix and suffix, in their order.
    pub(super) inner: Vec<String>,
    /// The end of every match, after all other literals; may be empty.
    pub(super) suffix: String,
    /// Whether the pattern consists only of these literals with `.*` between them.
    pub(super) is_complete: bool,
}

impl Literals {
    /// Returns whether a text contains all literals, one after the other. The first occurrence of
    /// each leaves the most text for the next.
    pub(super) fn are_in(&self, text: &str) -> bool {
        let Some(rest) = text.strip_prefix(self.prefix.as_str()) else { return false };
        let Some(mut rest) = rest.strip_suffix(self.suffix.as_str()) else { return false };
        for literal in &self.inner {
            let tail = position(rest, literal).and_then(|at| rest.get(at.checked_add(literal.len())?..));
            match tail {
                Some(tail) => rest = tail,
                None => return false,
            }
        }
        true
    }
}

/// Returns the literals of a pattern without anchors. Returns `None` if they are not known, and for
/// a pattern that is a single literal, for which the expression itself is fast.
pub(super) fn literals(pattern: &str) -> Option<Literals> {
    let Runs { mut done, current, has_gap, is_complete } = runs(pattern)?;
    if !has_gap {
        return None;
    }
    let prefix = if done.is_empty() { String::new() } else { done.remove(0) };
    done.retain(|run| !run.is_empty());
    Some(Literals { prefix, inner: done, suffix: current, is_complete })
}

/// Returns the literals of a pattern without anchors, with an empty one if the pattern does not
/// begin or end with a literal.
pub(super) fn required(pattern: &str) -> Option<Vec<String>> {
    let Runs { mut done, current, .. } = runs(pattern)?;
    done.push(current);
    Some(done)
}

/// Parses the outermost sequence of a pattern. A group or a class is a gap.
fn runs(pattern: &str) -> Option<Runs> {
    let mut runs = Runs { is_complete: true, ..Runs::default() };
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let tail = rest.get(first.len_utf8()..)?;
        let (character, tail) = match first {
            '|' | ')' | ']' | '}' | '{' | '*' | '+' | '?' => return None,
            '^' | '$' => (None, tail),
            '.' => (None, tail),
            '[' => (None, skip_class(tail)?),
            '(' => (None, skip_group(tail)?),
            '\\' => match tail.chars().next()? {
                // The beginning and the end of a word.
                '<' | '>' => (None, tail.get(1..)?),
                escaped if escaped.is_ascii_punctuation() => (Some(escaped), tail.get(1..)?),
                'd' | 'D' | 'w' | 'W' | 's' | 'S' => (None, tail.get(1..)?),
                _ => return None,
            },
            other => (Some(other), tail),
        };
        let (quantifier, tail) = quantifier(tail)?;
        match (character, quantifier) {
            (Some(character), Quantifier::Once) => runs.current.push(character),
            // The character occurs once at least. The number of repetitions is unknown.
            (Some(character), Quantifier::OnceOrMore) => {
                runs.current.push(character);
                runs.end_run(false);
            }
            (None, Quantifier::Any) if first == '.' => runs.end_run(true),
            _ => runs.end_run(false),
        }
        rest = tail;
    }
    Some(runs)
}

/// The runs of literal characters in a pattern. The first is its beginning, and may be empty.
#[derive(Default)]
struct Runs {
    done: Vec<String>,
    current: String,
    has_gap: bool,
    /// Whether all gaps are `.*`.
    is_complete: bool,
}

impl Runs {
    /// Ends a run at a gap. `is_anything` if the gap is `.*`.
    fn end_run(&mut self, is_anything: bool) {
        self.done.push(std::mem::take(&mut self.current));
        self.has_gap = true;
        self.is_complete &= is_anything;
    }
}

/// The number of times that an element of a pattern occurs.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Quantifier {
    Once,
    OnceOrMore,
    /// `*`, greedy or not. Both match the same whole texts.
    Any,
    /// Another number, which can be zero.
    Other,
}

/// Parses the quantifier at the beginning of a text, and returns it with the text after it.
fn quantifier(rest: &str) -> Option<(Quantifier, &str)> {
    let (quantifier, rest) = match rest.as_bytes().first() {
        Some(b'*') => (Quantifier::Any, rest.get(1..)?),
        Some(b'+') => (Quantifier::OnceOrMore, rest.get(1..)?),
        Some(b'?') => (Quantifier::Other, rest.get(1..)?),
        Some(b'{') => (Quantifier::Other, rest.split_once('}')?.1),
        _ => return Some((Quantifier::Once, rest)),
    };
    let rest = rest.strip_prefix('?').unwrap_or(rest);
    // A quantifier of a quantifier: `(?:a+)*` without the group.
    if rest.starts_with(['*', '+', '?', '{']) { None } else { Some((quantifier, rest)) }
}

/// Returns the text after a class, whose opening bracket is already parsed.
fn skip_class(rest: &str) -> Option<&str> {
    let mut rest = rest.strip_prefix('^').unwrap_or(rest);
    rest = rest.strip_prefix(']').unwrap_or(rest);
    loop {
        let first = rest.chars().next()?;
        let tail = rest.get(first.len_utf8()..)?;
        rest = match first {
            ']' => return Some(tail),
            '[' => return None,
            '\\' => tail.get(tail.chars().next()?.len_utf8()..)?,
            _ => tail,
        };
    }
}

/// Returns the text after a group, whose opening parenthesis is already parsed. Returns `None` for
/// flags: they can apply to the text after the group, and `x` makes a parenthesis in a comment.
fn skip_group(rest: &str) -> Option<&str> {
    let mut rest = skip_group_kind(rest)?;
    let mut depth = 1_usize;
    while depth > 0 {
        let first = rest.chars().next()?;
        let tail = rest.get(first.len_utf8()..)?;
        rest = match first {
            '(' => {
                depth = depth.checked_add(1)?;
                skip_group_kind(tail)?
            }
            ')' => {
                depth = depth.checked_sub(1)?;
                tail
            }
            '[' => skip_class(tail)?,
            '\\' => tail.get(tail.chars().next()?.len_utf8()..)?,
            _ => tail,
        };
    }
    Some(rest)
}

/// Returns the text after `?:` or the name of a group, which may contain brackets. Returns `None` for
/// flags.
fn skip_group_kind(rest: &str) -> Option<&str> {
    let Some(kind) = rest.strip_prefix('?') else { return Some(rest) };
    let named = || kind.strip_prefix("P<").or_else(|| kind.strip_prefix('<'))?.split_once('>');
    kind.strip_prefix(':').or_else(|| named().map(|(_, rest)| rest))
}
