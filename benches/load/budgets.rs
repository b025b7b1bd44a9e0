//! The performance budgets of DESIGN.md, and whether this run meets them.

use serde::Serialize;

use crate::memory::Memory;
use crate::results::Result;
use crate::rows::{
    CACHED, EIGHT, FEW_HEADERS, FLOOR_CACHED, FLOOR_NEW, MANY_HEADERS, MANY_RULES, NEW, TEN_RULES,
};
use crate::size::Size;
use crate::statistics::{Summary, Verdict};

const MIB: f64 = 1024.0 * 1024.0;
/// The growth of memory that the budget allows while distinct tokens arrive, in MiB. The allocators
/// of Envoy and V8 need some.
const GROWTH_LIMIT_MIB: f64 = 2.0;

/// A limit and the measured value.
#[derive(Serialize)]
pub struct Budget {
    pub name: String,
    pub limit: f64,
    pub measured: f64,
    /// The value of a module that makes no decision, in this run. No filter can be below it.
    pub floor: Option<f64>,
    pub unit: &'static str,
    /// `Less` if the run meets the budget.
    pub verdict: Verdict,
}

/// Returns the budgets of the selected rows and parts. `tests/outages` checks the number of key
/// fetches.
pub fn budgets(load: &[Result], memory: Option<&Memory>, size: &Size) -> Vec<Budget> {
    let row = |name| load.iter().find(|result| result.name == name);
    let mut budgets = Vec::new();
    let native =
        [("cached tokens, permit only", 0.12, CACHED, FLOOR_CACHED), ("new tokens", 0.9, NEW, FLOOR_NEW)];
    for (name, limit, measured, floor) in native {
        let Some(measured) = row(measured) else { continue };
        let name = format!("CPU added with {name}, relative to jwt_authn's default");
        let floor = row(floor).map(|row| row.of_native.median);
        budgets.push(Budget { floor, ..of_rounds(&name, limit, measured.of_native) });
    }
    if let (Some(eight), Some(one)) = (row(EIGHT), row(CACHED)) {
        let one_more = (eight.of_native.median - one.of_native.median) / 7.0;
        budgets.push(once("CPU added by one more filter in the chain, cached tokens", 0.12, one_more, "x"));
    }
    for (name, limit, many, few) in [
        ("CPU added with 10,000 rules, relative to 10 rules", 1.5, MANY_RULES, TEN_RULES),
        ("CPU added with 60 headers, relative to 5 headers", 1.3, MANY_HEADERS, FEW_HEADERS),
    ] {
        if let (Some(many), Some(few)) = (row(many), row(few)) {
            budgets.push(once(name, limit, many.added.median / few.added.median, "x"));
        }
    }
    if let Some(memory) = memory {
        let worker = memory.of_one_worker() as f64 / MIB;
        budgets.push(once("memory of one worker's VM, 10,000 cached tokens", 32.0, worker, " MiB"));
        let name = format!("growth of memory up to {} tokens", memory.tokens);
        budgets.push(once(&name, GROWTH_LIMIT_MIB, memory.growth() as f64 / MIB, " MiB"));
    }
    budgets.push(once("size of the module", 900.0, size.total as f64 / 1024.0, " KiB"));
    budgets
}

/// Returns a budget of values that have a spread.
fn of_rounds(name: &str, limit: f64, measured: Summary) -> Budget {
    Budget { verdict: measured.against(limit), ..once(name, limit, measured.median, "x") }
}

/// Returns a budget of one value, or of medians.
fn once(name: &str, limit: f64, measured: f64, unit: &'static str) -> Budget {
    let verdict = if measured <= limit { Verdict::Less } else { Verdict::More };
    Budget { name: name.to_owned(), limit, measured, floor: None, unit, verdict }
}
