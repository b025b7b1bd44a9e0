//! The files of `deploy/receive`: arguments, ports, probes, volumes, secrets and the NetworkPolicy
//! agree with the program, with the configuration and with each other.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};
use test_support::client::{Client, get};
use test_support::receiver::{Receiver, okta};
use test_support::root;

use super::harness::{find_values, yaml};
use super::resources::documents;

/// The names of the ports, in the order of `listen` and `internal_listen`.
const PORT_NAMES: [&str; 2] = ["http-okta", "http-internal"];

#[derive(Clone)]
struct Files {
    config: Value,
    resources: Vec<Value>,
    /// The systemd unit.
    unit: String,
}

fn files() -> Files {
    Files {
        config: yaml("deploy/receive/receive.yaml"),
        resources: documents("deploy/receive/kubernetes.yaml"),
        unit: std::fs::read_to_string(root().join("deploy/receive/okta-authz-receive.service")).unwrap(),
    }
}

impl Files {
    fn of(&self, kind: &str) -> &Value {
        self.resources.iter().find(|resource| resource["kind"] == kind).expect(kind)
    }

    fn pod(&self) -> &Value {
        &self.of("StatefulSet")["spec"]["template"]["spec"]
    }

    fn container(&self) -> &Value {
        &self.pod()["containers"][0]
    }

    /// Returns the ports of the configuration: that for Okta, and the internal one.
    fn ports(&self) -> [u64; 2] {
        ["listen", "internal_listen"]
            .map(|field| self.config[field].as_str().unwrap().parse::<SocketAddr>().unwrap().port().into())
    }

    /// Returns the words of a setting of the unit.
    fn setting(&self, name: &str) -> Vec<&str> {
        let line = self.unit.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_default().split(' ').collect()
    }

    /// Returns what does not agree.
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut expect = |what: &str, found: Value, expected: Value| {
            if found != expected {
                problems.push(format!("{what}: {found}, not {expected}"));
            }
        };
        let [okta, internal] = self.ports();
        let by_name = json!({ PORT_NAMES[0]: okta, PORT_NAMES[1]: internal });
        expect("container ports", named_ports(&self.container()["ports"], "containerPort"), by_name.clone());
        let service = self.of("Service");
        expect("service ports", named_ports(&service["spec"]["ports"], "port"), by_name);
        for (probe, path) in [("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
            let expected = json!({ "httpGet": { "path": path, "port": PORT_NAMES[1] } });
            expect(probe, self.container()[probe].clone(), expected);
        }
        // An empty selector would select every pod.
        let set = self.of("StatefulSet");
        let labels = &set["spec"]["template"]["metadata"]["labels"];
        expect("labels", json!(labels.as_object().is_some_and(|labels| !labels.is_empty())), json!(true));
        for (what, selector) in [
            ("service selector", &service["spec"]["selector"]),
            ("StatefulSet selector", &set["spec"]["selector"]["matchLabels"]),
            ("NetworkPolicy selector", &self.of("NetworkPolicy")["spec"]["podSelector"]["matchLabels"]),
        ] {
            expect(what, selector.clone(), labels.clone());
        }
        expect("serviceName", set["spec"]["serviceName"].clone(), service["metadata"]["name"].clone());
        let namespaces: BTreeSet<_> =
            self.resources.iter().map(|resource| resource["metadata"]["namespace"].to_string()).collect();
        expect("namespaces", json!(namespaces.len()), json!(1));
        // The embedded database has one writer.
        expect("replicas", set["spec"]["replicas"].clone(), json!(1));
        let image = concat!("registry.example.com/team/okta-authz:", env!("CARGO_PKG_VERSION"));
        expect("image", self.container()["image"].clone(), json!(image));
        self.expect_network_policy(&mut expect);
        self.expect_paths(&mut expect);
        self.expect_secrets(&mut expect);
        problems
    }

    /// Each port is open to some namespaces, and no namespace has both ports.
    fn expect_network_policy(&self, expect: &mut dyn FnMut(&str, Value, Value)) {
        let policy = &self.of("NetworkPolicy")["spec"];
        expect("policyTypes", policy["policyTypes"].clone(), json!(["Ingress"]));
        let mut open: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
        for rule in policy["ingress"].as_array().unwrap() {
            for port in rule["ports"].as_array().unwrap() {
                for from in rule["from"].as_array().into_iter().flatten() {
                    let name = &from["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"];
                    let sources = open.entry(port["port"].as_u64().unwrap()).or_default();
                    sources.extend(name.as_str().map(str::to_owned));
                }
            }
        }
        expect("NetworkPolicy ports", json!(open.keys().collect::<Vec<_>>()), json!(self.ports()));
        let of = |port: u64| open.get(&port).cloned().unwrap_or_default();
        let [okta, internal] = self.ports().map(of);
        let separate = !okta.is_empty() && !internal.is_empty() && okta.is_disjoint(&internal);
        expect("NetworkPolicy namespaces are separate", json!(separate), json!(true));
    }

