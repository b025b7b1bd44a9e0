//! The guard behind the filter. Envoy serves without a wasm filter that it could not configure on a worker, so nothing
//! but the guard denies the requests of that worker.

use serde_json::Value;

use super::Finding;
use super::chain::{Chain, FileContext, PERMIT};
use super::read::{list, text};
use super::{overrides, rbac};

const AT: &str = "http_filters";
const ROUTER: &str = "envoy.extensions.filters.http.router.v3.Router";
/// Filters that answer requests without the upstream.
const ANSWERING_FILTERS: [&str; 4] = [
    "envoy.extensions.filters.http.cache.v3.CacheConfig",
    "envoy.extensions.filters.http.cache_v2.v3.CacheV2Config",
    "envoy.extensions.filters.http.aws_lambda.v3.Config",
    "envoy.extensions.filters.http.file_server.v3.FileServerConfig",
];
/// Filters whose code may answer a request.
const CODE_FILTERS: [&str; 5] = [
    "envoy.extensions.filters.http.lua.v3.Lua",
    "envoy.extensions.filters.http.wasm.v3.Wasm",
    "envoy.extensions.filters.http.golang.v3alpha.Config",
    "envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter",
    "envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor",
];

/// Returns the problems with the guard of a plugin that is in no list of `http_filters`: one of ECDS, or one of the
/// filters for upgraded requests.
pub(super) fn findings_outside(plugin: &Value, context: &FileContext<'_>) -> Vec<Finding> {
    match context.chain_of_upgrade(plugin) {
        Some(chain) => upgrades(chain),
        None => findings(None, context),
    }
}

/// Returns the problems with the guard of a filter that has these filters behind it.
pub(super) fn findings(behind: Option<&[Value]>, context: &FileContext<'_>) -> Vec<Finding> {
    let Some(behind) = behind else {
        let problem = "the list of HTTP filters is not in this file: check cannot prove that a guard is behind this filter";
        return vec![Finding::note(AT, problem)];
    };
    let chain = context.chain(behind);
    let in_front = chain.and_then(|(chain, index)| chain.filters.get(..index)).unwrap_or_default();
    let mut findings = match effective(behind) {
        Ok((guard, between)) => {
            let name = text(guard, "name").unwrap_or_default();
            let overrides = chain.map(|(chain, _)| overrides::findings(name, chain, context));
            between
                .iter()
                .filter_map(|filter| before_guard(filter, name))
                .chain(overrides.into_iter().flatten())
                .collect()
        }
        Err(problems) => no_guard(problems, in_front),
    };
    if let Some((chain, _)) = chain {
        findings.extend(instances(chain));
        findings.extend(upgrades(chain));
    }
    if let Some(key) = context.forged {
        let problem = format!("another filter of this file writes `{key}`: the guard proves nothing");
        findings.push(Finding::warning(AT, problem));
    }
    findings
}

/// Returns the first filter that is a guard, and the filters before it; or why the others are none.
fn effective(behind: &[Value]) -> Result<(&Value, &[Value]), Vec<String>> {
    let mut problems = Vec::new();
    for (index, filter) in behind.iter().enumerate() {
        if rbac::filter_kind(filter) == Some(ROUTER) {
            break;
        }
        match rbac::guard(filter) {
            Some(Ok(())) => return Ok((filter, behind.get(..index).unwrap_or_default())),
            Some(Err(problem)) if rbac::is_meant_as_guard(filter) => {
                problems.push(format!("`{}` {problem}", text(filter, "name").unwrap_or_default()));
            }
            Some(Err(_)) | None => {}
        }
    }
    Err(problems)
}

fn no_guard(mut problems: Vec<String>, in_front: &[Value]) -> Vec<Finding> {
    let in_front = in_front.iter().filter(|filter| matches!(rbac::guard(filter), Some(Ok(()))));
    problems.extend(in_front.map(|filter| {
        format!(
            "`{}` stands in front of this filter, not behind it",
            text(filter, "name").unwrap_or_default()
        )
    }));
    let without = format!(
        "no RBAC filter behind this one asks for `{PERMIT}`: Envoy serves without a filter that it could not configure \
         on a worker"
    );
    let no_guard = |problem| format!("the guard does not protect: {problem}");
    if problems.is_empty() {
        return vec![Finding::warning(AT, without)];
    }
    problems.into_iter().map(|problem| Finding::warning(AT, no_guard(problem))).collect()
}

/// Warns of a filter that requests reach before the guard, also those that this filter has not allowed.
fn before_guard(filter: &Value, guard: &str) -> Option<Finding> {
    let kind = rbac::filter_kind(filter)?;
    let name = text(filter, "name").unwrap_or_default();
    if ANSWERING_FILTERS.contains(&kind) {
        let problem = format!(
            "`{name}` answers requests before the guard `{guard}` sees them: place it behind the guard"
        );
        return Some(Finding::warning(AT, problem));
    }
    let problem =
        format!("`{name}` also gets requests that the guard `{guard}` denies: place it behind the guard");
    CODE_FILTERS.contains(&kind).then(|| Finding::note(AT, problem))
}

/// Warns of a second instance of this filter in the list: each writes the same permit.
fn instances(chain: &Chain<'_>) -> Option<Finding> {
    let problem = format!(
        "{} instances of this filter are in one list: each leaves the same permit, so the guard cannot tell whether the \
         other has run",
        chain.instances
    );
    (chain.instances > 1).then(|| Finding::warning(AT, problem))
}

/// Warns of filters for upgraded requests (WebSockets) without a guard: they replace the list of HTTP filters.
fn upgrades(chain: &Chain<'_>) -> Vec<Finding> {
    let upgrades = list(chain.manager, "upgrade_configs").iter().enumerate();
    let open = upgrades.filter(|(_, upgrade)| {
        let filters = list(upgrade, "filters");
        !filters.is_empty() && effective(filters).is_err()
    });
    let warning = |(index, upgrade): (usize, &Value)| {
        let kind = text(upgrade, "upgrade_type").unwrap_or_default();
        let problem =
            format!("requests that upgrade to `{kind}` take these filters, and no guard is among them");
        Finding::warning(format!("upgrade_configs[{index}].filters"), problem)
    };
    open.map(warning).collect()
}
