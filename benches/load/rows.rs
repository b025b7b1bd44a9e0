//! A row of the load benchmark: a filter, its requests, and the expected response.

use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;

use crate::against::Against;
use crate::load::Load;
use crate::proofs::{self, Proofs};

pub const NO_FILTER: &str = "no filter";
pub const NO_FILTER_NEW: &str = "no filter, new tokens";
pub const NATIVE: &str = "jwt_authn, default";
pub const NATIVE_NEW: &str = "jwt_authn, default, new tokens";
pub const CACHED: &str = "this filter, cached tokens, permit only";
pub const LOGGED: &str = "this filter, cached tokens, identity logged";
pub const NEW: &str = "this filter, new tokens";
/// Eight filters in one chain: the cost of one more filter when its code and Envoy's are in the
/// processor's caches.
pub const EIGHT: &str = "this filter eight times, cached tokens";
pub const FLOOR_CACHED: &str = "floor: one header read, the permit written";
pub const FLOOR_NEW: &str = "floor: these calls and the signature verification";
pub const TEN_RULES: &str = "this filter, 2 claim headers, 10 rules";
pub const MANY_RULES: &str = "this filter, 2 claim headers, 10,000 rules";
pub const OPAQUE: &str = "this filter, cached opaque tokens";
pub const FEW_HEADERS: &str = "this filter, 5 headers";
pub const MANY_HEADERS: &str = "this filter, 60 headers";

/// A row.
pub struct Row {
    pub name: &'static str,
    pub filters: Vec<Value>,
    pub requests: Requests,
    /// The status, and the denial code of the body if the filter is ours and the status is not 200.
    pub status: u16,
    pub code: &'static str,
    /// The rows for comparison: the row without a filter, and the row of `jwt_authn`, for the same
    /// requests.
    pub base: &'static str,
    pub reference: &'static str,
    /// The filters and requests with the other build.
    pub old: Option<(Vec<Value>, Requests)>,
}

/// The requests of a row.
pub enum Requests {
    /// Requests with one decision, however often the load generator sends them.
    Repeated(Rc<Load>),
    /// Requests with DPoP proofs. Each run has new ones.
    Proofs(Proofs),
}

impl Row {
    /// Adds the other build, if the row has a filter of this project.
    pub fn against(mut self, against: &Against) -> Self {
        self.old = against.filters(&self.filters).map(|filters| (filters, self.requests.twin()));
        self
    }
}

impl Requests {
    /// Returns requests with one decision, however often the load generator sends them.
    pub fn of(load: Load) -> Self {
        Self::Repeated(Rc::new(load))
    }

    /// Returns the requests of the next run to this port, and the duration of the run.
    pub fn prepare(&self, port: u16, time: Duration) -> (Rc<Load>, Duration) {
        match self {
            Self::Repeated(load) => (Rc::clone(load), time),
            Self::Proofs(proofs) => {
                let time = time.min(proofs::MAX_TIME);
                (Rc::new(proofs.load(port, time)), time)
            }
        }
    }

    /// Returns the same requests for another filter.
    fn twin(&self) -> Self {
        match self {
            Self::Repeated(load) => Self::of(load.twin()),
            Self::Proofs(proofs) => Self::Proofs(proofs.twin()),
        }
    }
}

/// Removes the rows whose names this predicate rejects, except those with which a selected row is
/// compared.
///
/// # Panics
///
/// If a row names a row that does not exist.
pub fn select(rows: Vec<Row>, is_selected: impl Fn(&str) -> bool) -> Vec<Row> {
    let base = |name| rows.iter().find(|row| row.name == name).expect("a row").base;
    let mut names: Vec<&str> = Vec::new();
    for row in rows.iter().filter(|row| is_selected(row.name)) {
        names.extend([row.name, row.base, row.reference, base(row.reference)]);
    }
    rows.into_iter().filter(|row| names.contains(&row.name)).collect()
}
