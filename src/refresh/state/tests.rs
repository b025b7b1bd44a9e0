//! Each limit of the state machine: one millisecond before, at, and after.

use super::*;

const SCHEDULE: RefreshSchedule = RefreshSchedule {
    cache_duration: Duration::from_secs(600),
    max_stale: Duration::from_secs(86_400),
    timeout: Duration::from_secs(5),
};
/// The time of the tests, in milliseconds.
const NOW: u64 = 1_700_000_000_000;
/// The longest time until the end of a lease that is not corrupt, in milliseconds.
const LONGEST_LEASE: i64 = 12_000;
/// The longest time until a fetch that is not corrupt, in milliseconds.
const LONGEST_DUE: i64 = 610_000;

/// Returns the time `millis` milliseconds after `NOW`.
fn at(millis: i64) -> UnixTime {
    UnixTime::from_millis(NOW.checked_add_signed(millis).unwrap())
}

fn leased(owner: u64, until: i64) -> RefreshState {
    RefreshState { leased_by: WorkerId(owner), leased_until: at(until), ..RefreshState::new() }
}

fn lease(owner: u64, until: i64) -> Lease {
    Lease { owner: WorkerId(owner), until: at(until) }
}

/// A worker whose lease was replaced must not publish, confirm, fail, renew or release.
#[test]
fn lease_other_than_the_latest_changes_nothing() {
    let freshness = Duration::from_secs(60);
    for (name, of_state, presented, owns) in [
        ("the latest", (1, 2_000), (1, 2_000), true),
        ("the latest, expired", (1, -1), (1, -1), true),
        ("of another worker, with the same end", (2, 2_000), (1, 2_000), false),
        ("before its renewal", (1, 2_000), (1, 1_750), false),
        ("after a renewal that was lost", (1, 1_750), (1, 2_000), false),
        ("of another worker, with another end", (2, 2_000), (1, 1_750), false),
    ] {
        let state = leased(of_state.0, of_state.1);
        let presented = lease(presented.0, presented.1);
        for (change, changed) in [
            ("succeeded", state.succeeded(at(0), presented, freshness)),
            ("confirmed", state.confirmed(at(0), presented, 0, freshness)),
            ("failed", state.failed(at(0), presented)),
            ("renewed", state.renewed(presented, presented.extended(at(0)))),
            ("released", state.released(presented)),
        ] {
            assert_eq!(changed.is_some(), owns, "{name}: {change}");
        }
    }
}

#[test]
fn is_leased_until_its_end_unless_the_end_is_corrupt() {
    for (until, expected) in
        [(-1, false), (0, false), (1, true), (2_000, true), (LONGEST_LEASE, true), (LONGEST_LEASE + 1, false)]
    {
        let state = leased(1, until);
        assert_eq!(state.is_leased(at(0)), expected, "{until}");
        let acquired = state.acquired(at(0), WorkerId(2), false, &SCHEDULE);
        assert_eq!(acquired.is_none(), expected, "{until}: a fetch is due");
    }
}

#[test]
fn is_due_from_its_time_on_or_if_the_time_is_corrupt() {
    for (due, expected) in
        [(-1, true), (0, true), (1, false), (600_000, false), (LONGEST_DUE, false), (LONGEST_DUE + 1, true)]
    {
        let state = RefreshState { due_at: at(due), ..RefreshState::new() };
        assert_eq!(state.is_due(at(0), &SCHEDULE), expected, "{due}");
        let acquired = |early| state.acquired(at(0), WorkerId(1), early, &SCHEDULE).is_some();
        assert_eq!((acquired(false), acquired(true)), (expected, true), "{due}");
    }
    // The backoff may be longer than the schedule.
    let short = RefreshSchedule { cache_duration: Duration::from_secs(1), ..SCHEDULE };
    let state = RefreshState { due_at: at(40_000), ..RefreshState::new() };
    assert!(!state.is_due(at(0), &short) && state.is_due(at(-1), &short));
}

#[test]
fn acquired_state_has_the_lease_for_two_seconds() {
    let (state, own) = RefreshState::new().acquired(at(0), WorkerId(7), false, &SCHEDULE).unwrap();
    assert_eq!((own, state), (lease(7, 2_000), leased(7, 2_000)));
    // The rest of the state stays.
    let before =
        RefreshState { generation: 3, failures: 2, last_early_refresh: at(-5), ..RefreshState::new() };
    let (state, _) = before.acquired(at(0), WorkerId(7), false, &SCHEDULE).unwrap();
    assert_eq!(state, RefreshState { leased_by: WorkerId(7), leased_until: at(2_000), ..before });
}

