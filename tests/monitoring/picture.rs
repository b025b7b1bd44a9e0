//! docs/dashboard.svg: the dashboard's panels, drawn from what Prometheus answers to their own queries. Not by Grafana.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::dashboard::{self, Panel};
use super::prometheus::Prometheus;
use super::scene::Scene;
use super::traffic;

/// What a column and a line of the dashboard's grid are wide and high.
const COLUMN: f64 = 50.0;
const LINE: f64 = 24.0;
const STEP: f64 = 2.0;
/// How far back the picture goes.
const SPAN: f64 = 150.0;
const WINDOW: &str = "10s";
const COLOURS: [&str; 10] = [
    "#2f6fb5", "#d9822b", "#3f9b57", "#c23030", "#8a63d2", "#00899b", "#b5851f", "#d14f8f", "#5c7080",
    "#7a9e1f",
];
/// Legends longer than the panel end here.
const MAX_LEGENDS: usize = 6;

type Points = Vec<(f64, f64)>;

/// Two minutes in which something happens.
pub fn happenings(scene: &Scene) {
    let seconds = Duration::from_secs;
    traffic::send(scene, seconds(40), 5);
    traffic::trap(scene);
    traffic::send(scene, seconds(20), 10);
    traffic::outage(scene, seconds(20));
    traffic::send(scene, seconds(10), 5);
    let _ = traffic::wait(scene, 4_000);
    traffic::send(scene, seconds(30), 8);
}

#[allow(clippy::disallowed_methods, reason = "now is where the picture ends")]
pub fn draw(prometheus: &Prometheus) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let panels = dashboard::read(WINDOW);
    let height = panels.iter().map(|panel| panel.place[1] + panel.place[3]).max().unwrap() as f64 * LINE;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1200 {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <title>The dashboard of deploy/monitoring</title>\n<rect width=\"1200\" height=\"{height}\" fill=\"#f4f5f7\"/>\n"
    );
    for panel in &panels {
        let series: Vec<(String, Points)> = panel
            .queries
            .iter()
            .flat_map(|(query, legend)| {
                let series = prometheus.range(query, (now - SPAN, now), STEP).into_iter();
                series.map(|(labels, points)| (named(legend, &labels), points)).collect::<Vec<_>>()
            })
            .collect();
        svg.push_str(&one(panel, &series, (now - SPAN, now)));
    }
    std::fs::write(test_support::root().join("docs/dashboard.svg"), svg + "</svg>\n").unwrap();
}

/// `{{label}}` in a legend is the label's value.
fn named(legend: &str, labels: &Value) -> String {
    let mut name = legend.to_owned();
    for (label, value) in labels.as_object().unwrap() {
        name = name.replace(&format!("{{{{{label}}}}}"), value.as_str().unwrap());
    }
    name
}

fn one(panel: &Panel, series: &[(String, Points)], (from, to): (f64, f64)) -> String {
    let [x, y, w, h] = panel.place.map(|side| side as f64);
    let (left, top, width, height) = (x * COLUMN, y * LINE, w * COLUMN, h * LINE);
    if panel.kind == "row" {
        return format!(
            "<text x=\"{}\" y=\"{}\" font-size=\"14\" font-weight=\"bold\">{}</text>\n",
            left + 8.0,
            top + 17.0,
            panel.title
        );
    }
    let mut svg = format!(
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"3\" fill=\"#fff\" stroke=\"#d8dce1\"/>\n\
         <text x=\"{}\" y=\"{}\" font-weight=\"bold\">{}</text>\n",
        left + 3.0,
        top + 3.0,
        width - 6.0,
        height - 6.0,
        left + 12.0,
        top + 20.0,
        panel.title
    );
    if panel.kind == "stat" {
        let last = series.first().and_then(|(_, points)| points.last()).map_or(f64::NAN, |(_, value)| *value);
        let (x, y) = (left + width / 2.0, top + height / 2.0 + 20.0);
        writeln!(
            svg,
            "<text x=\"{x}\" y=\"{y}\" font-size=\"28\" text-anchor=\"middle\" fill=\"#2f6fb5\">{}</text>",
            tell(last, &panel.unit)
        )
        .unwrap();
        return svg;
    }
    let stacked = ["By code", "By provider"].contains(&panel.title.as_str());
    let drawn = if stacked { stack(series) } else { series.to_vec() };
    let top_value = drawn
        .iter()
        .flat_map(|(_, points)| points)
        .map(|(_, value)| *value)
        .filter(|value| value.is_finite())
        .fold(0.0, f64::max);
    let top_value = if top_value > 0.0 { top_value * 1.1 } else { 1.0 };
    let (plot_left, plot_top, plot_width, plot_height) =
        (left + 62.0, top + 30.0, width - 76.0, height - 62.0);
    let at_x = |time: f64| plot_left + (time - from) / (to - from) * plot_width;
    let at_y = |value: f64| plot_top + plot_height * (1.0 - value.max(0.0) / top_value);
    for part in [0.0, 0.5, 1.0] {
        let y = at_y(top_value * part);
        writeln!(
            svg,
            "<line x1=\"{plot_left}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#e6e9ed\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#5c7080\" font-size=\"10\">{}</text>",
            plot_left + plot_width,
            plot_left - 5.0,
            y + 3.5,
            tell(top_value * part, &panel.unit)
        )
        .unwrap();
    }
    for (index, (_, points)) in drawn.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        for run in runs(points) {
            let path: Vec<String> =
                run.iter().map(|(time, value)| format!("{:.1},{:.1}", at_x(*time), at_y(*value))).collect();
            writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>",
                path.join(" ")
            )
            .unwrap();
        }
    }
    svg + &legend(series, left + 12.0, top + height - 12.0, width - 24.0)
}

