//! Constant load: alternating legitimate and hostile requests, with an evaluation of each response.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use stand_in_okta::{Server, StandIn, TokenSpec};
use test_support::backend::HOSTILE;
use test_support::client::{Client, Request, Response, get};

const THREADS: usize = 6;
/// Pause of a thread between two requests. Each request has a new connection, so every worker gets
/// requests.
const PAUSE: Duration = Duration::from_millis(25);
/// Maximum number of wrong responses in [`Counts::details`].
const MAX_DETAILS: usize = 5;

/// The requests of a load.
#[derive(Clone)]
pub struct RequestMix {
    /// Requests that must get 200.
    pub legitimate: Vec<Request>,
    /// Requests that must not get 200 and must not reach the backend.
    pub hostile: Vec<Request>,
    /// Whether the scenario expects this denial of a legitimate request.
    pub is_expected_denial: fn(&Response) -> bool,
}

/// The numbers of requests and responses.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub requests: u64,
    pub legitimate: u64,
    pub expected_denials: u64,
    pub wrongly_denied: u64,
    pub wrongly_allowed: u64,
    /// The longest response time of an allowed legitimate request.
    pub slowest: Duration,
    /// The first wrong responses.
    pub details: Vec<String>,
    /// The number of responses to hostile requests by status. The key 0 counts requests without a
    /// response.
    pub hostile_statuses: BTreeMap<u16, u64>,
}

/// Threads that send requests. They stop when this is dropped.
pub struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    running: AtomicBool,
    mix: Mutex<Arc<RequestMix>>,
    counts: Mutex<Counts>,
}

impl RequestMix {
    /// Returns requests with valid tokens of this Okta, and hostile requests.
    pub fn of(okta: &StandIn) -> Self {
        let mint = |spec: &TokenSpec| okta.mint(Server::Default, spec);
        let (user, machine) = (mint(&TokenSpec::user()), mint(&TokenSpec::machine()));
        let expired = mint(&TokenSpec::user().issued_at(1_600_000_000));
        let audience = mint(&TokenSpec::user().claim("aud", "api://another-api"));
        // The key signed another token with this signature.
        let forged = user.rsplit_once('.').zip(machine.rsplit_once('.'));
        let forged = forged.map(|((signed, _), (_, signature))| format!("{signed}.{signature}")).unwrap();
        Self {
            legitimate: vec![get("/me").bearer(&user), get("/items").bearer(&machine)],
            hostile: vec![
                hostile("forged", &forged),
                hostile("expired", &expired),
                hostile("audience", &audience),
                get("/me").header(HOSTILE, "no token"),
            ],
            is_expected_denial: |_| false,
        }
    }

    /// Sets the expected denials.
    pub fn with_expected_denial(self, is_expected_denial: fn(&Response) -> bool) -> Self {
        Self { is_expected_denial, ..self }
    }

    /// Adds a hostile request with this token.
    pub fn with_hostile(mut self, description: &str, token: &str) -> Self {
        self.hostile.push(hostile(description, token));
        self
    }
}

fn hostile(description: &str, token: &str) -> Request {
    get("/me").header(HOSTILE, description).bearer(token)
}

impl Load {
    /// Starts the threads.
    pub fn start(client: Client, mix: RequestMix) -> Self {
        let shared = Arc::new(Shared {
            running: AtomicBool::new(true),
            mix: Mutex::new(Arc::new(mix)),
            counts: Mutex::default(),
        });
        let thread = |number| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.send_requests(client, number))
        };
        Self { threads: (0..THREADS).map(thread).collect(), shared }
    }

    /// Replaces the requests. When it returns, no request of the former mix is in flight.
    pub fn change(&self, mix: RequestMix) {
        let former = std::mem::replace(&mut *self.shared.mix.lock().unwrap(), Arc::new(mix));
        while Arc::strong_count(&former) > 1 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Returns the counts so far.
    pub fn counts(&self) -> Counts {
        self.shared.counts.lock().unwrap().clone()
    }

    /// Waits for the requests in flight, and returns the counts.
    pub fn stop(mut self) -> Counts {
        self.join();
        self.counts()
    }

    fn join(&mut self) {
        self.shared.running.store(false, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.join();
    }
}

impl Shared {
    #[allow(clippy::disallowed_methods, reason = "measures how long a client waits")]
    fn send_requests(&self, client: Client, first: usize) {
        let mut number = first;
        while self.running.load(Ordering::SeqCst) {
            number += 1;
            let mix = Arc::clone(&self.mix.lock().unwrap());
            // Every second request of each thread is legitimate.
            let legitimate = number.is_multiple_of(2);
            let requests = if legitimate { &mix.legitimate } else { &mix.hostile };
            let begin = Instant::now();
            let response = client.try_send(&requests[number / 2 % requests.len()]);
            self.evaluate(&mix, legitimate, &response, begin.elapsed());
            drop(mix);
            std::thread::sleep(PAUSE);
        }
    }

    fn evaluate(
        &self,
        mix: &RequestMix,
        legitimate: bool,
        response: &std::io::Result<Response>,
        duration: Duration,
    ) {
        let counts = &mut *self.counts.lock().unwrap();
        let status = response.as_ref().map_or(0, |response| response.status);
        counts.requests += 1;
        if !legitimate {
            *counts.hostile_statuses.entry(status).or_default() += 1;
            if status == 200 {
                counts.wrongly_allowed += 1;
                counts.add_detail(format!("hostile, and allowed: {response:?}"));
            }
            return;
        }
        counts.legitimate += 1;
        if status == 200 {
            counts.slowest = counts.slowest.max(duration);
        } else if response.as_ref().is_ok_and(mix.is_expected_denial) {
            counts.expected_denials += 1;
        } else {
            counts.wrongly_denied += 1;
            counts.add_detail(format!("legitimate, and denied after {duration:?}: {response:?}"));
        }
    }
}

impl Counts {
    fn add_detail(&mut self, detail: String) {
        if self.details.len() < MAX_DETAILS {
            self.details.push(detail);
        }
    }
}
