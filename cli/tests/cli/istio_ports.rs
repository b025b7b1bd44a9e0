//! `okta-authz check`: ports of Istio on which requests bypass the filter. Each fault is reported, and
//! the manifest without it is not.

use serde_json::{Value, json};

use super::findings::*;
use super::istio_rules::{ENVOY_FILTER, GATEWAY, SIDECAR, resource, with};

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
