//! Fuzzes the parser of `x-forwarded-client-cert`. The first byte of the input is the hop, and the
//! rest is the header.
#![no_main]

use libfuzzer_sys::fuzz_target;
use okta_authz_filter::client_certificate::xfcc;

const HASH: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fuzz_target!(|input: &[u8]| {
    let Some((hop, value)) = input.split_first() else { return };
    let hop = usize::from(*hop);
    let read = xfcc::digest(value, hop);
    if let Some(digest) = read {
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(value.to_ascii_lowercase().windows(64).any(|window| window == hex.as_bytes()));
    }
    // A proxy appends its element. Whatever a client has sent before it does not change the element.
    let appended =
        [value, format!(",By=spiffe://p;Hash={HASH};Subject=\"CN=a\\\",O=b;c\"").as_bytes()].concat();
    let own = xfcc::digest(&appended, 0);
    let expected = (0..32).map(|at| u8::from_str_radix(&HASH[2 * at..2 * at + 2], 16).expect("hexadecimal"));
    assert!(own.is_none_or(|digest| digest.iter().copied().eq(expected)), "the last element is another one");
    // It moves the elements before it by one.
    if let Some(digest) = read {
        assert_eq!(xfcc::digest(&appended, hop + 1), Some(digest));
        assert!(own.is_some());
    }
});