    /// The program reads its configuration and writes its database at the paths of the volumes.
    fn expect_paths(&self, expect: &mut dyn FnMut(&str, Value, Value)) {
        let command: Vec<&str> =
            self.container()["command"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let file = *command.last().unwrap();
        expect("command", json!(command), json!(["okta-authz", "receive", file]));
        let start = self.setting("ExecStart");
        expect("ExecStart", json!(start), json!(["/usr/local/bin/okta-authz", "receive", file]));
        let before = json!(["/usr/local/bin/okta-authz", "receive", "--check", file]);
        expect("ExecStartPre", json!(self.setting("ExecStartPre")), before);
        let data = Path::new(self.config["storage"]["path"].as_str().unwrap()).parent().unwrap();
        let state = format!("/var/lib/{}", self.setting("StateDirectory").concat());
        expect("StateDirectory", json!(state), json!(data));
        let mounts = self.container()["volumeMounts"].as_array().unwrap();
        let mount = |directory: &Path| {
            mounts.iter().find(|mount| mount["mountPath"] == json!(directory)).cloned().unwrap_or_default()
        };
        let configuration = mount(Path::new(file).parent().unwrap());
        let volumes = self.pod()["volumes"].as_array().unwrap();
        let source = volumes.iter().find(|volume| volume["name"] == configuration["name"]);
        let is_map = source.is_some_and(|volume| volume["configMap"]["name"].is_string());
        expect("the directory of the configuration is a ConfigMap", json!(is_map), json!(true));
        let (database, claims) = (mount(data), &self.of("StatefulSet")["spec"]["volumeClaimTemplates"]);
        expect("volume of the database", claims[0]["metadata"]["name"].clone(), database["name"].clone());
        expect("the database is writable", json!(database["readOnly"] != true), json!(true));
        let names = |values: &[Value]| -> BTreeSet<String> {
            values.iter().map(|value| value["name"].to_string()).collect()
        };
        let mut existing = names(volumes);
        existing.extend(claims.as_array().unwrap().iter().map(|claim| claim["metadata"]["name"].to_string()));
        expect("volumes", json!(existing), json!(names(mounts)));
    }

    /// Each variable of a secret in the configuration comes from a Secret of Kubernetes.
    fn expect_secrets(&self, expect: &mut dyn FnMut(&str, Value, Value)) {
        let has_variable = |value: &Value| value["env"].is_string();
        let used = find_values(std::slice::from_ref(&self.config), &has_variable);
        let used: BTreeSet<&str> = used.into_iter().filter_map(|secret| secret["env"].as_str()).collect();
        let variables = self.container()["env"].as_array().into_iter().flatten();
        let given: BTreeSet<&str> = variables
            .filter(|variable| variable["valueFrom"]["secretKeyRef"]["name"].is_string())
            .filter_map(|variable| variable["name"].as_str())
            .collect();
        expect("variables of secrets", json!(given), json!(used));
    }
}

/// Returns an object with the name and the number of each port. `targetPort` must not differ.
fn named_ports(ports: &Value, member: &str) -> Value {
    let number = |port: &Value| port.get("targetPort").unwrap_or(&port[member]).clone();
    let ports = ports.as_array().unwrap().iter();
    ports.map(|port| (port["name"].as_str().unwrap().to_owned(), number(port))).collect()
}

#[test]
fn files_of_the_receiver_agree() {
    assert_eq!(files().problems(), [""; 0]);
    let names = std::fs::read_dir(root().join("deploy/receive")).unwrap();
    let names: BTreeSet<_> = names.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let known = ["kubernetes.yaml", "okta-authz-receive.service", "receive.yaml"];
    assert_eq!(names, known.map(str::to_owned).into(), "each file has a check here");
}

#[test]
fn file_of_the_receiver_with_an_error_is_reported() {
    let (service, set, policy) = (0, 1, 2);
    let container = "/spec/template/spec/containers/0";
    for (resource, pointer, value, expected) in [
        (service, "/spec/ports/0/port", json!(80), "service ports"),
        (service, "/spec/ports/1/targetPort", json!(9000), "service ports"),
        (service, "/spec/selector/app", json!("other"), "service selector"),
        (service, "/metadata/name", json!("other"), "serviceName"),
        (service, "/metadata/namespace", json!("other"), "namespaces"),
        (set, "/ports/1/containerPort", json!(8080), "container ports"),
        (set, "/ports/1/name", json!("http"), "container ports"),
        (set, "/livenessProbe/httpGet/path", json!("/readyz"), "livenessProbe"),
        (set, "/readinessProbe/httpGet/port", json!("http-okta"), "readinessProbe"),
        (set, "/command", json!(["okta-authz", "receiver", "/etc/okta-authz/receive.yaml"]), "command"),
        (set, "/command/2", json!("/etc/receive.yaml"), "ExecStart"),
        (set, "/image", json!("registry.example.com/team/okta-authz:latest"), "image"),
        (set, "/volumeMounts/0/mountPath", json!("/etc"), "ConfigMap"),
        (set, "/volumeMounts/1/mountPath", json!("/data"), "volume of the database"),
        (set, "/volumeMounts/1/readOnly", json!(true), "writable"),
        (
            set,
            "/env",
            json!([{ "name": "A", "valueFrom": { "secretKeyRef": { "name": "a", "key": "a" } } }]),
            "variables",
        ),
        (set, "/spec/replicas", json!(2), "replicas"),
        (set, "/spec/volumeClaimTemplates/0/metadata/name", json!("other"), "volume"),
        (policy, "/spec/podSelector/matchLabels", json!({}), "NetworkPolicy selector"),
        (policy, "/spec/ingress/0/ports/0/port", json!(8443), "NetworkPolicy ports"),
        (policy, "/spec/ingress/0/from", json!([]), "NetworkPolicy ports"),
        (
            policy,
            "/spec/ingress/1/from/0/namespaceSelector/matchLabels/kubernetes.io~1metadata.name",
            json!("ingress"),
            "separate",
        ),
        (policy, "/spec/policyTypes", json!(["Egress"]), "policyTypes"),
    ] {
        let mut files = files();
        let pointer = match pointer {
            pointer if pointer.starts_with("/spec") || pointer.starts_with("/metadata") => pointer.to_owned(),
            pointer => format!("{container}{pointer}"),
        };
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = files.resources[resource].pointer_mut(parent).unwrap();
        match (parent, name.parse::<usize>()) {
            (Value::Array(items), Ok(index)) => items[index] = value,
            (parent, _) => parent[name.replace("~1", "/")] = value,
        }
        let problems = files.problems();
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{pointer}: {problems:?}");
    }
    let changed = |change: &dyn Fn(&mut Files)| {
        let mut files = files();
        change(&mut files);
        files.problems().join("\n")
    };
    let other_path = changed(&|files| files.config["storage"]["path"] = json!("/data/revocations.redb"));
    assert!(other_path.contains("StateDirectory") && other_path.contains("volume"), "{other_path}");
    let unit = changed(&|files| files.unit = files.unit.replace("--check ", ""));
    assert!(unit.contains("ExecStartPre"), "{unit}");
    let secret = |files: &mut Files| {
        files.config["orgs"][0]["events"]["authorization"] = json!({ "env": "OKTA_EVENTS_AUTHORIZATION" });
    };
    assert!(changed(&secret).contains("variables of secrets"));
}

#[test]
fn program_has_the_arguments_and_the_paths_of_the_files() {
    let files = files();
    let check = files.setting("ExecStartPre");
    let file = Path::new(check.last().unwrap()).file_name().unwrap();
    let check = test_support::okta_authz()
        .args(&check[1..check.len() - 1])
        .arg(root().join("deploy/receive").join(file))
        .output()
        .unwrap();
    assert!(check.status.success(), "{check:?}");
    // `Receiver` starts the program with `receive FILE`, like the files.
    let receiver = Receiver::start("deploy", &okta(), |_| {});
    for probe in ["livenessProbe", "readinessProbe"] {
        let path = files.container()[probe]["httpGet"]["path"].as_str().unwrap();
        let statuses =
            [receiver.internal, receiver.public].map(|port| Client::to(port).send(&get(path)).status);
        assert_eq!(statuses, [200, 404], "{path}");
    }
}