fn legend(series: &[(String, Points)], mut x: f64, y: f64, width: f64) -> String {
    let (mut svg, end) = (String::new(), x + width);
    for (index, (name, _)) in series.iter().enumerate().take(MAX_LEGENDS) {
        let long = name.chars().count() as f64 * 5.6 + 26.0;
        if x + long > end {
            break;
        }
        let (colour, text) = (COLOURS[index % COLOURS.len()], x + 14.0);
        writeln!(
            svg,
            "<rect x=\"{x:.0}\" y=\"{:.0}\" width=\"10\" height=\"3\" fill=\"{colour}\"/><text x=\"{text:.0}\" y=\"{y:.0}\" font-size=\"10\">{name}</text>",
            y - 5.0
        )
        .unwrap();
        x += long;
    }
    let left_out = series.len().saturating_sub(svg.lines().count());
    if left_out > 0 {
        writeln!(
            svg,
            "<text x=\"{x:.0}\" y=\"{y:.0}\" font-size=\"10\" fill=\"#5c7080\">and {left_out} more</text>"
        )
        .unwrap();
    }
    svg
}

/// Each series on top of those before.
fn stack(series: &[(String, Points)]) -> Vec<(String, Points)> {
    let mut below: std::collections::BTreeMap<u64, f64> = std::collections::BTreeMap::new();
    let mut on_top = |(time, value): (f64, f64)| {
        let sum = below.entry(time.to_bits()).or_default();
        *sum += value;
        (time, *sum)
    };
    series
        .iter()
        .map(|(name, points)| (name.clone(), points.iter().copied().map(&mut on_top).collect()))
        .collect()
}

/// Pieces without a gap.
fn runs(points: &[(f64, f64)]) -> Vec<Points> {
    let mut runs: Vec<Points> = Vec::new();
    for (time, value) in points.iter().copied().filter(|(_, value)| value.is_finite()) {
        match runs.last_mut() {
            Some(run) if run.last().is_some_and(|(last, _)| time - last < STEP * 1.5) => {
                run.push((time, value))
            }
            _ => runs.push(vec![(time, value)]),
        }
    }
    runs
}

fn tell(value: f64, unit: &str) -> String {
    let short = |value: f64| {
        if value == 0.0 || value >= 10.0 { format!("{value:.0}") } else { format!("{value:.2}") }
    };
    match unit {
        "percentunit" => format!("{:.0} %", value * 100.0),
        "bytes" if value >= 1048576.0 => format!("{} MiB", short(value / 1048576.0)),
        "bytes" => format!("{} KiB", short(value / 1024.0)),
        "s" if value >= 7200.0 => format!("{} h", short(value / 3600.0)),
        "reqps" | "ops" => format!("{}/s", short(value)),
        "short" => short(value),
        unit => format!("{} {unit}", short(value)),
    }
}
