//! Resources of Istio and Envoy Gateway in the forms that `kubectl` prints.

use serde_json::{Value, json};

use super::findings::*;

/// Returns resources in the forms that `kubectl` prints: documents, a list, and typed lists.
fn printed_forms(documents: &[Value]) -> [(&'static str, String); 3] {
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": documents });
    let of_kind = |resource: &Value| {
        let mut item = resource.clone();
        let members = item.as_object_mut().unwrap();
        let (kind, version) = (members.remove("kind").unwrap(), members.remove("apiVersion").unwrap());
        json!({ "apiVersion": version, "kind": format!("{}List", kind.as_str().unwrap()), "items": [item] })
    };
    let typed: Vec<Value> = documents.iter().map(of_kind).collect();
    [("documents", text(documents)), ("list", text(&[list])), ("typed", text(&typed))]
}

/// A change of the resources of a file.
type Change = fn(&mut Vec<Value>);

#[test]
fn check_resources_in_any_list_are_checked() {
    const ISTIO: &str = "deploy/istio/gateway.yaml";
    const PATCH: &str = "deploy/istio/envoyfilter.yaml";
    const GATEWAY: &str = "deploy/envoy-gateway/policy.yaml";
    let rows: [(&str, &str, Change, &str); 9] = [
        (
            "guard",
            ISTIO,
            |all| {
                all[1]["spec"]["configPatches"][0]["patch"]["value"]["typed_config"]["rules"]["action"] =
                    json!("LOG");
            },
            "`action: LOG`",
        ),
        (
            "timeout",
            ISTIO,
            |all| drop(all[1]["spec"]["configPatches"].as_array_mut().unwrap().remove(1)),
            "stream_idle_timeout: is missing",
        ),
        (
            "rule",
            ISTIO,
            |all| all[3]["spec"]["trafficPolicy"]["tls"]["insecureSkipVerify"] = json!(true),
            "`insecureSkipVerify`",
        ),
        (
            "twice",
            ISTIO,
            |all| {
                let mut second = all[0].clone();
                second["metadata"]["name"] = json!("other");
                all.push(second);
            },
            "2 configurations of this filter",
        ),
        (
            "hosts",
            PATCH,
            |all| {
                let config = &mut all[0]["spec"]["configPatches"][0]["patch"]["value"]["typed_config"]["config"]
                    ["configuration"]["value"];
                config["ignore_port_in_host_matching"] = json!(false);
                config["rules"][0]["match"]["hosts"] = json!(["a.example"]);
            },
            "the routes of Istio ignore the port",
        ),
        (
            "cluster",
            PATCH,
            |all| {
                let patches = all[0]["spec"]["configPatches"].as_array_mut().unwrap();
                let config =
                    &mut patches[0]["patch"]["value"]["typed_config"]["config"]["configuration"]["value"];
                config["providers"]["okta"]["remote_jwks"]["cluster"] = json!("keys");
                patches.push(json!({
                    "applyTo": "CLUSTER",
                    "patch": { "operation": "ADD", "value": { "name": "keys", "type": "STRICT_DNS" } },
                }));
            },
            "the cluster has no TLS",
        ),
        (
            "gateway-guard",
            GATEWAY,
            |all| {
                all[2]["spec"]["jsonPatches"][1]["operation"]["value"]["typed_config"]["rules"]["action"] =
                    json!("DENY");
            },
            "`action: DENY`",
        ),
        (
            "gateway-timeout",
            GATEWAY,
            |all| drop(all[1]["spec"].as_object_mut().unwrap().remove("timeout")),
            "streamIdleTimeout: is missing",
        ),
        (
            "gateway-cluster",
            GATEWAY,
            |all| {
                let cluster = &mut all[2]["spec"]["jsonPatches"][0]["operation"]["value"];
                cluster.as_object_mut().unwrap().remove("transport_socket");
            },
            "the cluster has no TLS",
        ),
    ];
    for (name, file, change, problem) in rows {
        let mut documents = yaml(file);
        for (form, text) in printed_forms(&documents) {
            let name = format!("list-good-{name}-{form}");
            let found = findings(&name, &text);
            assert!(found.warnings.is_empty() && found.errors.is_empty(), "{name}: {:?}", found.warnings);
        }
        change(&mut documents);
        for (form, text) in printed_forms(&documents) {
            let name = format!("list-{name}-{form}");
            assert_warns(&name, &findings(&name, &text), problem);
        }
    }
}
