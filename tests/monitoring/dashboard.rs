//! The dashboard as a document: panels, units, legends and data sources.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use super::document;

const WIDTH: u64 = 24;

/// A panel with queries.
#[derive(Clone, Debug)]
pub struct Panel {
    pub title: String,
    pub kind: String,
    pub unit: String,
    /// PromQL expressions with the legends of their series.
    pub queries: Vec<(String, String)>,
}

pub fn dashboard() -> Value {
    document("grafana/dashboards/okta-authz.json")
}

fn panels(dashboard: &Value) -> &Vec<Value> {
    dashboard["panels"].as_array().unwrap()
}

fn place(panel: &Value) -> [u64; 4] {
    ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap())
}

/// Returns the panels and rows. Variables of queries select every proxy, and rates have this window.
pub fn read(window: &str) -> Vec<Panel> {
    let dashboard = dashboard();
    let filled = |query: &str| {
        let query = query.replace("$__rate_interval", window).replace("\"$job\"", "\".*\"");
        let query = query.replace("\"$instance\"", "\".*\"");
        assert!(!query.contains('$'), "an undefined variable: {query}");
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
            .map(|target| (filled(target["expr"].as_str().unwrap()), text(&target["legendFormat"])))
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
        let [x, y, width, height] = place(panel);
        assert!(width > 0 && height > 0 && x + width <= WIDTH, "{}", panel["title"]);
        for cell in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
            assert!(cells.insert(cell), "{} lies on another panel at {cell:?}", panel["title"]);
        }
    }
    let lowest = cells.iter().map(|(_, y)| y).max().unwrap() + 1;
    assert_eq!(cells.len() as u64, lowest * WIDTH, "no hole between the panels");
}

#[test]
fn panels_have_known_kinds_titles_and_legends() {
    let units = ["reqps", "ops", "percentunit", "s", "ms", "µs", "short", "bytes"];
    for panel in read("5m") {
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

/// Every panel uses the variable, whose default is the provisioned data source.
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