#[test]
fn needs_renewal_from_the_renewal_age_on() {
    for (age, expected) in
        [(0, false), (249, false), (250, true), (1_999, true), (2_000, true), (9_000, true)]
    {
        assert_eq!(lease(1, 2_000).needs_renewal(at(age)), expected, "{age}");
    }
    assert_eq!(lease(1, 2_000).extended(at(250)), lease(1, 2_250));
}

#[test]
fn succeeded_and_confirmed_states_end_failures_and_lease() {
    let state = RefreshState { failures: 3, generation: 4, ..leased(1, 2_000) };
    let freshness = Duration::from_secs(60);
    let released = |state| RefreshState { leased_until: UnixTime::from_millis(0), failures: 0, ..state };
    let succeeded = state.succeeded(at(10), lease(1, 2_000), freshness).unwrap();
    let confirmed = state.confirmed(at(10), lease(1, 2_000), 4, freshness).unwrap();
    let fetched = RefreshState { fetched_at: at(10), due_at: at(60_010), ..released(state) };
    assert_eq!(confirmed, fetched);
    assert_eq!(succeeded, RefreshState { generation: 5, published_at: at(10), ..fetched });
    for generation in [0, 3, 5] {
        assert_eq!(state.confirmed(at(10), lease(1, 2_000), generation, freshness), None, "{generation}");
    }
    // A worker that has installed no document has generation 0.
    let last = RefreshState { generation: u64::MAX, ..state };
    assert_eq!(last.succeeded(at(10), lease(1, 2_000), freshness).unwrap().generation, 1);
}

#[test]
fn failed_state_doubles_the_backoff_to_thirty_seconds() {
    let mut state = RefreshState::new();
    let mut backoffs = Vec::new();
    for failures in 0..9 {
        assert_eq!(state.failures, failures);
        let (acquired, own) = state.acquired(at(0), WorkerId(1), true, &SCHEDULE).unwrap();
        state = acquired.failed(at(0), own).unwrap();
        backoffs.push(state.due_at.saturating_duration_since(at(0)).as_millis());
    }
    assert_eq!(backoffs, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    let many = RefreshState { failures: u64::MAX, ..leased(1, 1) }.failed(at(0), lease(1, 1)).unwrap();
    assert_eq!((many.failures, many.due_at), (u64::MAX, at(30_000)));
}

#[test]
fn with_early_refresh_is_none_within_the_cooldown_and_after_a_failure() {
    let cooldown = Duration::from_secs(30);
    for (last, failures, expected) in [
        (-30_001, 0, true),
        (-30_000, 0, true),
        (-29_999, 0, false),
        (0, 0, false),
        (10_000, 0, false),
        // Corrupt: later than a delayed clock reading explains.
        (10_001, 0, true),
        (-30_001, 1, false),
    ] {
        let last_early_refresh = at(last);
        let state = RefreshState { last_early_refresh, failures, due_at: at(60_000), ..RefreshState::new() };
        let early = RefreshState { due_at: at(0), last_early_refresh: at(0), ..state };
        let changed = state.with_early_refresh(at(0), cooldown);
        assert_eq!(changed, expected.then_some(early), "{last} {failures}");
    }
}

#[test]
fn decode_of_another_version_or_length_is_none() {
    let state = RefreshState {
        generation: 1,
        fetched_at: at(2),
        published_at: at(3),
        due_at: at(4),
        failures: 5,
        leased_until: at(6),
        leased_by: WorkerId(7),
        last_early_refresh: at(8),
    };
    let encoded = state.encode();
    assert_eq!((encoded.len(), RefreshState::decode(&encoded)), (FIELDS * 8, Some(state)));
    for version in [0, VERSION - 1, VERSION + 1, VERSION << 8, u64::MAX] {
        let other = [&version.to_le_bytes(), &encoded[8..]].concat();
        assert_eq!(RefreshState::decode(&other), None, "version {version}");
    }
    for length in 0..encoded.len() {
        assert_eq!(RefreshState::decode(&encoded[..length]), None, "{length} bytes");
    }
    for more in [1, 8] {
        assert_eq!(RefreshState::decode(&[encoded.clone(), vec![0; more]].concat()), None, "{more} more");
    }
}
