//! Envoy's shared data in memory, with its rules: a compare-and-set number for each value, none for an absent one.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use okta_authz_filter::refresh::shared::{CasToken, SharedData};

/// The store that the workers of one process share.
#[derive(Default)]
pub struct Store {
    values: RefCell<HashMap<String, (Vec<u8>, u32)>>,
    last_cas: Cell<u32>,
    /// The next writes that another worker gets in before, although it read the same value.
    pub lost_races: Cell<u32>,
}

impl Store {
    /// Overwrites a value as a stranger with the same `vm_id` would.
    pub fn vandalise(&self, suffix: &str, bytes: &[u8]) {
        for (name, (value, _)) in self.values.borrow_mut().iter_mut() {
            if name.ends_with(suffix) {
                *value = bytes.to_vec();
            }
        }
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
        let stands = values.get(name).map(|(_, cas)| CasToken(*cas));
        if stands != read {
            return false;
        }
        self.last_cas.set(self.last_cas.get() + 1);
        values.insert(name.to_owned(), (value.to_vec(), self.last_cas.get()));
        true
    }
}
