//! A bar chart of the CPU time that each filter adds to a request, for the book.

use std::fmt::Write as _;

use crate::results::Result;
use crate::settings::Settings;

const ROW: usize = 26;
const TOP: usize = 44;
/// The start of the bars, and the length of the longest bar.
const LEFT: f64 = 330.0;
const LONGEST: f64 = 330.0;

/// Writes book/src/images/bench.svg, a file of the repository.
pub fn write(results: &[Result], settings: &Settings) {
    let file = test_support::root().join("book/src/images/bench.svg");
    std::fs::write(file, svg(results)).expect("book/src/images/bench.svg");
    settings.log("wrote book/src/images/bench.svg");
}

fn svg(results: &[Result]) -> String {
    let rows: Vec<&Result> = results.iter().filter(|result| !result.name.starts_with("no filter")).collect();
    let longest = rows.iter().map(|row| row.added.max).fold(1.0, f64::max);
    let height = TOP + rows.len() * ROW + 10;
    // A white background, because the page may be dark.
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 780 {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <title>CPU time added to each request</title>\n\
         <rect width=\"780\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"12\" y=\"26\" font-size=\"15\" font-weight=\"bold\">CPU time that a filter adds to each request, µs: median \
                  and range of all rounds</text>\n"
    );
    for (index, row) in rows.iter().enumerate() {
        let y = TOP + index * ROW;
        let length = |micros: f64| (micros.max(0.0) / longest) * LONGEST;
        let color = match row.name {
            name if name.starts_with("jwt_authn") => "#9aa5b1",
            name if name.starts_with("floor") => "#d5dbe1",
            _ => "#2f6fb5",
        };
        let (from, to) = (LEFT + length(row.added.min), LEFT + length(row.added.max));
        let (middle, text) = (y + 10, y + 15);
        writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{text}\" text-anchor=\"end\">{}</text>\n\
             <rect x=\"{LEFT:.0}\" y=\"{y}\" width=\"{:.1}\" height=\"20\" fill=\"{color}\"/>\n\
             <line x1=\"{from:.1}\" y1=\"{middle}\" x2=\"{to:.1}\" y2=\"{middle}\" stroke=\"#1b1f24\" stroke-width=\"2\"/>\n\
             <text x=\"{:.1}\" y=\"{text}\">{:.1} ({:.2}x)</text>",
            LEFT - 8.0,
            row.name,
            length(row.added.median),
            to + 8.0,
            row.added.median,
            row.of_native.median
        )
        .expect("text");
    }
    svg + "</svg>\n"
}
