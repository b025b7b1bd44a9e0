//! Lists of HTTP filters: which of them have this filter, with the connection manager of each.

use serde_json::Value;

use super::read::{any, says};
use crate::elsewhere::Elsewhere;
use crate::places::{Found, Surroundings};

/// The filter state that the guard requires.
pub(super) const PERMIT: &str = "wasm.okta.permit";
/// The filter state that the guard of a route with a policy requires. The filter writes it with the permit only.
pub(super) const POLICY: &str = "wasm.okta.policy";

/// All documents of a file, with the lists of HTTP filters in them.
pub(super) struct FileContext<'a> {
    pub(super) documents: &'a [Value],
    chains: Vec<Chain<'a>>,
    /// The filter state that guards require and that another filter of the file writes.
    pub(super) forged: Option<&'static str>,
}

/// A connection manager and its HTTP filters.
pub(super) struct Chain<'a> {
    pub(super) manager: &'a Value,
    pub(super) filters: &'a [Value],
    /// The number of instances of this filter in the list.
    pub(super) instances: usize,
}

impl<'a> FileContext<'a> {
    pub(super) fn new(documents: &'a [Value], found: &[Found<'_>], elsewhere: &[Elsewhere<'_>]) -> Self {
        let mut chains = Vec::new();
        documents.iter().for_each(|document| search(document, &mut chains));
        let mut context = Self { documents, chains, forged: None };
        let behind = found.iter().map(|found| match found.surroundings {
            Surroundings::Envoy { behind, .. } => behind,
            _ => None,
        });
        let behind = behind.chain(elsewhere.iter().map(|filter| filter.behind)).flatten();
        for (chain, _) in behind.filter_map(|behind| context.locate(behind)).collect::<Vec<_>>() {
            if let Some(chain) = context.chains.get_mut(chain) {
                chain.instances = chain.instances.saturating_add(1);
            }
        }
        // `envoy.filters.http.set_filter_state`, and the filters of that name for connections.
        let writes = |key: &&str| {
            documents.iter().any(|document| any(document, &|value| says(value, "object_key", key)))
        };
        context.forged = [PERMIT, POLICY].into_iter().find(writes);
        context
    }

    /// Returns the chain with these filters behind this filter, and the filter's index in it.
    pub(super) fn chain(&self, behind: &[Value]) -> Option<(&Chain<'a>, usize)> {
        let (chain, index) = self.locate(behind)?;
        Some((self.chains.get(chain)?, index))
    }

    /// Returns the chain whose connection manager has this plugin among the filters for upgraded requests.
    pub(super) fn chain_of_upgrade(&self, plugin: &Value) -> Option<&Chain<'a>> {
        self.chains.iter().find(|chain| {
            let upgrades = chain.manager.get("upgrade_configs");
            upgrades.is_some_and(|upgrades| any(upgrades, &|inner| std::ptr::eq(inner, plugin)))
        })
    }

    /// Returns the indexes of the chain and of this filter in it.
    ///
    /// Compares the slices by address, because two lists may have equal filters.
    fn locate(&self, behind: &[Value]) -> Option<(usize, usize)> {
        self.chains.iter().enumerate().find_map(|(number, chain)| {
            let index = chain.filters.len().checked_sub(behind.len())?.checked_sub(1)?;
            let rest = chain.filters.get(index.saturating_add(1)..)?;
            std::ptr::eq(rest, behind).then_some((number, index))
        })
    }
}

fn search<'a>(value: &'a Value, chains: &mut Vec<Chain<'a>>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| search(item, chains)),
        Value::Object(members) => {
            if let Some(Value::Array(filters)) = members.get("http_filters") {
                chains.push(Chain { manager: value, filters, instances: 0 });
            }
            members.values().for_each(|member| search(member, chains));
        }
        _ => {}
    }
}
