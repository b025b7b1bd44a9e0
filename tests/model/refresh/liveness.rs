//! No request waits forever: from every reachable state, all workers get the latest document.
//!
//! The check continues a state as a fair schedule does. Every worker ends its operation. Then the
//! workers tick, and the issuer responds. One worker may be dead: its operation never ends, and its
//! responses are lost. Within a bound, every other worker must have the document of the latest
//! generation.

use super::{Op, Refresh, Reply};
use crate::explorer::{Explorer, StateOf};
use crate::history::WorkerIndex;

/// The times of the ticks after the state, in milliseconds: before and after the end of a lease
/// (2 s), and of a backoff after two failures (1 s).
const TICKS: [u64; 7] = [100, 200, 2_100, 2_200, 3_300, 3_400, 4_500];
/// Further ticks if the shared document is lost: the filter fetches again 30 s after it was
/// published.
const TICKS_AFTER_LOSS: [u64; 4] = [30_100, 30_200, 32_300, 32_400];

impl Refresh {
    /// Checks a state without a dead worker, and with each worker dead that has a fetch or an
    /// operation.
    pub(super) fn check_liveness(
        &self,
        explorer: &mut Explorer<Self>,
        state: &StateOf<Self>,
    ) -> Result<(), String> {
        self.settles(explorer, state, None)?;
        for worker in 0..WorkerIndex::try_from(state.workers.len()).unwrap() {
            let index = usize::from(worker);
            if state.workers[index].running.is_some() || !state.ghost.workers[index].outstanding.is_empty() {
                self.settles(explorer, state, Some(worker))?;
            }
        }
        Ok(())
    }

    fn settles(
        &self,
        explorer: &mut Explorer<Self>,
        state: &StateOf<Self>,
        dead: Option<WorkerIndex>,
    ) -> Result<(), String> {
        let live: Vec<_> = (0..WorkerIndex::try_from(state.workers.len()).unwrap())
            .filter(|worker| Some(*worker) != dead)
            .collect();
        let mut state = state.clone();
        for worker in &live {
            state = explorer.finish(state, *worker)?;
        }
        // What is left of the bounds does not matter from here.
        state.ghost.limits = super::Limits::default();
        state.ghost.workers.iter_mut().for_each(|worker| worker.ticks = 0);
        if !self.settled.borrow_mut().insert((state.clone(), dead)) {
            return Ok(());
        }
        let departed = |state: &StateOf<Self>, worker| state.ghost.workers[usize::from(worker)].has_departed;
        let live: Vec<_> = live.into_iter().filter(|worker| !departed(&state, *worker)).collect();
        let now = self.now(&state.ghost);
        let late = TICKS_AFTER_LOSS.iter().filter(|_| self.bounds.may_lose_documents());
        for elapsed in TICKS.iter().chain(late) {
            if Self::is_settled(&state, &live) {
                return Ok(());
            }
            self.longest.set(self.longest.get().max(*elapsed));
            for worker in &live {
                state = explorer.run_alone(state, *worker, Op::Tick { at: now + elapsed })?;
            }
            for worker in &live {
                for fetch in state.ghost.workers[usize::from(*worker)].outstanding.clone() {
                    let reply = Reply::Document(fetch.document);
                    let op = Op::Respond { at: now + elapsed, fetch: fetch.number, reply };
                    state = explorer.run_alone(state, *worker, op)?;
                }
            }
        }
        if Self::is_settled(&state, &live) {
            return Ok(());
        }
        let installed: Vec<_> = state.ghost.workers.iter().map(|worker| worker.installed).collect();
        let published = &state.ghost.published;
        Err(format!("with worker {dead:?} dead, the workers have {installed:?} of {published:?}"))
    }

    /// Returns whether each of these workers has the latest document.
    fn is_settled(state: &StateOf<Self>, live: &[WorkerIndex]) -> bool {
        let latest = state.ghost.published.last();
        live.iter().all(|worker| Some(&state.ghost.workers[usize::from(*worker)].installed) == latest)
    }
}
