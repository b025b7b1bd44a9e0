//! The requests per second of 10,000 Envoys over time, with and without jitter, for the book. The
//! axis of the requests is logarithmic.

use std::fmt::Write as _;

use super::requests::Requests;

const WIDTH: usize = 780;
const PANEL: f64 = 190.0;
const TOP: f64 = 66.0;
const LEFT: f64 = 60.0;
const PLOT_WIDTH: f64 = 700.0;
/// The largest number of requests per second on the axis: 10 to this power.
const DECADES: i32 = 4;
/// A point is the largest second of so many.
const STEP: usize = 20;

/// Writes book/src/images/fleet.svg, a file of the repository.
pub(crate) fn write(panels: &[&(&str, [Requests; 2])]) {
    let file = test_support::root().join("book/src/images/fleet.svg");
    std::fs::write(&file, svg(panels)).expect("book/src/images/fleet.svg");
    println!("\nwrote book/src/images/fleet.svg");
}

fn svg(panels: &[&(&str, [Requests; 2])]) -> String {
    let bottom = panels.iter().fold(TOP, |top, _| top + PANEL + 60.0);
    // A white background, because the page may be dark.
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {bottom:.0}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<title>Requests per second of 10,000 Envoys</title>\n\
         <rect width=\"{WIDTH}\" height=\"{bottom:.0}\" fill=\"#ffffff\"/>\n\
         <text x=\"12\" y=\"24\" font-size=\"15\" font-weight=\"bold\">Requests per second of 10,000 Envoys to the issuer</text>\n\
         <text x=\"420\" y=\"24\" fill=\"#2f6fb5\">with jitter</text>\n\
         <text x=\"510\" y=\"24\" fill=\"#c2571a\">without jitter</text>\n"
    );
    let mut top = TOP;
    for (name, [with, without]) in panels {
        axes(&mut svg, name, top, with.seconds().len());
        line(&mut svg, without, top, "#c2571a");
        line(&mut svg, with, top, "#2f6fb5");
        top += PANEL + 60.0;
    }
    svg + "</svg>\n"
}

/// Returns the height of a number of requests above the axis.
fn height(requests: f64) -> f64 {
    requests.max(1.0).log10() / f64::from(DECADES) * PANEL
}

fn axes(svg: &mut String, name: &str, top: f64, seconds: usize) {
    let bottom = top + PANEL;
    writeln!(svg, "<text x=\"{LEFT}\" y=\"{:.0}\">{name}</text>", top - 10.0).expect("text");
    for decade in 0..=DECADES {
        let requests = 10f64.powi(decade);
        let y = bottom - height(requests);
        writeln!(
            svg,
            "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\" stroke=\"#d5dbe1\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{requests:.0}</text>",
            LEFT + PLOT_WIDTH,
            LEFT - 6.0,
            y + 4.0
        )
        .expect("text");
    }
    for second in (0..=seconds).step_by(1_800) {
        let x = x(second, seconds);
        writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{bottom:.1}\" x2=\"{x:.1}\" y2=\"{:.1}\" stroke=\"#1b1f24\"/>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{} min</text>",
            bottom + 4.0,
            bottom + 18.0,
            second / 60
        )
        .expect("text");
    }
}

fn x(second: usize, seconds: usize) -> f64 {
    let number = |value: usize| f64::from(u32::try_from(value).expect("seconds"));
    LEFT + number(second) / number(seconds) * PLOT_WIDTH
}

fn line(svg: &mut String, requests: &Requests, top: f64, color: &str) {
    let seconds = requests.seconds();
    let points: Vec<_> = (0..seconds.len())
        .step_by(STEP)
        .map(|start| {
            let end = (start + STEP).min(seconds.len());
            let y = top + PANEL - height(f64::from(requests.peak_second(start..end)));
            format!("{:.1},{y:.1}", x(start, seconds.len()))
        })
        .collect();
    writeln!(svg, "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\"/>", points.join(" "))
        .expect("text");
}
