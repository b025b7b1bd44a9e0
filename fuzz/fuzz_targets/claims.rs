//! Two readers of the same JSON: what one takes the other takes, and they read the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use okta_authz_filter::json::{self, Tape, Value};

fuzz_target!(|document: &[u8]| {
    let (packed, tree) = (Tape::parse(document.to_vec()), json::parse_object(document));
    // Of two faults each may name another.
    assert_eq!(packed.is_err(), tree.is_err());
    let (Ok(packed), Ok(tree)) = (packed, tree) else { return };
    assert_eq!(packed.members().count(), tree.len());
    for (name, value) in &tree {
        let found = packed.get(name).expect("that member");
        assert_eq!(again(&found.to_string()), again(&value.to_string()));
    }
});

/// Written and read once more, for serde_json reads large fractions a little differently each time.
fn again(text: &str) -> Value {
    json::parse(text.as_bytes()).expect("JSON")
}
