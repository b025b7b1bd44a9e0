//! The budgets of the design, and whether they are met.

use serde::Serialize;

use crate::measure::Result;
use crate::memory::Memory;
use crate::rows::{EIGHT, FLOOR_NEW, FLOOR_SEEN, MANY_RULES, NEW, SEEN, TEN_RULES};
use crate::size::Size;

const MIB: f64 = 1024.0 * 1024.0;
/// What memory may grow while distinct tokens go by, and be called flat: the allocators of Envoy and V8 take what they take.
const FLAT_MIB: f64 = 2.0;

/// A limit and what was measured.
#[derive(Serialize)]
pub struct Budget {
    pub what: String,
    pub limit: f64,
    pub instrumented: f64,
    /// What a module without any decision takes in the same run: less cannot be reached.
    pub floor: Option<f64>,
    pub unit: &'static str,
    pub met: bool,
}

/// All but the fetches of keys, which a test counts (tests/outages).
pub fn budgets(load: &[Result], memory: &Memory, size: &Size) -> Vec<Budget> {
    let row = |name| load.iter().find(|result| result.name == name).expect("that row");
    let budget = |what: &str, limit, instrumented: f64, unit| Budget {
        what: what.to_owned(),
        limit,
        instrumented,
        floor: None,
        unit,
        met: instrumented <= limit,
    };
    let above = |floor, budget| Budget { floor: Some(row(floor).of_native), ..budget };
    let one_more = (row(EIGHT).of_native - row(SEEN).of_native) / 7.0;
    let rules = row(MANY_RULES).added.median / row(TEN_RULES).added.median;
    vec![
        above(
            FLOOR_SEEN,
            budget("CPU added, tokens seen before, of jwt_authn's default", 0.12, row(SEEN).of_native, "x"),
        ),
        above(
            FLOOR_NEW,
            budget("CPU added, every token new, of jwt_authn's default", 0.9, row(NEW).of_native, "x"),
        ),
        budget("the same of one more in a chain, tokens seen before", 0.12, one_more, "x"),
        budget("CPU added with 10,000 rules, of that with 10", 1.5, rules, "x"),
        budget(
            "memory of one worker's VM, 10,000 tokens seen",
            32.0,
            memory.of_one_worker() as f64 / MIB,
            " MiB",
        ),
        budget(
            &format!("growth from there to {} tokens", memory.tokens),
            FLAT_MIB,
            memory.growth() as f64 / MIB,
            " MiB",
        ),
        budget("size of the module", 1.0, size.total as f64 / MIB, " MiB"),
    ]
}
