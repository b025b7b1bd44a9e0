//! Searches in texts, in one copy each: inlined, the standard library's searcher takes a kilobyte of the module in every
//! place.

/// Returns whether a text has a part. Takes time linear in the text.
#[inline(never)]
pub(crate) fn has(text: &str, part: &str) -> bool {
    text.contains(part)
}

/// Replaces a part of a text wherever it is.
#[inline(never)]
pub(crate) fn replace(text: &str, part: &str, by: &str) -> String {
    text.replace(part, by)
}

/// Returns the text before the first of some ASCII characters; the whole text if there is none.
#[inline(never)]
pub(crate) fn before<'a>(text: &'a str, ends: &[u8]) -> &'a str {
    let end = text.bytes().position(|byte| ends.contains(&byte));
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

/// Returns where a text has a part first. Takes time linear in the text.
#[inline(never)]
pub(crate) fn position(text: &str, part: &str) -> Option<usize> {
    text.find(part)
}
