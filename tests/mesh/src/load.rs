//! Updates of the configuration while requests arrive.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use test_support::client::{Client, Request, get};

/// The number of updates.
const UPDATES: usize = 24;
/// The time for an update to take effect.
const UPDATE_TIMEOUT: Duration = Duration::from_secs(30);

/// A configuration of the test.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Version {
    /// That of the manifest.
    Old,
    /// With a first rule that makes `/orders/new` public.
    New,
}

/// The tokens of the requests.
pub struct Tokens {
    /// With the scope `orders:read`.
    pub reader: String,
    /// With the scope `orders:write`.
    pub writer: String,
}

/// A request with its name, and the responses that it may get: status and denial code.
struct Probe {
    name: &'static str,
    request: Request,
    allowed: &'static [(u16, &'static str)],
}

/// The number of responses by status and denial code. A request without a response has the status
/// 0 and the error in place of the code.
type Counts = BTreeMap<(u16, String), u64>;

/// Applies the new and the old configuration in turn while requests arrive, and waits each time
/// until it takes effect. Prints the times that this took.
///
/// # Panics
///
/// If an update does not take effect within 30 seconds, if a request gets a response of neither
/// configuration, or if one of the expected responses is missing.
pub fn update_under_load(client: Client, tokens: &Tokens, mut apply: impl FnMut(Version)) {
    let probes = probes(tokens);
    let stop = AtomicBool::new(false);
    let mut times = Vec::new();
    let counts: Vec<Counts> = std::thread::scope(|scope| {
        // Also after a panic: the scope waits for its threads.
        let stop_at_end = StopAtEnd(&stop);
        let threads: Vec<_> = probes
            .iter()
            .map(|probe| {
                let stop = &stop;
                scope.spawn(move || send_until(stop, client, probe))
            })
            .collect();
        for update in 0..UPDATES {
            let (version, status) = if update % 2 == 0 { (Version::New, 200) } else { (Version::Old, 401) };
            apply(version);
            let start = Instant::now();
            while client.send(&get("/orders/new")).status != status {
                assert!(start.elapsed() < UPDATE_TIMEOUT, "update {update} takes no effect");
                std::thread::sleep(Duration::from_millis(20));
            }
            times.push(start.elapsed());
        }
        drop(stop_at_end);
        threads.into_iter().map(|thread| thread.join().expect("a thread with requests")).collect()
    });
    for (probe, counts) in probes.iter().zip(&counts) {
        println!("{UPDATES} updates, {}: {counts:?}", probe.name);
    }
    for (probe, counts) in probes.iter().zip(&counts) {
        for (status, code) in counts.keys() {
            assert!(probe.allowed.contains(&(*status, code)), "{}: {status} {code}: {counts:?}", probe.name);
        }
        assert_eq!(counts.len(), probe.allowed.len(), "{}: {counts:?}", probe.name);
    }
    times.sort_unstable();
    let (median, longest) = (times[UPDATES / 2], times[UPDATES - 1]);
    println!("an update takes effect after {median:?} (median), {longest:?} (longest)");
}

/// Stops the threads when it is dropped.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn send_until(stop: &AtomicBool, client: Client, probe: &Probe) -> Counts {
    let mut counts = Counts::new();
    while !stop.load(Ordering::SeqCst) {
        let response = match client.try_send(&probe.request) {
            Ok(response) => (response.status, response.code()),
            Err(error) => (0, error.to_string()),
        };
        *counts.entry(response).or_insert(0) += 1;
    }
    counts
}

fn probes(tokens: &Tokens) -> [Probe; 5] {
    let orders = || get("/orders");
    [
        Probe { name: "a valid token", request: orders().bearer(&tokens.reader), allowed: &[(200, "")] },
        Probe { name: "no token", request: orders(), allowed: &[(401, "token_missing")] },
        Probe {
            name: "a token without the scope",
            request: orders().bearer(&tokens.writer),
            allowed: &[(403, "insufficient_scope")],
        },
        Probe {
            name: "no token, a path that the new configuration makes public",
            request: get("/orders/new"),
            allowed: &[(200, ""), (401, "token_missing")],
        },
        Probe { name: "a public path", request: get("/healthz"), allowed: &[(200, "")] },
    ]
}
