//! `okta-authz check`: settings of Istio with which requests bypass the filter, or other filters
//! see identity headers of the client. Each fault is reported, and the manifest without it is not.

use serde_json::{Value, json};

use super::findings::*;

const GATEWAY: &str = "deploy/istio/gateway.yaml";
const SIDECAR: &str = "deploy/istio/sidecar.yaml";
const ENVOY_FILTER: &str = "deploy/istio/envoyfilter.yaml";

/// Returns the findings about a manifest with changes, without the note about the digest.
fn with(file: &str, name: &str, change: &dyn Fn(&mut Vec<Value>)) -> Findings {
    let mut documents = yaml(file);
    if documents[0]["kind"] == "WasmPlugin" {
        documents[0]["spec"]["sha256"] = json!("a".repeat(64));
    }
    change(&mut documents);
    findings(&format!("istio-{name}"), &text(&documents))
}

fn resource(kind: &str, name: &str, namespace: &str, spec: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": name, "namespace": namespace }, "spec": spec })
}

#[test]
fn check_filter_behind_those_of_istio_is_a_warning() {
    assert_no_findings("first", &with(ENVOY_FILTER, "first", &|_| {}));
    for operation in ["INSERT_BEFORE", "INSERT_AFTER", "ADD"] {
        let change = |documents: &mut Vec<Value>| {
            let patch = &mut documents[0]["spec"]["configPatches"][0];
            patch["patch"]["operation"] = json!(operation);
            patch["match"]["listener"]["filterChain"]["filter"]["subFilter"] =
                json!({ "name": "envoy.filters.http.router" });
        };
        let found = with(ENVOY_FILTER, operation, &change);
        assert_warns(operation, &found, "configPatches[0].patch.operation: ");
        assert_warns(operation, &found, "see the identity headers of the client: use `INSERT_FIRST`");
        // Without identity headers, the position has no such effect.
        let found = with(ENVOY_FILTER, operation, &|documents| {
            change(documents);
            let patch = &mut documents[0]["spec"]["configPatches"][0]["patch"];
            let config = &mut patch["value"]["typed_config"]["config"]["configuration"]["value"];
            drop(config.as_object_mut().unwrap().remove("claim_to_headers"));
        });
        assert_no_findings(operation, &found);
    }
}

#[test]
fn check_authorization_policy_before_the_filter_is_a_warning() {
    let policy = |action: &str, namespace: &str, app: &str, key: &str| {
        let rule = json!({ "when": [{ "key": key, "values": ["a"] }] });
        let selector = json!({ "matchLabels": { "istio": app } });
        let spec = json!({ "action": action, "selector": selector, "rules": [rule] });
        resource("AuthorizationPolicy", "other", namespace, spec)
    };
    let custom = |namespace: &str, app: &str| policy("CUSTOM", namespace, app, "source.ip");
    for (name, policy, is_found) in [
        ("custom", custom("istio-ingress", "ingress"), true),
        ("custom-root", custom("istio-system", "ingress"), true),
        ("custom-namespace", custom("orders", "ingress"), false),
        ("custom-labels", custom("istio-ingress", "egress"), false),
        ("allow", policy("ALLOW", "istio-ingress", "ingress", "request.headers[x-okta-sub]"), false),
    ] {
        let found = with(GATEWAY, name, &|documents| documents.push(policy.clone()));
        match is_found {
            true => assert_warns(
                name,
                &found,
                "AuthorizationPolicy/other.spec.action: `CUSTOM` runs before every",
            ),
            false => assert_no_findings(name, &found),
        }
        // An `EnvoyFilter` with `INSERT_FIRST` is before every filter.
        let name = format!("{name}-filter");
        assert_no_findings(&name, &with(ENVOY_FILTER, &name, &|documents| documents.push(policy.clone())));
    }
    for (phase, key, is_found) in [
        (json!("AUTHZ"), "request.headers[x-okta-sub]", true),
        (json!("AUTHZ"), "request.headers[X-Okta-Sub]", true),
        (Value::Null, "request.headers[x-okta-sub]", true),
        (json!("AUTHZ"), "request.headers[x-other]", false),
        (json!("AUTHN"), "request.headers[x-okta-sub]", false),
    ] {
        let name = format!("phase-{phase}-{key}").replace(['"', '[', ']'], "");
        let found = with(GATEWAY, &name, &|documents| {
            documents[0]["spec"]["phase"] = phase.clone();
            documents.push(policy("ALLOW", "istio-ingress", "ingress", key));
        });
        match is_found {
            true => assert_warns(&name, &found, "WasmPlugin/okta-authz.spec.phase: must be `AUTHN`"),
            false => assert_no_findings(&name, &found),
        }
    }
}

