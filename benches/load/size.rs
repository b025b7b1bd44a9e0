//! The size of the filter, and of the sections of its module.

use serde::Serialize;

const NAMES: [&str; 13] = [
    "custom",
    "type",
    "import",
    "function",
    "table",
    "memory",
    "global",
    "export",
    "start",
    "element",
    "code",
    "data",
    "data count",
];

/// Bytes.
#[derive(Serialize)]
pub struct Size {
    pub total: usize,
    /// The largest first.
    pub sections: Vec<(&'static str, usize)>,
}

/// Reads the module that was measured.
pub fn measure() -> Size {
    let module = std::fs::read(test_support::wasm("okta_authz_filter")).expect("the filter");
    let mut sections = Vec::new();
    let mut at = 8;
    while at < module.len() {
        let name = NAMES.get(usize::from(module[at])).copied().unwrap_or("unknown");
        let (length, digits) = leb128(&module[at + 1..]);
        sections.push((name, length));
        at += 1 + digits + length;
    }
    sections.sort_by_key(|(_, length)| std::cmp::Reverse(*length));
    Size { total: module.len(), sections }
}

/// An unsigned number, and in how many bytes it is written.
fn leb128(bytes: &[u8]) -> (usize, usize) {
    let digits = bytes.iter().take_while(|byte| **byte >= 0x80).count() + 1;
    let digit = |number, byte: &u8| number << 7 | usize::from(byte & 0x7f);
    (bytes[..digits].iter().rev().fold(0, digit), digits)
}
