//! Structure of the Grafana dashboard: panels, units, legends and data source.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use super::document;

/// Columns of Grafana's grid.
const GRID_COLUMNS: u64 = 24;

/// A panel or row of the dashboard.
#[derive(Clone, Debug)]
pub struct Panel {
    pub title: String,
    pub kind: String,
    pub unit: String,
    /// Expressions and their legends. The expressions contain no Grafana variables.
    pub queries: Vec<(String, String)>,
}

pub fn dashboard() -> Value {
    document("grafana/dashboards/okta-authz.json")
}

fn panels(dashboard: &Value) -> &Vec<Value> {
    dashboard["panels"].as_array().unwrap()
}

/// Returns x, y, width and height.
fn grid_position(panel: &Value) -> [u64; 4] {
    ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap())
}

/// Returns all panels and rows. The queries select every proxy, and their rates use `window`.
pub fn panels_with_window(window: &str) -> Vec<Panel> {
    let dashboard = dashboard();
    let without_variables = |query: &str| {
        let query = query.replace("$__rate_interval", window).replace("\"$job\"", "\".*\"");
        let query = query.replace("\"$instance\"", "\".*\"");
        assert!(!query.contains('$'), "undefined variable: {query}");
        query
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let panel = |panel: &Value| Panel {
        title: text(&panel["title"]),
        kind: text(&panel["type"]),
        unit: text(&panel["fieldConfig"]["defaults"]["unit"]),
        queries: panel["targets"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|target| {
                (without_variables(target["expr"].as_str().unwrap()), text(&target["legendFormat"]))
            })
            .collect(),
    };
    panels(&dashboard).iter().map(panel).collect()
}

#[test]
fn panels_have_unique_ids_and_do_not_overlap() {
    let dashboard = dashboard();
    let (mut ids, mut cells) = (HashSet::new(), HashSet::new());
    for panel in panels(&dashboard) {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{}", panel["title"]);
        let [x, y, width, height] = grid_position(panel);
        assert!(width > 0 && height > 0 && x + width <= GRID_COLUMNS, "{}", panel["title"]);
        for cell in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
            assert!(cells.insert(cell), "{} overlaps another panel at {cell:?}", panel["title"]);
        }
    }
    let rows = cells.iter().map(|(_, y)| y).max().unwrap() + 1;
    assert_eq!(cells.len() as u64, rows * GRID_COLUMNS, "there is a gap between the panels");
}

#[test]
fn panels_have_known_kinds_titles_and_legends() {
    let units = ["reqps", "ops", "percentunit", "s", "ms", "µs", "short", "bytes"];
    for panel in panels_with_window("5m") {
        assert!(["row", "stat", "timeseries"].contains(&panel.kind.as_str()), "{panel:?}");
        assert!(!panel.title.is_empty());
        assert_eq!(panel.queries.is_empty(), panel.kind == "row", "{panel:?}");
        assert!(panel.kind == "row" || units.contains(&panel.unit.as_str()), "{panel:?}");
        assert!(panel.queries.iter().all(|(_, legend)| !legend.is_empty()), "{panel:?}");
    }
    let dashboard = dashboard();
    for panel in panels(&dashboard) {
        let targets = panel["targets"].as_array().into_iter().flatten();
        let names: Vec<&str> = targets.map(|target| target["refId"].as_str().unwrap()).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{}", panel["title"]);
    }
}

/// Every panel uses the variable `datasource`. Its default is the data source of the provisioning.
#[test]
fn panels_use_the_provisioned_data_source() {
    fn sources(value: &Value, found: &mut Vec<Value>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| sources(item, found)),
            Value::Object(members) => {
                found.extend(members.get("datasource").cloned());
                members.values().for_each(|member| sources(member, found));
            }
            _ => {}
        }
    }
    let dashboard = dashboard();
    let mut found = Vec::new();
    sources(&dashboard, &mut found);
    let expected = serde_json::json!({ "type": "prometheus", "uid": "${datasource}" });
    assert!(found.len() > 20 && found.iter().all(|source| *source == expected));
    let provisioned = &document("grafana/provisioning/datasources/prometheus.yaml")["datasources"][0];
    let variable = &dashboard["templating"]["list"][0];
    assert_eq!((&variable["name"], &variable["type"]), (&"datasource".into(), &"datasource".into()));
    assert_eq!(variable["current"]["value"], provisioned["uid"]);
    assert_eq!(variable["query"], provisioned["type"]);
}