/// Removes the rule that denies TCP connections to the port with HTTP.
fn allow_tcp(documents: &mut [Value]) {
    let rules = documents[4]["spec"]["rules"].as_array_mut().unwrap();
    assert_eq!(rules.pop().unwrap()["to"][0]["operation"]["methods"], json!(["NOT-HTTP"]));
}

#[test]
fn check_service_port_that_is_not_http_is_a_warning() {
    let service = |port: Value| {
        let spec = json!({ "selector": { "app": "orders" }, "ports": [port] });
        resource("Service", "orders", "orders", spec)
    };
    for (name, port, is_found) in [
        ("app-protocol", json!({ "port": 80, "targetPort": 8080, "appProtocol": "http" }), false),
        ("h2c", json!({ "port": 80, "targetPort": 8080, "appProtocol": "kubernetes.io/h2c" }), false),
        ("name", json!({ "port": 8080, "name": "http-web" }), false),
        ("grpc", json!({ "port": 8080, "name": "grpc" }), false),
        ("none", json!({ "port": 8080 }), true),
        ("unknown", json!({ "port": 8080, "name": "web" }), true),
        ("https", json!({ "port": 8080, "name": "https" }), true),
        ("precedence", json!({ "port": 8080, "name": "http", "appProtocol": "tcp" }), true),
        ("named-target", json!({ "port": 80, "targetPort": "web", "name": "web" }), true),
        // The AuthorizationPolicy of the file denies this port.
        ("denied", json!({ "port": 9000, "name": "tcp" }), false),
        ("denied-target", json!({ "port": 8080, "targetPort": 9000, "name": "tcp" }), false),
    ] {
        let found = with(SIDECAR, &format!("port-{name}"), &|documents| {
            allow_tcp(documents);
            documents.push(service(port.clone()));
        });
        match is_found {
            true => assert_warns(name, &found, "Service/orders.spec.ports[0]: is not declared as HTTP"),
            false => assert_no_findings(name, &found),
        }
        // The file denies TCP connections to the port with HTTP.
        let name = format!("port-denied-{name}");
        assert_no_findings(&name, &with(SIDECAR, &name, &|documents| documents.push(service(port.clone()))));
    }
    let tcp = || service(json!({ "port": 8080 }));
    for (name, pointer, value) in [
        ("other-app", "/spec/selector/app", json!("reports")),
        ("other-namespace", "/metadata/namespace", json!("reports")),
    ] {
        let mut other = tcp();
        *other.pointer_mut(pointer).unwrap() = value;
        assert_no_findings(name, &with(SIDECAR, name, &|documents| documents.push(other.clone())));
    }
    let found = with(GATEWAY, "gateway-service", &|documents| {
        let spec = json!({ "selector": { "istio": "ingress" }, "ports": [{ "port": 15021 }] });
        documents.push(resource("Service", "ingress", "istio-ingress", spec));
    });
    assert_no_findings("a gateway has no workload", &found);
}

#[test]
fn check_sidecar_without_a_policy_for_other_ports_is_a_note() {
    let note = "denies the other ports of the workload (`notPorts`)";
    for (name, change) in [
        ("absent", &(|documents: &mut Vec<Value>| drop(documents.remove(4))) as &dyn Fn(&mut Vec<Value>)),
        ("allow", &|documents| documents[4]["spec"]["action"] = json!("ALLOW")),
        ("labels", &|documents| documents[4]["spec"]["selector"]["matchLabels"]["app"] = json!("x")),
        ("from", &|documents| {
            documents[4]["spec"]["rules"][0]["from"] = json!([{ "source": { "namespaces": ["x"] } }]);
        }),
        ("methods", &|documents| {
            documents[4]["spec"]["rules"][0]["to"][0]["operation"]["methods"] = json!(["GET"]);
        }),
    ] {
        let found = with(SIDECAR, &format!("ports-{name}"), change);
        assert!(found.warnings.is_empty(), "{name}: {:?}", found.warnings);
        assert!(found.notes.iter().any(|found| found.contains(note)), "{name}: {:?}", found.notes);
    }
    assert_no_findings("sidecar", &with(SIDECAR, "ports", &|_| {}));
}

