//! Text searches that the compiler does not inline. Each inlined copy of the standard library's
//! searcher adds about 1 KiB to the module.

/// Returns whether a text contains a part, in time linear in the text.
#[inline(never)]
pub(crate) fn has(text: &str, part: &str) -> bool {
    text.contains(part)
}

/// Replaces all occurrences of a part of a text.
#[inline(never)]
pub(crate) fn replace(text: &str, part: &str, by: &str) -> String {
    text.replace(part, by)
}

/// Returns the text before the first of the ASCII characters `ends`; the whole text if there is
/// none.
#[inline(never)]
pub(crate) fn before<'a>(text: &'a str, ends: &[u8]) -> &'a str {
    let end = text.bytes().position(|byte| ends.contains(&byte));
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

/// Returns the byte index of the first occurrence of a part, in time linear in the text.
#[inline(never)]
pub(crate) fn position(text: &str, part: &str) -> Option<usize> {
    text.find(part)
}
