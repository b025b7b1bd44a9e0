//! Interpretation of YAML by Envoy. The unit tests of `okta-authz` use these tables too, so both
//! readers must agree.

use std::path::Path;

use serde_json::{Value, json};
use test_support::client::Client;
use test_support::envoy::{Envoy, WORKERS, minor_version};

/// A bootstrap with the listener that `test-support` waits for. Tests append clusters and
/// listeners.
const BOOTSTRAP: &str = r#"
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }
static_resources:
  listeners:
    - name: first
      address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
      filter_chains:
        - filters:
            - name: echo
              typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo }
"#;
const MANAGER: &str = r#"
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: http
          route_config: { virtual_hosts: [] }
          http_filters:
            - name: router
              typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
"#;

fn table(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("cli/tests").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap()
}

fn indented(text: &str, by: usize) -> String {
    text.lines().map(|line| format!("{}{line}\n", " ".repeat(by))).collect()
}

/// Returns the bootstrap that Envoy reads from this text, or `None` if Envoy does not start.
fn read(name: &str, yaml: &str) -> Option<Value> {
    let envoy = Envoy::try_start_file(name, "envoy.yaml", yaml, WORKERS).ok()?;
    let dump = Client::new(envoy.admin_port).get("/config_dump?mask=bootstrap").json();
    Some(dump["configs"][0]["bootstrap"].clone())
}

#[test]
fn yaml_scalars_are_read_as_in_the_table() {
    let rows = table("scalars.json");
    let mut yaml = format!("{BOOTSTRAP}node:\n  metadata:\n");
    for (index, row) in rows.iter().enumerate() {
        yaml.push_str(&format!("    v{index}: {}\n", text(row, "written")));
    }
    let bootstrap = read("yaml-scalars", &yaml).expect("Envoy must start");
    for (index, row) in rows.iter().enumerate() {
        let read = &bootstrap["node"]["metadata"][format!("v{index}")];
        assert_eq!(read, &row["envoy"], "{row}");
    }
}

#[test]
fn yaml_structures_are_read_as_in_the_table() {
    for row in table("structures.json") {
        let directives = row["directives"].as_str().unwrap_or_default();
        let written = indented(text(&row, "written"), 4);
        let bootstrap =
            read("yaml-structures", &format!("{directives}{BOOTSTRAP}node:\n  metadata:\n{written}"));
        // An empty Struct is not in the dump.
        let metadata =
            bootstrap.map(|read| read["node"].get("metadata").cloned().unwrap_or_else(|| json!({})));
        assert_eq!(metadata.as_ref(), row.get("envoy"), "{row}");
    }
}

#[test]
fn yaml_messages_are_read_as_in_the_table() {
    let mut rows = table("messages.json");
    // Envoy before `since` rejects the whole file.
    rows.retain(|row| row["since"].as_u64().is_none_or(|since| u64::from(minor_version()) >= since));
    let (mut clusters, mut listeners) = (String::from("  clusters:\n"), String::new());
    for (index, row) in rows.iter().enumerate() {
        let written = text(row, "written");
        if row["message"] == "cluster" {
            clusters.push_str(&format!("  - name: c{index}\n{}", indented(written, 4)));
            if !written.contains("oadAssignment") {
                clusters.push_str(&format!("    load_assignment: {{ cluster_name: c{index} }}\n"));
            }
        } else {
            listeners.push_str(&format!(
                "    - name: l{index}\n      address: {{ socket_address: {{ address: 127.0.0.1, port_value: 0 }} }}\n      \
                 filter_chains:\n      - filters:\n        - name: http\n          typed_config:\n{}{}",
                indented(MANAGER, 2),
                indented(written, 12),
            ));
        }
    }
    let bootstrap =
        read("yaml-messages", &format!("{BOOTSTRAP}{listeners}{clusters}")).expect("Envoy must start");
    let named = |kind: &str, name: String| {
        let resources = bootstrap["static_resources"][kind].as_array().unwrap();
        resources.iter().find(|resource| resource["name"] == name.as_str()).unwrap().clone()
    };
    for (index, row) in rows.iter().enumerate() {
        let message = if row["message"] == "cluster" {
            named("clusters", format!("c{index}"))
        } else {
            named("listeners", format!("l{index}"))["filter_chains"][0]["filters"][0]["typed_config"].clone()
        };
        for (field, expected) in row["envoy"].as_object().unwrap() {
            assert_eq!(&message[field], expected, "{row}");
        }
    }
}
