//! The HTTP connection managers of a file, and the one that contains a given filter.

use serde_json::Value;

use super::envoy_json::{any, contains, text_equals};
use crate::ecds::EcdsFilter;
use crate::locate::LocatedConfig;

/// The filter state that the guard requires. The filter sets it to `granted`.
pub(super) const PERMIT: &str = "wasm.okta.permit";
/// The filter state that the guard of a route with a policy requires. The filter sets it only
/// together with the permit.
pub(super) const POLICY: &str = "wasm.okta.policy";

/// The documents of a file with their connection managers.
pub(super) struct FileContext<'a> {
    pub(super) documents: &'a [Value],
    managers: Vec<ConnectionManager<'a>>,
    /// The filter state of a guard that another filter of the file sets.
    pub(super) forged_state: Option<&'static str>,
}

/// An HTTP connection manager.
pub(super) struct ConnectionManager<'a> {
    pub(super) value: &'a Value,
    pub(super) http_filters: &'a [Value],
    /// The number of instances of this filter among the HTTP filters.
    pub(super) instances: usize,
}

impl<'a> FileContext<'a> {
    /// Finds the connection managers of a file.
    pub(super) fn new(
        documents: &'a [Value],
        configs: &[LocatedConfig<'_>],
        ecds_filters: &[EcdsFilter<'_>],
    ) -> Self {
        let mut managers = Vec::new();
        documents.iter().for_each(|document| search(document, &mut managers));
        // `envoy.filters.http.set_filter_state`, and the network filter of that name.
        let sets_state = |key: &&str| {
            let is_key = |value: &Value| text_equals(value, "object_key", key);
            documents.iter().any(|document| any(document, &is_key))
        };
        let forged_state = [PERMIT, POLICY].into_iter().find(sets_state);
        let mut context = Self { documents, managers, forged_state };
        let following = configs.iter().map(|config| config.context.following_filters());
        let following = following.chain(ecds_filters.iter().map(|filter| filter.following_filters));
        let positions: Vec<_> = following.flatten().filter_map(|rest| context.position(rest)).collect();
        for (manager, _) in positions {
            if let Some(manager) = context.managers.get_mut(manager) {
                manager.instances = manager.instances.saturating_add(1);
            }
        }
        context
    }

    /// Returns the connection manager whose list ends with these filters, and the index of the
    /// filter before them.
    pub(super) fn manager_before(&self, following: &[Value]) -> Option<(&ConnectionManager<'a>, usize)> {
        let (manager, index) = self.position(following)?;
        Some((self.managers.get(manager)?, index))
    }

    /// Returns the connection managers that have this plugin in `http_filters`, the outermost
    /// first.
    pub(super) fn managers_with(&self, plugin: &Value) -> impl Iterator<Item = &ConnectionManager<'a>> {
        self.managers
            .iter()
            .filter(move |manager| manager.http_filters.iter().any(|filter| contains(filter, plugin)))
    }

    /// Returns the connection manager that has this plugin in `upgrade_configs`.
    pub(super) fn manager_with_upgrade(&self, plugin: &Value) -> Option<&ConnectionManager<'a>> {
        self.managers.iter().find(|manager| {
            let upgrades = manager.value.get("upgrade_configs");
            upgrades.is_some_and(|upgrades| contains(upgrades, plugin))
        })
    }

    /// Returns the indexes of the connection manager and of the filter before these filters.
    ///
    /// Compares slices by address, because two connection managers may have equal filters.
    fn position(&self, following: &[Value]) -> Option<(usize, usize)> {
        self.managers.iter().enumerate().find_map(|(number, manager)| {
            let index = manager.http_filters.len().checked_sub(following.len())?.checked_sub(1)?;
            let rest = manager.http_filters.get(index.saturating_add(1)..)?;
            std::ptr::eq(rest, following).then_some((number, index))
        })
    }
}

fn search<'a>(value: &'a Value, managers: &mut Vec<ConnectionManager<'a>>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| search(item, managers)),
        Value::Object(members) => {
            if let Some(Value::Array(http_filters)) = members.get("http_filters") {
                managers.push(ConnectionManager { value, http_filters, instances: 0 });
            }
            members.values().for_each(|member| search(member, managers));
        }
        _ => {}
    }
}
