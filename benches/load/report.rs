//! The tables.

use std::fmt::Write as _;

use crate::measure::Result;

/// One line for each row of load.
pub fn load_table(results: &[Result]) -> String {
    let mut table = format!(
        "{:44}{:>9}{:>16}{:>9}{:>11}{:>10}{:>9}\n",
        "CPU per request, µs", "median", "min to max", "added", "of native", "req/s", "p99"
    );
    for result in results {
        let cpu = result.cpu_per_request;
        let spread = format!("{:.1} to {:.1}", cpu.min, cpu.max);
        let of_native =
            if result.added.median == 0.0 { String::new() } else { format!("{:.2}x", result.of_native) };
        writeln!(
            table,
            "{:44}{:>9.1}{spread:>16}{:>9.1}{of_native:>11}{:>10.0}{:>9.0}",
            result.name,
            cpu.median,
            result.added.median,
            result.requests_per_second.median,
            result.p99.median
        )
        .expect("text");
    }
    table
}
