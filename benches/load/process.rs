//! Processes that are measured: each on one core, with what the kernel has accounted for it.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

/// Where what is measured runs.
pub const MEASURED_CORE: usize = 0;
/// Where the load comes from: another core, if there is one.
pub static LOAD_CORE: LazyLock<usize> = LazyLock::new(|| usize::from(cores() > 1));

/// The kernel's unit of CPU time in /proc, on every architecture that Linux has in common with Envoy.
const TICK: Duration = Duration::from_millis(10);

pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}

/// A command that will run on this core.
pub fn pinned(core: usize, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", &core.to_string()]).arg(program);
    command
}

/// A running process. It ends with its handle.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts a command, with both outputs in a file.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let output = File::create(log).expect("a log");
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a log"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
        Self { child }
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a status").is_some()
    }

    /// User and system time of all its threads so far. The kernel scales both to what its scheduler has measured to the
    /// nanosecond, so the sum is exact to a tick.
    pub fn cpu(&self) -> Duration {
        let stat = self.read("stat");
        // The name, in parentheses, may hold anything; utime and stime are the 14th and 15th field.
        let (_, fields) = stat.rsplit_once(')').expect("a name");
        let ticks =
            fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u32>().expect("ticks"));
        TICK * ticks.sum::<u32>()
    }

    /// Resident memory, in bytes.
    pub fn rss(&self) -> u64 {
        let status = self.read("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().expect("kB");
        kibibytes * 1024
    }

    /// The same once it has nothing more to do: workers make their VMs after Envoy calls itself ready.
    pub fn settled_rss(&self) -> u64 {
        loop {
            let before = self.cpu();
            std::thread::sleep(Duration::from_secs(1));
            if self.cpu() - before <= 2 * TICK {
                return self.rss();
            }
        }
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).expect("a process that runs")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
