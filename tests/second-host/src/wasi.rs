//! The WASI functions that Rust's standard library imports. Envoy provides these and more.

use wasmtime::{Error, Result};

use crate::guest::Guest;

const OK: u32 = 0;
const NOT_SUPPORTED: u32 = 58;

/// Performs a call. An error ends the VM.
pub fn call(guest: &mut Guest<'_>, name: &str, arguments: &[u32]) -> Result<u32> {
    match (name, arguments) {
        ("random_get", &[at, len]) => {
            let bytes: Vec<u8> = std::iter::repeat_with(|| random(guest)).take(len as usize).collect();
            guest.put(at, &bytes)?;
            Ok(OK)
        }
        ("environ_sizes_get", &[count, size]) => {
            guest.put_number(count, 0)?;
            guest.put_number(size, 0)?;
            Ok(OK)
        }
        ("environ_get", _) => Ok(OK),
        // The message of a panic before the SDK installs its hook.
        ("fd_write", &[_, pieces, count, written]) => {
            let mut message = Vec::new();
            for piece in 0..count {
                let at = pieces + 8 * piece;
                message.extend(guest.bytes(guest.number(at)?, guest.number(at + 4)?)?);
            }
            guest.put_number(written, u32::try_from(message.len())?)?;
            guest.state().logs.push(String::from_utf8_lossy(&message).into_owned());
            Ok(OK)
        }
        ("proc_exit", &[code]) => Err(Error::msg(format!("proc_exit({code})"))),
        _ => Ok(NOT_SUPPORTED),
    }
}

/// Returns the next byte of splitmix64. Each VM gets other bytes, and each run the same.
fn random(guest: &mut Guest<'_>) -> u8 {
    let common = &mut guest.state().common.borrow_mut();
    common.last_random = common.last_random.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = common.last_random;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed.to_le_bytes()[7]
}
