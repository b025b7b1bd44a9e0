//! The guard in resources of Kubernetes: Istio's `EnvoyFilter`, and Envoy Gateway's
//! `EnvoyPatchPolicy`.

use serde_json::Value;

use super::envoy_json::{contains, list, text, text_equals};
use super::finding::Finding;
use super::kubernetes::{metadata, name, owner, resources, resources_of_kind, spec};
use super::workload::{self, ROOT_NAMESPACE};
use super::{gateway_patches, hbone, overrides, rbac};

const ROUTER: &str = "envoy.filters.http.router";
/// Conditions of an Istio patch on listeners and proxies.
const CONDITIONS: [&str; 8] = [
    "/match/listener/portNumber",
    "/match/listener/name",
    "/match/listener/filterChain/name",
    "/match/listener/filterChain/sni",
    "/match/listener/filterChain/transportProtocol",
    "/match/listener/filterChain/applicationProtocols",
    "/match/listener/filterChain/destinationPort",
    "/match/proxy",
];

/// Returns the problems with the guard of the configuration in this part of the file.
///
/// A file without a guard gets a note, because the guard may be in another file.
pub(super) fn findings(part: &Value, documents: &[Value]) -> Vec<Finding> {
    let Some(owner) = owner(part, documents) else { return Vec::new() };
    let mut findings: Vec<Finding> = instances_warning(owner, documents).into_iter().collect();
    let is_gateway = text_equals(owner, "kind", "EnvoyExtensionPolicy");
    let kind = if is_gateway { "EnvoyPatchPolicy" } else { "EnvoyFilter" };
    let mut problems = Vec::new();
    for resource in resources_of_kind(documents, kind) {
        let patches = list(spec(resource), if is_gateway { "jsonPatches" } else { "configPatches" });
        for (index, patch) in patches.iter().enumerate() {
            let value = patch.pointer(if is_gateway { "/operation/value" } else { "/patch/value" });
            let Some(filter) = value.filter(|filter| rbac::is_meant_as_guard(filter)) else { continue };
            let Some(proof) = rbac::prove_guard(filter) else { continue };
            let proof = proof.and_then(|()| match is_gateway {
                true => prove_gateway_patch(owner, resource, patch),
                false => prove_istio_patch(part, owner, resource, index, patch),
            });
            let guard = text(filter, "name").unwrap_or_default();
            match proof {
                Ok(()) => {
                    findings.extend(override_warnings(guard, kind, documents));
                    return findings;
                }
                Err(problem) => {
                    let path = format!("{kind}/{}", name(resource));
                    problems.push(Finding::warning(path, format!("the guard `{guard}` {problem}")));
                }
            }
        }
    }
    if problems.is_empty() {
        let problem = format!(
            "no `{kind}` in this file adds a guard: check cannot prove that one is after this filter"
        );
        problems.push(Finding::note("", problem));
    }
    findings.extend(problems);
    findings
}

/// Returns a warning for each resource of a kind that overrides or changes the guard of this name.
fn override_warnings(guard: &str, kind: &str, documents: &[Value]) -> Vec<Finding> {
    let mut warnings = Vec::new();
    for resource in resources_of_kind(documents, kind) {
        let path = format!("{kind}/{}", name(resource));
        warnings.extend(overrides::override_warnings(&path, resource, guard));
        let changes = guard_changes(resource, guard);
        let changes = changes.chain(gateway_patches::guard_changes(resource, guard));
        warnings.extend(changes.map(|problem| Finding::warning(&path, problem)));
    }
    warnings
}

