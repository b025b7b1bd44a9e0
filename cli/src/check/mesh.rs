//! The guard in resources of Kubernetes: Istio's `EnvoyFilter`, and Envoy Gateway's `EnvoyPatchPolicy`.

use serde_json::{Map, Value};

use super::read::{contains, list, says, text};
use super::{Finding, overrides, rbac};

const ROUTER: &str = "envoy.filters.http.router";
/// Conditions on the listeners and proxies that a patch of Istio applies to.
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

/// Tells whether the file has resources of Kubernetes.
pub(super) fn is_resource_file(documents: &[Value]) -> bool {
    resources(documents).next().is_some()
}

/// Tells whether this part of the file is inside a resource of Kubernetes.
pub(super) fn is_in_resource(part: &Value, documents: &[Value]) -> bool {
    owner(part, documents).is_some()
}

/// Returns the resources, also those in a list (`kubectl get -o yaml`).
pub(super) fn resources(documents: &[Value]) -> impl Iterator<Item = &Value> {
    let all = documents.iter().flat_map(|document| std::iter::once(document).chain(list(document, "items")));
    all.filter(|resource| text(resource, "kind").is_some() && resource.get("items").is_none())
}

/// Returns the problems with the guard of the configuration in this part of the file.
///
/// A file without a guard gets a note, because the guard may be in another file.
pub(super) fn guard(part: &Value, documents: &[Value]) -> Vec<Finding> {
    let Some(owner) = owner(part, documents) else { return Vec::new() };
    let mut findings: Vec<Finding> = instances(owner, documents).into_iter().collect();
    let is_gateway = says(owner, "kind", "EnvoyExtensionPolicy");
    let kind = if is_gateway { "EnvoyPatchPolicy" } else { "EnvoyFilter" };
    let mut problems = Vec::new();
    for resource in resources(documents).filter(|resource| says(resource, "kind", kind)) {
        let patches = list(spec(resource), if is_gateway { "jsonPatches" } else { "configPatches" });
        for (index, patch) in patches.iter().enumerate() {
            let value = patch.pointer(if is_gateway { "/operation/value" } else { "/patch/value" });
            let Some(filter) = value.filter(|filter| rbac::is_meant_as_guard(filter)) else { continue };
            let Some(proof) = rbac::guard(filter) else { continue };
            let proof = proof.and_then(|()| match is_gateway {
                true => patch_policy(owner, resource, patch),
                false => envoy_filter(part, owner, resource, index, patch),
            });
            match proof {
                Ok(()) => {
                    let guard = text(filter, "name").unwrap_or_default();
                    for patches in resources(documents).filter(|resource| says(resource, "kind", kind)) {
                        let place = format!("{kind}/{}", name(patches));
                        overrides::search(&place, patches, guard, &mut findings);
                        findings
                            .extend(changes(patches, guard).map(|problem| Finding::warning(&place, problem)));
                    }
                    return findings;
                }
                Err(problem) => {
                    let place = format!("{kind}/{}", name(resource));
                    let problem =
                        format!("the guard `{}` {problem}", text(filter, "name").unwrap_or_default());
                    problems.push(Finding::warning(place, problem));
                }
            }
        }
    }
    if problems.is_empty() {
        let problem = format!(
            "no `{kind}` in this file adds a guard: check cannot prove that one is behind this filter"
        );
        problems.push(Finding::note("", problem));
    }
    findings.extend(problems);
    findings
}

/// Returns why a patch of Istio does not place a guard behind this filter, on every workload that has the filter.
fn envoy_filter(
    part: &Value,
    owner: &Value,
    resource: &Value,
    index: usize,
    patch: &Value,
) -> Result<(), String> {
    let operation = patch.pointer("/patch/operation").and_then(Value::as_str).unwrap_or_default();
    let sub_filter =
        patch.pointer("/match/listener/filterChain/filter/subFilter/name").and_then(Value::as_str);
    if !says(patch, "applyTo", "HTTP_FILTER") || operation != "INSERT_BEFORE" || sub_filter != Some(ROUTER) {
        return Err(format!(
            "is not inserted right before the router (`HTTP_FILTER`, `INSERT_BEFORE`, `subFilter: {ROUTER}`)"
        ));
    }
    if patch.pointer("/match/context").is_some_and(|context| context == "SIDECAR_OUTBOUND") {
        return Err("is for requests that the workload makes (`SIDECAR_OUTBOUND`)".to_owned());
    }
    if !covers(resource, owner) {
        return Err(
            "is not on every workload that has this filter: compare namespace and selector".to_owned()
        );
    }
    let inserts = list(spec(owner), "configPatches").iter().find(|patch| contains(patch, part));
    // A WasmPlugin has conditions of its own, in other words.
    let narrower = CONDITIONS.iter().find(|condition| {
        patch.pointer(condition).is_some_and(|value| {
            inserts.map_or(spec(owner).get("match").is_none(), |own| own.pointer(condition) != Some(value))
        })
    });
    if let Some(condition) = narrower {
        let name = condition.trim_start_matches('/').replace('/', ".");
        return Err(format!("is not wherever this filter is: `{name}` limits the guard"));
    }
    let context =
        |patch: &Value| patch.pointer("/match/context").filter(|context| **context != "ANY").cloned();
    if let Some(limit) = context(patch)
        && inserts.is_some_and(|own| context(own).as_ref() != Some(&limit))
    {
        return Err(format!("is not wherever this filter is: `match.context: {limit}` limits the guard"));
    }
    // A filter that is inserted first is in front of a guard before the router.
    let is_first = |patch: &Value| patch.pointer("/patch/operation").is_some_and(|op| op == "INSERT_FIRST");
    let own = list(spec(resource), "configPatches");
    let own = own.iter().position(|patch| contains(patch, part) && !is_first(patch));
    match own.filter(|_| std::ptr::eq(resource, owner)) {
        Some(own) if own > index => {
            Err("stands in front of this filter: patches apply in their order".to_owned())
        }
        _ => Ok(()),
    }
}

