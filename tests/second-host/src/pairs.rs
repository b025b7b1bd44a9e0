//! The serialized form of header maps: their count, the lengths of all names and values, then all
//! texts, each with a zero byte at its end.

use crate::state::Headers;

/// Serializes a header map for a module.
pub fn to_bytes(headers: &Headers) -> Vec<u8> {
    let len = |length: usize| u32::try_from(length).expect("a header map below 4 GiB").to_le_bytes();
    let mut bytes = len(headers.len()).to_vec();
    for (name, value) in headers {
        bytes.extend_from_slice(&len(name.len()));
        bytes.extend_from_slice(&len(value.len()));
    }
    for (name, value) in headers {
        for text in [name.as_bytes(), value] {
            bytes.extend_from_slice(text);
            bytes.push(0);
        }
    }
    bytes
}

/// Parses a module's header map. Returns `None` unless the whole slice is a header map.
pub fn from_bytes(bytes: &[u8]) -> Option<Headers> {
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let number = |index: usize| {
        let at = index.checked_mul(4)?;
        let four = bytes.get(at..at.checked_add(4)?)?;
        usize::try_from(u32::from_le_bytes(four.try_into().ok()?)).ok()
    };
    let count = number(0)?;
    let mut at = count.checked_mul(8)?.checked_add(4)?;
    let mut text = |length: usize| {
        let end = at.checked_add(length)?;
        let text = bytes.get(at..end)?;
        at = end + 1;
        (bytes.get(end) == Some(&0)).then_some(text)
    };
    let mut headers = Vec::new();
    for index in 0..count {
        let name = String::from_utf8(text(number(1 + 2 * index)?)?.to_vec()).ok()?;
        headers.push((name, text(number(2 + 2 * index)?)?.to_vec()));
    }
    (at == bytes.len()).then_some(headers)
}
