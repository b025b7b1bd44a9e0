//! Compares two JSON readers: both accept or both reject a document, and they read equal values.
#![no_main]

use libfuzzer_sys::fuzz_target;
use okta_authz_filter::json::{self, Tape, Value};

fuzz_target!(|document: &[u8]| {
    let (tape, tree) = (Tape::parse(document.to_vec()), json::parse_object(document));
    // Where a document has two errors, the readers may report different ones.
    assert_eq!(tape.is_err(), tree.is_err());
    let (Ok(tape), Ok(tree)) = (tape, tree) else { return };
    assert_eq!(tape.members().count(), tree.len());
    for (name, value) in &tree {
        let found = tape.get(name).expect("the member");
        assert_eq!(reparsed(&found.to_string()), reparsed(&value.to_string()));
    }
});

/// Parses text that a reader wrote. serde_json rounds large fractions differently each time it
/// parses them.
fn reparsed(text: &str) -> Value {
    json::parse(text.as_bytes()).expect("JSON")
}
