//! The performance budgets of DESIGN.md, and whether this run meets them.

use serde::Serialize;

use crate::measure::Result;
use crate::memory::Memory;
use crate::rows::{CACHED, EIGHT, FLOOR_CACHED, FLOOR_NEW, MANY_RULES, NEW, TEN_RULES};
use crate::size::Size;

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
    pub met: bool,
}

/// Returns all budgets but the number of key fetches, which `tests/outages` checks.
pub fn budgets(load: &[Result], memory: &Memory, size: &Size) -> Vec<Budget> {
    let row = |name| load.iter().find(|result| result.name == name).expect("the row");
    let budget = |name: &str, limit, measured: f64, unit| Budget {
        name: name.to_owned(),
        limit,
        measured,
        floor: None,
        unit,
        met: measured <= limit,
    };
    let with_floor = |floor, budget| Budget { floor: Some(row(floor).of_native), ..budget };
    let one_more = (row(EIGHT).of_native - row(CACHED).of_native) / 7.0;
    let rules = row(MANY_RULES).added.median / row(TEN_RULES).added.median;
    vec![
        with_floor(
            FLOOR_CACHED,
            budget(
                "CPU added with cached tokens, relative to jwt_authn's default",
                0.12,
                row(CACHED).of_native,
                "x",
            ),
        ),
        with_floor(
            FLOOR_NEW,
            budget(
                "CPU added with new tokens, relative to jwt_authn's default",
                0.9,
                row(NEW).of_native,
                "x",
            ),
        ),
        budget("CPU added by one more filter in the chain, cached tokens", 0.12, one_more, "x"),
        budget("CPU added with 10,000 rules, relative to 10 rules", 1.5, rules, "x"),
        budget(
            "memory of one worker's VM, 10,000 cached tokens",
            32.0,
            memory.of_one_worker() as f64 / MIB,
            " MiB",
        ),
        budget(
            &format!("growth of memory up to {} tokens", memory.tokens),
            GROWTH_LIMIT_MIB,
            memory.growth() as f64 / MIB,
            " MiB",
        ),
        budget("size of the module", 1.0, size.total as f64 / MIB, " MiB"),
    ]
}
