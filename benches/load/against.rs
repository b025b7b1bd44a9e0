//! The other build of the filter, which `AGAINST` selects. Each row of this filter runs with both.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::envoy::{Envoy, Listener, direct_response};
use crate::filters::{FILTER_STATE, configuration, ours};

/// The time in which Envoy must accept or reject a configuration.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The other build.
pub struct Against {
    module: PathBuf,
    /// Whether its configuration has the field `filter_state`.
    has_filter_state: bool,
}

impl Against {
    /// Finds out which fields the configuration of this build has.
    pub fn new(module: PathBuf, jwks: &Value) -> Self {
        let mut probe = configuration(jwks);
        probe["filter_state"] = json!(FILTER_STATE);
        let has_filter_state = accepts(&with_module(&ours("probe", &probe), &module));
        let this = Self { module, has_filter_state };
        let plain = this.filter(&ours("probe", &configuration(jwks))).expect("a filter of this build");
        assert!(accepts(&plain), "{} rejects the configuration of the benchmark", this.module.display());
        this
    }

    /// Returns this filter with the other build, or `None` for the filter of another project.
    pub fn filter(&self, filter: &Value) -> Option<Value> {
        let file = filter.pointer("/typed_config/config/vm_config/code/local/filename")?;
        if Path::new(file.as_str()?) != test_support::wasm("okta_authz_filter") {
            return None;
        }
        let mut old = with_module(filter, &self.module);
        let text = &mut old["typed_config"]["config"]["configuration"]["value"];
        let mut configuration: Value = serde_json::from_str(text.as_str()?).expect("JSON");
        if !self.has_filter_state {
            configuration.as_object_mut().expect("an object").remove("filter_state");
        }
        *text = configuration.to_string().into();
        Some(old)
    }

    /// Returns the filters of a row with the other build. Returns `None` if the row has no filter of
    /// this project.
    pub fn filters(&self, filters: &[Value]) -> Option<Vec<Value>> {
        let old: Vec<Option<Value>> = filters.iter().map(|filter| self.filter(filter)).collect();
        old.iter().any(Option::is_some).then(|| {
            old.into_iter().zip(filters).map(|(old, filter)| old.unwrap_or_else(|| filter.clone())).collect()
        })
    }

    /// Returns the size of the module in bytes.
    pub fn size(&self) -> u64 {
        std::fs::metadata(&self.module).expect("the other build").len()
    }
}

/// Returns the filter with another module, in separate VMs.
fn with_module(filter: &Value, module: &Path) -> Value {
    let mut old = filter.clone();
    let config = &mut old["typed_config"]["config"];
    config["vm_config"]["code"]["local"]["filename"] = json!(module);
    config["vm_config"]["vm_id"] =
        json!(format!("{}-old", config["vm_config"]["vm_id"].as_str().expect("an ID")));
    old
}

/// Returns whether Envoy starts with the filter.
fn accepts(filter: &Value) -> bool {
    let listener = Listener::new("probe", std::slice::from_ref(filter), direct_response());
    let begin = Instant::now();
    let Some(mut envoy) = Envoy::try_spawn(1, "probe", &[listener], &[]) else { return false };
    loop {
        if envoy.process.has_exited() {
            return false;
        }
        if envoy.is_ready() {
            return true;
        }
        assert!(begin.elapsed() < TIMEOUT, "Envoy did not start in time");
        std::thread::sleep(Duration::from_millis(20));
    }
}