/// Returns why a patch of Istio does not place a guard after this filter, on every workload that
/// has the filter.
fn prove_istio_patch(
    part: &Value,
    owner: &Value,
    resource: &Value,
    index: usize,
    patch: &Value,
) -> Result<(), String> {
    let operation = patch.pointer("/patch/operation").and_then(Value::as_str).unwrap_or_default();
    let sub_filter =
        patch.pointer("/match/listener/filterChain/filter/subFilter/name").and_then(Value::as_str);
    if !text_equals(patch, "applyTo", "HTTP_FILTER")
        || operation != "INSERT_BEFORE"
        || sub_filter != Some(ROUTER)
    {
        return Err(format!(
            "is not inserted right before the router: use `HTTP_FILTER`, `INSERT_BEFORE` and `subFilter: {ROUTER}`"
        ));
    }
    let context = patch.pointer("/match/context").and_then(Value::as_str).unwrap_or_default();
    if context == "SIDECAR_OUTBOUND" {
        return Err("applies only to requests that the workload sends (`SIDECAR_OUTBOUND`)".to_owned());
    }
    // A gateway counts as a client.
    for (mode, other) in [("SERVER", "GATEWAY"), ("CLIENT", "SIDECAR_INBOUND")] {
        if context == other && workload::has_only_mode(owner, mode) {
            return Err(format!(
                "is not where this filter is: `match.mode` is `{mode}`, and the guard has `context: {other}`"
            ));
        }
    }
    if !covers_workloads(resource, owner) {
        return Err(
            "is not on every workload that has this filter: use the namespace and the selector of the filter"
                .to_owned(),
        );
    }
    let insertion = list(spec(owner), "configPatches").iter().find(|patch| contains(patch, part));
    prove_conditions(owner, insertion, patch)?;
    // `INSERT_FIRST` places this filter before a guard that is inserted before the router.
    let is_first = |patch: &Value| patch.pointer("/patch/operation").is_some_and(|op| op == "INSERT_FIRST");
    let patches = list(spec(resource), "configPatches");
    let insertion = patches.iter().position(|patch| contains(patch, part) && !is_first(patch));
    match insertion.filter(|_| std::ptr::eq(resource, owner)) {
        Some(insertion) if insertion > index => {
            Err("is before this filter: Istio applies patches in order, so place it after the filter"
                .to_owned())
        }
        _ => Ok(()),
    }
}

/// Returns why the conditions of the guard's patch are narrower than those of the filter.
///
/// `insertion` is the patch that inserts the filter. A `WasmPlugin` has none; its `match` can have
/// ports.
fn prove_conditions(owner: &Value, insertion: Option<&Value>, patch: &Value) -> Result<(), String> {
    let narrower = CONDITIONS.iter().find(|condition| {
        patch.pointer(condition).is_some_and(|value| {
            insertion.map_or(!workload::has_only_port(owner, condition, value), |own| {
                own.pointer(condition) != Some(value)
            })
        })
    });
    if let Some(condition) = narrower {
        let name = condition.trim_start_matches('/').replace('/', ".");
        return Err(format!("is not wherever this filter is: `{name}` limits the guard"));
    }
    let context =
        |patch: &Value| patch.pointer("/match/context").filter(|context| **context != "ANY").cloned();
    if let Some(limit) = context(patch)
        && insertion.is_some_and(|own| context(own).as_ref() != Some(&limit))
    {
        return Err(format!("is not wherever this filter is: `match.context: {limit}` limits the guard"));
    }
    Ok(())
}

/// Returns why the patches of an `EnvoyFilter` may change the guard of this name.
fn guard_changes<'a>(resource: &'a Value, guard: &'a str) -> impl Iterator<Item = String> + 'a {
    const FILTER: &str = "/match/listener/filterChain/filter/subFilter/name";
    let is_for_guard = move |patch: &&Value| {
        patch.pointer(FILTER).is_some_and(|name| name == guard) && !hbone::is_for_tunnels(patch)
    };
    let patches = list(spec(resource), "configPatches").iter().filter(is_for_guard);
    patches.filter_map(move |patch| {
        let operation = patch.pointer("/patch/operation")?.as_str()?;
        let changes = matches!(operation, "MERGE" | "REMOVE" | "REPLACE");
        changes
            .then(|| format!("`operation: {operation}` changes the guard `{guard}`: check cannot prove it"))
    })
}

