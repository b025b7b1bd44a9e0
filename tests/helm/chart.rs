//! Runs Helm on the chart.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use test_support::root;

use crate::resources::{documents, parse};

pub(crate) const CHART: &str = "deploy/helm/okta-authz-filter";

/// A file of `deploy/helm/examples`, and the namespace that its comment names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Example(pub(crate) &'static str, pub(crate) &'static str);

pub(crate) const ISTIO_GATEWAY: Example = Example("istio-gateway", "istio-ingress");
pub(crate) const ISTIO_SIDECAR: Example = Example("istio-sidecar", "orders");
pub(crate) const ENVOY_GATEWAY: Example = Example("envoy-gateway", "default");
pub(crate) const EXAMPLES: [Example; 3] = [ISTIO_GATEWAY, ISTIO_SIDECAR, ENVOY_GATEWAY];

impl Example {
    /// Returns the path of the file.
    pub(crate) fn file(self) -> String {
        format!("deploy/helm/examples/{}.yaml", self.0)
    }

    /// Returns the values of the file with changes. A null removes a value.
    pub(crate) fn with(self, changes: &Value) -> Value {
        let mut values = documents(&self.file()).swap_remove(0);
        merge(&mut values, changes);
        values
    }
}

fn merge(values: &mut Value, changes: &Value) {
    let Value::Object(members) = changes else {
        *values = changes.clone();
        return;
    };
    if !values.is_object() {
        *values = json!({});
    }
    for (name, change) in members {
        match change {
            Value::Null => drop(values.as_object_mut().unwrap().remove(name)),
            change => merge(&mut values[name], change),
        }
    }
}

/// Returns a command for Helm, without plugins, repositories or a cluster of the user.
pub(crate) fn helm() -> Command {
    let helm = std::env::var_os("OKTA_AUTHZ_HELM").expect("`make helm-test` sets OKTA_AUTHZ_HELM");
    let home = test_support::scratch("helm");
    let mut command = Command::new(helm);
    command.current_dir(root()).env("KUBECONFIG", home.join("no-cluster"));
    for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        command.env(variable, home.join(variable));
    }
    command
}

/// Renders a chart with these values, and returns the text.
///
/// # Errors
///
/// Helm's message.
pub(crate) fn render_chart(chart: &Path, namespace: &str, values: &Value) -> Result<String, String> {
    let mut command = helm();
    command.args(["template", "okta-authz"]).arg(chart).args(["--namespace", namespace, "--values", "-"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Helm starts");
    child.stdin.take().unwrap().write_all(values.to_string().as_bytes()).expect("Helm reads its input");
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// Renders an example with changes, and returns the text.
pub(crate) fn text(example: Example, changes: &Value) -> String {
    render_chart(Path::new(CHART), example.1, &example.with(changes))
        .unwrap_or_else(|error| panic!("{example:?} {changes}: {error}"))
}

/// Renders an example with changes, and returns its resources.
pub(crate) fn render(example: Example, changes: &Value) -> Vec<Value> {
    parse(&text(example, changes))
}

/// Returns the resource of a kind.
pub(crate) fn of_kind<'a>(resources: &'a [Value], kind: &str) -> &'a Value {
    let mut found = resources.iter().filter(|resource| resource["kind"] == kind);
    let resource = found.next().unwrap_or_else(|| panic!("a {kind} in {resources:?}"));
    assert!(found.next().is_none(), "one {kind}");
    resource
}
