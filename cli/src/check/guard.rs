//! The guard after the filter. Envoy skips a wasm filter that it could not configure on a worker,
//! so the guard must deny the requests of that worker.

use serde_json::Value;

use super::connection_managers::{ConnectionManager, FileContext, PERMIT};
use super::envoy_json::{list, text};
use super::finding::Finding;
use super::{overrides, rbac};

const PATH: &str = "http_filters";
const ROUTER: &str = "envoy.extensions.filters.http.router.v3.Router";
/// Filters that respond to requests without the upstream.
const RESPONDING_FILTERS: [&str; 4] = [
    "envoy.extensions.filters.http.cache.v3.CacheConfig",
    "envoy.extensions.filters.http.cache_v2.v3.CacheV2Config",
    "envoy.extensions.filters.http.aws_lambda.v3.Config",
    "envoy.extensions.filters.http.file_server.v3.FileServerConfig",
];
/// Filters with code that can respond to a request.
const CODE_FILTERS: [&str; 5] = [
    "envoy.extensions.filters.http.lua.v3.Lua",
    "envoy.extensions.filters.http.wasm.v3.Wasm",
    "envoy.extensions.filters.http.golang.v3alpha.Config",
    "envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter",
    "envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor",
];

/// Returns the problems with the guard of a plugin that is in no list of `http_filters`: it is in
/// an ECDS resource, or among the filters of `upgrade_configs`.
pub(super) fn findings_outside(plugin: &Value, context: &FileContext<'_>) -> Vec<Finding> {
    match context.manager_with_upgrade(plugin) {
        Some(manager) => upgrade_warnings(manager),
        None => findings(None, context),
    }
}

/// Returns the problems with the guard of a filter before these filters.
pub(super) fn findings(following: Option<&[Value]>, context: &FileContext<'_>) -> Vec<Finding> {
    let Some(following) = following else {
        let problem =
            "the HTTP filters are not in this file: check cannot prove that a guard is after this filter";
        return vec![Finding::note(PATH, problem)];
    };
    let manager = context.manager_before(following);
    let preceding = manager.and_then(|(manager, index)| manager.http_filters.get(..index));
    let mut findings = match find_guard(following) {
        Ok((guard, between)) => {
            let name = text(guard, "name").unwrap_or_default();
            let overrides = manager.map(|(manager, _)| overrides::findings(name, manager, context));
            between
                .iter()
                .filter_map(|filter| filter_before_guard(filter, name))
                .chain(overrides.into_iter().flatten())
                .collect()
        }
        Err(problems) => no_guard_warnings(problems, preceding.unwrap_or_default()),
    };
    if let Some((manager, _)) = manager {
        findings.extend(instances_warning(manager));
        findings.extend(upgrade_warnings(manager));
    }
    if let Some(key) = context.forged_state {
        let problem = format!("another filter of this file writes `{key}`: the guard proves nothing");
        findings.push(Finding::warning(PATH, problem));
    }
    findings
}

/// Returns the first guard and the filters before it.
///
/// # Errors
///
/// Why each filter that is meant as a guard is not one.
fn find_guard(following: &[Value]) -> Result<(&Value, &[Value]), Vec<String>> {
    let mut problems = Vec::new();
    for (index, filter) in following.iter().enumerate() {
        if rbac::filter_type(filter) == Some(ROUTER) {
            break;
        }
        match rbac::prove_guard(filter) {
            Some(Ok(())) => return Ok((filter, following.get(..index).unwrap_or_default())),
            Some(Err(problem)) if rbac::is_meant_as_guard(filter) => {
                problems.push(format!("`{}` {problem}", text(filter, "name").unwrap_or_default()));
            }
            Some(Err(_)) | None => {}
        }
    }
    Err(problems)
}

fn no_guard_warnings(mut problems: Vec<String>, preceding: &[Value]) -> Vec<Finding> {
    let guards = preceding.iter().filter(|filter| matches!(rbac::prove_guard(filter), Some(Ok(()))));
    problems.extend(guards.map(|filter| {
        format!(
            "`{}` is before this filter; place it after the filter",
            text(filter, "name").unwrap_or_default()
        )
    }));
    if problems.is_empty() {
        let problem = format!(
            "no RBAC filter after this filter requires `{PERMIT}`: Envoy forwards requests without a filter that it could \
             not configure on a worker"
        );
        return vec![Finding::warning(PATH, problem)];
    }
    let warning = |problem| Finding::warning(PATH, format!("the guard does not protect: {problem}"));
    problems.into_iter().map(warning).collect()
}

/// Returns a finding for a filter that receives requests before the guard can deny them.
fn filter_before_guard(filter: &Value, guard: &str) -> Option<Finding> {
    let filter_type = rbac::filter_type(filter)?;
    let name = text(filter, "name").unwrap_or_default();
    if RESPONDING_FILTERS.contains(&filter_type) {
        let problem =
            format!("`{name}` responds to requests before the guard `{guard}`: place it after the guard");
        return Some(Finding::warning(PATH, problem));
    }
    let problem =
        format!("`{name}` also receives requests that the guard `{guard}` denies: place it after the guard");
    CODE_FILTERS.contains(&filter_type).then(|| Finding::note(PATH, problem))
}

/// Warns about a second instance of this filter: each instance sets the same permit.
fn instances_warning(manager: &ConnectionManager<'_>) -> Option<Finding> {
    let problem = format!(
        "{} instances of this filter are in one list, and all set the same permit: the guard cannot detect that one of \
         them did not run",
        manager.instances
    );
    (manager.instances > 1).then(|| Finding::warning(PATH, problem))
}

/// Warns about filters of `upgrade_configs` (WebSockets) without a guard. They replace
/// `http_filters`.
fn upgrade_warnings(manager: &ConnectionManager<'_>) -> Vec<Finding> {
    let upgrades = list(manager.value, "upgrade_configs").iter().enumerate();
    let open = upgrades.filter(|(_, upgrade)| {
        let filters = list(upgrade, "filters");
        !filters.is_empty() && find_guard(filters).is_err()
    });
    let warning = |(index, upgrade): (usize, &Value)| {
        let upgrade_type = text(upgrade, "upgrade_type").unwrap_or_default();
        let problem =
            format!("requests that upgrade to `{upgrade_type}` use these filters, which contain no guard");
        Finding::warning(format!("upgrade_configs[{index}].filters"), problem)
    };
    open.map(warning).collect()
}