#[test]
fn check_sidecar_without_a_policy_for_tcp_is_a_note() {
    let operation = |documents: &mut Vec<Value>, field: &str, value: Value| {
        documents[4]["spec"]["rules"][1]["to"][0]["operation"][field] = value;
    };
    for (name, change, is_found) in [
        ("tcp", &(|documents: &mut Vec<Value>| allow_tcp(documents)) as &dyn Fn(&mut Vec<Value>), true),
        ("other", &|documents| operation(documents, "ports", json!(["8081"])), true),
        // A condition that istiod keeps in a rule for TCP.
        (
            "address",
            &|documents| {
                let source = json!([{ "source": { "ipBlocks": ["192.0.2.1"] } }]);
                documents[4]["spec"]["rules"][1]["from"] = source;
            },
            true,
        ),
        (
            "none",
            &|documents| documents[4]["spec"]["rules"][0]["to"][0]["operation"]["notPorts"] = json!([]),
            true,
        ),
        (
            "two",
            &|documents| {
                documents[4]["spec"]["rules"][0]["to"][0]["operation"]["notPorts"] = json!(["8080", "9090"]);
            },
            true,
        ),
        ("paths", &|documents| operation(documents, "paths", json!(["/never"])), false),
    ] {
        let found = with(SIDECAR, &format!("tcp-{name}"), change);
        match is_found {
            true => assert!(
                found.notes.iter().any(|note| note.contains("denies TCP connections to the ports with HTTP")),
                "{name}: {:?}",
                found.notes
            ),
            false => assert_no_findings(name, &found),
        }
    }
}

#[test]
fn check_gateway_server_that_is_not_http_is_a_warning() {
    let gateway = |server: Value, istio: &str| {
        let spec = json!({ "selector": { "istio": istio }, "servers": [server] });
        resource("Gateway", "in", "istio-ingress", spec)
    };
    let server = |protocol: &str, mode: Value| json!({ "port": { "number": 443, "name": "a", "protocol": protocol }, "tls": { "mode": mode }, "hosts": ["*"] });
    for (protocol, mode, problem) in [
        ("HTTP", Value::Null, None),
        ("HTTPS", json!("SIMPLE"), None),
        ("HTTPS", json!("MUTUAL"), None),
        ("GRPC", Value::Null, None),
        ("TCP", Value::Null, Some("has the protocol `TCP`")),
        ("TLS", json!("SIMPLE"), Some("has the protocol `TLS`")),
        ("MONGO", Value::Null, Some("has the protocol `MONGO`")),
        ("HTTPS", json!("PASSTHROUGH"), Some("`tls.mode: PASSTHROUGH`")),
        ("HTTPS", json!("AUTO_PASSTHROUGH"), Some("`tls.mode: AUTO_PASSTHROUGH`")),
    ] {
        let name = format!("server-{protocol}-{mode}").replace('"', "");
        let found = with(GATEWAY, &name, &|documents| {
            documents.push(gateway(server(protocol, mode.clone()), "ingress"))
        });
        match problem {
            Some(problem) => assert_warns(&name, &found, problem),
            None => assert_no_findings(&name, &found),
        }
    }
    let tcp = || server("TCP", Value::Null);
    let found = with(GATEWAY, "server-other", &|documents| documents.push(gateway(tcp(), "egress")));
    assert_no_findings("another gateway", &found);
    let found = with(ENVOY_FILTER, "server-filter", &|documents| documents.push(gateway(tcp(), "ingress")));
    assert_warns("envoyfilter", &found, "Gateway/in.spec.servers[0]: has the protocol `TCP`");
}

