//! The constant load: legitimate and hostile requests in turn, and a judgement of every answer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use stand_in_okta::{Server, StandIn, TokenSpec};
use test_support::backend::HOSTILE;
use test_support::client::{Client, Request, Response, get};

const THREADS: usize = 6;
/// The pause of a thread between two requests. Each is sent on a connection of its own, so every worker gets some.
const PAUSE: Duration = Duration::from_millis(25);
/// Details that are kept of each sort of wrong answer.
const DETAILS: usize = 5;

/// What is sent.
#[derive(Clone)]
pub struct RequestMix {
    /// Must get 200.
    pub legitimate: Vec<Request>,
    /// Must never get 200, nor reach the backend.
    pub hostile: Vec<Request>,
    /// Which refusal of a legitimate request is right for now, or is the price that is measured.
    pub is_expected_denial: fn(&Response) -> bool,
}

/// How it went.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub requests: u64,
    pub legitimate: u64,
    pub expected_denials: u64,
    pub wrongly_denied: u64,
    pub wrongly_allowed: u64,
    /// The longest that a legitimate request took that was let through.
    pub slowest: Duration,
    /// What the wrong answers were.
    pub details: Vec<String>,
    /// The answers to hostile requests, for the failure message.
    pub hostile_answers: BTreeMap<u16, u64>,
}

/// Threads that send. Dropping it stops them.
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
    /// Nothing but tokens that are good now, and forgeries of them.
    pub fn of(okta: &StandIn) -> Self {
        let mint = |spec: &TokenSpec| okta.mint(Server::Default, spec);
        let (user, machine) = (mint(&TokenSpec::user()), mint(&TokenSpec::machine()));
        let expired = mint(&TokenSpec::user().issued_at(1_600_000_000));
        let audience = mint(&TokenSpec::user().claim("aud", "api://somebody-else"));
        // A known key, and a signature of that key: but over the machine's token.
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

    /// With these refusals excused.
    pub fn with_expected_denial(self, is_expected_denial: fn(&Response) -> bool) -> Self {
        Self { is_expected_denial, ..self }
    }

    /// With one more token that is to be refused.
    pub fn and_hostile(mut self, what: &str, token: &str) -> Self {
        self.hostile.push(hostile(what, token));
        self
    }
}

fn hostile(what: &str, token: &str) -> Request {
    get("/me").header(HOSTILE, what).bearer(token)
}

impl Load {
    pub fn start(client: Client, mix: RequestMix) -> Self {
        let shared = Arc::new(Shared {
            running: AtomicBool::new(true),
            mix: Mutex::new(Arc::new(mix)),
            counts: Mutex::default(),
        });
        let thread = |number| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.send_on(client, number))
        };
        Self { threads: (0..THREADS).map(thread).collect(), shared }
    }

    /// Sends this from now on. When it returns, no request of the former mix is under way.
    pub fn change(&self, mix: RequestMix) {
        let former = std::mem::replace(&mut *self.shared.mix.lock().unwrap(), Arc::new(mix));
        while Arc::strong_count(&former) > 1 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// How it has gone so far.
    pub fn counts(&self) -> Counts {
        self.shared.counts.lock().unwrap().clone()
    }

    /// Waits for the requests under way, and says how it went.
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
    fn send_on(&self, client: Client, first: usize) {
        let mut turn = first;
        while self.running.load(Ordering::SeqCst) {
            turn += 1;
            let mix = Arc::clone(&self.mix.lock().unwrap());
            // Half of the requests are legitimate, on every thread and at any time.
            let legitimate = turn.is_multiple_of(2);
            let requests = if legitimate { &mix.legitimate } else { &mix.hostile };
            let begin = Instant::now();
            let answer = client.try_send(&requests[turn / 2 % requests.len()]);
            self.judge(&mix, legitimate, &answer, begin.elapsed());
            drop(mix);
            std::thread::sleep(PAUSE);
        }
    }

    fn judge(&self, mix: &RequestMix, legitimate: bool, answer: &std::io::Result<Response>, took: Duration) {
        let counts = &mut *self.counts.lock().unwrap();
        let status = answer.as_ref().map_or(0, |response| response.status);
        counts.requests += 1;
        if !legitimate {
            *counts.hostile_answers.entry(status).or_default() += 1;
            if status == 200 {
                counts.wrongly_allowed += 1;
                counts.note(format!("hostile, and allowed: {answer:?}"));
            }
            return;
        }
        counts.legitimate += 1;
        if status == 200 {
            counts.slowest = counts.slowest.max(took);
        } else if answer.as_ref().is_ok_and(mix.is_expected_denial) {
            counts.expected_denials += 1;
        } else {
            counts.wrongly_denied += 1;
            counts.note(format!("legitimate, and refused after {took:?}: {answer:?}"));
        }
    }
}

impl Counts {
    fn note(&mut self, detail: String) {
        if self.details.len() < DETAILS {
            self.details.push(detail);
        }
    }
}