/// Returns why the patches of an `EnvoyFilter` may leave another guard than the one that was proved.
fn changes<'a>(resource: &'a Value, guard: &'a str) -> impl Iterator<Item = String> + 'a {
    const FILTER: &str = "/match/listener/filterChain/filter/subFilter/name";
    let of_guard = move |patch: &&Value| patch.pointer(FILTER).is_some_and(|name| name == guard);
    let patches = list(spec(resource), "configPatches").iter().filter(of_guard);
    patches.filter_map(move |patch| {
        let operation = patch.pointer("/patch/operation")?.as_str()?;
        let changes = matches!(operation, "MERGE" | "REMOVE" | "REPLACE");
        changes
            .then(|| format!("`operation: {operation}` changes the guard `{guard}`: check cannot prove it"))
    })
}

/// Returns why a patch of Envoy Gateway does not place a guard behind this filter.
fn patch_policy(owner: &Value, resource: &Value, patch: &Value) -> Result<(), String> {
    let operation = patch.get("operation").unwrap_or(&Value::Null);
    let path = text(operation, "jsonPath").unwrap_or_default();
    if !says(operation, "op", "add") || !path.contains("http_filters") || !path.contains(ROUTER) {
        return Err(format!("is not added right before `{ROUTER}`"));
    }
    let target = spec(resource).get("targetRef").unwrap_or(&Value::Null);
    let one = spec(owner).get("targetRef").into_iter();
    let gateways =
        one.chain(list(spec(owner), "targetRefs")).filter(|target| says(target, "kind", "Gateway"));
    let names: Vec<_> = gateways.filter_map(|target| text(target, "name")).collect();
    if says(target, "kind", "Gateway") && !names.iter().all(|name| says(target, "name", name)) {
        return Err("is for another Gateway than this filter".to_owned());
    }
    Ok(())
}

/// Tells whether an `EnvoyFilter` is for every workload that the owner is for.
fn covers(filter: &Value, owner: &Value) -> bool {
    const ROOT: &str = "istio-system";
    let namespace =
        |resource: &Value| resource.pointer("/metadata/namespace").and_then(Value::as_str).map(str::to_owned);
    let (ours, theirs) = (namespace(owner), namespace(filter));
    if ours != theirs && theirs.as_deref() != Some(ROOT) {
        return false;
    }
    // A selection by Gateway API objects says nothing of labels.
    if spec(owner).get("targetRefs").is_some() || spec(filter).get("targetRefs").is_some() {
        return true;
    }
    let labels = labels(owner);
    self::labels(filter).is_none_or(|wanted| {
        wanted.iter().all(|(name, value)| labels.is_some_and(|labels| labels.get(name) == Some(value)))
    })
}

/// Returns the labels of the workloads that a resource is for; `None` for all workloads.
fn labels(resource: &Value) -> Option<&Map<String, Value>> {
    let places = ["/selector/matchLabels", "/workloadSelector/labels"];
    let labels = places.iter().find_map(|place| spec(resource).pointer(place))?.as_object()?;
    (!labels.is_empty()).then_some(labels)
}

/// Warns of a second configuration of this filter for the same workloads: each leaves the same permit.
fn instances(owner: &Value, documents: &[Value]) -> Option<Finding> {
    let is_ours = |config: Option<&Value>| config.is_some_and(|config| config.get("providers").is_some());
    let count = if says(owner, "kind", "EnvoyExtensionPolicy") {
        list(spec(owner), "wasm").iter().filter(|wasm| is_ours(wasm.get("config"))).count()
    } else {
        let same = |other: &&Value| {
            other.pointer("/metadata/namespace") == owner.pointer("/metadata/namespace")
                && labels(other) == labels(owner)
                && spec(other).get("targetRefs") == spec(owner).get("targetRefs")
                && spec(other).get("match") == spec(owner).get("match")
        };
        let plugins = resources(documents).filter(|other| {
            is_ours(spec(other).get("pluginConfig")) || is_ours(spec(other).pointer("/wasm/pluginConfig"))
        });
        plugins.filter(same).count()
    };
    let problem = format!(
        "{count} configurations of this filter are for the same workloads: each leaves the same permit, so the guard cannot \
         tell whether the other has run"
    );
    (count > 1).then(|| Finding::warning("", problem))
}

fn owner<'a>(part: &Value, documents: &'a [Value]) -> Option<&'a Value> {
    resources(documents).find(|resource| contains(resource, part))
}

fn spec(resource: &Value) -> &Value {
    resource.get("spec").unwrap_or(&Value::Null)
}

fn name(resource: &Value) -> &str {
    resource.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
}