#[test]
fn check_sidecar_that_hides_okta_is_a_warning() {
    let sidecar = |hosts: &[&str], app: &str| {
        let spec =
            json!({ "workloadSelector": { "labels": { "app": app } }, "egress": [{ "hosts": hosts }] });
        resource("Sidecar", "orders", "orders", spec)
    };
    for (index, (hosts, is_hidden)) in [
        (&["*/*"][..], false),
        (&["./*"], false),
        (&["orders/*"], false),
        (&["./acme.okta.com"], false),
        (&["*/*.okta.com"], false),
        (&["istio-system/*"], true),
        (&["./*.example.com", "~/*"], true),
        (&["orders/okta.com"], true),
    ]
    .into_iter()
    .enumerate()
    {
        let found =
            with(SIDECAR, &format!("egress-{index}"), &|documents| documents.push(sidecar(hosts, "orders")));
        match is_hidden {
            true => assert_warns(
                hosts[0],
                &found,
                "Sidecar/orders.spec.egress: does not include \"acme.okta.com\"",
            ),
            false => assert!(found.warnings.is_empty(), "{hosts:?}: {:?}", found.warnings),
        }
        let replaces = found.notes.iter().any(|note| note.contains("replaces the egress list"));
        assert_eq!(replaces, hosts != ["*/*"], "{hosts:?}: {:?}", found.notes);
    }
    let other = |documents: &mut Vec<Value>| documents.push(sidecar(&["istio-system/*"], "reports"));
    assert_no_findings("another workload", &with(SIDECAR, "egress-other", &other));
    // The complete manifests agree.
    let found =
        with(SIDECAR, "egress-file", &|documents| documents.extend(yaml("deploy/istio/sidecar-egress.yaml")));
    assert!(found.warnings.is_empty(), "{:?}", found.warnings);
}

#[test]
fn check_sidecar_patch_that_disturbs_tunnels_is_a_warning() {
    let patches = |documents: &mut Vec<Value>| -> Vec<Value> {
        documents[1]["spec"]["configPatches"].as_array().unwrap().clone()
    };
    let keep = |kept: &'static [usize]| {
        move |documents: &mut Vec<Value>| {
            let all = patches(documents);
            documents[1]["spec"]["configPatches"] = kept.iter().map(|index| all[*index].clone()).collect();
        }
    };
    assert_no_findings("complete", &with(SIDECAR, "tunnels", &keep(&[0, 1, 2, 3])));
    let (guard, timeout) =
        ("inserts `okta-authz-guard` into the listener `connect_terminate`", "ends idle tunnels");
    for (name, kept, expected) in [
        ("no-removal", &[0, 1, 3][..], &[guard][..]),
        ("no-timeout", &[0, 1, 2], &[timeout]),
        ("neither", &[0, 1], &[guard, timeout]),
        ("too-early", &[2, 0, 3, 1], &[guard, timeout]),
    ] {
        let found = with(SIDECAR, &format!("tunnels-{name}"), &keep(kept));
        assert_eq!(found.warnings.len(), expected.len(), "{name}: {:?}", found.warnings);
        expected.iter().for_each(|problem| assert_warns(name, &found, problem));
    }
    // A resource with a greater priority comes later.
    for (priority, is_found) in [(200, false), (100, true), (50, true)] {
        let found = with(SIDECAR, &format!("tunnels-{priority}"), &|documents| {
            let all = patches(documents);
            documents[1]["spec"]["configPatches"] = json!(all[..2]);
            let mut second = documents[1].clone();
            second["metadata"]["name"] = json!("tunnels");
            second["spec"]["priority"] = json!(priority);
            second["spec"]["configPatches"] = json!(all[2..]);
            documents.push(second);
        });
        assert_eq!(!found.warnings.is_empty(), is_found, "{priority}: {:?}", found.warnings);
    }
    // The filter of an EnvoyFilter must not be there either.
    let inbound = |documents: &mut Vec<Value>| {
        let mut sidecar = yaml(SIDECAR);
        for patch in documents[0]["spec"]["configPatches"].as_array_mut().unwrap() {
            patch["match"]["context"] = json!("SIDECAR_INBOUND");
        }
        let removals = sidecar[1]["spec"]["configPatches"].as_array_mut().unwrap().split_off(2);
        documents[0]["spec"]["configPatches"].as_array_mut().unwrap().extend(removals);
    };
    let found = with(ENVOY_FILTER, "tunnels-filter", &inbound);
    assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
    assert_warns("filter", &found, "inserts `okta-authz` into the listener `connect_terminate`");
    let found = with(ENVOY_FILTER, "tunnels-both", &|documents| {
        inbound(documents);
        let patches = documents[0]["spec"]["configPatches"].as_array_mut().unwrap();
        let mut removal = patches[3].clone();
        removal["match"]["listener"]["filterChain"]["filter"]["subFilter"]["name"] = json!("okta-authz");
        patches.push(removal);
    });
    assert!(found.warnings.is_empty(), "{:?}", found.warnings);
}
