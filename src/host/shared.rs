//! The shared data of the VM id.

use proxy_wasm::hostcalls;

use crate::refresh::shared::{CasToken, SharedData};

/// "If there is none": the host ignores the number for an absent value, and takes it for another's afterwards. The first
/// worker that writes gets through, and all others read again. (proxy-wasm-cpp-host, `src/shared_data.cc`)
const ABSENT: u32 = u32::MAX;

/// Envoy's shared data: process-wide, and open to every plugin with the same `vm_id`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shared;

impl SharedData for Shared {
    fn get(&self, name: &str) -> Option<(Vec<u8>, CasToken)> {
        let (value, cas) = hostcalls::get_shared_data(name).ok()?;
        Some((value.unwrap_or_default(), CasToken(cas?)))
    }

    fn set(&self, name: &str, value: &[u8], read: Option<CasToken>) -> bool {
        let cas = read.map_or(ABSENT, |CasToken(number)| number);
        hostcalls::set_shared_data(name, Some(value), Some(cas)).is_ok()
    }
}
