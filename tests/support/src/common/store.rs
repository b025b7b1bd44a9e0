//! Envoy's shared data in memory. Each value has a compare-and-swap number.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use okta_authz_filter::refresh::shared::{CasToken, SharedData};

/// The shared data of the workers of one process.
#[derive(Default)]
pub struct Store {
    values: RefCell<HashMap<String, (Vec<u8>, u32)>>,
    last_cas: Cell<u32>,
    /// The number of later writes that fail, as if another worker had written first.
    pub lost_races: Cell<u32>,
}

impl Store {
    /// Overwrites the values whose names end with `suffix`, as another plugin with the same `vm_id`
    /// could.
    pub fn corrupt(&self, suffix: &str, bytes: &[u8]) {
        for (name, (value, _)) in self.values.borrow_mut().iter_mut() {
            if name.ends_with(suffix) {
                *value = bytes.to_vec();
            }
        }
    }

    /// Returns the number of values, and their size in bytes.
    pub fn usage(&self) -> (usize, usize) {
        let values = self.values.borrow();
        (values.len(), values.values().map(|(value, _)| value.len()).sum())
    }

    /// Returns a value whose name ends with `suffix`.
    pub fn value(&self, suffix: &str) -> Option<Vec<u8>> {
        let values = self.values.borrow();
        values.iter().find(|(name, _)| name.ends_with(suffix)).map(|(_, (value, _))| value.clone())
    }

    /// Removes the values whose names end with `suffix`.
    pub fn remove(&self, suffix: &str) {
        self.values.borrow_mut().retain(|name, _| !name.ends_with(suffix));
    }
}

impl SharedData for Store {
    fn get(&self, name: &str) -> Option<(Vec<u8>, CasToken)> {
        self.values.borrow().get(name).map(|(value, cas)| (value.clone(), CasToken(*cas)))
    }

    fn set(&self, name: &str, value: &[u8], read: Option<CasToken>) -> bool {
        if self.lost_races.get() > 0 {
            self.lost_races.set(self.lost_races.get() - 1);
            return false;
        }
        let mut values = self.values.borrow_mut();
        let current = values.get(name).map(|(_, cas)| CasToken(*cas));
        if current != read {
            return false;
        }
        self.last_cas.set(self.last_cas.get() + 1);
        values.insert(name.to_owned(), (value.to_vec(), self.last_cas.get()));
        true
    }
}
