//! The shared data of the VM ID, as the host stores it.

use proxy_wasm::hostcalls;

use crate::refresh::shared::{CasToken, SharedData};

/// The compare-and-set number that creates a value. The host ignores the number for an absent value
/// and compares it with the number of a present one, so only the first worker that writes succeeds.
/// (proxy-wasm-cpp-host, `src/shared_data.cc`)
const ABSENT: u32 = u32::MAX;

/// Envoy's shared data: one store for the process, which every plugin with the same `vm_id` can
/// read and write.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostSharedData;

impl SharedData for HostSharedData {
    fn get(&self, name: &str) -> Option<(Vec<u8>, CasToken)> {
        let (value, cas) = hostcalls::get_shared_data(name).ok()?;
        Some((value.unwrap_or_default(), CasToken(cas?)))
    }

    fn set(&self, name: &str, value: &[u8], read: Option<CasToken>) -> bool {
        let cas = read.map_or(ABSENT, |CasToken(number)| number);
        hostcalls::set_shared_data(name, Some(value), Some(cas)).is_ok()
    }
}