/// Returns the names of the xDS listeners to which patches of Envoy Gateway add a guard after the
/// filter of this owner.
pub(super) fn gateway_guards<'a>(owner: &Value, documents: &'a [Value]) -> Vec<&'a str> {
    let patches = resources_of_kind(documents, "EnvoyPatchPolicy")
        .flat_map(|resource| list(spec(resource), "jsonPatches").iter().map(move |patch| (resource, patch)));
    let guards = patches.filter(|(resource, patch)| {
        let filter = patch.pointer("/operation/value");
        filter.and_then(rbac::prove_guard).is_some_and(|proof| proof.is_ok())
            && prove_gateway_patch(owner, resource, patch).is_ok()
    });
    guards.filter_map(|(_, patch)| text(patch, "name")).collect()
}

/// Returns why a patch of Envoy Gateway does not place a guard after this filter.
fn prove_gateway_patch(owner: &Value, resource: &Value, patch: &Value) -> Result<(), String> {
    gateway_patches::prove_place(patch)?;
    if !list(spec(owner), "targetSelectors").is_empty() {
        return Err(
            "may not be for each Gateway that `targetSelectors` of the filter selects: use `targetRefs`"
                .to_owned(),
        );
    }
    let target = spec(resource).get("targetRef").unwrap_or(&Value::Null);
    let owner_targets = spec(owner).get("targetRef").into_iter().chain(list(spec(owner), "targetRefs"));
    let gateways = owner_targets.filter(|target| text_equals(target, "kind", "Gateway"));
    let names: Vec<_> = gateways.filter_map(|target| text(target, "name")).collect();
    if text_equals(target, "kind", "Gateway") && !names.iter().all(|name| text_equals(target, "name", name)) {
        return Err("is for another Gateway than this filter: use the `targetRef` of the filter".to_owned());
    }
    Ok(())
}

/// Reports whether an `EnvoyFilter` applies to every workload of the owner.
fn covers_workloads(filter: &Value, owner: &Value) -> bool {
    let namespace = metadata(filter, "namespace");
    if namespace != metadata(owner, "namespace") && namespace != Some(ROOT_NAMESPACE) {
        return false;
    }
    // A selection by `targetRefs` has no labels to compare.
    match (list(spec(owner), "targetRefs"), list(spec(filter), "targetRefs")) {
        ([], []) => {}
        (own @ [_, ..], refs @ [_, ..]) => {
            let is_same = |one: &Value, other: &Value| {
                ["kind", "name"].iter().all(|field| one.get(field) == other.get(field))
            };
            return own.iter().all(|own| refs.iter().any(|other| is_same(own, other)));
        }
        _ => return true,
    }
    let owner_labels = workload::labels(owner);
    workload::labels(filter).is_none_or(|required| {
        required
            .iter()
            .all(|(name, value)| owner_labels.is_some_and(|labels| labels.get(name) == Some(value)))
    })
}

/// Warns about a second configuration for the same workloads: each instance sets the same permit.
fn instances_warning(owner: &Value, documents: &[Value]) -> Option<Finding> {
    let is_config = |config: Option<&Value>| config.is_some_and(|config| config.get("providers").is_some());
    let count = if text_equals(owner, "kind", "EnvoyExtensionPolicy") {
        list(spec(owner), "wasm").iter().filter(|wasm| is_config(wasm.get("config"))).count()
    } else {
        let has_same_workloads = |other: &&Value| {
            other.pointer("/metadata/namespace") == owner.pointer("/metadata/namespace")
                && workload::labels(other) == workload::labels(owner)
                && spec(other).get("targetRefs") == spec(owner).get("targetRefs")
                && spec(other).get("match") == spec(owner).get("match")
        };
        let plugins = resources(documents).filter(|other| {
            is_config(spec(other).get("pluginConfig")) || is_config(spec(other).pointer("/wasm/pluginConfig"))
        });
        plugins.filter(has_same_workloads).count()
    };
    let problem = format!(
        "{count} configurations of this filter are for the same workloads, and all instances set the same permit: the \
         guard cannot detect that one of them did not run"
    );
    (count > 1).then(|| Finding::warning("", problem))
}
