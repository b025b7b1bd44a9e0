//! The machine of the run, and how busy other processes keep it.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::process::{MEASURED_CORE, TICK, cores, ticks};
use crate::statistics::Summary;

/// The share of the measured core that other processes may use. Above it, the report warns.
const QUIET: f64 = 0.05;

/// The machine.
#[derive(Serialize)]
pub struct Machine {
    processor: String,
    cores: usize,
    envoy: String,
}

/// What other processes did during the load: the range over all rounds.
#[derive(Serialize)]
pub struct Busy {
    /// The share of the measured core that other processes and the hypervisor used.
    pub of_measured_core: Summary,
    /// Their share of all cores.
    pub of_all_cores: Summary,
    /// The load average of the last minute, which includes the benchmark.
    pub load_average: Summary,
}

/// The CPU times since the start of the machine, and the time at which they were read.
struct Accounts {
    time: Instant,
    measured_core: Duration,
    all_cores: Duration,
    /// The CPU time of this process and of the load generators that have ended.
    own: Duration,
}

/// The CPU time of other processes during the runs of a round.
#[derive(Default)]
pub struct Round {
    wall: Duration,
    on_measured_core: Duration,
    on_all_cores: Duration,
}

/// A measurement of the CPU time of other processes, during one run of a load generator.
pub struct Meter(Accounts);

impl Machine {
    /// Reads the properties of this machine.
    pub fn this(envoy: &str) -> Self {
        let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = text.lines().find_map(|line| {
            Some(line.strip_prefix("model name")?.trim_start_matches([' ', '\t', ':']).to_owned())
        });
        Self { processor: processor.unwrap_or_default(), cores: cores(), envoy: envoy.to_owned() }
    }

    /// Returns the machine in one line.
    pub fn line(&self) -> String {
        format!("{}, {} cores; {}", self.processor, self.cores, self.envoy)
    }
}

impl Busy {
    /// Summarizes at least one round.
    pub fn of(rounds: &[(Round, f64)]) -> Self {
        let share = |part: fn(&Round) -> f64| Summary::of(rounds.iter().map(|(round, _)| part(round)));
        Self {
            of_measured_core: share(|round| ratio(round.on_measured_core, round.wall)),
            of_all_cores: share(|round| ratio(round.on_all_cores, round.wall) / cores() as f64),
            load_average: Summary::of(rounds.iter().map(|(_, load_average)| *load_average)),
        }
    }

    /// Returns the text of the report.
    pub fn lines(&self) -> String {
        let percent = |share: Summary| {
            let Summary { median, min, max, .. } = share;
            format!("{:.0} % ({:.0} to {:.0})", median * 100.0, min * 100.0, max * 100.0)
        };
        let Summary { median, min, max, .. } = self.load_average;
        let mut text = format!(
            "Other processes used {} of the measured core and {} of all cores; load average {median:.1} \
             ({min:.1} to {max:.1})\n",
            percent(self.of_measured_core),
            percent(self.of_all_cores),
        );
        if self.of_measured_core.median > QUIET {
            text += "The machine is BUSY: compare only rows of this run, and repeat it on an idle machine\n";
        }
        text
    }
}

impl Meter {
    /// Starts a measurement.
    pub fn start() -> Self {
        Self(Accounts::read())
    }

    /// Ends a measurement, in which the measured processes used this CPU time.
    pub fn stop(self, measured: Duration, round: &mut Round) {
        let (before, after) = (self.0, Accounts::read());
        let core = after.measured_core.saturating_sub(before.measured_core);
        let all = after.all_cores.saturating_sub(before.all_cores);
        let own = after.own.saturating_sub(before.own);
        round.wall += after.time - before.time;
        round.on_measured_core += core.saturating_sub(measured);
        round.on_all_cores += all.saturating_sub(measured + own);
    }
}

impl Accounts {
    fn read() -> Self {
        let stat = std::fs::read_to_string("/proc/stat").expect("/proc/stat");
        let busy = |name: &str| {
            let line = stat.lines().find(|line| line.split(' ').next() == Some(name)).expect("a core");
            let fields: Vec<u32> =
                line.split_whitespace().skip(1).map(|field| field.parse().expect("ticks")).collect();
            // user, nice, system, (idle, iowait, irq, softirq,) steal. The measured requests cause
            // most interrupts, so the sum has no irq and softirq.
            TICK * (fields[0] + fields[1] + fields[2] + fields[7])
        };
        Self {
            time: Instant::now(),
            measured_core: busy(&format!("cpu{MEASURED_CORE}")),
            all_cores: busy("cpu"),
            // utime, stime, cutime and cstime.
            own: ticks("self", 4),
        }
    }
}

/// Returns the load average of the last minute.
pub fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default()
}

fn ratio(part: Duration, whole: Duration) -> f64 {
    part.as_secs_f64() / whole.as_secs_f64().max(f64::MIN_POSITIVE)
}
