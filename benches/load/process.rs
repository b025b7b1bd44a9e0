//! Processes with a fixed core, and the kernel's accounts of their CPU time and memory.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

/// The core of the measured processes.
pub const MEASURED_CORE: usize = 0;
/// The core of the load generator: another core, if there is one.
pub static LOAD_CORE: LazyLock<usize> = LazyLock::new(|| usize::from(cores() > 1));

/// The unit of CPU time in /proc. It is 10 ms on every architecture that Envoy supports.
pub const TICK: Duration = Duration::from_millis(10);

/// Returns the number of cores.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}

/// Returns a command that runs on this core.
pub fn pinned(core: usize, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", &core.to_string()]).arg(program);
    command
}

/// Returns the sum of the first times in the accounts of a process: utime, stime, and those of the
/// children that have ended, cutime and cstime.
pub fn ticks(process: &str, count: usize) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("a running process");
    // The name is in parentheses and may have any character. utime is field 14.
    let (_, fields) = stat.rsplit_once(')').expect("a name");
    let times =
        fields.split_whitespace().skip(11).take(count).map(|field| field.parse::<u32>().expect("ticks"));
    TICK * times.sum::<u32>()
}

/// A running process. Dropping the handle ends it.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts a command, and writes both of its outputs to a file.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let output = File::create(log).expect("a log");
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a log"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
        Self { child }
    }

    /// Returns whether the process has exited.
    pub fn has_exited(&mut self) -> bool {
        self.child.try_wait().expect("a status").is_some()
    }

    /// Moves all threads to this core.
    pub fn move_to(&self, core: usize) {
        let mut command = Command::new("taskset");
        command.args(["--all-tasks", "--pid", "--cpu-list", &core.to_string(), &self.child.id().to_string()]);
        let output = command.output().expect("taskset");
        assert!(output.status.success(), "taskset: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Returns the user and system time of all threads since the start. The kernel scales both to
    /// the runtime that its scheduler measures in nanoseconds, so the sum is exact to one tick.
    pub fn cpu(&self) -> Duration {
        ticks(&self.child.id().to_string(), 2)
    }

    /// Returns the resident memory in bytes.
    pub fn rss(&self) -> u64 {
        let status = self.read("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().expect("kB");
        kibibytes * 1024
    }

    /// Returns the resident memory once the process is idle. Workers make their VMs after Envoy
    /// reports that it is ready.
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
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).expect("a running process")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
